//! An answer as an upstream streams it: by the dialects' own encoders, by a framer of Converse's events,
//! and in the shapes that compatible Chat Completions servers have.

use std::sync::Arc;

use bytes::Bytes;
use dialects::{
    anthropic_messages,
    event_stream::{Message, MessageKind, sse::converse_sse},
    ir::{Delta, Event, Part, PartAt, PartStart, Proof, Request, Response, Stop},
    openai_chat, openai_responses,
    translate::ClientContext,
};
use domain::{Dialect, TokenUsage};
use serde_json::{Value, json};

/// How an upstream cuts its answer up.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Characters of a delta.
    pub piece: usize,
    /// Chat Completions: parallel calls grow at once.
    pub interleaved: bool,
    /// Chat Completions: the usage stands beside the finish reason, and there is no `[DONE]`.
    pub brief: bool,
}

pub fn client(dialect: Dialect) -> ClientContext {
    client_of(Request::new(dialect))
}

pub fn client_of(request: Request) -> ClientContext {
    ClientContext {
        model: "asked".to_owned(),
        request_id: "req_1".to_owned(),
        created: 1_700_000_009,
        wants_usage: true,
        request: Arc::new(request),
        body: Bytes::from_static(b"{}"),
    }
}

/// The bytes of the stream, as server-sent events.
pub fn stream(dialect: Dialect, answer: &Response, manner: Manner) -> Vec<u8> {
    let events = disassemble(answer, manner.piece);
    let client = Arc::new(client(dialect));
    let mut out = Vec::new();
    match dialect {
        Dialect::OpenaiChat if manner.interleaved || manner.brief => {
            return compatible(answer, manner);
        }
        Dialect::OpenaiChat => {
            let mut encoder = openai_chat::stream::Encoder::new(client);
            events.iter().for_each(|e| encoder.event(e, &mut out));
        }
        Dialect::OpenaiResponses => {
            let mut encoder = openai_responses::stream::Encoder::new(client);
            events.iter().for_each(|e| encoder.event(e, &mut out));
        }
        Dialect::AnthropicMessages => {
            let mut encoder = anthropic_messages::stream::Encoder::new(client);
            events.iter().for_each(|e| encoder.event(e, &mut out));
        }
        _ => converse(&events, &mut out),
    }
    out
}

/// The events that say an answer, its texts cut into pieces of `piece` characters.
pub fn disassemble(answer: &Response, piece: usize) -> Vec<Event> {
    let mut out = vec![Event::Start {
        id: answer.id.clone(),
        created: answer.created,
        service_tier: answer.service_tier,
    }];
    for (candidate, said) in (0..).zip(&answer.candidates) {
        for (part, what) in (0..).zip(&said.parts) {
            let at = PartAt { candidate, part };
            let (start, text, delta, proof) = taken_apart(what);
            out.push(Event::PartStart { at, part: start });
            for text in pieces(text, piece) {
                let delta = delta(text);
                out.push(Event::Delta { at, delta });
            }
            out.extend(proof.map(|proof| Event::Delta {
                at,
                delta: Delta::Proof(proof),
            }));
            out.push(Event::PartEnd { at });
        }
        let stop = said.stop.clone();
        out.push(Event::Stop { candidate, stop });
    }
    out.extend(
        answer
            .usage
            .clone()
            .map(|usage| Event::Usage { usage, total: true }),
    );
    out.push(Event::End);
    out
}

/// How a part begins, its text, what more of it is, and its proof.
type TakenApart<'p> = (PartStart, &'p str, fn(String) -> Delta, Option<Proof>);

fn taken_apart(part: &Part) -> TakenApart<'_> {
    match part {
        Part::Text { text, .. } => (PartStart::Text, text, Delta::Text, None),
        Part::Refusal(text) => (PartStart::Refusal, text, Delta::Refusal, None),
        Part::Thinking { text, proof } => {
            (PartStart::Thinking, text, Delta::Thinking, proof.clone())
        }
        Part::ToolCall {
            id,
            name,
            arguments,
            kind,
            item_id,
            ..
        } => {
            let start = PartStart::ToolCall {
                id: id.clone(),
                name: name.clone(),
                kind: *kind,
                item_id: item_id.clone(),
            };
            // Upstreams send no arguments at all where there are none.
            let text = if arguments == "{}" { "" } else { arguments };
            (start, text, Delta::Arguments, None)
        }
        other => panic!("no stream has {other:?}"),
    }
}

fn pieces(text: &str, piece: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(piece).map(String::from_iter).collect()
}

/// ConverseStream's events, framed as the router frames them.
fn converse(events: &[Event], out: &mut Vec<u8>) {
    let mut send = |name: &str, payload: Value| {
        out.extend_from_slice(&converse_sse(&Message {
            kind: MessageKind::Event {
                event_type: name.to_owned(),
            },
            payload: payload.to_string().into(),
        }));
    };
    let mut stopped = None;
    for event in events {
        match event {
            Event::Start { .. } => send("messageStart", json!({"role": "assistant"})),
            Event::PartStart { at, part } => {
                if let PartStart::ToolCall { id, name, .. } = part {
                    let start = json!({"toolUse": {"toolUseId": id, "name": name}});
                    let index = at.part;
                    send(
                        "contentBlockStart",
                        json!({"contentBlockIndex": index, "start": start}),
                    );
                }
            }
            Event::Delta { at, delta } => {
                let delta = match delta {
                    Delta::Text(text) | Delta::Refusal(text) => json!({"text": text}),
                    Delta::Thinking(text) => json!({"reasoningContent": {"text": text}}),
                    Delta::Proof(Proof::Signature(signature)) => {
                        json!({"reasoningContent": {"signature": signature}})
                    }
                    Delta::Proof(Proof::Redacted(data)) => {
                        json!({"reasoningContent": {"redactedContent": data}})
                    }
                    Delta::Arguments(text) => json!({"toolUse": {"input": text}}),
                    _ => continue,
                };
                send(
                    "contentBlockDelta",
                    json!({"contentBlockIndex": at.part, "delta": delta, "p": "abc"}),
                );
            }
            Event::PartEnd { at } => {
                send("contentBlockStop", json!({"contentBlockIndex": at.part}));
            }
            Event::Stop { stop, .. } => stopped = Some(stop.clone()),
            Event::Usage { usage, .. } => {
                // The reason to stop comes before the usage.
                send("messageStop", converse_stop(stopped.take()));
                let usage = converse_usage(&usage.tokens);
                send(
                    "metadata",
                    json!({"usage": usage, "metrics": {"latencyMs": 7}}),
                );
            }
            Event::Ping | Event::Error(_) | Event::End => {}
        }
    }
}

pub fn converse_stop(stop: Option<Stop>) -> Value {
    let word = match stop.unwrap_or(Stop::End) {
        Stop::Sequence(text) => {
            let fields = text.map(|text| json!({"stop_sequence": text}));
            return json!({"stopReason": "stop_sequence", "additionalModelResponseFields": fields});
        }
        Stop::MaxTokens => "max_tokens".to_owned(),
        Stop::ToolUse => "tool_use".to_owned(),
        Stop::ContentFilter => "content_filtered".to_owned(),
        Stop::ContextWindow => "model_context_window_exceeded".to_owned(),
        Stop::Other(word) => word,
        Stop::End | Stop::Refusal | Stop::Pause => "end_turn".to_owned(),
    };
    json!({"stopReason": word})
}

pub fn converse_usage(tokens: &TokenUsage) -> Value {
    json!({
        "inputTokens": tokens.input,
        "outputTokens": tokens.output,
        "totalTokens": tokens.total(),
        "cacheReadInputTokens": tokens.cache_read,
        "cacheWriteInputTokens": tokens.cache_write_5m + tokens.cache_write_1h,
        "cacheDetails": [
            {"ttl": "5m", "inputTokens": tokens.cache_write_5m},
            {"ttl": "1h", "inputTokens": tokens.cache_write_1h},
        ],
    })
}

/// A compatible Chat Completions server: thoughts and words first, then all calls, which begin together
/// and grow in turn.
fn compatible(answer: &Response, manner: Manner) -> Vec<u8> {
    let said = &answer.candidates[0];
    let mut deltas = vec![json!({"role": "assistant", "content": null})];
    let mut calls = Vec::new();
    for part in &said.parts {
        match part {
            Part::ToolCall {
                id,
                name,
                arguments,
                ..
            } => calls.push((id, name, pieces(arguments, manner.piece))),
            Part::Thinking { text, .. } => {
                let say = |text| json!({"reasoning_content": text});
                deltas.extend(pieces(text, manner.piece).into_iter().map(say));
            }
            Part::Text { text, .. } => {
                let say = |text| json!({"content": text});
                deltas.extend(pieces(text, manner.piece).into_iter().map(say));
            }
            Part::Refusal(text) => {
                let say = |text| json!({"refusal": text});
                deltas.extend(pieces(text, manner.piece).into_iter().map(say));
            }
            other => panic!("no stream has {other:?}"),
        }
    }
    let growing = |index: usize, text: &str| json!({"tool_calls": [{"index": index, "function": {"arguments": text}}]});
    let mut begun = Vec::new();
    for (index, (id, name, grown)) in calls.iter().enumerate() {
        let function = json!({"name": name, "arguments": ""});
        begun.push(json!({"tool_calls": [
            {"index": index, "id": id, "type": "function", "function": function}
        ]}));
        if !manner.interleaved {
            begun.extend(grown.iter().map(|text| growing(index, text)));
        }
    }
    deltas.extend(begun);
    if manner.interleaved {
        let longest = calls.iter().map(|(_, _, grown)| grown.len()).max();
        for turn in 0..longest.unwrap_or(0) {
            for (index, (_, _, grown)) in calls.iter().enumerate() {
                deltas.extend(grown.get(turn).map(|text| growing(index, text)));
            }
        }
    }
    let usage = answer.usage.as_ref().map(|usage| chat_usage(&usage.tokens));
    framed(deltas, chat_reason(said), usage, manner.brief)
}

fn framed(deltas: Vec<Value>, reason: &str, usage: Option<Value>, brief: bool) -> Vec<u8> {
    let chunk = |choices: Value, usage: Option<&Value>| {
        json!({"id": "up_1", "object": "chat.completion.chunk", "created": 1_700_000_000,
            "model": "m", "choices": choices, "usage": usage})
    };
    let mut chunks: Vec<Value> = deltas
        .into_iter()
        .map(|delta| chunk(json!([{"index": 0, "delta": delta}]), None))
        .collect();
    let last = json!([{"index": 0, "delta": {}, "finish_reason": reason}]);
    let mut out = String::from(": PROCESSING\r\n\r\n");
    if brief {
        chunks.push(chunk(last, usage.as_ref()));
    } else {
        chunks.push(chunk(last, None));
        chunks.push(chunk(json!([]), usage.as_ref()));
    }
    for chunk in chunks {
        out.push_str(&format!("data:{chunk}\r\n\r\n"));
    }
    if !brief {
        out.push_str("data: [DONE]\r\n\r\n");
    }
    out.into_bytes()
}

/// Servers say `stop` for whatever they have no word for, calls included.
fn chat_reason(said: &dialects::ir::Candidate) -> &'static str {
    let refused = said.parts.iter().any(|p| matches!(p, Part::Refusal(_)));
    match said.stop {
        Stop::MaxTokens | Stop::ContextWindow => "length",
        Stop::ContentFilter => "content_filter",
        Stop::Refusal if !refused => "content_filter",
        _ => "stop",
    }
}

fn chat_usage(tokens: &TokenUsage) -> Value {
    json!({
        "prompt_tokens": tokens.total_input(),
        "completion_tokens": tokens.output,
        "total_tokens": tokens.total(),
        "prompt_tokens_details": {
            "cached_tokens": tokens.cache_read,
            "cache_write_tokens": tokens.cache_write_5m + tokens.cache_write_1h,
        },
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
    })
}
