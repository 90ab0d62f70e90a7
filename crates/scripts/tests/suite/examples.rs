//! The examples of the repository do what they say.

use std::collections::BTreeSet;

use scripts::{EventIn, EventOut, Hook, ScriptError};
use serde_json::{Value, json};

use crate::{engine, program, request};

macro_rules! example {
    ($name:literal) => {
        include_str!(concat!("../../../../examples/scripts/", $name, ".js"))
    };
}

#[test]
fn each_is_tested_here() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/scripts");
    let there: BTreeSet<String> = std::fs::read_dir(folder)
        .expect("the examples")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("a name")
        })
        .filter(|name| name.ends_with(".js"))
        .collect();
    let source = include_str!("examples.rs");
    for name in &there {
        let stem = name.trim_end_matches(".js");
        assert!(
            source.contains(&format!("example!(\"{stem}\")")),
            "{name} has no test"
        );
    }
    assert_eq!(there.len(), 7);
}

/// What a hook makes of the part of the context that it changes.
async fn after(code: &str, hook: Hook, context: Value) -> Value {
    let engine = engine();
    let program = program(&engine, code).await;
    let called = engine.open(&program).call(hook, context.to_string()).await;
    let output = called.output.unwrap_or_else(|error| panic!("{error:?}"));
    output.map_or(Value::Null, |json| {
        serde_json::from_str(&json).expect("JSON")
    })
}

async fn request_after(code: &str, dialect: &str, body: Value) -> Value {
    let mut context = request(&body);
    context["dialect"] = dialect.into();
    after(code, Hook::Request, context).await["body"].clone()
}

async fn response_after(code: &str, body: Value) -> Value {
    let response = json!({"status": 200, "headers": {}, "body": body, "isStream": false});
    after(code, Hook::Response, json!({"response": response})).await["body"].clone()
}

/// What is left of events, one list of data for all of them.
async fn events_after(code: &str, events: &[Value]) -> Vec<Value> {
    let engine = engine();
    let program = program(&engine, code).await;
    let events = events.iter().map(crate::event).collect();
    let called = engine
        .open(&program)
        .chunks(|| "{}".to_owned(), events)
        .await;
    let read = |event: &EventIn| serde_json::from_str(&event.data).expect("JSON");
    let out = called.output.expect("events");
    let out = out.iter().flat_map(|event| match event {
        EventOut::Same(event) => vec![read(event)],
        EventOut::Replaced(events) => events.iter().map(read).collect(),
    });
    out.collect()
}

#[tokio::test]
async fn redact_takes_addresses_and_cards_and_nothing_else() {
    let code = example!("redact");
    let text =
        "Write to ada.l+x@mail.example.org, card 4111 1111 1111 1111, order 4111111111111112.";
    let clean = "Write to [e-mail], card [card], order 4111111111111112.";
    let body = json!({
        "model": "a@b.example", "system": [{"type": "text", "text": text}],
        "messages": [{"role": "user", "content": text}, {"role": "user", "content": [{"type": "text", "text": text}]}],
    });
    let after = request_after(code, "anthropic_messages", body).await;
    assert_eq!(after["model"], "a@b.example");
    assert_eq!(after["system"][0]["text"], clean);
    assert_eq!(after["messages"][0]["content"], clean);
    assert_eq!(after["messages"][1]["content"][0]["text"], clean);
    let clean = json!({"messages": [{"role": "user", "content": "nothing here"}]});
    assert_eq!(request_after(code, "openai_chat", clean).await, Value::Null);
}

#[tokio::test]
async fn system_prompt_comes_first_in_every_dialect() {
    let code = example!("system-prompt");
    let house = "Answer in the language of the question. Never give legal advice.";
    let chat = json!({"messages": [{"role": "user", "content": "x"}]});
    let chat = request_after(code, "openai_chat", chat).await;
    assert_eq!(
        chat["messages"][0],
        json!({"role": "system", "content": house})
    );
    assert_eq!(chat["messages"][1]["role"], "user");
    let messages = request_after(
        code,
        "anthropic_messages",
        json!({"messages": [], "system": "Be brief."}),
    )
    .await;
    assert_eq!(messages["system"], format!("{house}\n\nBe brief."));
    let messages = request_after(code, "anthropic_messages", json!({"messages": []})).await;
    assert_eq!(messages["system"][0]["text"], house);
    let responses = request_after(code, "openai_responses", json!({"input": "x"})).await;
    assert_eq!(responses["instructions"], house);
}

#[tokio::test]
async fn strip_reasoning_hides_thoughts_whole_and_streamed() {
    let code = example!("strip-reasoning");
    let body = json!({"choices": [{"message": {"content": "4", "reasoning_content": "2+2", "reasoning": "2+2"}}]});
    let after = response_after(code, body).await;
    assert_eq!(after["choices"][0]["message"], json!({"content": "4"}));
    let body = json!({"content": [{"type": "thinking", "thinking": "x"}, {"type": "redacted_thinking", "data": "x"}, {"type": "text", "text": "4"}]});
    assert_eq!(
        response_after(code, body).await["content"],
        json!([{"type": "text", "text": "4"}])
    );
    let delta = |delta: Value, end: Value| json!({"choices": [{"index": 0, "delta": delta, "finish_reason": end}]});
    let chat = [
        delta(json!({"role": "assistant", "content": ""}), Value::Null),
        delta(json!({"reasoning_content": "hm"}), Value::Null),
        delta(json!({"content": "4"}), Value::Null),
        delta(json!({}), json!("stop")),
        json!({"choices": [], "usage": {"completion_tokens": 3}}),
    ];
    let left = events_after(code, &chat).await;
    assert_eq!(
        left,
        [
            chat[0].clone(),
            chat[2].clone(),
            chat[3].clone(),
            chat[4].clone()
        ]
    );
    let block = |kind: &str, index: u32| json!({"type": kind, "index": index});
    let start = |kind: &str, index: u32| json!({"type": "content_block_start", "index": index, "content_block": {"type": kind}});
    let messages = [
        json!({"type": "message_start", "message": {}}),
        start("thinking", 0),
        block("content_block_delta", 0),
        block("content_block_stop", 0),
        start("text", 1),
        block("content_block_delta", 1),
        block("content_block_stop", 1),
        json!({"type": "message_stop"}),
    ];
    let left = events_after(code, &messages).await;
    let expected = [
        messages[0].clone(),
        start("text", 0),
        block("content_block_delta", 0),
        block("content_block_stop", 0),
        messages[7].clone(),
    ];
    assert_eq!(left, expected);
}

#[tokio::test]
async fn office_hours_refuse_at_night_and_at_weekends() {
    let code = example!("office-hours");
    // The clock of the script, without another clock in the router.
    let at = |time: &str| {
        format!(
            "const now = Date.parse('{time}'); globalThis.Date = class extends Date {{ constructor() {{ super(now); }} }};\n{code}"
        )
    };
    for (model, time, refused) in [
        ("claude-opus-4-8", "2026-11-27T12:00:00Z", false),
        ("claude-opus-4-8", "2026-11-27T19:00:00Z", true),
        ("claude-opus-4-8", "2026-11-27T06:59:00Z", true),
        ("claude-opus-4-8", "2026-11-28T12:00:00Z", true),
        ("claude-haiku-4-5", "2026-11-28T12:00:00Z", false),
    ] {
        let engine = engine();
        let program = program(&engine, &at(time)).await;
        let context = json!({"model": model, "request": {"body": {}}});
        let called = engine
            .open(&program)
            .call(Hook::Request, context.to_string())
            .await;
        match (called.output, refused) {
            (Ok(None), false) => {}
            (
                Err(ScriptError::Refused {
                    status: 403,
                    message,
                }),
                true,
            ) => assert!(message.contains(model)),
            (other, _) => panic!("{model} at {time}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn model_by_length_sends_short_prompts_to_the_small_one() {
    let code = example!("model-by-length");
    let run = async |tokens: u32, body: Value| {
        let mut context = request(&body);
        context["usage"] = json!({"estimated_input_tokens": tokens});
        after(code, Hook::Request, context).await["body"]["model"].clone()
    };
    assert_eq!(run(10, json!({"model": "large"})).await, "small");
    assert_eq!(run(500, json!({"model": "large"})).await, Value::Null);
    assert_eq!(
        run(10, json!({"model": "large", "tools": [{}]})).await,
        Value::Null
    );
}

#[tokio::test]
async fn rename_tools_there_and_back() {
    let code = example!("rename-tools");
    let body = json!({
        "tools": [{"type": "function", "function": {"name": "web-search"}}, {"type": "function", "function": {"name": "other"}}],
        "tool_choice": {"type": "function", "function": {"name": "shell.run"}},
        "messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "shell.run", "arguments": "{}"}}]}, {"role": "user"}],
    });
    let after = request_after(code, "openai_chat", body).await;
    assert_eq!(after["tools"][0]["function"]["name"], "web_search");
    assert_eq!(after["tools"][1]["function"]["name"], "other");
    assert_eq!(after["tool_choice"]["function"]["name"], "shell_run");
    assert_eq!(
        after["messages"][0]["tool_calls"][0]["function"]["name"],
        "shell_run"
    );
    let call = |name: &str| json!([{"index": 0, "function": {"name": name}}]);
    let whole = json!({"choices": [{"message": {"tool_calls": call("web_search")}}]});
    let after = response_after(code, whole).await;
    assert_eq!(
        after["choices"][0]["message"]["tool_calls"],
        call("web-search")
    );
    let chunk = |name: &str| json!({"choices": [{"delta": {"tool_calls": call(name)}}]});
    let more = json!({"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}}]});
    let left = events_after(code, &[chunk("shell_run"), more.clone()]).await;
    assert_eq!(left, [chunk("shell.run"), more]);
}

#[tokio::test]
async fn inject_headers_signs_with_a_stored_key() {
    // The tests' secrets have another name.
    let code = example!("inject-headers").replace("\"gateway-key\"", "\"token\"");
    let code = format!("globalThis.Date.now = () => 1_700_000_000_000;\n{code}");
    let output = after(&code, Hook::Request, request(&json!({"model": "gpt"}))).await;
    let headers = &output["headers"];
    assert_eq!(headers["x-gateway-time"], "1700000000");
    assert_eq!(headers["x-gateway-user"], "ada");
    // HMAC-SHA-256 of "1700000000./v1/chat/completions" under "s3cret", by another program.
    assert_eq!(
        headers["x-gateway-signature"],
        "2c086b45bbace3ee805b5901dd90caffe72a5d298173a05a3a0a3fb82b12b80c"
    );
    assert_eq!(output["body"], Value::Null);
}
