//! Streams of Chat Completions tell their usage only when asked to: the router always asks, and
//! keeps the answer from a client that did not.

use std::ops::Range;

use bytes::Bytes;

use crate::{RequestError, json, splice::Edit};

const WRONG: RequestError = RequestError::Wrong {
    field: "stream_options",
    expected: "an object",
};

/// Whether `stream_options` asks for usage.
///
/// # Errors
/// It is neither an object nor null.
pub fn include_usage(options: &[u8]) -> Result<bool, RequestError> {
    if options == b"null" {
        return Ok(false);
    }
    let mut asked = false;
    for member in json::members(options) {
        let member = member.map_err(|_| WRONG)?;
        if member.key == "include_usage" {
            asked = &options[member.value] == b"true";
        }
    }
    Ok(asked)
}

/// The edit that turns `include_usage` on, wherever `stream_options` stands in `body`.
pub(crate) fn ask_for_usage(body: &Bytes, options_at: Option<Range<usize>>, end_at: usize) -> Edit {
    const WHOLE: &[u8] = br#"{"include_usage":true}"#;
    let Some(at) = options_at else {
        return Edit {
            at: end_at..end_at,
            with: Bytes::from_static(br#","stream_options":{"include_usage":true}"#),
        };
    };
    let options = &body[at.clone()];
    // The last one counts, should it stand twice: that is the one that was read.
    let present = json::members(options)
        .map_while(Result::ok)
        .filter(|member| member.key == "include_usage")
        .last();
    match present {
        Some(member) => Edit {
            at: at.start + member.value.start..at.start + member.value.end,
            with: Bytes::from_static(b"true"),
        },
        None if json::members(options).any(|member| member.is_ok()) => Edit {
            at: at.start + 1..at.start + 1,
            with: Bytes::from_static(br#""include_usage":true,"#),
        },
        None => Edit {
            at,
            with: Bytes::from_static(WHOLE),
        },
    }
}
