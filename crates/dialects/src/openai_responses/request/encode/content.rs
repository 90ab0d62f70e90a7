//! Writes the content of messages and of tools' results: texts, images, files.

use base64::Engine as _;

use super::{ME, items::separate};
use crate::{
    anthropic_messages::plain,
    ir::{CacheMark, Feature, Losses, Media, MediaSource, Part, Refused, Role},
    write::{self, ObjectWriter},
};

/// Appends one part of a message's or a result's content.
pub(super) fn write(
    part: &Part,
    role: Role,
    own: bool,
    out: &mut Vec<u8>,
    losses: &mut Losses,
) -> Result<(), Refused> {
    match part {
        Part::Text {
            text,
            citations,
            cache,
        } => {
            let assistant = role == Role::Assistant;
            if !citations.is_empty() && !own {
                losses.cannot(Feature::Citations, ME, None)?;
            }
            if text.is_empty() {
                return Ok(());
            }
            separate(out);
            write::object(out, |o| {
                o.put(
                    "type",
                    if assistant {
                        "output_text"
                    } else {
                        "input_text"
                    },
                );
                o.put("text", text);
                if assistant && own && !citations.is_empty() {
                    o.put("annotations", citations);
                }
                breakpoint(cache.as_ref(), own, o);
            });
        }
        Part::Image(media) => image(media, own, out, losses)?,
        Part::Document(media) => document(media, own, out, losses)?,
        Part::Audio(media) => match &media.source {
            MediaSource::Base64 { media_type, data } if own => {
                separate(out);
                let format = media_type.strip_prefix("audio/").unwrap_or(media_type);
                write::object(out, |o| {
                    o.put("type", "input_audio");
                    o.object("input_audio", |o| {
                        o.put("data", data);
                        o.put("format", format);
                    });
                });
            }
            _ => losses.cannot(Feature::Audio, ME, None)?,
        },
        Part::Video(_) => losses.cannot(Feature::Video, ME, None)?,
        Part::Refusal(words) => {
            separate(out);
            write::object(out, |o| {
                o.put("type", "input_text");
                o.put("text", words);
            });
        }
        Part::Opaque { kind, .. } => match plain::search_result(part) {
            Some(found) => {
                for feature in found.lost {
                    losses.cannot(feature, ME, None)?;
                }
                separate(out);
                write::object(out, |o| {
                    let assistant = role == Role::Assistant;
                    o.put(
                        "type",
                        if assistant {
                            "output_text"
                        } else {
                            "input_text"
                        },
                    );
                    o.put("text", &found.text);
                });
            }
            None => losses.cannot(Feature::ProviderBlocks, ME, Some(kind))?,
        },
        Part::ToolCall { .. } | Part::ToolResult { .. } | Part::Thinking { .. } => {}
    }
    Ok(())
}

/// OpenAI's own mark of what to cache.
fn breakpoint(cache: Option<&CacheMark>, own: bool, o: &mut ObjectWriter<'_>) {
    let Some(mark) = cache.filter(|_| own) else {
        return;
    };
    o.object("prompt_cache_breakpoint", |o| {
        o.put("mode", "explicit");
        o.opt("ttl", mark.ttl.as_ref().map(|_| "12h"));
    });
}

fn image(media: &Media, own: bool, out: &mut Vec<u8>, losses: &mut Losses) -> Result<(), Refused> {
    let place = match &media.source {
        MediaSource::Base64 { media_type, data } => {
            ("image_url", format!("data:{media_type};base64,{data}"))
        }
        MediaSource::Url(url) => ("image_url", url.clone()),
        MediaSource::File { family, id } if at_openai(*family) => ("file_id", id.clone()),
        _ => return losses.cannot(Feature::File, ME, Some("image")),
    };
    separate(out);
    write::object(out, |o| {
        o.put("type", "input_image");
        o.put(place.0, &place.1);
        // Some compatible servers insist on it.
        o.put("detail", media.detail.as_deref().unwrap_or("auto"));
        breakpoint(media.cache.as_ref(), own, o);
    });
    Ok(())
}

fn document(
    media: &Media,
    own: bool,
    out: &mut Vec<u8>,
    losses: &mut Losses,
) -> Result<(), Refused> {
    if media.context.is_some() {
        losses.cannot(Feature::DocumentContext, ME, None)?;
    }
    if media.citations == Some(true) {
        losses.cannot(Feature::Citations, ME, None)?;
    }
    let name = media.name.as_deref();
    if let Some(text) = plain::document(&media.source) {
        separate(out);
        write::object(out, |o| {
            o.put("type", "input_text");
            match name {
                Some(title) => o.put("text", &format!("{title}\n\n{text}")),
                None => o.put("text", &text),
            }
            breakpoint(media.cache.as_ref(), own, o);
        });
        return Ok(());
    }
    let place = match &media.source {
        MediaSource::Base64 { media_type, data } => {
            if let Some(text) = plain_text(media_type, data) {
                let mut as_text = media.clone();
                (as_text.source, as_text.context) = (MediaSource::Text(text), None);
                return document(&as_text, own, out, losses);
            }
            ("file_data", format!("data:{media_type};base64,{data}"))
        }
        MediaSource::Url(url) => ("file_url", url.clone()),
        MediaSource::File { family, id } if at_openai(*family) => ("file_id", id.clone()),
        _ => return losses.cannot(Feature::File, ME, Some("document")),
    };
    separate(out);
    write::object(out, |o| {
        o.put("type", "input_file");
        if place.0 == "file_data" {
            o.put("filename", name.unwrap_or("document.pdf"));
        }
        o.put(place.0, &place.1);
        breakpoint(media.cache.as_ref(), own, o);
    });
    Ok(())
}

fn plain_text(media_type: &str, data: &str) -> Option<String> {
    if !media_type.starts_with("text/") {
        return None;
    }
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(data)
        .ok()?;
    String::from_utf8(bytes).ok()
}

/// Chat Completions and Responses share one storage of files.
fn at_openai(family: domain::Dialect) -> bool {
    matches!(family, ME | domain::Dialect::OpenaiChat)
}
