//! A stream of Responses events: every item and every part of it begins, grows and is done, under
//! numbers that count up, and the last event repeats the whole answer.

mod decode;
mod encode;
mod open_item;
mod upstream_item;
mod upstream_part;
mod writer;

use bytes::Bytes;

pub use decode::Decoder;
pub use encode::Encoder;

use crate::{
    json::{self, ScanError},
    stream::{self, EventFacts, StreamFailure},
};

/// What the router needs of one event's data while it hands it on.
///
/// # Errors
/// The data is not a JSON object.
pub fn read_event(data: &[u8]) -> Result<EventFacts, ScanError> {
    let mut facts = EventFacts::default();
    if data == b"[DONE]" {
        return Ok(facts);
    }
    let mut kind = None;
    let [mut response, mut delta, mut item, mut error, mut message] = [const { None }; 5];
    for member in json::members(data) {
        let member = member?;
        match &*member.key {
            "type" => kind = json::decode_string(&data[member.value]),
            "response" => response = Some(member.value),
            "delta" => delta = Some(member.value),
            "item" => item = Some(member.value),
            "error" => error = Some(member.value),
            "message" => message = Some(member.value),
            _ => {}
        }
    }
    let kind = kind.as_deref().unwrap_or_default();
    if let Some(at) = response {
        for member in json::members(&data[at.clone()]) {
            let member = member?;
            let value = at.start + member.value.start..at.start + member.value.end;
            match &*member.key {
                "model" if data[value.clone()].starts_with(b"\"") => facts.model_at = Some(value),
                "usage" => facts.usage = super::response::usage(&data[value]),
                "service_tier" => facts.tier = stream::tier(&data[value]),
                "error" if data[value.clone()].starts_with(b"{") => error = Some(value),
                _ => {}
            }
        }
    }
    match kind {
        "response.completed" | "response.incomplete" => {
            (facts.finished, facts.terminal, facts.content) = (true, true, true);
            facts.final_usage = facts.usage.is_some();
            if let Some(usage) = &mut facts.usage {
                usage.searches = super::response::searches(data);
            }
        }
        "response.failed" | "error" => {
            facts.terminal = kind == "response.failed";
            facts.final_usage = facts.usage.is_some();
            let place = error.or(message);
            facts.failure = Some(failure(place.map_or(&b""[..], |at| &data[at])));
        }
        "response.output_item.added" => {
            // Words and thoughts open empty; any other item already says something.
            let empty: [&[u8]; 2] = [br#""message""#, br#""reasoning""#];
            let kind = item.and_then(|at| member_of(&data[at], "type"));
            facts.content = !kind.is_some_and(|kind| empty.contains(&kind));
        }
        "response.created"
        | "response.in_progress"
        | "response.queued"
        | "response.content_part.added"
        | "response.reasoning_summary_part.added"
        | "keepalive" => {}
        kind => {
            facts.content = kind.starts_with("response.");
            if kind.ends_with(".delta")
                && let Some(at) = delta
            {
                facts.content_bytes = at.len().saturating_sub(2);
            }
        }
    }
    Ok(facts)
}

fn member_of<'t>(object: &'t [u8], name: &str) -> Option<&'t [u8]> {
    let member = json::members(object)
        .map_while(Result::ok)
        .find(|member| member.key == name)?;
    object.get(member.value)
}

fn failure(error: &[u8]) -> StreamFailure {
    let text = |value: &[u8]| json::decode_string(value).map(|s| s.into_owned());
    StreamFailure {
        status: member_of(error, "code")
            .and_then(text)
            .map(|code| super::error::status_of_code(&code)),
        message: member_of(error, "message")
            .and_then(text)
            .or_else(|| text(error))
            .unwrap_or_else(|| "the upstream sent an error".to_owned()),
    }
}

/// A typed error event, and the end of the stream: what a client gets when the upstream of a stream
/// that is only handed on breaks off. `body` is that of an error response; OpenAI's SDKs raise on an
/// event whose data has an `error`.
#[must_use]
pub fn error_event(body: &[u8]) -> Bytes {
    let inner = member_of(body, "error").unwrap_or(b"null");
    [
        &b"event: error\ndata: {\"type\":\"error\",\"error\":"[..],
        inner,
        b"}\n\n",
    ]
    .concat()
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data: &str) -> EventFacts {
        read_event(data.as_bytes()).expect("readable")
    }

    #[test]
    fn an_answer_begins_with_its_first_words() {
        let cases = [
            (
                r#"{"type":"response.created","response":{"model":"up","usage":null}}"#,
                false,
            ),
            (
                r#"{"type":"response.output_item.added","item":{"type":"message","content":[]}}"#,
                false,
            ),
            (
                r#"{"type":"response.output_item.added","item":{"type":"reasoning"}}"#,
                false,
            ),
            (
                r#"{"type":"response.output_item.added","item":{"type":"function_call","name":"f"}}"#,
                true,
            ),
            (r#"{"type":"response.content_part.added","part":{}}"#, false),
            (
                r#"{"type":"response.output_text.delta","delta":"ab"}"#,
                true,
            ),
            (r#"{"type":"response.output_item.done","item":{}}"#, true),
            (r#"{"type":"keepalive","sequence_number":3}"#, false),
        ];
        for (data, content) in cases {
            assert_eq!(read(data).content, content, "{data}");
        }
        let delta = read(r#"{"type":"response.function_call_arguments.delta","delta":"12345"}"#);
        assert_eq!(delta.content_bytes, 5);
    }

    #[test]
    fn the_last_event_tells_the_usage_and_the_model_is_found_inside() {
        let data = r#"{"type":"response.completed","response":{"id":"r","model":"up","usage":{"input_tokens":9,"output_tokens":2}}}"#;
        let facts = read(data);
        assert_eq!(facts.usage.map(|u| (u.input, u.output)), Some((9, 2)));
        assert!(facts.terminal && facts.finished && facts.final_usage);
        assert_eq!(facts.model_at.map(|at| &data[at]), Some("\"up\""));
        assert!(read(r#"{"type":"response.incomplete","response":{}}"#).terminal);
        assert!(!read("[DONE]").terminal);
    }

    #[test]
    fn failures_are_noticed_in_each_of_their_forms() {
        let cases = [
            r#"{"type":"error","message":"broke","code":"server_error"}"#,
            r#"{"type":"error","error":{"message":"broke"}}"#,
            r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"broke"}}}"#,
        ];
        for data in cases {
            let failure = read(data).failure.map(|f| f.message);
            assert_eq!(failure.as_deref(), Some("broke"), "{data}");
        }
        assert!(read_event(b"{oops").is_err());
    }

    #[test]
    fn the_error_event_carries_the_error() {
        let event = error_event(br#"{"error":{"message":"gone","type":"x"}}"#);
        assert_eq!(
            event,
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"message\":\"gone\",\"type\":\"x\"}}\n\n"
        );
    }
}
