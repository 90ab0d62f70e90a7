//! What the byte pass-through needs of an event: whether something was said, the usage, the end.

use std::ops::Range;

use bytes::Bytes;

use crate::{
    json::{self, ScanError},
    openai_responses::error::status_of_code,
    stream::{self, EventFacts, StreamFailure, count_strings, values},
};

/// Keys whose strings are the model's output; what they hold is counted when no usage arrives.
const CONTENT_KEYS: [&[u8]; 5] = [
    br#""content""#,
    br#""arguments""#,
    br#""reasoning_content""#,
    br#""reasoning""#,
    br#""refusal""#,
];

/// What the router needs of one event's data.
///
/// # Errors
/// The data is not a JSON object.
pub fn read_event(data: &[u8]) -> Result<EventFacts, ScanError> {
    read(data, &CONTENT_KEYS)
}

/// The same for a dialect whose chunks keep the model's output under other `keys`.
pub(crate) fn read(data: &[u8], keys: &[&[u8]]) -> Result<EventFacts, ScanError> {
    let mut facts = EventFacts::default();
    if data == b"[DONE]" {
        facts.terminal = true;
        return Ok(facts);
    }
    let mut choices: Option<Range<usize>> = None;
    for member in json::members(data) {
        let member = member?;
        match &*member.key {
            "model" => facts.model_at = Some(member.value),
            "choices" => choices = Some(member.value),
            "usage" => facts.usage = super::super::usage::usage(&data[member.value]),
            "service_tier" => facts.tier = stream::tier(&data[member.value]),
            "error" if &data[member.value.clone()] != b"null" => {
                facts.failure = Some(failure(&data[member.value]));
            }
            _ => {}
        }
    }
    let choices = choices.map_or(&b""[..], |at| &data[at]);
    facts.content_bytes = count_strings(choices, keys);
    // A role without content opens a stream; nothing has been said yet.
    let begins = |key: &[u8], with: &[u8]| values(choices, key).any(|v| v.starts_with(with));
    facts.finished = begins(br#""finish_reason""#, b"\"");
    facts.content = facts.content_bytes > 0 || facts.finished || begins(br#""tool_calls""#, b"[{");
    // OpenAI's usage chunk has empty choices, that of other servers a choice that says nothing.
    facts.usage_only = facts.usage.is_some() && !facts.content && !begins(br#""role""#, b"\"");
    Ok(facts)
}

fn failure(error: &[u8]) -> StreamFailure {
    let field = |name: &str| {
        json::members(error)
            .map_while(Result::ok)
            .find(|member| member.key == name)
            .and_then(|member| json::decode_string(&error[member.value]).map(|s| s.into_owned()))
    };
    // Some servers give the status as the code, others a word.
    let number = json::members(error)
        .map_while(Result::ok)
        .find(|member| member.key == "code")
        .and_then(|member| serde_json::from_slice(&error[member.value]).ok());
    let word = || field("code").or_else(|| field("type"));
    let status = number.or_else(|| Some(status_of_code(&word()?)));
    StreamFailure {
        status,
        message: field("message")
            .or_else(|| json::decode_string(error).map(|s| s.into_owned()))
            .unwrap_or_else(|| "the upstream sent an error".to_owned()),
    }
}

/// A typed error event, and the end of the stream: what a client gets when the upstream breaks off.
/// OpenAI's SDKs raise on a `data:` whose object has an `error`.
#[must_use]
pub fn error_event(body: &[u8]) -> Bytes {
    [&b"data: "[..], body, b"\n\n"].concat().into()
}
