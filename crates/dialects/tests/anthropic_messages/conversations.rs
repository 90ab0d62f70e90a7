//! Conversations of other dialects' clients, as Anthropic has to be given them.

use dialects::{
    anthropic_messages::request,
    ir::{
        Candidate, Effort, Feature, Media, MediaSource, Message, OutputFormat, Part, Proof,
        Reasoning, Request, Response, Role, Stop, Tool, ToolCallKind, ToolChoice,
    },
    node::Json,
    translate::{Encoded, Quirks},
};
use domain::Dialect;
use serde_json::{Value, json};

use crate::{stream, target};

fn asked(messages: Vec<Message>) -> Request {
    Request {
        messages,
        ..Request::new(Dialect::OpenaiChat)
    }
}

fn encoded(request: &Request, model: &str) -> Encoded {
    let quirks = Quirks::default();
    request::encode(request, &target(model, &quirks)).expect("not refused")
}

fn sent_to(request: &Request, model: &str) -> Value {
    serde_json::from_slice(&encoded(request, model).body).expect("JSON")
}

fn sent(request: &Request) -> Value {
    sent_to(request, "claude-sonnet-4-5")
}

fn lost(request: &Request) -> String {
    encoded(request, "claude-sonnet-4-5").losses.names()
}

fn refused(request: &Request) -> Option<Feature> {
    let quirks = Quirks::default();
    let refused = request::encode(request, &target("claude-sonnet-4-5", &quirks)).err();
    refused.map(|refused| refused.feature)
}

fn say(role: Role, text: &str) -> Message {
    Message::new(role, vec![Part::text(text)])
}

fn call(id: &str, arguments: &str) -> Part {
    Part::ToolCall {
        id: id.to_owned(),
        name: "f".to_owned(),
        arguments: arguments.to_owned(),
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

fn function(name: &str) -> Tool {
    Tool::Function {
        name: name.to_owned(),
        description: Some(" ".to_owned()),
        parameters: None,
        strict: None,
        cache: None,
        namespace: None,
        extra: Vec::new(),
    }
}

fn thought(proof: Option<Proof>) -> Part {
    Part::Thinking {
        text: "Hm.".to_owned(),
        proof,
    }
}

fn text(words: &str) -> Value {
    json!({"type": "text", "text": words})
}

#[test]
fn instructions_stand_apart_and_later_ones_where_the_model_takes_them() {
    let request = asked(vec![
        say(Role::System, "Be brief."),
        say(Role::Developer, "Speak French."),
        say(Role::User, "Hello"),
        say(Role::Assistant, "Bonjour"),
        say(Role::Developer, "Now German."),
        say(Role::User, "Again"),
    ]);
    let old = sent(&request);
    assert_eq!(
        old["system"],
        json!([text("Be brief."), text("Speak French.")])
    );
    assert_eq!(
        old["messages"][2],
        json!({"role": "user", "content": [text("<system>\nNow German.\n</system>"), text("Again")]})
    );
    // It has to stand behind a user's turn.
    let new = sent_to(&request, "claude-opus-4-8");
    assert_eq!(
        new["messages"][2],
        json!({"role": "user", "content": [text("Again")]})
    );
    assert_eq!(
        new["messages"][3],
        json!({"role": "system", "content": [text("Now German.")]})
    );
}

#[test]
fn parallel_results_are_one_turn_and_come_first() {
    let request = asked(vec![
        say(Role::User, "Go"),
        Message::new(Role::Assistant, vec![call("a", "{}"), call("b", "{}")]),
        say(Role::User, "Also this"),
        Message::new(Role::User, vec![result("b", "2")]),
        Message::new(Role::User, vec![result("a", "1")]),
    ]);
    assert_eq!(
        sent(&request)["messages"][2],
        json!({"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "a", "content": "1"},
            {"type": "tool_result", "tool_use_id": "b", "content": "2"},
            text("Also this"),
        ]})
    );
}

#[test]
fn every_call_is_answered_once_and_no_result_is_lost() {
    let request = asked(vec![
        say(Role::User, "Go"),
        Message::new(Role::Assistant, vec![call("a", "{}"), call("b", "{}")]),
        Message::new(Role::User, vec![result("a", "1"), result("a", "2")]),
        say(Role::Assistant, "Well"),
        Message::new(Role::User, vec![result("z", "3")]),
    ]);
    let messages = &sent(&request)["messages"];
    assert_eq!(
        messages[2]["content"],
        json!([
            {"type": "tool_result", "tool_use_id": "a", "content": "1"},
            {"type": "tool_result", "tool_use_id": "b", "content": "(no result)", "is_error": true},
            text("Result of the tool call a:"),
            text("2"),
        ])
    );
    assert_eq!(
        messages[4]["content"],
        json!([text("Result of the tool call z:"), text("3")])
    );
}

#[test]
fn ids_are_fitted_and_never_used_twice() {
    let request = asked(vec![
        say(Role::User, "Go"),
        Message::new(Role::Assistant, vec![call("call:0", "{}")]),
        Message::new(Role::User, vec![result("call:0", "1")]),
        Message::new(Role::Assistant, vec![call("call:0", "{}")]),
        Message::new(Role::User, vec![result("call:0", "2")]),
    ]);
    let messages = &sent(&request)["messages"];
    let mut ids = Vec::new();
    for (called, answered) in [(1, 2), (3, 4)] {
        let id = &messages[called]["content"][0]["id"];
        assert_eq!(id, &messages[answered]["content"][0]["tool_use_id"]);
        let id = id.as_str().expect("an id").to_owned();
        assert!(
            id.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        );
        ids.push(id);
    }
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn blanks_are_left_out_and_turns_that_follow_each_other_are_joined() {
    let request = asked(vec![
        say(Role::System, " "),
        say(Role::User, "One"),
        say(Role::Assistant, "\n"),
        say(Role::User, "Two"),
        say(Role::Assistant, "So "),
        say(Role::Assistant, "be it \n"),
    ]);
    let body = sent(&request);
    assert_eq!(body.get("system"), None);
    assert_eq!(
        body["messages"],
        json!([
            {"role": "user", "content": [text("One"), text("Two")]},
            {"role": "assistant", "content": [text("So "), text("be it")]},
        ])
    );
}

#[test]
fn somebody_always_asks() {
    let only_instructions = asked(vec![say(Role::System, "a"), say(Role::System, "b")]);
    let body = sent(&only_instructions);
    assert_eq!(body["system"], "a");
    assert_eq!(
        body["messages"],
        json!([{"role": "user", "content": [text("b")]}])
    );
    for messages in [
        vec![],
        vec![say(Role::User, "")],
        vec![say(Role::Assistant, "x")],
    ] {
        let body = sent(&asked(messages));
        assert_eq!(
            body["messages"][0],
            json!({"role": "user", "content": [text("(no text)")]})
        );
    }
}

#[test]
fn only_anthropics_own_thinking_goes_back() {
    let request = asked(vec![
        say(Role::User, "Go"),
        Message::new(
            Role::Assistant,
            vec![
                thought(Some(Proof::Signature("c2ln".to_owned()))),
                thought(Some(Proof::Redacted("cmVk".to_owned()))),
                thought(Some(Proof::Foreign("x".to_owned()))),
                thought(None),
                Part::text("Done."),
            ],
        ),
        say(Role::User, "More"),
    ]);
    assert_eq!(
        sent(&request)["messages"][1]["content"],
        json!([
            {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
            {"type": "redacted_thinking", "data": "cmVk"},
            text("Done."),
        ])
    );
    assert_eq!(lost(&request), "thinking_of_another_provider, thinking");
}

#[test]
fn thinking_stops_where_the_calls_before_were_made_without() {
    let conversation = |proof| {
        let mut request = asked(vec![
            say(Role::User, "Go"),
            Message::new(Role::Assistant, vec![thought(proof), call("a", "{}")]),
            Message::new(Role::User, vec![result("a", "1")]),
        ]);
        request.tools = vec![function("f")];
        request.max_output_tokens = Some(10_000);
        request.reasoning = Some(Reasoning {
            effort: Some(Effort::Low),
            ..Reasoning::default()
        });
        request
    };
    let own = conversation(Some(Proof::Signature("c2ln".to_owned())));
    assert_eq!(
        sent(&own)["thinking"],
        json!({"type": "enabled", "budget_tokens": 2000})
    );
    let foreign = conversation(None);
    assert_eq!(sent(&foreign).get("thinking"), None);
    assert!(lost(&foreign).contains("reasoning_effort("));
    // Adaptive thinking asks for nothing of the kind.
    let adaptive = sent_to(&foreign, "claude-sonnet-4-6");
    assert_eq!(adaptive["thinking"], json!({"type": "adaptive"}));
    assert_eq!(adaptive["output_config"], json!({"effort": "low"}));
}

#[test]
fn tools_are_described_as_anthropic_wants_them() {
    let mut request = asked(vec![say(Role::User, "Go")]);
    request.tools = vec![
        function("a.b"),
        Tool::Custom {
            name: "patch".to_owned(),
            description: None,
            format: None,
        },
        Tool::Provider {
            family: Dialect::OpenaiResponses,
            kind: "web_search".to_owned(),
            name: None,
            definition: Json::of("x"),
        },
    ];
    request.tool_choice = Some(ToolChoice::Named("a.b".to_owned()));
    request.parallel_tool_calls = Some(false);
    let encoded = encoded(&request, "claude-sonnet-4-5");
    let body: Value = serde_json::from_slice(&encoded.body).expect("JSON");
    let name = body["tools"][0]["name"].as_str().expect("a name");
    assert_eq!(encoded.names.original(name.to_owned()), "a.b");
    assert_eq!(
        body["tools"],
        json!([
            {"name": name, "input_schema": {"type": "object", "properties": {}}},
            {"name": "patch", "input_schema": {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"], "additionalProperties": false}},
        ])
    );
    assert_eq!(
        body["tool_choice"],
        json!({"type": "tool", "name": name, "disable_parallel_tool_use": true})
    );
    assert_eq!(encoded.losses.names(), "provider_tools(web_search)");
}

#[test]
fn the_choice_of_tools_is_kept_or_refused() {
    let mut request = asked(vec![say(Role::User, "Go")]);
    request.tool_choice = Some(ToolChoice::Required);
    request.parallel_tool_calls = Some(false);
    assert_eq!(sent(&request).get("tool_choice"), None);
    request.tools = vec![function("f"), function("g")];
    assert_eq!(
        sent(&request)["tool_choice"],
        json!({"type": "any", "disable_parallel_tool_use": true})
    );
    request.tool_choice = None;
    assert_eq!(
        sent(&request)["tool_choice"],
        json!({"type": "auto", "disable_parallel_tool_use": true})
    );
    request.tool_choice = Some(ToolChoice::None);
    assert_eq!(sent(&request)["tool_choice"], json!({"type": "none"}));
    let other = |text| ToolChoice::Other {
        family: Dialect::OpenaiResponses,
        value: Json::parse(text).expect("JSON"),
    };
    request.tool_choice = Some(other(
        r#"{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"g"}]}"#,
    ));
    let body = sent(&request);
    assert_eq!(body["tools"].as_array().map(Vec::len), Some(1));
    assert_eq!(body["tools"][0]["name"], "g");
    assert_eq!(body["tool_choice"]["type"], "auto");
    request.tool_choice = Some(other(r#"{"type":"web_search"}"#));
    assert_eq!(refused(&request), Some(Feature::ProviderToolChoice));
}

#[test]
fn calls_of_tools_that_are_no_longer_offered_stay_calls() {
    let request = asked(vec![
        say(Role::User, "Go"),
        Message::new(Role::Assistant, vec![call("a", "not JSON")]),
        Message::new(Role::User, vec![result("a", " ")]),
    ]);
    let body = sent(&request);
    assert_eq!(
        body["messages"][1]["content"][0]["input"],
        json!({"_raw": "not JSON"})
    );
    assert_eq!(
        body["messages"][2]["content"],
        json!([{"type": "tool_result", "tool_use_id": "a"}])
    );
    assert_eq!(body["tools"][0]["name"], "f");
    assert_eq!(body["tool_choice"], json!({"type": "none"}));
}

#[test]
fn answers_in_json_are_asked_for() {
    let mut request = asked(vec![say(Role::User, "Go")]);
    request.output_format = Some(OutputFormat::JsonObject);
    assert!(
        sent(&request)["system"]
            .as_str()
            .is_some_and(|s| s.contains("JSON object"))
    );
    request.output_format = Some(OutputFormat::JsonSchema {
        name: Some("n".to_owned()),
        description: None,
        schema: Json::parse(r#"{"type":"object","properties":{}}"#).expect("JSON"),
        strict: Some(true),
    });
    assert_eq!(
        sent(&request)["output_config"]["format"],
        json!({"type": "json_schema", "schema": {"type": "object", "properties": {}, "additionalProperties": false}})
    );
    let old = sent_to(&request, "claude-3-5-haiku-latest");
    assert_eq!(old.get("output_config"), None);
    assert!(
        old["system"]
            .as_str()
            .is_some_and(|s| s.contains("JSON Schema"))
    );
}

#[test]
fn pictures_and_documents_go_in_anthropics_form() {
    let source = |media_type: &str, data: &str| MediaSource::Base64 {
        media_type: media_type.to_owned(),
        data: data.to_owned(),
    };
    let named = Media {
        name: Some("a.md".to_owned()),
        ..Media::new(source("text/markdown", "IyBIaQ=="))
    };
    let request = asked(vec![Message::new(
        Role::User,
        vec![
            Part::Image(Media::new(MediaSource::Url(
                "https://example.com/x".to_owned(),
            ))),
            Part::Document(named),
            Part::Document(Media::new(source("application/pdf", "JVBERg=="))),
        ],
    )]);
    assert_eq!(
        sent(&request)["messages"][0]["content"],
        json!([
            {"type": "image", "source": {"type": "url", "url": "https://example.com/x"}},
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "# Hi"}, "title": "a.md"},
            {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}},
        ])
    );
    let file = MediaSource::File {
        family: Dialect::OpenaiResponses,
        id: "file-1".to_owned(),
    };
    let refused_for = |part| refused(&asked(vec![Message::new(Role::User, vec![part])]));
    assert_eq!(
        refused_for(Part::Document(Media::new(file))),
        Some(Feature::File)
    );
    let sound = Media::new(source("audio/wav", "AA=="));
    assert_eq!(refused_for(Part::Audio(sound)), Some(Feature::Audio));
}

#[test]
fn what_is_encoded_can_go_to_bedrock() {
    let request = asked(vec![say(Role::User, "Go")]);
    let body = encoded(&request, "anthropic.claude-sonnet-4-5-20250929-v1:0").body;
    let pieces = request::for_bedrock_invoke(&body.into(), &["context-1m-2025-08-07"]);
    let body: Value = serde_json::from_slice(&pieces.expect("a body").into_bytes()).expect("JSON");
    assert_eq!(
        body,
        json!({
            "anthropic_version": "bedrock-2023-05-31",
            "anthropic_beta": ["context-1m-2025-08-07"],
            "max_tokens": 4096,
            "messages": [{"role": "user", "content": [text("Go")]}],
        })
    );
}

#[test]
fn other_families_answers_become_anthropics() {
    let answer = Response {
        id: Some("chatcmpl-é".to_owned()),
        candidates: vec![Candidate {
            parts: vec![
                thought(Some(Proof::Foreign("x".to_owned()))),
                thought(None),
                Part::text(""),
                Part::Refusal("No.".to_owned()),
                call("call.1", ""),
                call("call_2", "[1"),
            ],
            stop: Stop::End,
            logprobs: None,
        }],
        ..Response::default()
    };
    let whole = dialects::anthropic_messages::response::encode(&answer, &stream::client());
    let whole: Value = serde_json::from_slice(&whole).expect("JSON");
    assert!(
        whole["id"]
            .as_str()
            .is_some_and(|id| id.starts_with("msg_") && id.is_ascii())
    );
    assert_eq!(whole["model"], "asked");
    assert_eq!(whole["stop_reason"], "tool_use");
    assert_eq!(whole["usage"]["input_tokens"], 0);
    let content = whole["content"].as_array().expect("blocks");
    assert_eq!(content.len(), 5);
    let sealed = content[0]["signature"].as_str().expect("a signature");
    assert_eq!(
        Proof::unseal(sealed),
        Some((Proof::Foreign("x".to_owned()), None))
    );
    assert_eq!(content[1]["signature"], "");
    assert_eq!(content[2], text("No."));
    assert_eq!(content[3]["input"], json!({}));
    assert_ne!(content[3]["id"], "call.1");
    assert_eq!(content[4]["input"], json!({"_raw": "[1"}));
}
