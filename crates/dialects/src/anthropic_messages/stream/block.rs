//! A content block of a stream between its start and its stop: what its deltas say, and what has to be
//! put together until it ends.

use crate::{
    ir::{Delta, Event, PartAt},
    node::{Json, Object},
    stream::BrokenEvent,
    write,
};

#[derive(Debug)]
pub(super) struct Block {
    pub index: u64,
    pub kind: BlockKind,
}

#[derive(Debug)]
pub(super) enum BlockKind {
    Text(PartAt),
    Thinking {
        at: PartAt,
        signature: String,
    },
    /// Its proof has been told.
    Redacted(PartAt),
    Call {
        at: PartAt,
        /// The input that came with the start, for servers that send it there.
        input: Option<String>,
        any: bool,
    },
    /// Put together until it ends: a server tool's call gets its input bit by bit.
    Opaque {
        kind: String,
        value: Json,
        input: String,
        content: Option<Json>,
    },
}

impl Block {
    /// Reads a delta of the type `kind`. One that belongs into no such block is passed over.
    ///
    /// # Errors
    /// It lacks what its type calls for.
    pub(super) fn delta(
        &mut self,
        kind: &str,
        mut delta: Object<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), BrokenEvent> {
        match (kind, &mut self.kind) {
            ("text_delta", BlockKind::Text(at)) => {
                push_text(*at, delta.need("text")?.owned()?, Delta::Text, out);
            }
            ("citations_delta", BlockKind::Text(at)) => {
                let delta = Delta::Citation(delta.need("citation")?.json());
                out.push(Event::Delta { at: *at, delta });
            }
            ("thinking_delta", BlockKind::Thinking { at, .. }) => {
                let text = delta.string("thinking")?.unwrap_or_default();
                push_text(*at, text, Delta::Thinking, out);
            }
            // It comes whole; the SDKs too take the last one for it.
            ("signature_delta", BlockKind::Thinking { signature, .. }) => {
                *signature = delta.need("signature")?.owned()?;
            }
            ("input_json_delta", BlockKind::Call { at, any, .. }) => {
                let json = delta.string("partial_json")?.unwrap_or_default();
                *any |= !json.is_empty();
                push_text(*at, json, Delta::Arguments, out);
            }
            ("input_json_delta", BlockKind::Opaque { input, .. }) => {
                input.push_str(&delta.string("partial_json")?.unwrap_or_default());
            }
            ("compaction_delta", BlockKind::Opaque { content, .. }) => {
                *content = delta.json("content");
            }
            _ => {}
        }
        Ok(())
    }
}

pub(super) fn push_text(
    at: PartAt,
    text: String,
    delta: fn(String) -> Delta,
    out: &mut Vec<Event>,
) {
    if !text.is_empty() {
        let delta = delta(text);
        out.push(Event::Delta { at, delta });
    }
}

pub(super) fn is_empty_object(text: &str) -> bool {
    text.bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .eq(*b"{}")
}

/// A block with what came after its start put in its place.
pub(super) fn whole(value: Json, input: &str, content: Option<Json>) -> Json {
    let input = Json::parse(input).ok();
    if input.is_none() && content.is_none() {
        return value;
    }
    let Ok(members) = value.node().object() else {
        return value;
    };
    write::object_json(|o| {
        for (key, member) in members.rest() {
            let later = match key.as_str() {
                "input" => input.is_some(),
                "content" => content.is_some(),
                _ => false,
            };
            if !later {
                o.raw(&key, &member);
            }
        }
        o.opt_raw("input", input.as_ref());
        o.opt_raw("content", content.as_ref());
    })
}
