//! What the router reads of a request in any dialect, and how it is sent on.
//!
//! The members that differ between dialects are in their `request` modules; what they share is here.

use std::ops::Range;

use bytes::Bytes;
use domain::Dialect;
use smallvec::SmallVec;

use crate::{
    json, openai_chat,
    splice::{Edit, Pieces, splice},
};

/// The longest name of a model that is looked up.
const MAX_MODEL_LEN: usize = 512;

/// Why a request cannot be routed. Every one of them is the client's to mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The body is not a JSON object.
    #[error("the request body is not valid JSON: {0}")]
    Malformed(String),
    /// A member that every request needs is not there.
    #[error("{0}: this field is required")]
    Missing(&'static str),
    /// A member has another type or an impossible value.
    #[error("{field}: expected {expected}")]
    Wrong {
        field: &'static str,
        expected: &'static str,
    },
    /// A member stands twice; the upstream might read the other one than the one that was checked.
    #[error("{0}: this field stands twice")]
    Twice(&'static str),
}

impl RequestError {
    /// The member that is wrong, for the `param` of an OpenAI error.
    #[must_use]
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Malformed(_) => None,
            Self::Missing(field) | Self::Wrong { field, .. } | Self::Twice(field) => Some(field),
        }
    }
}

/// The members of a request that decide where it goes and what it may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    pub dialect: Dialect,
    /// The model that the client asks for.
    pub model: String,
    pub stream: bool,
    /// The most tokens that the client wants to get, where it says so.
    pub max_output_tokens: Option<u64>,
    /// Bytes of text in the request, encoded images and documents counted as what they cost; see
    /// [`json::Members::text_bytes`].
    pub text_bytes: usize,
    /// The client wants the usage of a stream in a chunk of its own (OpenAI only; Anthropic always
    /// tells).
    pub wants_usage_chunk: bool,
    model_at: Range<usize>,
    stream_options_at: Option<Range<usize>>,
    /// Where the closing brace stands.
    end_at: usize,
}

impl RequestHead {
    /// Reads the head of `body`.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub fn read(dialect: Dialect, body: &[u8]) -> Result<Self, RequestError> {
        let [
            mut model,
            mut stream,
            mut messages,
            mut max_tokens,
            mut max_completion,
            mut options,
        ] = [const { None }; 6];
        let mut members = json::members(body);
        for member in members.by_ref() {
            let member = member.map_err(|e| RequestError::Malformed(e.describe(body)))?;
            let (place, name) = match &*member.key {
                "model" => (&mut model, "model"),
                "stream" => (&mut stream, "stream"),
                "messages" => (&mut messages, "messages"),
                "max_tokens" => (&mut max_tokens, "max_tokens"),
                "max_completion_tokens" if dialect == Dialect::OpenaiChat => {
                    (&mut max_completion, "max_completion_tokens")
                }
                "stream_options" if dialect == Dialect::OpenaiChat => {
                    (&mut options, "stream_options")
                }
                _ => continue,
            };
            if place.replace(member.value).is_some() {
                return Err(RequestError::Twice(name));
            }
        }
        let text_bytes = members.text_bytes();
        let model_at = model.ok_or(RequestError::Missing("model"))?;
        let model = read_model(&body[model_at.clone()])?;
        match messages.map(|at| body[at.start]) {
            Some(b'[') => {}
            Some(_) => {
                return Err(RequestError::Wrong {
                    field: "messages",
                    expected: "an array of messages",
                });
            }
            None => return Err(RequestError::Missing("messages")),
        }
        let stream = match stream.map(|at| &body[at]) {
            None | Some(b"false" | b"null") => false,
            Some(b"true") => true,
            Some(_) => {
                return Err(RequestError::Wrong {
                    field: "stream",
                    expected: "true or false",
                });
            }
        };
        let max_tokens = read_limit(body, max_tokens, "max_tokens")?;
        let max_completion = read_limit(body, max_completion, "max_completion_tokens")?;
        let wants_usage_chunk = match (&options, dialect) {
            (_, Dialect::AnthropicMessages) => true,
            (None, Dialect::OpenaiChat) => false,
            (Some(at), Dialect::OpenaiChat) => {
                openai_chat::request::include_usage(&body[at.clone()])?
            }
        };
        let end_at = memchr::memrchr(b'}', body).unwrap_or(body.len());
        Ok(Self {
            dialect,
            model,
            stream,
            max_output_tokens: max_completion.or(max_tokens),
            text_bytes,
            wants_usage_chunk,
            model_at,
            stream_options_at: options,
            end_at,
        })
    }

    /// The client's `body` as it goes to an upstream of the same dialect: the model by the upstream's
    /// name, usage asked for in streams, all else as it came.
    #[must_use]
    pub fn forward(&self, body: &Bytes, upstream_model: &str) -> Pieces {
        let mut edits: SmallVec<[Edit; 3]> = SmallVec::new();
        if self.model != upstream_model {
            edits.push(Edit {
                at: self.model_at.clone(),
                with: json::encode_string(upstream_model).into(),
            });
        }
        // Anthropic's upstreams tell the usage of a stream unasked.
        if self.dialect == Dialect::OpenaiChat && self.stream && !self.wants_usage_chunk {
            edits.push(openai_chat::request::ask_for_usage(
                body,
                self.stream_options_at.clone(),
                self.end_at,
            ));
        }
        splice(body, edits)
    }
}

fn read_model(value: &[u8]) -> Result<String, RequestError> {
    const WRONG: RequestError = RequestError::Wrong {
        field: "model",
        expected: "a model's name as a string",
    };
    let name = json::decode_string(value).ok_or(WRONG)?;
    if name.is_empty() || name.len() > MAX_MODEL_LEN || name.chars().any(char::is_control) {
        return Err(WRONG);
    }
    Ok(name.into_owned())
}

fn read_limit(
    body: &[u8],
    at: Option<Range<usize>>,
    field: &'static str,
) -> Result<Option<u64>, RequestError> {
    match at.map(|at| &body[at]) {
        None | Some(b"null") => Ok(None),
        Some(digits) => serde_json::from_slice(digits)
            .map(Some)
            .map_err(|_| RequestError::Wrong {
                field,
                expected: "a whole number of tokens",
            }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(dialect: Dialect, body: &str) -> Result<RequestHead, RequestError> {
        RequestHead::read(dialect, body.as_bytes())
    }

    fn sent(dialect: Dialect, body: &str, model: &str) -> String {
        let head = read(dialect, body).expect("a valid request");
        let bytes = head
            .forward(&Bytes::from(body.to_owned()), model)
            .into_bytes();
        String::from_utf8(bytes.to_vec()).expect("UTF-8")
    }

    #[test]
    fn only_the_model_changes_and_nothing_is_serialised_again() {
        let body = r#"{ "messages" : [ {"role":"user","content":"h\u00e9"} ],  "model":"gpt-4o" , "unknown":{"a":1.0e0} }"#;
        assert_eq!(
            sent(Dialect::OpenaiChat, body, "up/stream\"x"),
            body.replace("\"gpt-4o\"", r#""up/stream\"x""#)
        );
        assert_eq!(sent(Dialect::OpenaiChat, body, "gpt-4o"), body);
        assert_eq!(sent(Dialect::AnthropicMessages, body, "gpt-4o"), body);
    }

    #[test]
    fn a_stream_is_asked_for_its_usage() {
        let cases = [
            (
                r#"{"model":"m","messages":[],"stream":true}"#,
                r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}"#,
            ),
            (
                r#"{"model":"m","stream_options":null,"messages":[],"stream":true}"#,
                r#"{"model":"m","stream_options":{"include_usage":true},"messages":[],"stream":true}"#,
            ),
            (
                r#"{"model":"m","stream_options":{},"messages":[],"stream":true}"#,
                r#"{"model":"m","stream_options":{"include_usage":true},"messages":[],"stream":true}"#,
            ),
            (
                r#"{"model":"m","stream_options":{"x":1},"messages":[],"stream":true}"#,
                r#"{"model":"m","stream_options":{"include_usage":true,"x":1},"messages":[],"stream":true}"#,
            ),
            (
                r#"{"model":"m","stream_options":{"x":1,"include_usage":false},"messages":[],"stream":true}"#,
                r#"{"model":"m","stream_options":{"x":1,"include_usage":true},"messages":[],"stream":true}"#,
            ),
        ];
        for (body, expected) in cases {
            assert_eq!(sent(Dialect::OpenaiChat, body, "m"), expected);
            assert!(
                !read(Dialect::OpenaiChat, body)
                    .expect("valid")
                    .wants_usage_chunk
            );
        }
        let asked =
            r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}"#;
        assert_eq!(sent(Dialect::OpenaiChat, asked, "m"), asked);
        assert!(
            read(Dialect::OpenaiChat, asked)
                .expect("valid")
                .wants_usage_chunk
        );
        let plain = r#"{"model":"m","messages":[]}"#;
        assert_eq!(sent(Dialect::OpenaiChat, plain, "m"), plain);
    }

    #[test]
    fn what_cannot_be_routed_says_why() {
        let cases = [
            (
                "{",
                "the request body is not valid JSON: expected a key in double quotes at line 1, column 2, where the body ends",
            ),
            (
                "[]",
                "the request body is not valid JSON: expected a JSON object at line 1, column 1, where something else stands",
            ),
            (r#"{"messages":[]}"#, "model: this field is required"),
            (r#"{"model":"m"}"#, "messages: this field is required"),
            (
                r#"{"model":7,"messages":[]}"#,
                "model: expected a model's name as a string",
            ),
            (
                r#"{"model":"","messages":[]}"#,
                "model: expected a model's name as a string",
            ),
            (
                r#"{"model":"m","messages":"hi"}"#,
                "messages: expected an array of messages",
            ),
            (
                r#"{"model":"m","messages":[],"stream":"yes"}"#,
                "stream: expected true or false",
            ),
            (
                r#"{"model":"m","messages":[],"max_tokens":-1}"#,
                "max_tokens: expected a whole number of tokens",
            ),
            (
                r#"{"model":"m","messages":[],"stream_options":[]}"#,
                "stream_options: expected an object",
            ),
            (
                r#"{"model":"a","messages":[],"model":"b"}"#,
                "model: this field stands twice",
            ),
            (
                r#"{"model":"a","messages":[],"mode\u006c":"b"}"#,
                "model: this field stands twice",
            ),
        ];
        for (body, message) in cases {
            assert_eq!(
                read(Dialect::OpenaiChat, body).map_err(|e| e.to_string()),
                Err(message.to_owned()),
                "{body}"
            );
        }
    }

    proptest! {
        /// Whatever else a request holds arrives upstream as it was sent.
        #[test]
        fn other_members_survive(extra in prop::collection::btree_map("x_[a-z]{1,8}", any::<String>(), 0..5), stream in any::<bool>(), model in "[a-z0-9./:-]{1,20}", upstream in any::<String>()) {
            let mut body = json!({"model": model, "messages": [{"role": "user", "content": "hi"}], "stream": stream});
            for (key, value) in extra {
                body[key] = Value::from(value);
            }
            for dialect in [Dialect::OpenaiChat, Dialect::AnthropicMessages] {
                let mut got: Value = serde_json::from_str(&sent(dialect, &body.to_string(), &upstream)).expect("still JSON");
                prop_assert_eq!(got["model"].take(), Value::from(upstream.clone()));
                got["model"] = Value::from(model.clone());
                if let Some(options) = got.as_object_mut().and_then(|o| o.remove("stream_options")) {
                    let asked = json!({"include_usage": true});
                    prop_assert!(stream && dialect == Dialect::OpenaiChat);
                    prop_assert_eq!(options, asked);
                }
                prop_assert_eq!(&got, &body);
            }
        }
    }
}
