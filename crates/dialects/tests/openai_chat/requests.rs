//! Requests from clients of other dialects, as a Chat Completions upstream gets them.

use dialects::{
    RequestError,
    ir::{
        CacheMark, Effort, Feature, Media, MediaSource, Message, OutputFormat, Part, Proof,
        Reasoning, Request, Role, Tool, ToolCallKind, ToolChoice,
    },
    node::Json,
    openai_chat::request,
    translate::{Encoded, Quirks, ReasoningField},
};
use domain::Dialect;
use serde_json::{Value, json};

use crate::setup::{call, openai, result, target};

fn from_messages(messages: Vec<Message>) -> Request {
    Request {
        messages,
        ..Request::new(Dialect::AnthropicMessages)
    }
}

fn encode(request: &Request, quirks: &Quirks) -> (Value, Encoded) {
    let encoded = request::encode(request, &target(quirks, "gpt-5.2")).expect("can be asked");
    (
        serde_json::from_slice(&encoded.body).expect("JSON"),
        encoded,
    )
}

fn user(parts: Vec<Part>) -> Message {
    Message::new(Role::User, parts)
}

fn assistant(parts: Vec<Part>) -> Message {
    Message::new(Role::Assistant, parts)
}

fn picture() -> Part {
    Part::Image(Media::new(MediaSource::Base64 {
        media_type: "image/png".to_owned(),
        data: "iVBO".to_owned(),
    }))
}

fn function(name: &str) -> Tool {
    Tool::Function {
        name: name.to_owned(),
        description: None,
        parameters: None,
        strict: None,
        cache: None,
        namespace: None,
        extra: Vec::new(),
    }
}

#[test]
fn results_come_directly_behind_the_calls_and_their_pictures_in_a_message_of_the_user() {
    let request = from_messages(vec![
        user(vec![Part::text("Look.")]),
        assistant(vec![call("t1", "see", "{}"), call("t2", "see", "{}")]),
        Message::new(Role::System, vec![Part::text("Mind the rules.")]),
        user(vec![
            result("t2", vec![picture()], false),
            Part::text("And now?"),
            result("t1", vec![Part::text("not found")], true),
        ]),
    ]);
    let (body, encoded) = encode(&request, &Quirks::default());
    let expected = json!([
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "t1", "type": "function", "function": {"name": "see", "arguments": "{}"}},
            {"id": "t2", "type": "function", "function": {"name": "see", "arguments": "{}"}},
        ]},
        {"role": "tool", "tool_call_id": "t2", "content": "The result is in the next message of the user."},
        {"role": "tool", "tool_call_id": "t1", "content": "[tool error] not found"},
        {"role": "user", "content": [
            {"type": "text", "text": "From the result of the tool call t2:"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}},
        ]},
        {"role": "system", "content": "Mind the rules."},
        {"role": "user", "content": "And now?"},
    ]);
    assert_eq!(body["messages"], expected);
    assert!(encoded.losses.is_empty());
}

#[test]
fn names_and_ids_are_made_to_fit_and_names_can_be_turned_back() {
    let long = "mcp.server/tool".repeat(8);
    let id = format!("toolu_{}", "é".repeat(80));
    let mut request = from_messages(vec![
        assistant(vec![call(&id, &long, "{}")]),
        user(vec![result(&id, vec![], false)]),
    ]);
    request.tools.push(function(&long));
    request.tool_choice = Some(ToolChoice::Named(long.clone()));
    let (body, encoded) = encode(&request, &openai());
    let name = body["tools"][0]["function"]["name"]
        .as_str()
        .expect("a name");
    assert!(name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
    assert_eq!(body["tool_choice"]["function"]["name"], name);
    let called = &body["messages"][0]["tool_calls"][0];
    assert_eq!(called["function"]["name"], name);
    assert_eq!(called["id"], body["messages"][1]["tool_call_id"]);
    assert!(called["id"].as_str().expect("an id").len() <= 64);
    assert_eq!(encoded.names.original(name.to_owned()), long);
}

#[test]
fn thinking_goes_where_the_server_takes_it() {
    let thinking = |proof| Part::Thinking {
        text: "hm".to_owned(),
        proof,
    };
    let signed = Some(Proof::Signature("s".to_owned()));
    let request = from_messages(vec![
        assistant(vec![thinking(signed), Part::text("a")]),
        assistant(vec![thinking(None), Part::text("b")]),
    ]);
    let (body, encoded) = encode(&request, &Quirks::default());
    assert_eq!(body["messages"][0]["reasoning_content"], "hm");
    assert_eq!(encoded.losses.names(), "thinking_of_another_provider");
    let router = Quirks {
        reasoning: ReasoningField::Reasoning,
        ..Quirks::default()
    };
    let (body, encoded) = encode(&request, &router);
    assert_eq!(body["messages"][0]["reasoning"], "hm");
    assert_eq!(
        body["messages"][0]["reasoning_details"][0]["signature"],
        "s"
    );
    assert_eq!(body["messages"][1]["reasoning_details"], Value::Null);
    assert!(encoded.losses.is_empty());
    let (body, encoded) = encode(&request, &openai());
    assert_eq!(
        body["messages"][0],
        json!({"role": "assistant", "content": "a"})
    );
    assert_eq!(
        encoded.losses.names(),
        "thinking_of_another_provider, thinking"
    );
}

#[test]
fn a_thought_signature_goes_back_on_its_call() {
    let signature = Part::Thinking {
        text: String::new(),
        proof: Some(Proof::Foreign(
            r#"{"google":{"thought_signature":"x"}}"#.to_owned(),
        )),
    };
    let request = from_messages(vec![assistant(vec![signature, call("c", "f", "{}")])]);
    let (body, encoded) = encode(&request, &Quirks::default());
    let called = &body["messages"][0]["tool_calls"][0];
    assert_eq!(called["extra_content"]["google"]["thought_signature"], "x");
    assert!(encoded.losses.is_empty());
    let (body, encoded) = encode(&request, &openai());
    assert_eq!(
        body["messages"][0]["tool_calls"][0].get("extra_content"),
        None
    );
    assert!(encoded.losses.contains(Feature::ForeignProof));
}

#[test]
fn what_has_no_place_is_named_and_what_would_change_the_answer_is_refused() {
    let mut request = from_messages(vec![user(vec![Part::Text {
        text: "x".to_owned(),
        citations: Vec::new(),
        cache: Some(CacheMark { ttl: None }),
    }])]);
    request.top_k = Some(5);
    request.stop = (0..6).map(|n| n.to_string()).collect();
    request.extra = vec![("container".to_owned(), Json::of("c"))];
    let (body, encoded) = encode(&request, &openai());
    assert_eq!(body["stop"], json!(["0", "1", "2", "3"]));
    assert_eq!(body.get("top_k"), None);
    assert_eq!(body["messages"][0]["content"], "x");
    assert_eq!(
        encoded.losses.names(),
        "cache_control, stop, top_k, unknown_fields(container)"
    );
    let (body, _) = encode(&request, &Quirks::default());
    assert_eq!(body["top_k"], 5);
    let refused = [
        Part::Document(Media::new(MediaSource::Url("https://x/a.pdf".to_owned()))),
        Part::Document(Media::new(MediaSource::File {
            family: Dialect::AnthropicMessages,
            id: "file_1".to_owned(),
        })),
        Part::Video(Media::new(MediaSource::Url("https://x/a.mp4".to_owned()))),
    ];
    for part in refused {
        let request = from_messages(vec![user(vec![part])]);
        assert!(request::encode(&request, &target(&openai(), "m")).is_err());
    }
}

#[test]
fn servers_get_only_what_they_take() {
    let mut request = from_messages(vec![
        Message::new(Role::Developer, vec![Part::text("a"), Part::text("b")]),
        user(vec![Part::text("x")]),
    ]);
    request.seed = Some(1);
    request.max_output_tokens = Some(9);
    request.tool_choice = Some(ToolChoice::Required);
    request.parallel_tool_calls = Some(true);
    let quirks = Quirks {
        role_rewrites: vec![("developer".to_owned(), "system".to_owned())],
        unsupported_params: vec!["seed".to_owned()],
        ..Quirks::default()
    };
    let (body, encoded) = encode(&request, &quirks);
    // No tools, so that nothing is said about the choice among them; texts of one message as one.
    let expected = json!({"model": "gpt-5.2", "max_tokens": 9, "messages": [
        {"role": "system", "content": "a\nb"},
        {"role": "user", "content": "x"},
    ]});
    assert_eq!(body, expected);
    assert!(encoded.losses.is_empty());
    let quirks = openai();
    let streaming = dialects::translate::Target {
        stream: true,
        ..target(&quirks, "gpt-5.2")
    };
    let streamed = request::encode(&request, &streaming).expect("can be asked");
    let body: Value = serde_json::from_slice(&streamed.body).expect("JSON");
    assert_eq!(body["stream_options"], json!({"include_usage": true}));
    assert_eq!(body["max_completion_tokens"], 9);
    assert_eq!(body["messages"][0]["content"][1]["text"], "b");
}

#[test]
fn efforts_are_words_that_the_model_knows() {
    let effort = |reasoning: Reasoning, model: &str, quirks: &Quirks| {
        let mut request = from_messages(vec![user(vec![Part::text("x")])]);
        request.reasoning = Some(reasoning);
        let encoded = request::encode(&request, &target(quirks, model)).expect("can be asked");
        let body: Value = serde_json::from_slice(&encoded.body).expect("JSON");
        body["reasoning_effort"].as_str().map(str::to_owned)
    };
    let of = |effort| Reasoning {
        effort: Some(effort),
        ..Reasoning::default()
    };
    let off = Reasoning {
        enabled: Some(false),
        ..Reasoning::default()
    };
    let budget = Reasoning {
        budget_tokens: Some(8000),
        ..Reasoning::default()
    };
    let (openai, other) = (openai(), Quirks::default());
    let cases = [
        (of(Effort::Max), "gpt-5.2", &openai, Some("xhigh")),
        (of(Effort::Max), "qwen3", &other, Some("high")),
        (of(Effort::Minimal), "gpt-5", &openai, Some("minimal")),
        (budget, "o3", &openai, Some("medium")),
        (of(Effort::High), "gpt-4.1", &openai, None),
        (off.clone(), "gpt-5.2", &openai, Some("none")),
        (off.clone(), "gpt-5-mini", &openai, Some("minimal")),
        (off.clone(), "gpt-4o", &openai, None),
        (off, "llama", &other, None),
        (of(Effort::None), "qwen3", &other, Some("none")),
    ];
    for (reasoning, model, quirks, expected) in cases {
        let got = effort(reasoning.clone(), model, quirks);
        assert_eq!(got.as_deref(), expected, "{reasoning:?} {model}");
    }
}

#[test]
fn custom_tools_are_functions_where_there_are_only_functions() {
    let mut request = Request {
        messages: vec![assistant(vec![Part::ToolCall {
            id: "c".to_owned(),
            name: "patch".to_owned(),
            arguments: "*** x".to_owned(),
            kind: ToolCallKind::Custom,
            item_id: None,
            cache: None,
        }])],
        ..Request::new(Dialect::OpenaiResponses)
    };
    request.tools.push(Tool::Custom {
        name: "patch".to_owned(),
        description: None,
        format: Json::parse(r#"{"type":"grammar","syntax":"lark","definition":"d"}"#).ok(),
    });
    let (body, _) = encode(&request, &Quirks::default());
    let called = &body["messages"][0]["tool_calls"][0];
    assert_eq!(called["function"]["arguments"], r#"{"input":"*** x"}"#);
    assert_eq!(body["tools"][0]["type"], "function");
    let (body, _) = encode(&request, &openai());
    let called = &body["messages"][0]["tool_calls"][0];
    assert_eq!(called["custom"], json!({"name": "patch", "input": "*** x"}));
    assert_eq!(
        body["tools"][0]["custom"]["format"],
        json!({"type": "grammar", "grammar": {"syntax": "lark", "definition": "d"}})
    );
}

#[test]
fn labels_formats_and_users_of_other_dialects_fit() {
    let mut request = Request {
        messages: vec![user(vec![Part::text("x")])],
        ..Request::new(Dialect::OpenaiResponses)
    };
    request.metadata = vec![("a".to_owned(), "b".to_owned())];
    request.user = Some("u".repeat(65));
    request.output_format = Some(OutputFormat::JsonSchema {
        name: None,
        description: None,
        schema: Json::parse(r#"{"b":1,"a":2}"#).expect("JSON"),
        strict: None,
    });
    let (body, _) = encode(&request, &openai());
    assert_eq!(
        (&body["metadata"]["a"], &body["store"]),
        (&json!("b"), &json!(true))
    );
    assert_eq!(body["user"].as_str().map(str::len), Some(64));
    assert_eq!(body["response_format"]["json_schema"]["name"], "answer");
    let encoded = request::encode(&request, &target(&openai(), "m")).expect("can be asked");
    let text = String::from_utf8(encoded.body).expect("UTF-8");
    assert!(text.contains(r#""schema":{"b":1,"a":2}"#), "{text}");
    request.store = Some(false);
    let (body, encoded) = encode(&request, &openai());
    assert_eq!(
        (body.get("metadata"), &body["store"]),
        (None, &json!(false))
    );
    assert_eq!(encoded.losses.names(), "metadata");
}

#[test]
fn what_cannot_be_understood_is_refused_with_its_place() {
    let cases = [
        (
            "[]",
            "the request body is not valid JSON: expected a JSON object",
        ),
        ("{}", "messages: expected a value; this field is required"),
        (
            r#"{"messages":[]}"#,
            "messages: expected an array with at least one message",
        ),
        (
            r#"{"messages":[{"role":"user"}]}"#,
            "messages[0].content: expected a value; this field is required",
        ),
        (
            r#"{"messages":[{"role":"robot","content":""}]}"#,
            "messages[0].role: expected one of system, developer, user, assistant, tool and function",
        ),
        (
            r#"{"messages":[{"role":"user","content":[{"type":"smell"}]}]}"#,
            "messages[0].content[0].type: expected text, image_url, input_audio, file, video_url or refusal",
        ),
        (
            r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]}"#,
            "messages[0].content[0].image_url.url: expected a base64 data URL or the URL of a file",
        ),
        (
            r#"{"messages":[{"role":"tool","content":"x"}]}"#,
            "messages[0].tool_call_id: expected a value; this field is required",
        ),
        (
            r#"{"messages":[{"role":"user","content":"x"}],"tool_choice":"some"}"#,
            "tool_choice: expected none, auto, required or an object that names a tool",
        ),
        (
            r#"{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{}}]}"#,
            "tools[0].function.name: expected a value; this field is required",
        ),
        (
            r#"{"messages":[{"role":"user","content":"x"}],"temperature":"hot"}"#,
            "temperature: expected a number",
        ),
    ];
    for (body, expected) in cases {
        let error = request::decode(body.as_bytes()).expect_err(body);
        assert_eq!(error.to_string(), expected);
    }
    assert!(matches!(
        request::decode(b"{oops"),
        Err(RequestError::Malformed(_))
    ));
}
