//! Blocks of Anthropic's that are text at heart, as text for the upstreams of other dialects. Towards
//! Anthropic they stay the blocks that they are.

use std::borrow::Cow;

use domain::Dialect;

use crate::{
    ir::{Feature, MediaSource, Part},
    node::{Json, Mismatch},
};

/// What a client found and hands to the model, in words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SearchResult {
    /// Title, source and texts.
    pub text: String,
    /// What was asked about the block and words cannot carry.
    pub lost: Vec<Feature>,
}

/// Reads a `search_result` block; `None`: it is another part, or not what such a block looks like.
pub(crate) fn search_result(part: &Part) -> Option<SearchResult> {
    match part {
        Part::Opaque {
            family: Dialect::AnthropicMessages,
            kind,
            value,
        } if kind == "search_result" => read(value).ok().filter(|found| !found.text.is_empty()),
        _ => None,
    }
}

fn read(value: &Json) -> Result<SearchResult, Mismatch> {
    let mut block = value.node().object()?;
    let head: Vec<String> = [block.string("title")?, block.string("source")?]
        .into_iter()
        .flatten()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let mut paragraphs = vec![head.join("\n")];
    for text in block.array("content")? {
        paragraphs.extend(text.object()?.string("text")?);
    }
    paragraphs.retain(|text| !text.trim().is_empty());
    let mut lost = Vec::new();
    if let Some(mut citations) = block.object("citations")?
        && citations.bool("enabled")? == Some(true)
    {
        lost.push(Feature::Citations);
    }
    if block.take("cache_control").is_some() {
        lost.push(Feature::CacheMarks);
    }
    Ok(SearchResult {
        text: paragraphs.join("\n\n"),
        lost,
    })
}

/// A document that is text or made of texts, as one text.
pub(crate) fn document(source: &MediaSource) -> Option<Cow<'_, str>> {
    match source {
        MediaSource::Text(text) => Some(Cow::Borrowed(text)),
        MediaSource::Other {
            family: Dialect::AnthropicMessages,
            value,
        } => texts(value).map(|texts| Cow::Owned(texts.join("\n\n"))),
        _ => None,
    }
}

/// The texts of a document whose source is content; `None` where some are no text.
pub(crate) fn texts(source: &Json) -> Option<Vec<String>> {
    let content = source.node().object().ok()?.take("content")?;
    let texts = match content.string() {
        Ok(text) => vec![text.into_owned()],
        Err(_) => content
            .array()
            .ok()?
            .iter()
            .map(|block| block.object().ok()?.string("text").ok().flatten())
            .collect::<Option<Vec<_>>>()?,
    };
    Some(
        texts
            .into_iter()
            .filter(|text| !text.trim().is_empty())
            .collect(),
    )
}
