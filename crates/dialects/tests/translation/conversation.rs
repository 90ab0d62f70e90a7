//! Three turns of a client with an upstream of another dialect: the thinking of the first answer comes
//! back to the upstream with its proof byte for byte, and its calls with the results that belong to them.

use dialects::{
    ir::{Part, Proof, Response, Stop, ToolNames},
    translator::{decode_request, translate_answer},
};
use domain::Dialect;
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

use crate::{
    answers, content,
    requests::{self, SOURCES},
    rules::UPSTREAMS,
    sdk, streams,
    upstream::{self, Manner},
};

/// Whether an upstream of this dialect makes and reads such proofs.
fn reads(upstream: Dialect, proof: &Proof) -> bool {
    match upstream {
        Dialect::OpenaiChat => true,
        Dialect::OpenaiResponses => matches!(proof, Proof::Encrypted { .. }),
        _ => matches!(proof, Proof::Signature(_) | Proof::Redacted(_)),
    }
}

fn call(n: usize, arguments: String) -> Part {
    Part::ToolCall {
        id: format!("call_{n}"),
        name: "f".to_owned(),
        arguments,
        kind: dialects::ir::ToolCallKind::Function,
        item_id: None,
        cache: None,
    }
}

fn answer() -> impl Strategy<Value = Response> {
    let thoughts = vec(content::thought(), 1..4);
    (thoughts, content::answer(), vec(content::arguments(), 1..3)).prop_map(
        |(thoughts, mut answer, arguments)| {
            let calls = (0..)
                .zip(arguments)
                .map(|(n, arguments)| call(n, arguments));
            let said = &mut answer.candidates[0];
            said.parts = thoughts;
            said.parts.push(Part::text("I'll look."));
            said.parts.extend(calls);
            said.stop = Stop::ToolUse;
            answer
        },
    )
}

/// The client's request after the answer `said`, in the shape in which it keeps it: all calls have
/// their results, and another question follows.
fn next_request(client: Dialect, said: &[Value], calls: usize) -> Vec<u8> {
    let result = |n: usize| format!("result of call_{n}");
    let ids = (0..calls).map(|n| (format!("call_{n}"), result(n)));
    let body = match client {
        Dialect::OpenaiChat => {
            let mut messages = vec![json!({"role": "user", "content": "Look."})];
            messages.extend_from_slice(said);
            messages.extend(
                ids.map(|(id, text)| json!({"role": "tool", "tool_call_id": id, "content": text})),
            );
            messages.push(json!({"role": "assistant", "content": "Seven."}));
            messages.push(json!({"role": "user", "content": "Sure?"}));
            json!({"model": "m", "messages": messages})
        }
        Dialect::OpenaiResponses => {
            let mut input = vec![json!({"role": "user", "content": "Look."})];
            input.extend_from_slice(said);
            input.extend(ids.map(
                |(id, text)| json!({"type": "function_call_output", "call_id": id, "output": text}),
            ));
            input.push(json!({"role": "assistant", "content": "Seven."}));
            input.push(json!({"role": "user", "content": "Sure?"}));
            json!({"model": "m", "input": input, "store": false})
        }
        _ => {
            let results: Vec<Value> = ids
                .map(
                    |(id, text)| json!({"type": "tool_result", "tool_use_id": id, "content": text}),
                )
                .collect();
            json!({"model": "m", "max_tokens": 9, "messages": [
                {"role": "user", "content": "Look."},
                {"role": "assistant", "content": said},
                {"role": "user", "content": results},
                {"role": "assistant", "content": "Seven."},
                {"role": "user", "content": "Sure?"},
            ]})
        }
    };
    body.to_string().into_bytes()
}

/// What the upstream reads in its next request: thoughts with proofs, calls, and results.
fn given_back(upstream: Dialect, body: &[u8]) -> Vec<Part> {
    let parts = match requests::read_back(upstream, body) {
        Some(request) => requests::all_parts(&request).cloned().collect(),
        None => converse_parts(body),
    };
    let kept = |part: &Part| match part {
        Part::Thinking { proof, .. } => proof.is_some(),
        Part::ToolCall { .. } | Part::ToolResult { .. } => true,
        _ => false,
    };
    parts.into_iter().filter(kept).map(comparable).collect()
}

fn converse_parts(body: &[u8]) -> Vec<Part> {
    let body: Value = serde_json::from_slice(body).expect("JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let messages = body["messages"].as_array().expect("messages");
    let blocks = messages
        .iter()
        .flat_map(|m| m["content"].as_array().expect("blocks"));
    blocks
        .filter_map(|block| {
            let reasoning = &block["reasoningContent"];
            if reasoning["redactedContent"].is_string() {
                return Some(Part::Thinking {
                    text: String::new(),
                    proof: Some(Proof::Redacted(text(&reasoning["redactedContent"]))),
                });
            }
            if reasoning.is_object() {
                let shown = &reasoning["reasoningText"];
                return Some(Part::Thinking {
                    text: text(&shown["text"]),
                    proof: Some(Proof::Signature(text(&shown["signature"]))),
                });
            }
            if block["toolUse"].is_object() {
                return Some(call(
                    text(&block["toolUse"]["toolUseId"])
                        .trim_start_matches("call_")
                        .parse()
                        .expect("a number"),
                    block["toolUse"]["input"].to_string(),
                ));
            }
            block["toolResult"].is_object().then(|| Part::ToolResult {
                id: text(&block["toolResult"]["toolUseId"]),
                parts: vec![Part::text(text(&block["toolResult"]["content"][0]["text"]))],
                is_error: false,
                kind: dialects::ir::ToolCallKind::Function,
                cache: None,
            })
        })
        .collect()
}

/// Without ids that are made anew, and with arguments as values: some clients parse them.
fn comparable(mut part: Part) -> Part {
    match &mut part {
        Part::ToolCall {
            arguments, item_id, ..
        } => {
            *item_id = None;
            let value: Value = serde_json::from_str(arguments).expect("JSON");
            *arguments = value.to_string();
        }
        Part::Thinking {
            proof: Some(Proof::Encrypted { item_id, .. }),
            ..
        } => *item_id = None,
        _ => {}
    }
    part
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn what_an_upstream_thought_comes_back_as_it_was(answer in answer()) {
        let manner = Manner { piece: 3, interleaved: false, brief: false };
        for from in UPSTREAMS {
            let mut answer = answer.clone();
            // A provider proves all that it shows, or nothing.
            answer.candidates[0].parts.retain(|part| match part {
                Part::Thinking { proof, .. } => {
                    proof.as_ref().is_some_and(|proof| reads(from, proof))
                }
                _ => true,
            });
            let answer = streams::sayable(from, manner, answer);
            let said = &answer.candidates[0].parts;
            let calls = said.iter().filter(|p| matches!(p, Part::ToolCall { .. })).count();
            let mut expected: Vec<Part> = said
                .iter()
                .filter(|part| matches!(part, Part::Thinking { proof: Some(_), .. } | Part::ToolCall { .. }))
                .cloned()
                .map(comparable)
                .collect();
            expected.extend((0..calls).map(|n| Part::ToolResult {
                id: format!("call_{n}"),
                parts: vec![Part::text(format!("result of call_{n}"))],
                is_error: false,
                kind: dialects::ir::ToolCallKind::Function,
                cache: None,
            }));
            for client in SOURCES.into_iter().filter(|client| *client != from) {
                let context = upstream::client(client);
                let whole = answers::body(from, &answer);
                let whole = translate_answer(from, &whole, &ToolNames::default(), client, &context)
                    .expect("it is an answer");
                let stream = upstream::stream(from, &answer, manner);
                let (stream, _) = streams::translated(from, client, &stream, &[]);
                let kept = [sdk::of_answer(client, &whole.body), sdk::of_stream(client, &stream)];
                for (way, said) in ["whole", "streamed"].into_iter().zip(kept) {
                    let asked = next_request(client, &said, calls);
                    let request = decode_request(client, &asked).expect("it is a request");
                    let encoded = requests::encode(&request, from).expect("it can be asked");
                    let pair = format!("{from:?} to {client:?}, {way}");
                    let got = given_back(from, &encoded.body);
                    prop_assert_eq!(
                        got, expected.clone(), "{}\n{}\n{}", pair,
                        String::from_utf8_lossy(&asked), String::from_utf8_lossy(&encoded.body)
                    );
                }
            }
        }
    }
}
