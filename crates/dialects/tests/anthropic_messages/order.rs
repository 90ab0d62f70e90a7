//! Whatever a conversation looks like, Anthropic is given one in the order that it insists on.

use std::collections::HashSet;

use dialects::{
    anthropic_messages::request,
    ir::{Message, Part, Proof, Request, Role, ToolCallKind},
    translate::Quirks,
};
use domain::Dialect;
use proptest::{collection::vec, prelude::*};
use serde_json::Value;

use crate::target;

fn part() -> impl Strategy<Value = Part> {
    let id = || prop::sample::select(vec!["a", "b", "c.1", ""]).prop_map(str::to_owned);
    let words = || prop::sample::select(vec!["", " ", "x", "y \n"]).prop_map(str::to_owned);
    prop_oneof![
        words().prop_map(Part::text),
        words().prop_map(Part::Refusal),
        (id(), words()).prop_map(|(id, arguments)| Part::ToolCall {
            id,
            name: "f".to_owned(),
            arguments,
            kind: ToolCallKind::Function,
            item_id: None,
            cache: None,
        }),
        (id(), words(), any::<bool>()).prop_map(|(id, text, is_error)| Part::ToolResult {
            id,
            parts: vec![Part::text(text)],
            is_error,
            kind: ToolCallKind::Function,
            cache: None,
        }),
        (words(), any::<bool>()).prop_map(|(text, signed)| Part::Thinking {
            text,
            proof: signed.then(|| Proof::Signature("c2ln".to_owned())),
        }),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    let roles = vec![
        Role::User,
        Role::User,
        Role::Assistant,
        Role::Assistant,
        Role::System,
        Role::Developer,
    ];
    (prop::sample::select(roles), vec(part(), 0..4))
        .prop_map(|(role, parts)| Message::new(role, parts))
}

fn check(messages: &[Value]) -> Result<(), String> {
    let mut before = "";
    let mut pending: Vec<&Value> = Vec::new();
    let mut ids = HashSet::new();
    for (n, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        let blocks = message["content"].as_array().ok_or("no content")?;
        let fail = |why: &str| Err(format!("message {n}: {why}"));
        if blocks.is_empty() || role == before || (n == 0 && role != "user") {
            return fail("empty, or not in turn");
        }
        if role == "system" && before != "user" {
            return fail("a system message stands behind the user's");
        }
        let is_result = |block: &&Value| block["type"] == "tool_result";
        let first = blocks.iter().take_while(is_result).count();
        let answered: Vec<_> = blocks.iter().filter(is_result).collect();
        let answers: Vec<_> = answered.iter().map(|b| &b["tool_use_id"]).collect();
        if first != answered.len() || answers != pending {
            return fail("every call is answered once, first thing");
        }
        pending.clear();
        for block in blocks {
            if block["text"].as_str().is_some_and(|t| t.trim().is_empty()) {
                return fail("blank text");
            }
            if block["type"] == "tool_use" {
                pending.push(&block["id"]);
                if role != "assistant" || !ids.insert(&block["id"]) {
                    return fail("a call of the user's, or an id used twice");
                }
            }
        }
        let last = &blocks[blocks.len() - 1];
        if role == "assistant" && last["type"] == "thinking" {
            return fail("the last word is a thought");
        }
        let end = last["text"].as_str().unwrap_or_default();
        if n + 1 == messages.len() && role == "assistant" && end != end.trim_end() {
            return fail("a begun answer ends in a blank");
        }
        before = role;
    }
    if pending.is_empty() {
        Ok(())
    } else {
        Err("calls without results".to_owned())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_conversation_is_put_in_order(messages in vec(message(), 0..9), model in prop::sample::select(vec!["claude-sonnet-4-5", "claude-opus-4-8"])) {
        let given = Request { messages, ..Request::new(Dialect::OpenaiChat) };
        let quirks = Quirks::default();
        let encoded = request::encode(&given, &target(model, &quirks)).expect("not refused");
        let body: Value = serde_json::from_slice(&encoded.body).expect("JSON");
        let sent = body["messages"].as_array().expect("messages");
        prop_assert_eq!(check(sent), Ok(()), "{}", body["messages"]);
    }
}
