//! What the router reads of a whole (not streamed) answer, and how it is handed on.

use std::ops::Range;

use bytes::Bytes;
use domain::{Dialect, ServiceTier, TokenUsage};
use smallvec::SmallVec;

use crate::{
    anthropic_messages, json, openai_chat, openai_responses,
    splice::{Edit, Pieces, splice},
    sse, stream,
};

/// Why an upstream's answer cannot be handed on as an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResponseError {
    /// A page of HTML, an empty body, half an object.
    #[error("its answer is not valid JSON: {0}")]
    Malformed(String),
    /// Some services report errors with status 200.
    #[error("it reported an error: {0}")]
    Reported(String),
}

/// The members of an answer that the router needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// `None` where the upstream told no usage.
    pub usage: Option<TokenUsage>,
    /// The service tier that is billed.
    pub tier: ServiceTier,
    model_at: Option<Range<usize>>,
}

impl ResponseHead {
    /// Reads the head of `body`, an answer with a success status.
    ///
    /// # Errors
    /// See [`ResponseError`].
    pub fn read(dialect: Dialect, body: &[u8]) -> Result<Self, ResponseError> {
        let mut head = Self {
            usage: None,
            tier: ServiceTier::default(),
            model_at: None,
        };
        let mut images = None;
        let mut members_seen = 0;
        for member in json::members(body) {
            let member = member.map_err(|e| ResponseError::Malformed(e.describe(body)))?;
            members_seen += 1;
            let value = &body[member.value.clone()];
            match &*member.key {
                "model" => head.model_at = Some(member.value),
                "service_tier" => head.tier = stream::tier(value).unwrap_or_default(),
                "data" if dialect == Dialect::OpenaiMedia => images = Some(member.value),
                "usage" => {
                    head.usage = match dialect {
                        Dialect::AnthropicMessages | Dialect::BedrockConverse => {
                            let tier = anthropic_messages::response::tier(value);
                            head.tier = tier.unwrap_or_default();
                            anthropic_messages::response::usage(value, TokenUsage::default())
                        }
                        Dialect::OpenaiResponses => {
                            openai_responses::response::usage(value).map(|tokens| TokenUsage {
                                searches: openai_responses::response::searches(body),
                                ..tokens
                            })
                        }
                        Dialect::OpenaiMedia => media_usage(value),
                        Dialect::OpenaiChat
                        | Dialect::OpenaiCompletions
                        | Dialect::OpenaiEmbeddings => openai_chat::response::usage(value),
                    };
                }
                "error" if value.starts_with(b"{") => {
                    return Err(ResponseError::Reported(error_message(value)));
                }
                _ => {}
            }
        }
        if members_seen == 0 {
            return Err(ResponseError::Malformed("it is empty".to_owned()));
        }
        if let Some(at) = images {
            // An answer that only has pictures says no more of what was used than their number.
            let images = images_in(body, at);
            if images > 0 {
                head.usage.get_or_insert_default().images = images;
            }
        }
        Ok(head)
    }

    /// The answer as the client gets it: with the model's name that it asked for, since clients
    /// compare the two.
    #[must_use]
    pub fn forward(&self, body: &Bytes, asked_model: &str) -> Pieces {
        let mut edits: SmallVec<[Edit; 3]> = SmallVec::new();
        if let Some(at) = &self.model_at {
            let with = json::encode_string(asked_model);
            if body[at.clone()] != *with.as_bytes() {
                edits.push(Edit {
                    at: at.clone(),
                    with: with.into(),
                });
            }
        }
        splice(body, edits)
    }
}

/// The usage that the events of a stream tell which is passed on as one answer (pictures and transcripts
/// in parts): the last that any of them has.
#[must_use]
pub fn usage_of_events(body: &Bytes) -> Option<TokenUsage> {
    let mut events = sse::EventSplitter::default();
    events.push(body.clone()).ok()?;
    let mut found = None;
    while let Some(event) = events.next_event() {
        let Some(data) = sse::data(&event) else {
            continue;
        };
        let text = data.text();
        let usage = json::members(text)
            .map_while(Result::ok)
            .find(|member| member.key == "usage")
            .and_then(|member| media_usage(&text[member.value]));
        found = usage.or(found);
    }
    found
}

/// Images and transcriptions count as Responses do, where they count tokens; older models that hear
/// count seconds.
fn media_usage(value: &[u8]) -> Option<TokenUsage> {
    openai_responses::response::usage(value)
        .or_else(|| openai_chat::response::usage(value))
        .or_else(|| seconds_heard(value))
}

/// `{"type":"duration","seconds":12}`.
fn seconds_heard(usage: &[u8]) -> Option<TokenUsage> {
    #[derive(serde::Deserialize)]
    struct Duration {
        seconds: f64,
    }
    let Duration { seconds } = serde_json::from_slice(usage).ok()?;
    let audio = std::time::Duration::try_from_secs_f64(seconds).ok()?;
    Some(TokenUsage {
        audio_ms: u64::try_from(audio.as_millis()).unwrap_or(u64::MAX),
        ..TokenUsage::default()
    })
}

/// How many images the list at `at` has; rankings and embeddings are no images.
fn images_in(body: &[u8], at: Range<usize>) -> u64 {
    let is_image = |entry: &Range<usize>| {
        json::member_at(body, entry, "b64_json").is_some()
            || json::member_at(body, entry, "url").is_some()
    };
    let images = json::elements(body, at)
        .into_iter()
        .filter(is_image)
        .count();
    u64::try_from(images).unwrap_or(u64::MAX)
}

/// The message of an error body in any of the usual shapes: `{"error":{"message":…}}`,
/// `{"error":"…"}`, `{"message":…}`, `{"detail":…}`. `None` where the body is not JSON.
#[must_use]
pub fn message_of_error(body: &[u8]) -> Option<String> {
    let mut found = None;
    for member in json::members(body) {
        let member = member.ok()?;
        let value = &body[member.value];
        match &*member.key {
            "error" if value.starts_with(b"{") => return Some(error_message(value)),
            "error" | "message" | "Message" | "detail" => {
                found = json::decode_string(value).map(|s| s.into_owned()).or(found);
            }
            _ => {}
        }
    }
    found
}

fn error_message(error: &[u8]) -> String {
    json::members(error)
        .map_while(Result::ok)
        .find(|member| member.key == "message")
        .and_then(|member| json::decode_string(&error[member.value]).map(|s| s.into_owned()))
        .unwrap_or_else(|| String::from_utf8_lossy(&error[..error.len().min(300)]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_reads_the_name_it_asked_for() {
        let body = Bytes::from_static(
            br#"{"id":"x","choices":[{"message":{"content":"\"model\":\"y\""}}],"model":"gpt-4o-2024-08-06","usage":{"prompt_tokens":3,"completion_tokens":4},"new":1}"#,
        );
        let head = ResponseHead::read(Dialect::OpenaiChat, &body).expect("an answer");
        assert_eq!(head.usage.map(|u| (u.input, u.output)), Some((3, 4)));
        let got = head.forward(&body, "fast").into_bytes();
        let expected = String::from_utf8_lossy(&body).replace("\"gpt-4o-2024-08-06\"", "\"fast\"");
        assert_eq!(got, Bytes::from(expected));
    }

    #[test]
    fn what_is_not_an_answer_is_not_handed_on() {
        for body in ["<html>", "", "{\"id\":\"x\",\"choices\":[{\"ind", "{}"] {
            let got = ResponseHead::read(Dialect::OpenaiChat, body.as_bytes());
            assert!(matches!(got, Err(ResponseError::Malformed(_))), "{body}");
        }
        let reported = ResponseHead::read(
            Dialect::OpenaiChat,
            br#"{"error":{"message":"out of luck","code":1}}"#,
        );
        assert_eq!(
            reported,
            Err(ResponseError::Reported("out of luck".to_owned()))
        );
    }

    #[test]
    fn messages_are_found_in_the_usual_shapes() {
        let cases = [
            (r#"{"error":{"message":"a","type":"b"}}"#, Some("a")),
            (
                r#"{"type":"error","error":{"type":"x","message":"a"}}"#,
                Some("a"),
            ),
            (r#"{"error":"a"}"#, Some("a")),
            (r#"{"message":"a"}"#, Some("a")),
            (r#"{"detail":"a"}"#, Some("a")),
            ("<html>", None),
            ("{}", None),
        ];
        for (body, message) in cases {
            assert_eq!(
                message_of_error(body.as_bytes()).as_deref(),
                message,
                "{body}"
            );
        }
    }
}
