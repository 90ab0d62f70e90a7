//! Content blocks as they are read, in requests and answers alike. What has no neutral form becomes
//! [`Part::Opaque`] and is never an error: new kinds of blocks appear every few months.

use domain::Dialect;

use crate::{
    ir::{CacheMark, Media, MediaSource, Part, Proof, ToolCallKind},
    node::{Json, Kind, Mismatch, Node, Object},
};

type Read<T> = Result<T, Mismatch>;

/// `content`: a text, or an array of blocks.
pub(super) fn parts(node: &Node<'_>) -> Read<Vec<Part>> {
    match node.kind() {
        Kind::String => Ok(vec![Part::text(node.string()?)]),
        Kind::Array => node.array()?.iter().map(part).collect(),
        _ => Err(node.expected("a string or an array of content blocks")),
    }
}

/// One block.
pub(super) fn part(node: &Node<'_>) -> Read<Part> {
    let mut block = node.object()?;
    let kind = block.need("type")?.string()?;
    Ok(match &*kind {
        "text" => Part::Text {
            text: block.need("text")?.owned()?,
            citations: citations(&mut block)?,
            cache: cache(&mut block)?,
        },
        "image" => Part::Image(Media {
            cache: cache(&mut block)?,
            ..Media::new(source(&mut block)?)
        }),
        "document" => Part::Document(document(block)?),
        "thinking" => {
            let text = block.string("thinking")?.unwrap_or_default();
            let signature = block.string("signature")?.unwrap_or_default();
            thinking(text, &signature)
        }
        "redacted_thinking" => redacted(block.need("data")?.owned()?),
        "tool_use" => Part::ToolCall {
            id: block.need("id")?.owned()?,
            name: block.need("name")?.owned()?,
            arguments: arguments(&mut block)?,
            kind: ToolCallKind::Function,
            item_id: None,
            cache: cache(&mut block)?,
        },
        "tool_result" => Part::ToolResult {
            id: block.need("tool_use_id")?.owned()?,
            parts: result(&mut block)?,
            is_error: block.bool("is_error")?.unwrap_or(false),
            kind: ToolCallKind::Function,
            cache: cache(&mut block)?,
        },
        _ => Part::Opaque {
            family: Dialect::AnthropicMessages,
            kind: kind.into_owned(),
            value: node.json(),
        },
    })
}

/// A thinking block's contents. An empty signature is no proof; it is what this crate writes where
/// there was none.
pub(super) fn thinking(text: String, signature: &str) -> Part {
    Part::Thinking {
        text,
        proof: signature_proof(signature),
    }
}

pub(super) fn signature_proof(signature: &str) -> Option<Proof> {
    if signature.is_empty() {
        return None;
    }
    let sealed = Proof::unseal(signature).map(|(proof, _)| proof);
    Some(sealed.unwrap_or_else(|| Proof::Signature(signature.to_owned())))
}

pub(super) fn redacted(data: String) -> Part {
    match Proof::unseal(&data) {
        Some((proof, text)) => Part::Thinking {
            text: text.unwrap_or_default(),
            proof: Some(proof),
        },
        None => Part::Thinking {
            text: String::new(),
            proof: Some(Proof::Redacted(data)),
        },
    }
}

/// `cache_control`.
pub(super) fn cache(block: &mut Object<'_>) -> Read<Option<CacheMark>> {
    let Some(mut mark) = block.object("cache_control")? else {
        return Ok(None);
    };
    Ok(Some(CacheMark {
        ttl: mark.string("ttl")?,
    }))
}

fn citations(block: &mut Object<'_>) -> Read<Vec<Json>> {
    Ok(block.array("citations")?.iter().map(Node::json).collect())
}

fn arguments(block: &mut Object<'_>) -> Read<String> {
    match block.take("input") {
        None => Ok("{}".to_owned()),
        Some(input) if input.kind() == Kind::Object => Ok(input.text().to_owned()),
        Some(input) => Err(input.expected("an object")),
    }
}

fn result(block: &mut Object<'_>) -> Read<Vec<Part>> {
    let Some(content) = block.take("content") else {
        return Ok(Vec::new());
    };
    let mut parts = parts(&content)?;
    if content.kind() == Kind::String {
        parts.retain(|part| !matches!(part, Part::Text { text, .. } if text.is_empty()));
    }
    Ok(parts)
}

fn document(mut block: Object<'_>) -> Read<Media> {
    let source = source(&mut block)?;
    let citations = match block.object("citations")? {
        Some(mut citations) => citations.bool("enabled")?,
        None => None,
    };
    Ok(Media {
        name: block.string("title")?,
        context: block.string("context")?,
        citations,
        cache: cache(&mut block)?,
        ..Media::new(source)
    })
}

fn source(block: &mut Object<'_>) -> Read<MediaSource> {
    let node = block.need("source")?;
    let mut source = node.object()?;
    let kind = source.need("type")?.string()?;
    Ok(match &*kind {
        "base64" => MediaSource::Base64 {
            media_type: proper_type(source.need("media_type")?.owned()?),
            data: source.need("data")?.owned()?,
        },
        "url" => MediaSource::Url(source.need("url")?.owned()?),
        "text" => MediaSource::Text(source.need("data")?.owned()?),
        "file" => MediaSource::File {
            family: Dialect::AnthropicMessages,
            id: source.need("file_id")?.owned()?,
        },
        _ => MediaSource::Other {
            family: Dialect::AnthropicMessages,
            value: node.json(),
        },
    })
}

/// `image/jpg` is what many clients say; no provider knows it.
fn proper_type(media_type: String) -> String {
    let lower = media_type.trim().to_ascii_lowercase();
    match &*lower {
        "image/jpg" | "image/pjpeg" => "image/jpeg".to_owned(),
        _ => lower,
    }
}
