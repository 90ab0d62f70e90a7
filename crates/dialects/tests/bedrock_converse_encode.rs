//! What is sent to Converse for each thing that a request can say, rule by rule.
#![expect(
    clippy::expect_used,
    reason = "a test that cannot go on should stop where it is"
)]

#[path = "grammar/converse_request.rs"]
mod converse_request;

use dialects::{
    bedrock_converse::request::{encode, encode_with_betas},
    ir::{
        CacheMark, Effort, Feature, Media, MediaSource, Message, OutputFormat, Part, Proof,
        Reasoning, Refused, Request, Role, ServiceTier, Tool, ToolCallKind, ToolChoice,
        names::NameRule,
    },
    node::Json,
    translate::{Encoded, Quirks, Target},
};
use domain::Dialect;
use serde_json::{Value, json};

const SONNET: &str = "anthropic.claude-sonnet-4-5-20250929-v1:0";
const NOVA: &str = "amazon.nova-pro-v1:0";

fn try_send(request: &Request, model: &str, betas: &[&str]) -> Result<(Value, Encoded), Refused> {
    let quirks = Quirks::default();
    let target = Target {
        model,
        stream: false,
        quirks: &quirks,
        default_max_output_tokens: 4096,
    };
    let encoded = encode_with_betas(request, &target, betas)?;
    converse_request::check(&encoded.body).expect("the service takes it");
    let body = serde_json::from_slice(&encoded.body).expect("JSON");
    Ok((body, encoded))
}

fn send(request: &Request, model: &str) -> Value {
    try_send(request, model, &[]).expect("it can be sent").0
}

/// What the client is told to have lost.
fn lost(request: &Request, model: &str) -> String {
    try_send(request, model, &[])
        .expect("it can be sent")
        .1
        .losses
        .names()
}

fn refused(request: &Request) -> Feature {
    try_send(request, SONNET, &[])
        .expect_err("it cannot be sent")
        .feature
}

fn user(text: &str) -> Message {
    Message::new(Role::User, vec![Part::text(text)])
}

fn assistant(parts: Vec<Part>) -> Message {
    Message::new(Role::Assistant, parts)
}

fn asking(messages: Vec<Message>) -> Request {
    Request {
        messages,
        ..Request::new(Dialect::OpenaiChat)
    }
}

fn hello() -> Request {
    asking(vec![user("hi")])
}

fn call(id: &str, name: &str) -> Part {
    Part::ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: r#"{"city":"Paris"}"#.to_owned(),
        kind: ToolCallKind::Function,
        item_id: None,
        cache: None,
    }
}

fn result(id: &str, text: &str) -> Part {
    Part::ToolResult {
        id: id.to_owned(),
        parts: vec![Part::text(text)],
        is_error: false,
        kind: ToolCallKind::Function,
        cache: None,
    }
}

fn tool(name: &str) -> Tool {
    Tool::Function {
        name: name.to_owned(),
        description: Some("What it does".to_owned()),
        parameters: Some(
            Json::parse(r#"{"type":"object","properties":{"city":{"type":"string"}}}"#)
                .expect("JSON"),
        ),
        strict: None,
        cache: None,
        namespace: None,
        extra: Vec::new(),
    }
}

fn thought(text: &str, proof: Option<Proof>) -> Part {
    Part::Thinking {
        text: text.to_owned(),
        proof,
    }
}

fn signed(text: &str) -> Part {
    thought(text, Some(Proof::Signature("c2ln+/==".to_owned())))
}

fn marked(text: &str, ttl: Option<&str>) -> Part {
    Part::Text {
        text: text.to_owned(),
        citations: Vec::new(),
        cache: Some(CacheMark {
            ttl: ttl.map(str::to_owned),
        }),
    }
}

fn data(media_type: &str, data: &str) -> Media {
    Media::new(MediaSource::Base64 {
        media_type: media_type.to_owned(),
        data: data.to_owned(),
    })
}

fn thinking(reasoning: Reasoning) -> Request {
    Request {
        reasoning: Some(reasoning),
        ..hello()
    }
}

fn effort(effort: Effort) -> Reasoning {
    Reasoning {
        effort: Some(effort),
        ..Reasoning::default()
    }
}

fn budget(tokens: u64) -> Reasoning {
    Reasoning {
        enabled: Some(true),
        budget_tokens: Some(tokens),
        ..Reasoning::default()
    }
}

#[test]
fn a_whole_conversation() {
    let request = Request {
        tools: vec![tool("get_weather"), tool("now")],
        tool_choice: Some(ToolChoice::Auto),
        max_output_tokens: Some(8000),
        stop: vec!["END".to_owned()],
        reasoning: Some(budget(2000)),
        service_tier: Some(ServiceTier::Priority),
        metadata: vec![("team".to_owned(), "red".to_owned())],
        user: Some("u-1".to_owned()),
        cache: None,
        ..asking(vec![
            Message::new(Role::System, vec![marked("Be brief.", Some("1h"))]),
            Message::new(Role::Developer, vec![Part::text("In French.")]),
            Message::new(Role::User, vec![marked("The weather?", None)]),
            assistant(vec![
                signed("I need it."),
                thought("", Some(Proof::Redacted("cmVk".to_owned()))),
                Part::text("Looking."),
                call("call_1", "get_weather"),
                call("call_2", "now"),
            ]),
            Message::new(Role::User, vec![result("call_2", "noon")]),
            Message::new(
                Role::User,
                vec![result("call_1", "sun"), Part::text("And?")],
            ),
        ])
    };
    let betas = ["interleaved-thinking-2025-05-14"];
    let (body, encoded) = try_send(&request, SONNET, &betas).expect("it can be sent");
    assert!(encoded.losses.is_empty(), "{}", encoded.losses.names());
    insta::assert_snapshot!(
        "a_whole_conversation",
        serde_json::to_string_pretty(&body).expect("JSON")
    );
}

#[test]
fn a_plain_question_is_the_messages_and_nothing_else() {
    assert_eq!(
        send(&hello(), NOVA),
        json!({"messages": [{"role": "user", "content": [{"text": "hi"}]}]})
    );
    // Claude wants a limit.
    assert_eq!(
        send(&hello(), SONNET)["inferenceConfig"],
        json!({"maxTokens": 4096})
    );
    let quirks = Quirks::default();
    let target = Target {
        model: NOVA,
        stream: true,
        quirks: &quirks,
        default_max_output_tokens: 1,
    };
    assert!(encode(&hello(), &target).is_ok());
}

#[test]
fn turns_alternate_and_blanks_are_left_out() {
    let request = asking(vec![
        assistant(vec![Part::text("Welcome.")]),
        user("a"),
        user(" \n"),
        user("b"),
        assistant(vec![Part::text("")]),
        user("c"),
        assistant(vec![Part::text("The answer is \n")]),
    ]);
    assert_eq!(
        send(&request, SONNET)["messages"],
        json!([
            {"role": "user", "content": [{"text": "(continue)"}]},
            {"role": "assistant", "content": [{"text": "Welcome."}]},
            {"role": "user", "content": [{"text": "a"}, {"text": "b"}, {"text": "c"}]},
            {"role": "assistant", "content": [{"text": "The answer is"}]},
        ])
    );
    let nothing = asking(vec![Message::new(Role::System, vec![Part::text("Begin.")])]);
    let body = send(&nothing, NOVA);
    assert_eq!(
        body["messages"],
        json!([{"role": "user", "content": [{"text": "(continue)"}]}])
    );
    assert_eq!(body["system"], json!([{"text": "Begin."}]));
}

#[test]
fn instructions_between_turns_say_whose_they_are() {
    let system = Message::new(Role::System, vec![Part::text("Be kind.")]);
    let request = asking(vec![
        user("a"),
        assistant(vec![call("c", "f")]),
        system,
        Message::new(Role::User, vec![result("c", "r")]),
    ]);
    assert_eq!(
        send(&request, SONNET)["messages"][2]["content"],
        json!([
            {"toolResult": {"toolUseId": "c", "content": [{"text": "r"}]}},
            {"text": "<system>\nBe kind.\n</system>"},
        ])
    );
}

#[test]
fn calls_and_results_find_each_other() {
    let failed = Part::ToolResult {
        id: "a".to_owned(),
        parts: vec![Part::text(" ")],
        is_error: true,
        kind: ToolCallKind::Function,
        cache: None,
    };
    let request = asking(vec![
        user("q"),
        assistant(vec![
            call("a", "f.g"),
            call("a", "f.g"),
            call("lost", "f.g"),
        ]),
        Message::new(
            Role::User,
            vec![
                Part::text("here"),
                failed,
                result("a", "two"),
                result("who", "orphan"),
            ],
        ),
        assistant(vec![call("a", "f.g")]),
    ]);
    let body = send(&request, SONNET);
    let fitted = body["messages"][1]["content"][0]["toolUse"]["name"].clone();
    assert_eq!(fitted, NameRule::SHORT.fit("f.g"));
    let ids = |n: usize| -> Vec<Value> {
        let content = body["messages"][n]["content"].as_array().expect("content");
        content
            .iter()
            .filter_map(|b| b.get("toolUse").or(b.get("toolResult")))
            .map(|t| t["toolUseId"].clone())
            .collect()
    };
    assert_eq!(ids(1), ["a", "a_2", "lost"]);
    assert_eq!(
        body["messages"][2]["content"],
        json!([
            {"toolResult": {"toolUseId": "a", "content": [], "status": "error"}},
            {"toolResult": {"toolUseId": "a_2", "content": [{"text": "two"}]}},
            {"toolResult": {"toolUseId": "lost", "content": [{"text": "(the call was interrupted and has no result)"}], "status": "error"}},
            {"text": "here"},
            {"text": "[Result of the call who: orphan]"},
        ])
    );
    // The last call is answered for the client too, under an id of its own.
    assert_eq!(ids(3), ["a_3"]);
    assert_eq!(ids(4), ["a_3"]);
    // No tools were sent: those of the conversation are declared.
    assert_eq!(
        body["toolConfig"],
        json!({"tools": [{"toolSpec": {"name": fitted, "inputSchema": {"json": {"type": "object", "properties": {}}}}}]})
    );
}

#[test]
fn arguments_are_an_object_whatever_they_were() {
    let with = |arguments: &str, kind| {
        let call = Part::ToolCall {
            id: "c".to_owned(),
            name: "f".to_owned(),
            arguments: arguments.to_owned(),
            kind,
            item_id: None,
            cache: None,
        };
        let body = send(&asking(vec![user("q"), assistant(vec![call])]), SONNET);
        body["messages"][1]["content"][0]["toolUse"]["input"].clone()
    };
    assert_eq!(with("", ToolCallKind::Function), json!({}));
    assert_eq!(with("{\"a\": 1}", ToolCallKind::Function), json!({"a": 1}));
    assert_eq!(
        with("{oops", ToolCallKind::Function),
        json!({"_raw": "{oops"})
    );
    assert_eq!(with("[1]", ToolCallKind::Function), json!({"_raw": "[1]"}));
    assert_eq!(
        with("SELECT 1", ToolCallKind::Custom),
        json!({"input": "SELECT 1"})
    );
}

#[test]
fn tools_are_defined_as_the_service_wants_them() {
    let odd = |parameters: Option<&str>| Tool::Function {
        name: "f".to_owned(),
        description: Some(" ".to_owned()),
        parameters: parameters.map(|text| Json::parse(text).expect("JSON")),
        strict: Some(true),
        cache: Some(CacheMark {
            ttl: Some("1h".to_owned()),
        }),
        namespace: None,
        extra: vec![("defer_loading".to_owned(), Json::of(&true))],
    };
    let offering = |tools| Request { tools, ..hello() };
    let spec =
        |parameters| send(&offering(vec![odd(parameters)]), SONNET)["toolConfig"]["tools"].clone();
    let point = json!({"cachePoint": {"type": "default", "ttl": "1h"}});
    let defined = |schema: Value| json!([{"toolSpec": {"name": "f", "inputSchema": {"json": schema}, "strict": true}}, point]);
    assert_eq!(
        spec(None),
        defined(json!({"type": "object", "properties": {}, "additionalProperties": false}))
    );
    assert_eq!(
        spec(Some(r#"{"anyOf":[]}"#)),
        defined(json!({"type": "object", "anyOf": [], "additionalProperties": false}))
    );
    assert_eq!(
        spec(Some(r#"{"type":["object","null"],"x":1}"#)),
        defined(json!({"type": "object", "x": 1, "additionalProperties": false}))
    );
    let request = offering(vec![odd(None)]);
    assert_eq!(lost(&request, SONNET), "tool_extras(defer_loading)");
    assert_eq!(
        lost(&request, NOVA),
        "tool_extras(defer_loading), strict, cache_control"
    );

    let custom = Tool::Custom {
        name: "sql".to_owned(),
        description: Some("Runs SQL".to_owned()),
        format: Some(
            Json::parse(r#"{"type":"grammar","syntax":"lark","definition":"start: x"}"#)
                .expect("JSON"),
        ),
    };
    assert_eq!(
        send(&offering(vec![custom]), SONNET)["toolConfig"]["tools"][0]["toolSpec"],
        json!({
            "name": "sql",
            "description": "Runs SQL\n\nThe text in \"input\" follows this lark grammar:\nstart: x",
            "inputSchema": {"json": {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}},
        })
    );
}

#[test]
fn claude_gets_schemas_that_anthropic_compiles() {
    let given = r#"{"type":"object","properties":{"n":{"type":"integer","minimum":1}}}"#;
    let fitted = json!({"type": "object", "additionalProperties": false,
        "properties": {"n": {"type": "integer", "description": "{minimum: 1}"}}});
    let schema = Json::parse(given).expect("JSON");
    let mut strict = tool("f");
    if let Tool::Function {
        parameters, strict, ..
    } = &mut strict
    {
        (*parameters, *strict) = (Some(schema.clone()), Some(true));
    }
    let request = |source| Request {
        tools: vec![strict.clone()],
        output_format: Some(OutputFormat::JsonSchema {
            name: Some("n".to_owned()),
            description: None,
            schema: schema.clone(),
            strict: Some(true),
        }),
        messages: vec![user("hi")],
        ..Request::new(source)
    };
    let schemas = |source, model| {
        let body = send(&request(source), model);
        let format = &body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"];
        let answer: Value = serde_json::from_str(format.as_str().expect("a text")).expect("JSON");
        let tool = body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"].clone();
        [answer, tool]
    };
    let given: Value = serde_json::from_str(given).expect("JSON");
    assert_eq!(
        schemas(Dialect::OpenaiChat, SONNET),
        [fitted.clone(), fitted]
    );
    for (source, model) in [
        (Dialect::AnthropicMessages, SONNET),
        (Dialect::OpenaiChat, "openai.gpt-oss-120b-1:0"),
    ] {
        assert_eq!(schemas(source, model), [given.clone(), given.clone()]);
    }
}

#[test]
fn of_a_list_of_allowed_tools_only_those_are_offered() {
    let choosing = |choice: &str| Request {
        tools: vec![tool("f"), tool("g")],
        tool_choice: Some(ToolChoice::Other {
            family: Dialect::OpenaiChat,
            value: Json::parse(choice).expect("JSON"),
        }),
        ..hello()
    };
    let chat = |mode: &str, name: &str| {
        format!(
            r#"{{"type":"allowed_tools","allowed_tools":{{"mode":"{mode}","tools":[{{"type":"function","function":{{"name":"{name}"}}}}]}}}}"#
        )
    };
    for (mode, sent_as) in [("required", "any"), ("auto", "auto")] {
        let config = send(&choosing(&chat(mode, "g")), SONNET)["toolConfig"].clone();
        assert_eq!(config["toolChoice"], json!({sent_as: {}}));
        let names: Vec<_> = config["tools"].as_array().expect("tools").iter().collect();
        assert_eq!(names.len(), 1);
        assert_eq!(names[0]["toolSpec"]["name"], "g");
    }
    assert_eq!(
        refused(&choosing(&chat("required", "h"))),
        Feature::ProviderToolChoice
    );
    assert_eq!(
        refused(&choosing(r#"{"type":"web_search"}"#)),
        Feature::ProviderToolChoice
    );
}

#[test]
fn the_choice_of_tools() {
    let choosing = |choice, parallel| Request {
        tools: vec![tool("f")],
        tool_choice: Some(choice),
        parallel_tool_calls: parallel,
        ..hello()
    };
    let sent = |choice| send(&choosing(choice, None), SONNET)["toolConfig"]["toolChoice"].clone();
    assert_eq!(sent(ToolChoice::Auto), json!({"auto": {}}));
    assert_eq!(sent(ToolChoice::Required), json!({"any": {}}));
    assert_eq!(
        sent(ToolChoice::Named("f".to_owned())),
        json!({"tool": {"name": "f"}})
    );

    let one = |choice| {
        send(&choosing(choice, Some(false)), SONNET)["additionalModelRequestFields"]["tool_choice"]
            .clone()
    };
    assert_eq!(
        one(ToolChoice::Auto),
        json!({"type": "auto", "disable_parallel_tool_use": true})
    );
    assert_eq!(
        one(ToolChoice::Required),
        json!({"type": "any", "disable_parallel_tool_use": true})
    );
    assert_eq!(
        one(ToolChoice::Named("f".to_owned())),
        json!({"type": "tool", "name": "f", "disable_parallel_tool_use": true})
    );
    assert_eq!(
        lost(&choosing(ToolChoice::Auto, Some(false)), NOVA),
        "parallel_tool_calls"
    );

    let provided = Request {
        tools: vec![Tool::Provider {
            family: Dialect::AnthropicMessages,
            kind: "web_search_20250305".to_owned(),
            name: Some("web_search".to_owned()),
            definition: Json::of(""),
        }],
        ..hello()
    };
    assert_eq!(
        lost(&provided, SONNET),
        "provider_tools(web_search_20250305)"
    );
    for choice in [
        ToolChoice::Required,
        ToolChoice::Named("web_search".to_owned()),
    ] {
        let request = Request {
            tool_choice: Some(choice),
            ..provided.clone()
        };
        assert_eq!(refused(&request), Feature::ProviderToolChoice);
    }
}

#[test]
fn no_tools_means_no_tools() {
    let request = Request {
        tools: vec![tool("f")],
        tool_choice: Some(ToolChoice::None),
        ..asking(vec![
            user("q"),
            assistant(vec![call("c", "f")]),
            Message::new(Role::User, vec![result("c", "r")]),
        ])
    };
    let body = send(&request, SONNET);
    assert_eq!(body.get("toolConfig"), None);
    assert_eq!(
        body["messages"],
        json!([
            {"role": "user", "content": [{"text": "q"}]},
            {"role": "assistant", "content": [{"text": "[Call c of the tool f: {\"city\":\"Paris\"}]"}]},
            {"role": "user", "content": [{"text": "[Result of the call c: r]"}]},
        ])
    );
}

#[test]
fn media_have_the_service_s_formats() {
    let content = |part| {
        send(
            &asking(vec![Message::new(Role::User, vec![part, Part::text("?")])]),
            SONNET,
        )["messages"][0]["content"][0]
            .clone()
    };
    assert_eq!(
        content(Part::Image(data("image/jpg", "aGk="))),
        json!({"image": {"format": "jpeg", "source": {"bytes": "aGk="}}})
    );
    assert_eq!(
        content(Part::Image(data(
            "application/octet-stream",
            "iVBORw0KGgo="
        ))),
        json!({"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}})
    );
    let mut report = data("application/pdf", "aGk=");
    report.name = Some("Q3: report.pdf".to_owned());
    report.context = Some("numbers".to_owned());
    report.citations = Some(true);
    assert_eq!(
        content(Part::Document(report)),
        json!({"document": {"name": "Q3 report", "format": "pdf", "source": {"bytes": "aGk="}, "context": "numbers", "citations": {"enabled": true}}})
    );
    assert_eq!(
        content(Part::Document(Media::new(MediaSource::Text(
            "words".to_owned()
        )))),
        json!({"document": {"name": "document", "format": "txt", "source": {"bytes": "d29yZHM="}}})
    );
    assert_eq!(
        content(Part::Audio(data("audio/mpeg", "aGk="))),
        json!({"audio": {"format": "mp3", "source": {"bytes": "aGk="}}})
    );
    assert_eq!(
        content(Part::Video(data("video/3gpp", "aGk="))),
        json!({"video": {"format": "three_gp", "source": {"bytes": "aGk="}}})
    );
    assert_eq!(
        content(Part::Image(Media::new(MediaSource::Url(
            "s3://bucket/a.png".to_owned()
        )))),
        json!({"image": {"format": "png", "source": {"s3Location": {"uri": "s3://bucket/a.png"}}}})
    );
}

#[test]
fn documents_get_a_word_and_a_name_of_their_own() {
    let document = || Part::Document(data("text/csv", "aGk="));
    let body = send(
        &asking(vec![Message::new(Role::User, vec![document(), document()])]),
        SONNET,
    );
    assert_eq!(
        body["messages"][0]["content"],
        json!([
            {"document": {"name": "document", "format": "csv", "source": {"bytes": "aGk="}}},
            {"document": {"name": "document 2", "format": "csv", "source": {"bytes": "aGk="}}},
            {"text": "(see the attached document)"},
        ])
    );
}

#[test]
fn what_cannot_be_read_here_is_refused() {
    let with = |part| asking(vec![Message::new(Role::User, vec![part])]);
    let url = || Media::new(MediaSource::Url("https://example.com/a.png".to_owned()));
    let file = Media::new(MediaSource::File {
        family: Dialect::OpenaiChat,
        id: "file-1".to_owned(),
    });
    assert_eq!(refused(&with(Part::Image(url()))), Feature::ImageUrl);
    assert_eq!(refused(&with(Part::Document(url()))), Feature::DocumentUrl);
    assert_eq!(refused(&with(Part::Document(file))), Feature::File);
    assert_eq!(
        refused(&with(Part::Image(data("image/bmp", "aGk=")))),
        Feature::ImageData
    );
    assert_eq!(
        refused(&with(Part::Image(data("image/png", "?")))),
        Feature::ImageData
    );
    assert_eq!(
        refused(&with(Part::Document(data("application/zip", "aGk=")))),
        Feature::DocumentData
    );
    let cases = [
        (
            Request {
                candidates: Some(2),
                ..hello()
            },
            Feature::Candidates,
        ),
        (
            Request {
                logprobs: Some(true),
                ..hello()
            },
            Feature::Logprobs,
        ),
        (
            Request {
                logit_bias: Some(Json::parse(r#"{"1":2}"#).expect("JSON")),
                ..hello()
            },
            Feature::LogitBias,
        ),
    ];
    for (request, feature) in cases {
        assert_eq!(refused(&request), feature);
    }
}

#[test]
fn what_is_left_out_is_told() {
    let request = Request {
        seed: Some(1),
        presence_penalty: Some(0.5),
        frequency_penalty: Some(0.0),
        verbosity: Some("low".to_owned()),
        prompt_cache_key: Some("k".to_owned()),
        store: Some(true),
        logprobs: Some(false),
        candidates: Some(1),
        logit_bias: Some(Json::parse("{}").expect("JSON")),
        extra: vec![("prediction".to_owned(), Json::of(&1))],
        metadata: vec![("a".to_owned(), "{}".to_owned())],
        user: Some("{\"device_id\":1}".to_owned()),
        ..hello()
    };
    assert_eq!(
        lost(&request, SONNET),
        "seed, penalties, verbosity, prompt_cache_key, store, unknown_fields(prediction), metadata(a), user"
    );
    assert_eq!(
        lost(
            &Request {
                store: Some(false),
                ..hello()
            },
            SONNET
        ),
        ""
    );
}

#[test]
fn cache_marks_become_cache_points() {
    let request = asking(vec![
        Message::new(Role::System, vec![marked("s", Some("1h"))]),
        Message::new(Role::User, vec![marked("a", None), Part::text("b")]),
    ]);
    let points = |model| {
        let body = send(&request, model);
        (
            body["system"][1].clone(),
            body["messages"][0]["content"].clone(),
        )
    };
    let (system, content) = points(SONNET);
    assert_eq!(
        system,
        json!({"cachePoint": {"type": "default", "ttl": "1h"}})
    );
    assert_eq!(
        content,
        json!([{"text": "a"}, {"cachePoint": {"type": "default"}}, {"text": "b"}])
    );
    let (system, _) = points(NOVA);
    assert_eq!(system, json!({"cachePoint": {"type": "default"}}));
    assert_eq!(lost(&request, NOVA), "cache_ttl");
    assert_eq!(
        lost(&request, "meta.llama3-1-70b-instruct-v1:0"),
        "cache_control"
    );

    // A result's mark stands beside it, one behind thinking nowhere, the automatic one at the end.
    let inner = Part::ToolResult {
        id: "c".to_owned(),
        parts: vec![marked("r", None)],
        is_error: false,
        kind: ToolCallKind::Function,
        cache: None,
    };
    let request = Request {
        cache: Some(CacheMark { ttl: None }),
        ..asking(vec![
            user("q"),
            assistant(vec![signed("t"), marked(" ", None), call("c", "f")]),
            Message::new(Role::User, vec![inner, Part::text("go on")]),
        ])
    };
    let body = send(&request, SONNET);
    assert_eq!(
        body["messages"][1]["content"][1]["toolUse"]["toolUseId"],
        "c"
    );
    let point = json!({"cachePoint": {"type": "default"}});
    assert_eq!(body["messages"][2]["content"][1], point);
    assert_eq!(body["messages"][2]["content"][3], point);
}

#[test]
fn thinking_goes_back_to_whoever_made_it() {
    let request = asking(vec![
        user("q"),
        assistant(vec![
            signed("mine"),
            thought("unproven", None),
            thought(
                "",
                Some(Proof::Encrypted {
                    item_id: None,
                    content: "x".to_owned(),
                }),
            ),
            Part::text("a"),
        ]),
        user("q2"),
    ]);
    assert_eq!(
        send(&request, SONNET)["messages"][1]["content"],
        json!([{"reasoningContent": {"reasoningText": {"text": "mine", "signature": "c2ln+/=="}}}, {"text": "a"}])
    );
    assert_eq!(
        lost(&request, SONNET),
        "thinking, thinking_of_another_provider"
    );
    assert_eq!(
        send(&request, NOVA)["messages"][1]["content"],
        json!([{"text": "a"}])
    );
}

#[test]
fn claude_is_told_to_think_in_the_words_of_its_version() {
    let more = |reasoning, model| {
        let mut fields = send(&thinking(reasoning), model)["additionalModelRequestFields"].take();
        (
            fields["thinking"].take(),
            fields["output_config"]["effort"].take(),
        )
    };
    let (old, both, new) = (
        SONNET,
        "anthropic.claude-opus-4-6-v1",
        "anthropic.claude-opus-4-7",
    );
    let adaptive = json!({"type": "adaptive"});
    let enabled = |tokens: u64| json!({"type": "enabled", "budget_tokens": tokens});
    assert_eq!(
        more(effort(Effort::Medium), old),
        (enabled(2000), Value::Null)
    );
    assert_eq!(
        more(effort(Effort::Medium), both),
        (adaptive.clone(), json!("medium"))
    );
    assert_eq!(
        more(effort(Effort::XHigh), both),
        (adaptive.clone(), json!("high"))
    );
    assert_eq!(
        more(effort(Effort::XHigh), new),
        (adaptive.clone(), json!("xhigh"))
    );
    assert_eq!(more(budget(2000), old), (enabled(2000), Value::Null));
    assert_eq!(more(budget(2000), both), (enabled(2000), Value::Null));
    assert_eq!(more(budget(2000), new), (adaptive.clone(), json!("low")));
    // A budget is smaller than the answer, and never too small.
    assert_eq!(more(budget(32_000), old), (enabled(4095), Value::Null));
    assert_eq!(more(budget(1), old), (enabled(1024), Value::Null));
    let shown = Reasoning {
        adaptive: true,
        display: Some("omitted".to_owned()),
        ..Reasoning::default()
    };
    assert_eq!(
        more(shown.clone(), new).0,
        json!({"type": "adaptive", "display": "omitted"})
    );
    assert_eq!(
        more(shown, old).0,
        json!({"type": "enabled", "budget_tokens": 2000, "display": "omitted"})
    );
    let off = Reasoning {
        enabled: Some(false),
        ..Reasoning::default()
    };
    assert_eq!(more(off, old), (json!({"type": "disabled"}), Value::Null));
    assert_eq!(more(effort(Effort::None), old), (Value::Null, Value::Null));

    // Anthropic's effort alone switches no thinking on; Opus 4.5 takes it with its beta.
    let alone = Request {
        source: Dialect::AnthropicMessages,
        ..thinking(effort(Effort::Low))
    };
    let fields =
        send(&alone, "anthropic.claude-opus-4-5-20251101-v1:0")["additionalModelRequestFields"]
            .clone();
    assert_eq!(
        fields,
        json!({"output_config": {"effort": "low"}, "anthropic_beta": ["effort-2025-11-24"]})
    );
    assert_eq!(lost(&alone, SONNET), "reasoning_effort");
}

#[test]
fn thinking_gives_way_where_claude_would_refuse_it() {
    let tools_used = || {
        vec![
            user("q"),
            assistant(vec![call("c", "f")]),
            Message::new(Role::User, vec![result("c", "r")]),
        ]
    };
    let of = |request: Request| {
        let body = send(&request, SONNET);
        (
            body["additionalModelRequestFields"]["thinking"].clone(),
            lost(&request, SONNET),
        )
    };
    let gone = (Value::Null, "thinking_budget".to_owned());
    assert_eq!(
        of(Request {
            tools: vec![tool("f")],
            tool_choice: Some(ToolChoice::Required),
            ..thinking(budget(2000))
        }),
        gone
    );
    assert_eq!(
        of(Request {
            messages: tools_used(),
            ..thinking(budget(2000))
        }),
        gone
    );
    assert_eq!(
        of(Request {
            max_output_tokens: Some(1024),
            ..thinking(budget(2000))
        }),
        gone
    );
    assert_eq!(
        of(Request {
            messages: vec![user("q"), assistant(vec![Part::text("It is")])],
            ..thinking(budget(2000))
        }),
        gone
    );
    // Adaptive thinking may begin between calls.
    let adaptive = Request {
        messages: tools_used(),
        ..thinking(effort(Effort::High))
    };
    let body = send(&adaptive, "anthropic.claude-opus-4-6-v1");
    assert_eq!(
        body["additionalModelRequestFields"]["thinking"]["type"],
        "adaptive"
    );

    let betas = ["interleaved-thinking-2025-05-14"];
    let (body, _) = try_send(&thinking(budget(32_000)), SONNET, &betas).expect("it can be sent");
    assert_eq!(
        body["additionalModelRequestFields"],
        json!({"thinking": {"type": "enabled", "budget_tokens": 32000}, "anthropic_beta": ["interleaved-thinking-2025-05-14"]})
    );
    // Betas are Claude's.
    let (body, _) = try_send(&hello(), NOVA, &betas).expect("it can be sent");
    assert_eq!(body.get("additionalModelRequestFields"), None);
}

#[test]
fn other_families_think_in_their_own_words() {
    let more = |reasoning, model| {
        send(&thinking(reasoning), model)["additionalModelRequestFields"].clone()
    };
    let nova = "us.amazon.nova-2-lite-v1:0";
    let config =
        |word: &str| json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": word}});
    assert_eq!(more(effort(Effort::Low), nova), config("low"));
    assert_eq!(more(effort(Effort::High), nova), config("high"));
    assert_eq!(more(budget(5000), nova), config("medium"));
    let limited = Request {
        max_output_tokens: Some(100),
        ..thinking(effort(Effort::High))
    };
    assert_eq!(
        send(&limited, nova)["additionalModelRequestFields"],
        config("medium")
    );
    assert_eq!(
        more(effort(Effort::XHigh), "openai.gpt-oss-120b-1:0"),
        json!({"reasoning_effort": "high"})
    );
    assert_eq!(more(effort(Effort::High), NOVA), Value::Null);
    assert_eq!(
        lost(&thinking(effort(Effort::High)), NOVA),
        "reasoning_effort"
    );
    assert_eq!(
        lost(&thinking(budget(2000)), "deepseek.r1-v1:0"),
        "thinking_budget"
    );
    assert_eq!(lost(&thinking(effort(Effort::None)), NOVA), "");
}

#[test]
fn sampling_is_what_each_model_takes() {
    let sampled = Request {
        temperature: Some(1.5),
        top_p: Some(0.9),
        top_k: Some(5),
        stop: vec!["END".to_owned(), String::new()],
        ..hello()
    };
    let body = send(&sampled, SONNET);
    // Claude takes one of the two, and a temperature of 1 says nothing.
    assert_eq!(
        body["inferenceConfig"],
        json!({"maxTokens": 4096, "topP": 0.9, "stopSequences": ["END"]})
    );
    assert_eq!(body["additionalModelRequestFields"], json!({"top_k": 5}));
    assert_eq!(
        body["additionalModelResponseFieldPaths"],
        json!(["/stop_sequence"])
    );
    assert_eq!(lost(&sampled, SONNET), "stop(blank stop)");

    let body = send(&sampled, NOVA);
    assert_eq!(
        body["inferenceConfig"],
        json!({"temperature": 1.0, "topP": 0.9, "stopSequences": ["END"]})
    );
    assert_eq!(
        body["additionalModelRequestFields"],
        json!({"inferenceConfig": {"topK": 5}})
    );
    assert_eq!(body.get("additionalModelResponseFieldPaths"), None);

    let plain = Request {
        temperature: Some(1.0),
        top_p: Some(1.0),
        ..hello()
    };
    assert_eq!(
        send(&plain, SONNET)["inferenceConfig"],
        json!({"maxTokens": 4096, "temperature": 1.0})
    );
    assert_eq!(lost(&plain, "anthropic.claude-opus-5"), "");
    let both = Request {
        temperature: Some(0.5),
        top_p: Some(0.9),
        ..hello()
    };
    assert_eq!(
        send(&both, SONNET)["inferenceConfig"],
        json!({"maxTokens": 4096, "temperature": 0.5})
    );
    assert_eq!(lost(&both, SONNET), "top_p");
    assert_eq!(
        send(&both, NOVA)["inferenceConfig"],
        json!({"temperature": 0.5, "topP": 0.9})
    );
    let mut both = Request {
        top_k: Some(3),
        ..both
    };
    assert_eq!(
        lost(&both, "anthropic.claude-opus-5"),
        "temperature, top_p, top_k"
    );
    both.reasoning = Some(budget(2000));
    assert_eq!(lost(&both, SONNET), "temperature, top_p, top_k");
}

#[test]
fn the_form_of_the_answer() {
    let schema = r#"{"type":"object","properties":{"n":{"const":1.50}}}"#;
    let shaped = |format| Request {
        output_format: Some(format),
        ..hello()
    };
    let schema = |name: &str| OutputFormat::JsonSchema {
        name: Some(name.to_owned()),
        description: Some("d".to_owned()),
        schema: Json::parse(schema).expect("JSON"),
        strict: Some(true),
    };
    let expected = json!({"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {
        "schema": "{\"type\":\"object\",\"properties\":{\"n\":{\"const\":1.50}},\"additionalProperties\":false}", "name": "person", "description": "d",
    }}}});
    assert_eq!(
        send(&shaped(schema("person")), SONNET)["outputConfig"],
        expected
    );
    let body = send(&shaped(schema("person")), NOVA);
    assert_eq!(body.get("outputConfig"), None);
    assert!(
        body["system"][0]["text"]
            .as_str()
            .is_some_and(|text| text.contains("1.50"))
    );
    let body = send(&shaped(OutputFormat::JsonObject), SONNET);
    assert!(
        body["system"][0]["text"]
            .as_str()
            .is_some_and(|text| text.contains("JSON object"))
    );
    assert_eq!(body.get("outputConfig"), None);
    let grammar = OutputFormat::Other {
        family: Dialect::OpenaiResponses,
        value: Json::of(""),
    };
    assert_eq!(refused(&shaped(grammar)), Feature::OutputGrammar);
    // An effort beside a schema stands where the schema stands.
    let both = Request {
        reasoning: Some(effort(Effort::Low)),
        ..shaped(schema("n"))
    };
    let body = send(&both, "anthropic.claude-opus-4-6-v1");
    assert_eq!(body["outputConfig"]["effort"], "low");
    assert_eq!(
        body["additionalModelRequestFields"].get("output_config"),
        None
    );
}

#[test]
fn tiers_and_labels() {
    let tier = |tier| {
        send(
            &Request {
                service_tier: Some(tier),
                ..hello()
            },
            SONNET,
        )
        .get("serviceTier")
        .cloned()
    };
    assert_eq!(tier(ServiceTier::Auto), None);
    assert_eq!(
        tier(ServiceTier::Standard),
        Some(json!({"type": "default"}))
    );
    assert_eq!(tier(ServiceTier::Flex), Some(json!({"type": "flex"})));
    assert_eq!(
        tier(ServiceTier::Priority),
        Some(json!({"type": "priority"}))
    );
    assert_eq!(tier(ServiceTier::Scale), Some(json!({"type": "reserved"})));
    let many: Vec<(String, String)> = (0..20)
        .map(|n| (format!("k{n}"), "v w".to_owned()))
        .collect();
    let request = Request {
        metadata: many,
        user: Some("u".to_owned()),
        ..hello()
    };
    let body = send(&request, SONNET);
    assert_eq!(
        body["requestMetadata"].as_object().map(|o| o.len()),
        Some(16)
    );
    assert_eq!(
        send(
            &Request {
                user: Some("u@x".to_owned()),
                ..hello()
            },
            NOVA
        )["requestMetadata"],
        json!({"user": "u@x"})
    );
}

#[test]
fn context_management_reaches_claude_with_its_beta() {
    let request = Request {
        extra: vec![(
            "context_management".to_owned(),
            Json::parse(r#"{"edits":[]}"#).expect("JSON"),
        )],
        ..Request {
            source: Dialect::AnthropicMessages,
            ..hello()
        }
    };
    let betas = ["context-management-2025-06-27"];
    let (body, encoded) = try_send(&request, SONNET, &betas).expect("it can be sent");
    assert_eq!(
        body["additionalModelRequestFields"]["context_management"],
        json!({"edits": []})
    );
    assert!(encoded.losses.is_empty());
    assert_eq!(lost(&request, SONNET), "unknown_fields(context_management)");
}
