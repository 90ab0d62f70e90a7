//! What a client reads out of the stream that it got, by its dialect's own rules.

use std::collections::BTreeMap;

use bytes::Bytes;
use dialects::{
    anthropic_messages,
    ir::{Candidate, Delta, Event, Part, PartAt, PartStart, Proof, Response, Stop, Usage},
    openai_chat, openai_responses, sse,
};
use domain::{Dialect, TokenUsage};
use serde_json::Value;

use crate::rules::merged;

/// The answer in a complete stream.
pub fn read(dialect: Dialect, stream: &[u8]) -> Response {
    if dialect == Dialect::OpenaiCompletions {
        return completions(stream);
    }
    let mut events = Vec::new();
    let mut chat = openai_chat::stream::Decoder::default();
    let mut responses = openai_responses::stream::Decoder::default();
    let mut messages = anthropic_messages::stream::Decoder::default();
    for event in split(stream) {
        let Some(data) = sse::data(&event) else {
            continue;
        };
        let (name, data, out) = (sse::name(&event), data.text(), &mut events);
        match dialect {
            Dialect::OpenaiChat => chat.event(name, data, out),
            Dialect::OpenaiResponses => responses.event(name, data, out),
            _ => messages.event(name, data, out),
        }
        .expect("what we write can be read");
    }
    assemble(&events)
}

pub fn split(stream: &[u8]) -> Vec<Bytes> {
    let mut splitter = sse::EventSplitter::default();
    splitter
        .push(Bytes::copy_from_slice(stream))
        .expect("it is small");
    std::iter::from_fn(|| splitter.next_event()).collect()
}

/// The texts of a Completions stream; it tells nothing else.
fn completions(stream: &[u8]) -> Response {
    let mut answer = Response::default();
    let mut said = BTreeMap::<u64, (String, Option<Stop>)>::new();
    for event in split(stream) {
        let Some(data) = sse::data(&event).filter(|data| data.text() != b"[DONE]") else {
            continue;
        };
        let chunk: Value = serde_json::from_slice(data.text()).expect("JSON");
        for choice in chunk["choices"].as_array().expect("choices") {
            let index = choice["index"].as_u64().expect("an index");
            let (text, stop) = said.entry(index).or_default();
            text.push_str(choice["text"].as_str().expect("a text"));
            *stop = choice["finish_reason"].as_str().map(completions_stop);
        }
        if chunk["usage"].is_object() {
            answer.usage = chat_usage(&chunk["usage"]);
        }
    }
    answer.candidates = said
        .into_values()
        .map(|(text, stop)| Candidate {
            parts: merged(vec![Part::text(text)]),
            stop: stop.expect("a finish reason"),
            logprobs: None,
        })
        .collect();
    answer
}

pub fn completions_stop(word: &str) -> Stop {
    match word {
        "stop" => Stop::End,
        "length" => Stop::MaxTokens,
        "content_filter" => Stop::ContentFilter,
        other => Stop::Other(other.to_owned()),
    }
}

/// OpenAI counts cached tokens among those that went in.
pub fn chat_usage(usage: &Value) -> Option<Usage> {
    let number = |at: &str| usage.pointer(at).and_then(Value::as_u64);
    let cache_read = number("/prompt_tokens_details/cached_tokens")?;
    let written = number("/prompt_tokens_details/cache_write_tokens").unwrap_or(0);
    Some(Usage {
        tokens: TokenUsage {
            input: number("/prompt_tokens")? - cache_read - written,
            cache_read,
            cache_write_5m: written,
            cache_write_1h: 0,
            output: number("/completion_tokens")?,
            reasoning: number("/completion_tokens_details/reasoning_tokens")?,
            ..TokenUsage::default()
        },
        server_tools: None,
        tier: None,
    })
}

/// The answer that the events of a stream add up to.
pub fn assemble(events: &[Event]) -> Response {
    let mut answer = Response::default();
    let mut parts = BTreeMap::<PartAt, Part>::new();
    for event in events {
        match event {
            Event::PartStart { at, part } => {
                parts.insert(*at, begun(part));
            }
            Event::Delta { at, delta } => grow(parts.get_mut(at).expect("a part"), delta),
            Event::Stop { candidate, stop } => answer.candidates.push(Candidate {
                parts: parts
                    .iter()
                    .filter(|(at, _)| at.candidate == *candidate)
                    .map(|(_, part)| part.clone())
                    .collect(),
                stop: stop.clone(),
                logprobs: None,
            }),
            Event::Usage { usage, .. } => answer.usage = Some(usage.clone()),
            _ => {}
        }
    }
    comparable(answer)
}

/// Without what depends on how a dialect cuts an answer up, and without ids that are made anew.
pub fn comparable(mut answer: Response) -> Response {
    (answer.id, answer.created) = (None, None);
    for candidate in &mut answer.candidates {
        for part in &mut candidate.parts {
            match part {
                Part::ToolCall {
                    item_id, arguments, ..
                } => {
                    *item_id = None;
                    if arguments.is_empty() {
                        "{}".clone_into(arguments);
                    }
                }
                Part::Thinking {
                    proof: Some(Proof::Encrypted { item_id, .. }),
                    ..
                } => *item_id = None,
                _ => {}
            }
        }
        candidate.parts = merged(std::mem::take(&mut candidate.parts));
    }
    answer
}

fn begun(part: &PartStart) -> Part {
    match part {
        PartStart::Text => Part::text(""),
        PartStart::Thinking => Part::Thinking {
            text: String::new(),
            proof: None,
        },
        PartStart::Refusal => Part::Refusal(String::new()),
        PartStart::ToolCall { id, name, kind, .. } => Part::ToolCall {
            id: id.clone(),
            name: name.clone(),
            arguments: String::new(),
            kind: *kind,
            item_id: None,
            cache: None,
        },
        PartStart::Opaque {
            family,
            kind,
            value,
        } => Part::Opaque {
            family: *family,
            kind: kind.clone(),
            value: value.clone(),
        },
    }
}

fn grow(part: &mut Part, delta: &Delta) {
    match (part, delta) {
        (Part::Text { text, .. }, Delta::Text(more))
        | (Part::Thinking { text, .. }, Delta::Thinking(more))
        | (Part::Refusal(text), Delta::Refusal(more))
        | (
            Part::ToolCall {
                arguments: text, ..
            },
            Delta::Arguments(more),
        ) => text.push_str(more),
        (Part::Thinking { proof, .. }, Delta::Proof(new)) => {
            assert!(proof.replace(new.clone()).is_none(), "one proof a part");
        }
        (part, delta) => panic!("{delta:?} does not belong to {part:?}"),
    }
}
