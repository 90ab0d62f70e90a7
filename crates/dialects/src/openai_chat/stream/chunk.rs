//! The frame of a chunk: what all chunks of a stream begin with is written once and copied.

use domain::TokenUsage;

use crate::{
    openai_chat::usage::write_usage,
    translate::ClientContext,
    write::{self, ObjectWriter},
};

/// Writes the chunks of one stream.
#[derive(Debug)]
pub(crate) struct Chunks {
    /// Up to `choices`; empty before the stream has begun.
    head: Vec<u8>,
    wants_usage: bool,
}

impl Chunks {
    pub(crate) const fn new(client: &ClientContext) -> Self {
        Self {
            head: Vec::new(),
            wants_usage: client.wants_usage,
        }
    }

    /// Begins the stream, unless it has begun. `fill` writes the members that never change.
    pub(crate) fn begin(&mut self, fill: impl FnOnce(&mut ObjectWriter<'_>)) {
        if !self.head.is_empty() {
            return;
        }
        self.head.extend_from_slice(b"data: ");
        write::object(&mut self.head, fill);
        // The object goes on with its choices.
        self.head.pop();
        self.head.extend_from_slice(b",\"choices\":");
    }

    /// A chunk with one choice.
    pub(crate) fn choice(&self, out: &mut Vec<u8>, fill: impl FnOnce(&mut ObjectWriter<'_>)) {
        out.extend_from_slice(&self.head);
        out.push(b'[');
        write::object(out, fill);
        out.push(b']');
        if self.wants_usage {
            out.extend_from_slice(b",\"usage\":null");
        }
        out.extend_from_slice(b"}\n\n");
    }

    /// The chunk with the usage, for a client that wants it, and the end of the stream.
    pub(crate) fn end(&self, usage: Option<&TokenUsage>, out: &mut Vec<u8>) {
        if let Some(tokens) = usage.filter(|_| self.wants_usage) {
            out.extend_from_slice(&self.head);
            out.extend_from_slice(b"[],\"usage\":");
            write::object(out, |o| write_usage(tokens, o));
            out.extend_from_slice(b"}\n\n");
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}
