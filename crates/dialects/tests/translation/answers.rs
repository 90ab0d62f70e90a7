//! Whole answers of every upstream for every client.

use dialects::{
    anthropic_messages,
    ir::{Candidate, Part, Proof, Request, Response, ToolNames},
    openai_chat, openai_responses,
    translator::{TranslatedAnswer, translate_answer},
};
use domain::Dialect;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    content, heard,
    rules::{self, CLIENTS, UPSTREAMS},
    streams,
    upstream::{self, Manner},
};

/// The body of an upstream's answer.
pub fn body(dialect: Dialect, answer: &Response) -> Vec<u8> {
    let client = upstream::client(dialect);
    match dialect {
        Dialect::OpenaiChat => openai_chat::response::encode(answer, &client),
        Dialect::OpenaiResponses => openai_responses::response::encode(answer, &client),
        Dialect::AnthropicMessages => anthropic_messages::response::encode(answer, &client),
        _ => converse(answer).to_string().into_bytes(),
    }
}

fn converse(answer: &Response) -> Value {
    let said = &answer.candidates[0];
    let block = |part: &Part| match part {
        Part::Text { text, .. } | Part::Refusal(text) => json!({"text": text}),
        Part::Thinking {
            proof: Some(Proof::Redacted(data)),
            ..
        } => json!({"reasoningContent": {"redactedContent": data}}),
        Part::Thinking { text, proof } => {
            let signature = match proof {
                Some(Proof::Signature(signature)) => Some(signature),
                _ => None,
            };
            json!({"reasoningContent": {"reasoningText": {"text": text, "signature": signature}}})
        }
        Part::ToolCall {
            id,
            name,
            arguments,
            ..
        } => {
            let input: Value = serde_json::from_str(arguments).expect("JSON");
            json!({"toolUse": {"toolUseId": id, "name": name, "input": input}})
        }
        other => panic!("no answer has {other:?}"),
    };
    let content: Vec<Value> = said.parts.iter().map(block).collect();
    let mut body = upstream::converse_stop(Some(said.stop.clone()));
    body["output"] = json!({"message": {"role": "assistant", "content": content}});
    if let Some(usage) = &answer.usage {
        body["usage"] = upstream::converse_usage(&usage.tokens);
    }
    body
}

/// What a client reads in the body that it gets.
pub fn read(dialect: Dialect, body: &[u8]) -> Response {
    let answer = match dialect {
        Dialect::OpenaiChat => openai_chat::response::decode(body),
        Dialect::OpenaiResponses => openai_responses::response::decode(body),
        Dialect::AnthropicMessages => anthropic_messages::response::decode(body),
        _ => return completions(body),
    };
    heard::comparable(answer.expect("what we write can be read"))
}

fn completions(body: &[u8]) -> Response {
    let body: Value = serde_json::from_slice(body).expect("JSON");
    let choice = |choice: &Value| Candidate {
        parts: vec![Part::text(choice["text"].as_str().expect("a text"))],
        stop: heard::completions_stop(choice["finish_reason"].as_str().expect("a reason")),
        logprobs: None,
    };
    let choices = body["choices"].as_array().expect("choices");
    heard::comparable(Response {
        candidates: choices.iter().map(choice).collect(),
        usage: heard::chat_usage(&body["usage"]),
        ..Response::default()
    })
}

/// Numbers and the order of members are not compared: the test's own JSON parser keeps neither.
fn as_values(mut answer: Response) -> Response {
    for part in &mut answer.candidates[0].parts {
        if let Part::ToolCall { arguments, .. } = part {
            let value: Value = serde_json::from_str(arguments).expect("JSON");
            *arguments = value.to_string();
        }
    }
    answer
}

fn translate(from: Dialect, body: &[u8], names: &ToolNames, request: Request) -> TranslatedAnswer {
    let to = request.source;
    let client = upstream::client_of(request);
    translate_answer(from, body, names, to, &client).expect("it is an answer")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn every_client_reads_what_every_upstream_said(answer in content::answer()) {
        let manner = Manner { piece: 1, interleaved: false, brief: false };
        for from in UPSTREAMS {
            let mut answer = streams::sayable(from, manner, answer.clone());
            // Where all thoughts stand together, a bare one before a proven one is the same thought.
            let said = &mut answer.candidates[0].parts;
            let proven = |part: &Part| matches!(part, Part::Thinking { proof: Some(_), .. });
            if said.iter().any(proven) {
                said.retain(|part| proven(part) || !matches!(part, Part::Thinking { .. }));
            }
            let sent = body(from, &answer);
            let usage = rules::through(from, &answer).usage.map(|usage| usage.tokens);
            for to in CLIENTS {
                let got = translate(from, &sent, &ToolNames::default(), Request::new(to));
                prop_assert_eq!(got.usage, usage);
                let mut expected = heard::comparable(rules::expected_whole(&answer, from, to));
                let mut heard = read(to, &got.body);
                if from == Dialect::BedrockConverse {
                    (expected, heard) = (as_values(expected), as_values(heard));
                }
                let pair = format!("{from:?} to {to:?}");
                prop_assert_eq!(
                    heard, expected, "{}\n{}\n{}", pair,
                    String::from_utf8_lossy(&sent), String::from_utf8_lossy(&got.body)
                );
            }
        }
    }
}
