//! A turn as a member of `messages`. What stands in it has been admitted and put in order before.

use super::{
    super::block,
    answers::NO_RESULT,
    turns::{Block, Side, Turn},
};
use crate::{
    ir::{Part, Proof, names::NameRule},
    node::Json,
    write::ArrayWriter,
};

/// Appends a turn.
pub(super) fn write(a: &mut ArrayWriter<'_>, turn: &Turn<'_>) {
    a.object(|o| {
        let role = match turn.side {
            Side::User => "user",
            Side::Assistant => "assistant",
            Side::System => "system",
        };
        o.put("role", role);
        let is_setting = |block: &&Block<'_>| turn.side == Side::System && setting(block).is_some();
        o.array("content", |a| {
            let blocks = turn.blocks.iter();
            blocks
                .filter(|b| !is_setting(b))
                .for_each(|b| write_block(a, b));
        });
        for (name, value) in turn.blocks.iter().filter(is_setting).filter_map(setting) {
            o.raw(name, value);
        }
    });
}

/// A member of a system message beside its content, which is kept as a block; see
/// [`super::decode()`]. A block's own value names its type.
fn setting<'r>(block: &Block<'r>) -> Option<(&'r str, &'r Json)> {
    let Block::Part(Part::Opaque { kind, value, .. }) = block else {
        return None;
    };
    let own = value
        .node()
        .object()
        .ok()
        .and_then(|mut o| o.string("type").ok().flatten());
    (own.as_ref() != Some(kind)).then_some((kind, value))
}

fn write_block(a: &mut ArrayWriter<'_>, block: &Block<'_>) {
    match block {
        Block::Part(part) => write_part(a, part),
        Block::Text(text) => block::text(a, text, &[], None),
        Block::Call { id, part, .. } => {
            if let Part::ToolCall {
                name,
                arguments,
                kind,
                cache,
                ..
            } = part
            {
                let name = NameRule::LONG.fit(name);
                let input = block::input(arguments, *kind);
                block::call(a, id, &name, &input, cache.as_ref());
            }
        }
        Block::Result {
            id, parts, part, ..
        } => {
            let Part::ToolResult {
                is_error, cache, ..
            } = part
            else {
                return;
            };
            a.object(|o| {
                o.put("type", "tool_result");
                o.put("tool_use_id", id);
                match parts.as_slice() {
                    [] => {}
                    [
                        Part::Text {
                            text,
                            citations,
                            cache: None,
                        },
                    ] if citations.is_empty() => {
                        o.put("content", text);
                    }
                    several => o.array("content", |a| {
                        several.iter().for_each(|part| write_part(a, part));
                    }),
                }
                if *is_error {
                    o.put("is_error", &true);
                }
                block::cache(o, cache.as_ref());
            });
        }
        Block::NoResult { id } => a.object(|o| {
            o.put("type", "tool_result");
            o.put("tool_use_id", id);
            o.put("content", NO_RESULT);
            o.put("is_error", &true);
        }),
    }
}

fn write_part(a: &mut ArrayWriter<'_>, part: &Part) {
    match part {
        Part::Text {
            text,
            citations,
            cache,
        } => {
            let ours: Vec<_> = citations
                .iter()
                .filter(|c| block::is_location(c))
                .cloned()
                .collect();
            block::text(a, text, &ours, cache.as_ref());
        }
        Part::Refusal(text) => block::text(a, text, &[], None),
        Part::Image(media) => block::image(a, media),
        Part::Document(media) => block::document(a, media),
        // Encrypted, it says nothing that could be read beside it.
        Part::Thinking {
            proof: Some(Proof::Redacted(data)),
            ..
        } => a.object(|o| block::redacted(o, data)),
        Part::Thinking { text, proof } => block::thinking(a, text, proof.as_ref()),
        Part::Opaque { value, .. } => a.raw(value),
        // Not admitted, or blocks of their own.
        Part::Audio(_) | Part::Video(_) | Part::ToolCall { .. } | Part::ToolResult { .. } => {}
    }
}
