//! What the router reads of a request in any dialect, and how it is sent on.
//!
//! The members that differ between dialects are in their `request` modules; what they share is here.

use std::ops::Range;

use bytes::Bytes;
use domain::Dialect;
use smallvec::SmallVec;

use crate::{
    form, json,
    node::Mismatch,
    openai_chat,
    splice::{Edit, Edits, Pieces, cuts, splice},
    translate::Quirks,
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
    /// A value deeper inside is not what its place calls for.
    #[error("{0}")]
    Mismatch(Mismatch),
}

impl RequestError {
    /// The member that is wrong, for the `param` of an OpenAI error.
    #[must_use]
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Malformed(_) | Self::Mismatch(_) => None,
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
    model_at: Option<(Range<usize>, Quoting)>,
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
            mut prompt,
            mut max_tokens,
            mut max_completion,
            mut options,
        ] = [const { None }; 6];
        let limits = Limits::of(dialect);
        let mut members = json::members(body);
        for member in members.by_ref() {
            let member = member.map_err(|e| RequestError::Malformed(e.describe(body)))?;
            let (place, name) = match &*member.key {
                "model" => (&mut model, "model"),
                "stream" => (&mut stream, "stream"),
                key if key == limits.prompt => (&mut prompt, limits.prompt),
                key if Some(key) == limits.max_tokens => {
                    (&mut max_tokens, limits.max_tokens.unwrap_or_default())
                }
                "max_completion_tokens" if dialect == Dialect::OpenaiChat => {
                    (&mut max_completion, "max_completion_tokens")
                }
                "stream_options" if limits.usage_on_demand => (&mut options, "stream_options"),
                // What an answer uses that nobody waits for cannot be metered.
                "background"
                    if dialect == Dialect::OpenaiResponses
                        && &body[member.value.clone()] == b"true" =>
                {
                    return Err(RequestError::Wrong {
                        field: "background",
                        expected: "false; answers in the background are not offered",
                    });
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
        limits.check_prompt(prompt.map(|at| body[at.start]))?;
        // What is passed through is one answer to the router, whether or not it is made of events.
        let stream = dialect != Dialect::OpenaiMedia && read_flag(body, stream, "stream")?;
        let max_tokens = read_limit(body, max_tokens, limits.max_tokens.unwrap_or_default())?;
        let max_completion = read_limit(body, max_completion, "max_completion_tokens")?;
        let wants_usage_chunk = match &options {
            _ if !limits.usage_on_demand => true,
            None => false,
            Some(at) => openai_chat::request::include_usage(&body[at.clone()])?,
        };
        let end_at = memchr::memrchr(b'}', body).unwrap_or(body.len());
        Ok(Self {
            dialect,
            model,
            stream,
            max_output_tokens: max_completion.or(max_tokens),
            text_bytes,
            wants_usage_chunk,
            model_at: Some((model_at, Quoting::Json)),
            stream_options_at: options,
            end_at,
        })
    }

    /// Reads the head of a form (`multipart/form-data`), as uploads of recordings and pictures are.
    ///
    /// # Errors
    /// It is no such form, or names no model.
    pub fn read_form(boundary: &str, body: &[u8]) -> Result<Self, RequestError> {
        let at = form::field(boundary, body, "model")?.ok_or(RequestError::Missing("model"))?;
        let model = std::str::from_utf8(&body[at.clone()])
            .ok()
            .and_then(checked_model)
            .ok_or(WRONG_MODEL)?;
        Ok(Self {
            dialect: Dialect::OpenaiMedia,
            model,
            stream: false,
            max_output_tokens: None,
            text_bytes: 0,
            wants_usage_chunk: true,
            model_at: Some((at, Quoting::None)),
            stream_options_at: None,
            end_at: body.len(),
        })
    }

    /// The client's `body` as it goes to an upstream of the same dialect: the model by the upstream's
    /// name, usage asked for in streams, what the server is known not to take left out, all else as it
    /// came.
    #[must_use]
    pub fn forward(&self, body: &Bytes, upstream_model: &str, quirks: &Quirks) -> Pieces {
        let mut edits: Edits = SmallVec::new();
        if let Some((at, quoting)) = &self.model_at
            && self.model != upstream_model
        {
            let with = match quoting {
                Quoting::Json => json::encode_string(upstream_model).into(),
                Quoting::None => Bytes::copy_from_slice(upstream_model.as_bytes()),
            };
            edits.push(Edit {
                at: at.clone(),
                with,
            });
        }
        // Anthropic's upstreams and the Responses API tell the usage of a stream unasked.
        let usage_on_demand = Limits::of(self.dialect).usage_on_demand;
        if usage_on_demand
            && self.stream
            && !self.wants_usage_chunk
            && quirks.takes("stream_options")
        {
            edits.push(openai_chat::request::ask_for_usage(
                body,
                self.stream_options_at.clone(),
                self.end_at,
            ));
        }
        if !quirks.unsupported_params.is_empty() || !quirks.role_rewrites.is_empty() {
            quirk_edits(body, quirks, &mut edits);
        }
        splice(body, edits)
    }
}

/// How the model's name stands in the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quoting {
    Json,
    /// As it is, in a form.
    None,
}

/// What the heads of the dialects differ in.
struct Limits {
    /// The member that holds what is asked; empty where none is looked for.
    prompt: &'static str,
    max_tokens: Option<&'static str>,
    /// Streams tell their usage only when `stream_options` asks for it.
    usage_on_demand: bool,
}

impl Limits {
    const fn of(dialect: Dialect) -> Self {
        let (prompt, max_tokens, usage_on_demand) = match dialect {
            Dialect::OpenaiChat => ("messages", Some("max_tokens"), true),
            Dialect::OpenaiCompletions => ("prompt", Some("max_tokens"), true),
            Dialect::OpenaiResponses => ("input", Some("max_output_tokens"), false),
            Dialect::OpenaiEmbeddings => ("input", None, false),
            Dialect::OpenaiMedia => ("", None, false),
            Dialect::AnthropicMessages | Dialect::BedrockConverse => {
                ("messages", Some("max_tokens"), false)
            }
        };
        Self {
            prompt,
            max_tokens,
            usage_on_demand,
        }
    }

    /// `first` is the first byte of the prompt.
    fn check_prompt(&self, first: Option<u8>) -> Result<(), RequestError> {
        match (self.prompt, first) {
            // Responses may take their input from a stored prompt.
            ("" | "input", None) if self.max_tokens.is_some() || self.prompt.is_empty() => Ok(()),
            (_, None) => Err(RequestError::Missing(self.prompt)),
            ("messages", Some(b'[')) | ("" | "prompt" | "input", Some(b'[' | b'"')) => Ok(()),
            ("messages", Some(_)) => Err(RequestError::Wrong {
                field: "messages",
                expected: "an array of messages",
            }),
            (field, Some(_)) => Err(RequestError::Wrong {
                field,
                expected: "a string or an array",
            }),
        }
    }
}

/// Leaves out what the server does not take, and renames roles.
fn quirk_edits(body: &Bytes, quirks: &Quirks, edits: &mut Edits) {
    for cut in unsupported(body, quirks) {
        // What was to change inside a member that goes, goes with it.
        edits.retain(|edit| edit.at.end <= cut.start || cut.end <= edit.at.start);
        edits.push(Edit {
            at: cut,
            with: Bytes::new(),
        });
    }
    if quirks.role_rewrites.is_empty() {
        return;
    }
    for (at, role) in roles(body) {
        let renamed = quirks.role(&role);
        if renamed != role {
            edits.push(Edit {
                at,
                with: json::encode_string(renamed).into(),
            });
        }
    }
}

/// What to cut out so that the members go that the server does not take.
fn unsupported(body: &[u8], quirks: &Quirks) -> Vec<Range<usize>> {
    let members: Vec<json::Member<'_>> = json::members(body).map_while(Result::ok).collect();
    let spans: Vec<Range<usize>> = members.iter().map(|m| m.at..m.value.end).collect();
    cuts(&spans, |n| {
        members
            .get(n)
            .is_some_and(|member| member.key != "model" && !quirks.takes(&member.key))
    })
}

/// Where the roles of the messages stand, and what they are.
fn roles(body: &[u8]) -> Vec<(Range<usize>, String)> {
    let Some(messages) = json::member_at(body, &(0..body.len()), "messages") else {
        return Vec::new();
    };
    json::elements(body, messages)
        .into_iter()
        .filter_map(|message| {
            let at = json::member_at(body, &message, "role")?;
            let role = json::decode_string(&body[at.clone()])?.into_owned();
            Some((at, role))
        })
        .collect()
}

fn read_flag(
    body: &[u8],
    at: Option<Range<usize>>,
    field: &'static str,
) -> Result<bool, RequestError> {
    match at.map(|at| &body[at]) {
        None | Some(b"false" | b"null") => Ok(false),
        Some(b"true") => Ok(true),
        Some(_) => Err(RequestError::Wrong {
            field,
            expected: "true or false",
        }),
    }
}

const WRONG_MODEL: RequestError = RequestError::Wrong {
    field: "model",
    expected: "a model's name as a string",
};

fn checked_model(name: &str) -> Option<String> {
    let fits =
        !name.is_empty() && name.len() <= MAX_MODEL_LEN && !name.chars().any(char::is_control);
    fits.then(|| name.to_owned())
}

fn read_model(value: &[u8]) -> Result<String, RequestError> {
    json::decode_string(value)
        .and_then(|name| checked_model(&name))
        .ok_or(WRONG_MODEL)
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
            .forward(&Bytes::from(body.to_owned()), model, &Quirks::default())
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
            (
                r#"{"model":"m","stream_options":{"include_usage":true,"include_usage":false},"messages":[],"stream":true}"#,
                r#"{"model":"m","stream_options":{"include_usage":true,"include_usage":true},"messages":[],"stream":true}"#,
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
    fn what_a_server_does_not_take_is_cut_out_and_roles_are_renamed() {
        let quirks = Quirks {
            role_rewrites: vec![("developer".to_owned(), "system".to_owned())],
            unsupported_params: ["a", "b", "stream_options"].map(str::to_owned).to_vec(),
            ..Quirks::default()
        };
        let forwarded = |body: &str| {
            let head = read(Dialect::OpenaiChat, body).expect("a valid request");
            let bytes = head
                .forward(&Bytes::from(body.to_owned()), "up", &quirks)
                .into_bytes();
            String::from_utf8(bytes.to_vec()).expect("UTF-8")
        };
        assert_eq!(
            forwarded(
                r#"{"a":1, "b" : {"a":2},"model":"m","x":{"a":1},"messages":[ {"role":"developer","content":"a"},{"content":"b","role":"user"}],"stream":true,"a2":0,"b":[3]}"#
            ),
            r#"{"model":"up","x":{"a":1},"messages":[ {"role":"system","content":"a"},{"content":"b","role":"user"}],"stream":true,"a2":0}"#
        );
        assert_eq!(
            forwarded(
                r#"{"messages":[],"model":"m","stream":true,"stream_options":{"include_usage":false}}"#
            ),
            r#"{"messages":[],"model":"up","stream":true}"#
        );
    }

    #[test]
    fn each_dialect_has_a_prompt_of_its_own() {
        let limits = [
            (
                Dialect::OpenaiResponses,
                r#"{"model":"m","input":"hi","max_output_tokens":7,"max_tokens":9}"#,
                Some(7),
            ),
            (
                Dialect::OpenaiCompletions,
                r#"{"model":"m","prompt":["hi"],"max_tokens":7}"#,
                Some(7),
            ),
            (
                Dialect::OpenaiEmbeddings,
                r#"{"model":"m","input":[[1,2]],"max_tokens":7}"#,
                None,
            ),
            (Dialect::OpenaiMedia, r#"{"model":"m","stream":true}"#, None),
        ];
        for (dialect, body, limit) in limits {
            let head = read(dialect, body).expect(body);
            assert_eq!(head.max_output_tokens, limit, "{body}");
            assert!(!head.stream);
        }
        assert_eq!(
            read(Dialect::OpenaiEmbeddings, r#"{"model":"m"}"#),
            Err(RequestError::Missing("input"))
        );
        assert!(
            read(
                Dialect::OpenaiResponses,
                r#"{"model":"m","prompt":{"id":"p"}}"#
            )
            .is_ok()
        );
        assert!(read(Dialect::OpenaiResponses, r#"{"model":"m","input":{}}"#).is_err());
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
