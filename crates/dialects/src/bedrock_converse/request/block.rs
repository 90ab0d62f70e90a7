//! Converse's content blocks, as far as a request has them, and how each is written.

use std::borrow::Cow;

use super::{HERE, media::Source};
use crate::{
    bedrock_converse::model::Family,
    ir::{CacheMark, Feature, Losses, Refused},
    node::Json,
    write::{ArrayWriter, ObjectWriter},
};

/// One block. A block of a message, of the system prompt or of a tool's result; which of them may hold
/// what is for those who make them.
#[derive(Clone, Debug, PartialEq)]
pub enum Block<'r> {
    /// Never blank, except inside a tool's result.
    Text(Cow<'r, str>),
    Image {
        format: &'static str,
        source: Source<'r>,
    },
    Document {
        format: &'static str,
        name: String,
        source: Source<'r>,
        context: Option<&'r str>,
        citations: Option<bool>,
    },
    Audio {
        format: &'static str,
        source: Source<'r>,
    },
    Video {
        format: &'static str,
        source: Source<'r>,
    },
    ToolUse {
        id: String,
        name: String,
        /// A JSON object.
        input: Json,
    },
    ToolResult {
        id: String,
        content: Vec<Block<'r>>,
        is_error: bool,
    },
    Reasoning {
        text: &'r str,
        signature: &'r str,
    },
    /// Base64.
    Redacted(&'r str),
    CachePoint {
        ttl: Option<&'r str>,
    },
}

impl Block<'_> {
    /// Whether it is what the model thought.
    #[must_use]
    pub fn is_reasoning(&self) -> bool {
        matches!(self, Self::Reasoning { .. } | Self::Redacted(_))
    }

    /// Appends the block to a list.
    pub fn write(&self, list: &mut ArrayWriter<'_>) {
        list.object(|o| self.fill(o));
    }

    fn fill(&self, o: &mut ObjectWriter<'_>) {
        match self {
            Self::Text(text) => o.put("text", text),
            Self::Image { format, source } => o.object("image", |o| media(o, format, source)),
            Self::Audio { format, source } => o.object("audio", |o| media(o, format, source)),
            Self::Video { format, source } => o.object("video", |o| media(o, format, source)),
            Self::Document {
                format,
                name,
                source,
                context,
                citations,
            } => o.object("document", |o| {
                o.put("name", name);
                media(o, format, source);
                o.opt("context", *context);
                if let Some(enabled) = citations {
                    o.object("citations", |o| o.put("enabled", enabled));
                }
            }),
            Self::ToolUse { id, name, input } => o.object("toolUse", |o| {
                o.put("toolUseId", id);
                o.put("name", name);
                o.raw("input", input);
            }),
            Self::ToolResult {
                id,
                content,
                is_error,
            } => o.object("toolResult", |o| {
                o.put("toolUseId", id);
                o.array("content", |a| {
                    content.iter().for_each(|block| block.write(a))
                });
                // Success is what nothing said means; models that know no status get none that way.
                if *is_error {
                    o.put("status", "error");
                }
            }),
            Self::Reasoning { text, signature } => o.object("reasoningContent", |o| {
                o.object("reasoningText", |o| {
                    o.put("text", text);
                    o.put("signature", signature);
                });
            }),
            Self::Redacted(data) => {
                o.object("reasoningContent", |o| o.put("redactedContent", data));
            }
            Self::CachePoint { ttl } => o.object("cachePoint", |o| {
                o.put("type", "default");
                o.opt("ttl", *ttl);
            }),
        }
    }
}

fn media(o: &mut ObjectWriter<'_>, format: &str, source: &Source<'_>) {
    o.put("format", format);
    o.object("source", |o| source.fill(o));
}

/// Appends the cache point of a mark behind what it marks. There is none behind nothing, none twice,
/// and none behind reasoning, where the service refuses it.
pub fn push_cache<'r>(blocks: &mut Vec<Block<'r>>, mark: Option<&'r CacheMark>, ttl: bool) {
    let Some(mark) = mark else { return };
    let follows = blocks
        .last()
        .is_some_and(|b| !b.is_reasoning() && !matches!(b, Block::CachePoint { .. }));
    if follows {
        blocks.push(Block::CachePoint {
            ttl: mark.ttl.as_deref().filter(|_| ttl),
        });
    }
}

/// Whether the time of a mark can be sent; only Claude models know any.
pub fn cache_ttl(family: Family, mark: &CacheMark, losses: &mut Losses) -> Result<bool, Refused> {
    let known = matches!(mark.ttl.as_deref(), None | Some("5m" | "1h"));
    if known && family.claude().is_some() {
        return Ok(true);
    }
    // Five minutes is what everybody's cache lives for anyway.
    if mark.ttl.as_deref().is_some_and(|ttl| ttl != "5m") {
        losses.cannot(Feature::CacheTtl, HERE, None)?;
    }
    Ok(false)
}
