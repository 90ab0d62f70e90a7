//! What requests become on their way to a Responses upstream.

use dialects::{
    RequestError,
    ir::{
        CacheMark, Effort, Feature, Media, MediaSource, Message, OutputFormat, Part, Proof,
        Reasoning, Refused, Request, Role, Tool, ToolCallKind, ToolChoice,
    },
    node::Json,
    openai_responses::request,
    translate::{Encoded, Quirks, Target},
};
use domain::Dialect;
use proptest::prelude::*;
use serde_json::{Value, json};

pub fn encode(request: &Request, model: &str) -> Result<Encoded, Refused> {
    encode_for(request, model, &Quirks::default())
}

fn encode_for(request: &Request, model: &str, quirks: &Quirks) -> Result<Encoded, Refused> {
    let target = Target {
        model,
        stream: true,
        quirks,
        default_max_output_tokens: 4096,
    };
    request::encode(request, &target)
}

/// Without what a second reading need not find: namespaces, which functions carry in their names by
/// then, and the names of texts that were files.
pub fn comparable(mut request: Request) -> Request {
    for tool in &mut request.tools {
        match tool {
            Tool::Function {
                namespace,
                parameters,
                ..
            } => {
                *namespace = None;
                // Left out, schemas of objects get empty properties.
                if parameters
                    .as_ref()
                    .is_none_or(|p| !p.as_str().contains("properties"))
                {
                    *parameters = None;
                }
                if parameters
                    .as_ref()
                    .is_some_and(|p| p.as_str() == r#"{"type":"object","properties":{}}"#)
                {
                    *parameters = None;
                }
            }
            Tool::Custom { .. } | Tool::Provider { .. } => {}
        }
    }
    for part in request.messages.iter_mut().flat_map(|m| &mut m.parts) {
        let Part::Document(media) = part else {
            continue;
        };
        if let MediaSource::Text(text) = &media.source {
            let title = media.name.as_deref().map(|n| format!("{n}\n\n"));
            *part = Part::text(format!("{}{text}", title.unwrap_or_default()));
        }
    }
    // Nothing is kept unless the client asks for it.
    request.store = request.store.or(Some(false));
    request.extra.sort_by(|a, b| a.0.cmp(&b.0));
    request
}

fn body(encoded: &Encoded) -> Value {
    serde_json::from_slice(&encoded.body).expect("JSON")
}

fn foreign(messages: Vec<Message>) -> Request {
    let mut request = Request::new(Dialect::AnthropicMessages);
    request.messages = messages;
    request
}

fn decode(value: &Value) -> Result<Request, RequestError> {
    request::decode(value.to_string().as_bytes())
}

fn function(name: &str, parameters: Option<&str>) -> Tool {
    Tool::Function {
        name: name.to_owned(),
        description: Some(String::new()),
        parameters: parameters.map(|p| Json::parse(p).expect("JSON")),
        strict: None,
        cache: None,
        namespace: None,
        extra: Vec::new(),
    }
}

fn call(id: &str, name: &str) -> Part {
    Part::ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: "{}".to_owned(),
        kind: ToolCallKind::Function,
        item_id: None,
        cache: None,
    }
}

fn result(id: &str, parts: Vec<Part>, is_error: bool) -> Part {
    Part::ToolResult {
        id: id.to_owned(),
        parts,
        is_error,
        kind: ToolCallKind::Function,
        cache: None,
    }
}

fn picture() -> Part {
    Part::Image(Media::new(MediaSource::Base64 {
        media_type: "image/png".to_owned(),
        data: "aGk=".to_owned(),
    }))
}

#[test]
fn what_needs_the_memory_of_openai_is_refused() {
    let cases = [
        (
            json!({"model": "m", "input": "x", "previous_response_id": "resp_1"}),
            "previous_response_id: expected no value, since this backend keeps no state; send the whole conversation in input",
        ),
        (
            json!({"model": "m", "input": "x", "conversation": {"id": "c"}}),
            "conversation: expected no value, since this backend keeps no state; send the whole conversation in input",
        ),
        (
            json!({"model": "m", "input": [{"type": "item_reference", "id": "msg_1"}]}),
            "input[0]: expected the item itself, since this backend keeps no state that a reference could point to",
        ),
        (
            json!({"model": "m", "input": [{"id": "msg_1"}]}),
            "input[0]: expected the item itself, since this backend keeps no state that a reference could point to",
        ),
        (json!({"model": "m"}), "input: this field is required"),
        (
            json!({"model": "m", "input": [{"role": "user", "content": [{"type": "input_film"}]}]}),
            "input[0].content[0].type: expected input_text, input_image, input_file, input_audio, output_text or refusal, not \"input_film\"",
        ),
        (
            json!({"model": "m", "input": [{"role": "narrator", "content": "x"}]}),
            "input[0].role: expected user, assistant, system or developer",
        ),
        (
            json!({"model": "m", "input": 7}),
            "input: expected a string or an array of items",
        ),
        (
            json!({"model": "m", "input": [{"type": "function_call_output", "output": "x"}]}),
            "input[0].call_id: expected a value; this field is required",
        ),
    ];
    for (body, message) in cases {
        let got = decode(&body).map_err(|e| e.to_string());
        assert_eq!(got.err().as_deref(), Some(message), "{body}");
    }
    for junk in ["", "[", "[]", "null", "\"x\""] {
        assert!(request::decode(junk.as_bytes()).is_err(), "{junk}");
    }
}

#[test]
fn results_of_parallel_calls_are_one_message_and_what_the_model_did_is_one_turn() {
    let request = decode(&json!({"model": "m", "input": [
        {"role": "user", "content": "x"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "e"},
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": ""},
        {"type": "function_call", "call_id": "b", "name": "f", "arguments": {"x": 1}},
        {"type": "function_call_output", "call_id": "b", "output": "B"},
        {"type": "function_call_output", "call_id": "a", "output": null},
        {"role": "user", "content": "y"},
    ]}))
    .expect("a request");
    let shape: Vec<(Role, usize)> = request
        .messages
        .iter()
        .map(|m| (m.role, m.parts.len()))
        .collect();
    assert_eq!(
        shape,
        [
            (Role::User, 1),
            (Role::Assistant, 3),
            (Role::User, 2),
            (Role::User, 1)
        ]
    );
    let arguments: Vec<&str> = request.messages[1]
        .parts
        .iter()
        .filter_map(|p| match p {
            Part::ToolCall { arguments, .. } => Some(arguments.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(arguments, ["{}", "{\"x\":1}"]);
}

#[test]
fn a_list_of_allowed_tools_becomes_the_list_of_tools() {
    let tool = |name: &str| json!({"type": "function", "name": name, "parameters": null});
    let request = decode(&json!({"model": "m", "input": "x", "tools": [tool("a"), tool("b"), {"type": "web_search"}],
        "tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "b"}]}}))
    .expect("a request");
    assert_eq!(request.tool_choice, Some(ToolChoice::Required));
    let names: Vec<Option<&str>> = request.tools.iter().map(Tool::name).collect();
    assert_eq!(names, [Some("b")]);
}

#[test]
fn our_seals_of_other_proofs_are_opened() {
    let proof = Proof::Signature("c2ln".to_owned());
    let sealed = proof.seal(Some("I think"));
    let request = decode(&json!({"model": "m", "input": [
        {"type": "reasoning", "id": "rs_x", "summary": [{"type": "summary_text", "text": "I th"}], "encrypted_content": sealed},
    ]}))
    .expect("a request");
    let expected = Part::Thinking {
        text: "I think".to_owned(),
        proof: Some(proof),
    };
    assert_eq!(request.messages[0].parts, [expected]);
}

#[test]
fn a_foreign_conversation_becomes_items() {
    let encrypted = Part::Thinking {
        text: "hm".to_owned(),
        proof: Some(Proof::Encrypted {
            item_id: Some("rs_1".to_owned()),
            content: "enc".to_owned(),
        }),
    };
    let long = "toolu_".repeat(20);
    let request = foreign(vec![
        Message::new(Role::System, vec![Part::text("A"), Part::text("B")]),
        Message::new(Role::Developer, vec![Part::text("C")]),
        Message::new(
            Role::User,
            vec![Part::text(""), Part::text("hi"), picture()],
        ),
        Message::new(
            Role::Assistant,
            vec![encrypted, Part::text("so"), call(&long, "f")],
        ),
        Message::new(
            Role::User,
            vec![
                result(&long, vec![Part::text("bad")], true),
                result("2", vec![Part::text("a"), picture()], false),
                result("3", vec![], false),
                result("4", vec![Part::text(" kept ")], false),
                Part::text("go on"),
            ],
        ),
        Message::new(Role::User, vec![Part::text("")]),
        Message::new(Role::System, vec![Part::text("late")]),
    ]);
    let encoded = encode(&request, "gpt-5").expect("encodes");
    assert!(encoded.losses.is_empty(), "{}", encoded.losses.names());
    let got = body(&encoded);
    assert_eq!(got["instructions"], "A\n\nB");
    let short = got["input"][4]["call_id"].as_str().expect("an id");
    assert!(short.len() <= 64);
    let url = "data:image/png;base64,aGk=";
    let image = json!({"type": "input_image", "image_url": url, "detail": "auto"});
    let text = |text: &str| json!({"type": "input_text", "text": text});
    let expected = json!([
        {"type": "message", "role": "developer", "content": [text("C")]},
        {"type": "message", "role": "user", "content": [text("hi"), image]},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "enc"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "so"}]},
        {"type": "function_call", "call_id": short, "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": short, "output": "Error: bad"},
        {"type": "function_call_output", "call_id": "2", "output": [text("a"), image]},
        {"type": "function_call_output", "call_id": "3", "output": ""},
        {"type": "function_call_output", "call_id": "4", "output": " kept "},
        {"type": "message", "role": "user", "content": [text("go on")]},
        {"type": "message", "role": "system", "content": [text("late")]},
    ]);
    assert_eq!(got["input"], expected);
    assert_eq!(got["store"], false);
    assert_eq!(got["include"], json!(["reasoning.encrypted_content"]));
    assert_eq!(got["stream"], true);
}

#[test]
fn older_models_are_not_asked_for_thinking() {
    let request = foreign(vec![Message::new(Role::User, vec![Part::text("hi")])]);
    let got = body(&encode(&request, "gpt-4.1-mini").expect("encodes"));
    assert_eq!(got.get("include"), None);
    assert_eq!(got.get("reasoning"), None);
}

#[test]
fn thinking_is_asked_for_in_openais_words() {
    let ask = |reasoning: Reasoning| {
        let mut request = foreign(vec![Message::new(Role::User, vec![Part::text("hi")])]);
        request.reasoning = Some(reasoning);
        body(&encode(&request, "gpt-5").expect("encodes"))["reasoning"].take()
    };
    let budget = Reasoning {
        enabled: Some(true),
        budget_tokens: Some(32_000),
        ..Reasoning::default()
    };
    assert_eq!(ask(budget), json!({"effort": "high", "summary": "auto"}));
    let adaptive = Reasoning {
        enabled: Some(true),
        adaptive: true,
        display: Some("omitted".to_owned()),
        effort: Some(Effort::Max),
        ..Reasoning::default()
    };
    assert_eq!(ask(adaptive), json!({"effort": "max"}));
    let off = Reasoning {
        enabled: Some(false),
        ..Reasoning::default()
    };
    assert_eq!(ask(off), Value::Null);
}

#[test]
fn thinking_of_others_is_left_out_and_told() {
    let thinking = |proof| Part::Thinking {
        text: "hm".to_owned(),
        proof,
    };
    let request = foreign(vec![Message::new(
        Role::Assistant,
        vec![
            thinking(None),
            thinking(Some(Proof::Signature("s".to_owned()))),
            Part::text("x"),
        ],
    )]);
    let encoded = encode(&request, "gpt-5").expect("encodes");
    assert!(encoded.losses.contains(Feature::Thinking));
    assert!(encoded.losses.contains(Feature::ForeignProof));
    assert_eq!(body(&encoded)["input"].as_array().map(Vec::len), Some(1));
}

#[test]
fn schemas_and_names_are_made_to_fit() {
    let mut request = foreign(vec![Message::new(Role::User, vec![Part::text("hi")])]);
    let long = "mcp__".repeat(20);
    request.tools = vec![
        function(&long, Some(r#"{"type":"object"}"#)),
        function("b", None),
        function(
            "c",
            Some(r#"{"$schema":"x","type":"object","properties":{"a":{}}}"#),
        ),
    ];
    request.tool_choice = Some(ToolChoice::Named(long.clone()));
    let encoded = encode(&request, "gpt-5").expect("encodes");
    let got = body(&encoded);
    let short = got["tools"][0]["name"].as_str().expect("a name");
    assert!(short.len() <= 64);
    assert_eq!(encoded.names.original(short.to_owned()), long);
    assert_eq!(
        got["tool_choice"],
        json!({"type": "function", "name": short})
    );
    let empty = json!({"type": "object", "properties": {}});
    assert_eq!(got["tools"][0]["parameters"], empty);
    assert_eq!(got["tools"][1]["parameters"], empty);
    assert_eq!(got["tools"][2]["parameters"]["$schema"], "x");
    assert_eq!(got["tools"][2]["strict"], false);
    assert_eq!(got["tools"][0].get("description"), None);
    // Without tools there is nothing to choose.
    request.tools.clear();
    let got = body(&encode(&request, "gpt-5").expect("encodes"));
    assert_eq!((got.get("tools"), got.get("tool_choice")), (None, None));
}

#[test]
fn custom_tools_of_chat_completions_are_flat_here() {
    let mut request = Request::new(Dialect::OpenaiChat);
    request.messages = vec![Message::new(Role::User, vec![Part::text("hi")])];
    let format = r#"{"type":"grammar","grammar":{"syntax":"lark","definition":"s"}}"#;
    request.tools = vec![Tool::Custom {
        name: "p".to_owned(),
        description: None,
        format: Some(Json::parse(format).expect("JSON")),
    }];
    request.tool_choice = Some(ToolChoice::Named("p".to_owned()));
    let got = body(&encode(&request, "gpt-5").expect("encodes"));
    let flat = json!({"type": "custom", "name": "p", "format": {"type": "grammar", "syntax": "lark", "definition": "s"}});
    assert_eq!(got["tools"], json!([flat]));
    assert_eq!(got["tool_choice"], json!({"type": "custom", "name": "p"}));
}

type Change = fn(&mut Request);

#[test]
fn the_table_is_obeyed() {
    let with = |change: Change| {
        let mut request = foreign(vec![Message::new(Role::User, vec![Part::text("hi")])]);
        change(&mut request);
        encode(&request, "gpt-5").map(|e| e.losses.names())
    };
    let dropped: [(Change, &str); 7] = [
        (|r| r.stop = vec!["END".to_owned()], "stop"),
        (|r| r.top_k = Some(5), "top_k"),
        (|r| r.seed = Some(5), "seed"),
        (|r| r.presence_penalty = Some(0.0), ""),
        (|r| r.frequency_penalty = Some(0.5), "penalties"),
        (
            |r| {
                let ttl = Some("1h".to_owned());
                r.cache = Some(CacheMark { ttl });
            },
            "cache_control, cache_ttl",
        ),
        (
            |r| r.extra = vec![("context_management".to_owned(), Json::of(&1))],
            "unknown_fields(context_management)",
        ),
    ];
    for (change, names) in dropped {
        assert_eq!(with(change).as_deref(), Ok(names));
    }
    let refused: [(Change, Feature); 4] = [
        (|r| r.candidates = Some(2), Feature::Candidates),
        (
            |r| r.logit_bias = Some(Json::parse(r#"{"5":1}"#).expect("JSON")),
            Feature::LogitBias,
        ),
        (
            |r| {
                let value = Json::of(&1);
                let family = Dialect::AnthropicMessages;
                r.tool_choice = Some(ToolChoice::Other { family, value });
            },
            Feature::ProviderToolChoice,
        ),
        (
            |r| {
                let source = MediaSource::File {
                    family: Dialect::AnthropicMessages,
                    id: "f".to_owned(),
                };
                r.messages[0].parts = vec![Part::Document(Media::new(source))];
            },
            Feature::File,
        ),
    ];
    for (change, feature) in refused {
        assert_eq!(with(change).map_err(|e| e.feature), Err(feature));
    }
}

#[test]
fn limits_of_the_api_are_kept() {
    let mut request = foreign(vec![Message::new(Role::User, vec![Part::text("hi")])]);
    request.max_output_tokens = Some(1);
    request.user = Some(r#"{"device_id":"x"}"#.repeat(10));
    request.output_format = Some(OutputFormat::JsonSchema {
        name: None,
        description: None,
        schema: Json::parse("{}").expect("JSON"),
        strict: None,
    });
    let got = body(&encode(&request, "gpt-5").expect("encodes"));
    assert_eq!(got["max_output_tokens"], 16);
    assert!(got["user"].as_str().is_some_and(|u| u.len() <= 64));
    assert_eq!(got["text"]["format"]["name"], "response");
}

#[test]
fn what_a_server_refuses_is_left_out() {
    let quirks = Quirks {
        role_rewrites: vec![("developer".to_owned(), "system".to_owned())],
        unsupported_params: ["include", "temperature", "store", "verbosity"]
            .map(str::to_owned)
            .to_vec(),
        ..Quirks::default()
    };
    let mut request = foreign(vec![Message::new(Role::Developer, vec![Part::text("hi")])]);
    request.temperature = Some(0.5);
    request.verbosity = Some("low".to_owned());
    let encoded = encode_for(&request, "m", &quirks).expect("encodes");
    let got = body(&encoded);
    assert_eq!(got["input"][0]["role"], "system");
    for gone in ["include", "temperature", "store", "text"] {
        assert_eq!(got.get(gone), None, "{gone}");
    }
    assert!(encoded.losses.is_empty());
}

/// Texts that differ in what JSON and SSE care about.
fn words() -> impl Strategy<Value = String> {
    "[a-z \"\\\\\n\u{2028}é🏔]{1,12}"
}

fn parts(role: Role) -> BoxedStrategy<Part> {
    let text = words().prop_map(Part::text);
    let media = |source| Media::new(source);
    match role {
        Role::Assistant => {
            let proof = (any::<bool>(), "[a-zA-Z0-9]{1,9}").prop_map(|(own, content)| {
                if own {
                    Proof::Encrypted {
                        item_id: Some(format!("rs_{content}")),
                        content,
                    }
                } else {
                    Proof::Encrypted {
                        item_id: None,
                        content,
                    }
                }
            });
            prop_oneof![
                text,
                words().prop_map(Part::Refusal),
                (words(), proof).prop_map(|(text, proof)| Part::Thinking {
                    text,
                    proof: Some(proof)
                }),
                ("[a-z_]{1,9}", words(), any::<bool>()).prop_map(|(name, input, custom)| {
                    Part::ToolCall {
                        id: format!("call_{name}"),
                        name,
                        arguments: if custom {
                            input
                        } else {
                            json!({"x": input}).to_string()
                        },
                        kind: if custom {
                            ToolCallKind::Custom
                        } else {
                            ToolCallKind::Function
                        },
                        item_id: None,
                        cache: None,
                    }
                }),
            ]
            .boxed()
        }
        _ => prop_oneof![
            text,
            "[a-z]{1,5}".prop_map(move |name| {
                Part::Image(media(MediaSource::Url(format!("https://x/{name}.png"))))
            }),
            Just(picture()),
            "[a-z]{1,5}".prop_map(|name| {
                let mut file = Media::new(MediaSource::Base64 {
                    media_type: "application/pdf".to_owned(),
                    data: "JVBERi0=".to_owned(),
                });
                file.name = Some(name);
                Part::Document(file)
            }),
        ]
        .boxed(),
    }
}

/// A turn of each side, so that no two of the model's follow each other and become one.
fn turns() -> impl Strategy<Value = Vec<Message>> {
    let message = |role| {
        prop::collection::vec(parts(role), 1..4).prop_map(move |parts| Message::new(role, parts))
    };
    let results = prop::collection::vec(
        prop::collection::vec(parts(Role::User), 2..3).prop_map(|p| result("call_x", p, false)),
        1..3,
    )
    .prop_map(|parts| Message::new(Role::User, parts));
    prop::collection::vec(
        (message(Role::User), message(Role::Assistant), results),
        1..3,
    )
    .prop_map(|turns| turns.into_iter().flat_map(|(a, b, c)| [a, b, c]).collect())
}

proptest! {
    #[test]
    fn what_this_dialect_keeps_is_read_as_it_was_written(
        messages in turns(),
        system in prop::option::of(words()),
        numbers in (prop::option::of(16_u64..9000), prop::option::of(0.0..2.0_f64), prop::option::of(0.0..1.0_f64)),
        flags in (prop::option::of(any::<bool>()), any::<bool>(), any::<bool>()),
        key in prop::option::of("[a-z]{1,5}"),
    ) {
        let mut request = Request::new(Dialect::OpenaiResponses);
        request.messages = messages;
        if let Some(text) = system {
            request.messages.insert(0, Message::new(Role::System, vec![Part::text(text)]));
        }
        (request.max_output_tokens, request.temperature, request.top_p) = numbers;
        request.store = Some(flags.1);
        request.prompt_cache_key = key.clone();
        request.user = key;
        if flags.2 {
            request.tools = vec![function("f", Some(r#"{"type":"object","properties":{"x":{"type":"number"}}}"#))];
            if let [Tool::Function { description, .. }] = &mut request.tools[..] {
                *description = Some("what it does".to_owned());
            }
            request.tool_choice = Some(ToolChoice::Named("f".to_owned()));
            request.parallel_tool_calls = flags.0;
        }
        let encoded = encode(&request, "m").expect("its own dialect keeps all");
        prop_assert!(encoded.losses.is_empty());
        prop_assert_eq!(request::decode(&encoded.body).expect("a request"), request);
    }

    #[test]
    fn no_request_makes_it_panic(junk in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let _ = request::decode(&junk);
        for (_, body) in super::fixtures("requests") {
            let body = body.trim_ascii();
            let mut changed = body.to_vec();
            let place = at.index(changed.len());
            changed[place] = byte;
            if let Ok(request) = request::decode(&changed) {
                let _ = encode(&request, "m");
            }
            prop_assert!(request::decode(&body[..place]).is_err());
        }
    }

    /// A value of any kind at any place is refused or understood, and never makes it panic.
    #[test]
    fn no_value_at_a_wrong_place_makes_it_panic(pick in any::<prop::sample::Index>(), value in prop::sample::select(vec![json!(null), json!(7), json!("x"), json!([]), json!({}), json!([[]]), json!(true)])) {
        for (_, body) in super::fixtures("requests") {
            let mut tree: Value = serde_json::from_slice(&body).expect("JSON");
            let mut places = Vec::new();
            collect(&tree, String::new(), &mut places);
            let place = pick.get(&places);
            *tree.pointer_mut(place).expect("a place") = value.clone();
            if let Ok(request) = decode(&tree) {
                let _ = encode(&request, "m").map(|e| body_is_json(&e.body));
            }
        }
    }
}

fn body_is_json(bytes: &[u8]) {
    let _: Value = serde_json::from_slice(bytes).expect("JSON");
}

/// The JSON pointers of all values.
fn collect(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::Array(list) => {
            for (n, inner) in list.iter().enumerate() {
                collect(inner, format!("{at}/{n}"), places);
            }
        }
        Value::Object(members) => {
            for (name, inner) in members {
                collect(inner, format!("{at}/{name}"), places);
            }
        }
        _ => {}
    }
    places.push(at);
}
