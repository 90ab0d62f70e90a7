//! One event as bytes. Every event has its name on a line of its own, which the Python SDK reads and no
//! agent does without.

use crate::write::{self, ObjectWriter};

/// What a delta adds to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field {
    Text,
    Thinking,
    Signature,
    Input,
}

impl Field {
    pub(super) const fn delta(self) -> &'static str {
        match self {
            Self::Text => "text_delta",
            Self::Thinking => "thinking_delta",
            Self::Signature => "signature_delta",
            Self::Input => "input_json_delta",
        }
    }

    pub(super) const fn member(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Thinking => "thinking",
            Self::Signature => "signature",
            Self::Input => "partial_json",
        }
    }
}

pub(super) fn ping(out: &mut Vec<u8>) {
    named(out, "ping", |_| {});
}

/// Appends an event of which `fill` writes what stands behind the type.
pub(super) fn named(
    out: &mut Vec<u8>,
    name: &'static str,
    fill: impl FnOnce(&mut ObjectWriter<'_>),
) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    write::object(out, |o| {
        o.put("type", name);
        fill(o);
    });
    out.extend_from_slice(b"\n\n");
}
