//! A stream of Messages events: `message_start`, content blocks, `message_delta`, `message_stop`,
//! with `ping` and `error` anywhere between. [`Decoder`] and [`Encoder`] translate it; [`read_event`]
//! only looks at events that are handed on as they are.

mod block;
mod decode;
mod encode;
mod frame;

use bytes::Bytes;
use domain::TokenUsage;

use crate::{
    json::{self, ScanError},
    stream::{EventFacts, StreamFailure, count_strings},
};

pub use decode::Decoder;
pub use encode::Encoder;

/// Keys whose strings are the model's output.
const CONTENT_KEYS: [&[u8]; 3] = [br#""text""#, br#""partial_json""#, br#""thinking""#];

/// What the router needs of one event's data; `so_far` is the usage that earlier events told.
///
/// # Errors
/// The data is not a JSON object.
pub fn read_event(data: &[u8], so_far: TokenUsage) -> Result<EventFacts, ScanError> {
    let mut facts = EventFacts::default();
    let mut kind = None;
    let [mut message, mut delta, mut block, mut usage, mut error] = [const { None }; 5];
    for member in json::members(data) {
        let member = member?;
        match &*member.key {
            "type" => kind = json::decode_string(&data[member.value]),
            "message" => message = Some(member.value),
            "delta" => delta = Some(member.value),
            "content_block" => block = Some(member.value),
            "usage" => usage = Some(member.value),
            "error" => error = Some(member.value),
            _ => {}
        }
    }
    match kind.as_deref() {
        Some("message_start") => {
            if let Some(at) = message {
                for member in json::members(&data[at.clone()]) {
                    let member = member?;
                    let value = at.start + member.value.start..at.start + member.value.end;
                    match &*member.key {
                        "model" => facts.model_at = Some(value),
                        "usage" => {
                            facts.tier = super::response::tier(&data[value.clone()]);
                            facts.usage = super::response::usage(&data[value], so_far);
                        }
                        _ => {}
                    }
                }
            }
        }
        Some("content_block_delta") => {
            facts.content = true;
            facts.content_bytes = delta.map_or(0, |at| count_strings(&data[at], &CONTENT_KEYS));
        }
        // A block of text or thinking opens empty; any other (a tool call, redacted thinking)
        // already says something.
        Some("content_block_start") => {
            let text = block.is_some_and(|at| {
                json::members(&data[at.clone()])
                    .map_while(Result::ok)
                    .any(|m| {
                        m.key == "type"
                            && matches!(
                                &data[at.start + m.value.start..at.start + m.value.end],
                                br#""text""# | br#""thinking""#
                            )
                    })
            });
            facts.content = !text;
        }
        Some("message_delta") => {
            facts.content = true;
            facts.usage = usage.and_then(|at| super::response::usage(&data[at], so_far));
            facts.final_usage = facts.usage.is_some();
        }
        Some("message_stop") => facts.terminal = true,
        Some("error") => {
            let member = |name: &str| {
                let error = &data[error.clone()?];
                let member = json::members(error)
                    .map_while(Result::ok)
                    .find(|member| member.key == name)?;
                json::decode_string(&error[member.value]).map(|text| text.into_owned())
            };
            facts.failure = Some(StreamFailure {
                status: member("type").map(|kind| super::error::status_of_type(&kind)),
                message: member("message")
                    .unwrap_or_else(|| "the upstream sent an error".to_owned()),
            });
        }
        _ => {}
    }
    Ok(facts)
}

/// A typed error event, after which the stream ends.
#[must_use]
pub fn error_event(body: &[u8]) -> Bytes {
    [&b"event: error\ndata: "[..], body, b"\n\n"]
        .concat()
        .into()
}
