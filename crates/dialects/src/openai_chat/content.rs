//! `content` as clients and servers write it: a string, or an array of typed parts.

use super::{media, reasoning};
use crate::{
    ir::{CacheMark, Media, MediaSource, Part},
    node::{Kind, Mismatch, Node, Object},
};

/// Reads `content`. An empty text is no part, unless it carries a cache mark.
pub(super) fn read(node: &Node<'_>) -> Result<Vec<Part>, Mismatch> {
    match node.kind() {
        Kind::String => Ok(text_part(node.owned()?, None).into_iter().collect()),
        Kind::Array => {
            let mut parts = Vec::new();
            for element in node.array()? {
                if element.kind() == Kind::String {
                    parts.extend(text_part(element.owned()?, None));
                } else {
                    read_part(&element, &mut parts)?;
                }
            }
            Ok(parts)
        }
        _ => Err(node.expected("a string or an array of content parts")),
    }
}

/// `cache_control`, which OpenRouter and LiteLLM take on parts, messages and tools.
pub(super) fn cache_mark(object: &mut Object<'_>) -> Result<Option<CacheMark>, Mismatch> {
    let Some(mut control) = object.object("cache_control")? else {
        return Ok(None);
    };
    Ok(Some(CacheMark {
        ttl: control.string("ttl")?,
    }))
}

/// Puts a message's own cache mark on the last of its parts that has a place for it.
pub(super) fn mark_last(parts: &mut [Part], mark: CacheMark) {
    for part in parts.iter_mut().rev() {
        let place = match part {
            Part::Text { cache, .. }
            | Part::ToolCall { cache, .. }
            | Part::ToolResult { cache, .. } => cache,
            Part::Image(media) | Part::Document(media) => &mut media.cache,
            _ => continue,
        };
        *place = Some(mark);
        return;
    }
}

fn text_part(text: String, cache: Option<CacheMark>) -> Option<Part> {
    (!text.is_empty() || cache.is_some()).then(|| Part::Text {
        text,
        citations: Vec::new(),
        cache,
    })
}

fn read_part(node: &Node<'_>, parts: &mut Vec<Part>) -> Result<(), Mismatch> {
    let mut part = node.object()?;
    let cache = cache_mark(&mut part)?;
    let kind = part.need("type")?;
    let media = |source| Media {
        cache: cache.clone(),
        ..Media::new(source)
    };
    match &*kind.string()? {
        // The latter are the words of the Responses API, which clients send here too.
        "text" | "input_text" | "output_text" => {
            let text = part.need("text")?.owned()?;
            parts.extend(text_part(text, cache));
        }
        "image_url" | "input_image" => {
            let mut image = media(MediaSource::Url(String::new()));
            let (source, detail) = url_member(&mut part, "image_url", "image/png")?;
            image.source = source;
            image.detail = detail.or(part.string("detail")?);
            parts.push(Part::Image(image));
        }
        "input_audio" => {
            let mut audio = part.need("input_audio")?.object()?;
            let format = audio.string("format")?;
            let fallback = audio_type(format.as_deref().unwrap_or("wav"));
            let source = media::read_data(&audio.need("data")?, &fallback)?;
            parts.push(Part::Audio(media(source)));
        }
        "audio_url" => {
            let (source, _) = url_member(&mut part, "audio_url", "audio/wav")?;
            parts.push(Part::Audio(media(source)));
        }
        "video_url" | "input_video" => {
            let (source, _) = url_member(&mut part, "video_url", "video/mp4")?;
            parts.push(Part::Video(media(source)));
        }
        "file" | "input_file" => {
            let file = part.need("file")?;
            let source = read_file(&file)?;
            let mut document = media(source);
            document.name = file.object()?.string("filename")?;
            parts.push(Part::Document(document));
        }
        "refusal" => parts.push(Part::Refusal(part.need("refusal")?.owned()?)),
        "thinking" => parts.extend(reasoning::read_block(part)?),
        _ => {
            return Err(kind.expected("text, image_url, input_audio, file, video_url or refusal"));
        }
    }
    Ok(())
}

/// A member that is a URL, or an object with a `url` and perhaps a `detail`.
fn url_member(
    part: &mut Object<'_>,
    name: &'static str,
    fallback: &str,
) -> Result<(MediaSource, Option<String>), Mismatch> {
    let node = part.need(name)?;
    if node.kind() == Kind::String {
        return Ok((media::read_url(&node, fallback)?, None));
    }
    let mut object = node.object()?;
    let source = media::read_url(&object.need("url")?, fallback)?;
    Ok((source, object.string("detail")?))
}

fn read_file(node: &Node<'_>) -> Result<MediaSource, Mismatch> {
    let mut file = node.object()?;
    let name = file.string("filename")?;
    if let Some(data) = file.take("file_data") {
        let source = media::read_data(&data, media::type_of_name(name.as_deref()))?;
        return Ok(media::as_text(source));
    }
    if let Some(url) = file.take("file_url") {
        return media::read_url(&url, media::type_of_name(name.as_deref()));
    }
    if let Some(id) = file.string("file_id")? {
        return Ok(MediaSource::File {
            family: domain::Dialect::OpenaiChat,
            id,
        });
    }
    Err(file.expected("file_data or file_id"))
}

fn audio_type(format: &str) -> String {
    match format {
        "mp3" => "audio/mpeg".to_owned(),
        other => format!("audio/{other}"),
    }
}

/// What `input_audio` calls a type.
pub(super) fn audio_format(media_type: &str) -> &str {
    match media_type {
        "audio/mpeg" => "mp3",
        other => other.strip_prefix("audio/").unwrap_or(other),
    }
}

/// A picture in an answer: a part of type `image_url`.
pub(super) fn image(node: &Node<'_>) -> Result<MediaSource, Mismatch> {
    url_member(&mut node.object()?, "image_url", "image/png").map(|(source, _)| source)
}
