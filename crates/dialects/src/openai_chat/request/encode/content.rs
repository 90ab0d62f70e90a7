//! Content parts as an upstream gets them.

use std::borrow::Cow;

use domain::Dialect;
use serde::{Serialize, Serializer};

use super::Context;
use crate::{
    anthropic_messages::plain,
    ir::{CacheMark, Feature, Media, MediaSource, Part, Refused},
    openai_chat::{content::audio_format, media},
};

/// A message's `content`.
#[derive(Debug, Default)]
pub(super) struct Content<'a> {
    parts: Vec<Piece<'a>>,
    /// Several texts go as one string; see [`Content::plain`].
    plain: bool,
    /// Nothing at all is `null`, not the empty string.
    pub(super) nullable: bool,
}

#[derive(Debug)]
pub(super) struct Piece<'a> {
    kind: PieceKind<'a>,
    mark: Option<&'a CacheMark>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum PieceKind<'a> {
    Text { text: Cow<'a, str> },
    ImageUrl { image_url: ImageUrl<'a> },
    InputAudio { input_audio: InputAudio<'a> },
    AudioUrl { audio_url: Url<'a> },
    VideoUrl { video_url: Url<'a> },
    File { file: File<'a> },
}

#[derive(Debug, Serialize)]
struct ImageUrl<'a> {
    url: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct InputAudio<'a> {
    data: &'a str,
    format: &'a str,
}

#[derive(Debug, Serialize)]
struct Url<'a> {
    url: Cow<'a, str>,
}

#[derive(Debug, Serialize)]
struct File<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_id: Option<&'a str>,
}

/// `cache_control`, for clients of this dialect that send it.
#[derive(Debug, Serialize)]
pub(super) struct Ephemeral<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<&'a str>,
}

impl<'a> Ephemeral<'a> {
    pub(super) fn of(mark: &'a CacheMark) -> Self {
        Self {
            kind: "ephemeral",
            ttl: mark.ttl.as_deref(),
        }
    }
}

impl<'a> Content<'a> {
    /// `plain`: the server is one of those of which some take texts as one string only (DeepSeek, older
    /// llama.cpp and vLLM templates).
    pub(super) const fn new(plain: bool) -> Self {
        Self {
            parts: Vec::new(),
            plain,
            nullable: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    pub(super) fn text(&mut self, text: impl Into<Cow<'a, str>>) {
        self.push(PieceKind::Text { text: text.into() }, None);
    }

    pub(super) fn append(&mut self, other: &mut Vec<Piece<'a>>) {
        self.parts.append(other);
    }

    pub(super) fn into_pieces(self) -> Vec<Piece<'a>> {
        self.parts
    }

    /// Puts `prefix` before the first text, or alone.
    pub(super) fn prefix(&mut self, prefix: &str) {
        for piece in &mut self.parts {
            if let PieceKind::Text { text } = &mut piece.kind {
                *text = format!("{prefix} {text}").into();
                return;
            }
        }
        self.text(prefix.to_owned());
    }

    fn push(&mut self, kind: PieceKind<'a>, mark: Option<&'a CacheMark>) {
        self.parts.push(Piece { kind, mark });
    }

    /// Adds a part that is text, picture, document, recording or film; `false` for any other.
    pub(super) fn add(
        &mut self,
        context: &mut Context<'_>,
        part: &'a Part,
    ) -> Result<bool, Refused> {
        if let Some(found) = plain::search_result(part) {
            for feature in found.lost {
                context.cannot(feature, None)?;
            }
            self.text(found.text);
            return Ok(true);
        }
        match part {
            Part::Text {
                text,
                cache,
                citations,
            } => {
                if !citations.is_empty() && !context.same_dialect() {
                    context.cannot(Feature::Citations, None)?;
                }
                let mark = kept_mark(context, cache.as_ref())?;
                if !text.is_empty() {
                    self.push(PieceKind::Text { text: text.into() }, mark);
                }
            }
            Part::Image(image) => self.image(context, image)?,
            Part::Document(document) => self.document(context, document)?,
            Part::Audio(audio) => self.audio(context, audio)?,
            Part::Video(video) => {
                if context.same_dialect()
                    && let Some(url) = media::url_of(&video.source)
                {
                    self.push(
                        PieceKind::VideoUrl {
                            video_url: Url { url },
                        },
                        None,
                    );
                } else {
                    context.cannot(Feature::Video, None)?;
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn image(&mut self, context: &mut Context<'_>, image: &'a Media) -> Result<(), Refused> {
        let mark = kept_mark(context, image.cache.as_ref())?;
        let Some(url) = media::url_of(&image.source) else {
            return context.cannot(Feature::File, Some("image"));
        };
        let image_url = ImageUrl {
            url,
            detail: image.detail.as_deref(),
        };
        self.push(PieceKind::ImageUrl { image_url }, mark);
        Ok(())
    }

    fn audio(&mut self, context: &mut Context<'_>, audio: &'a Media) -> Result<(), Refused> {
        let kind = match &audio.source {
            MediaSource::Base64 { media_type, data } => PieceKind::InputAudio {
                input_audio: InputAudio {
                    data,
                    format: audio_format(media_type),
                },
            },
            source => match media::url_of(source) {
                Some(url) => PieceKind::AudioUrl {
                    audio_url: Url { url },
                },
                None => return context.cannot(Feature::File, Some("audio")),
            },
        };
        self.push(kind, None);
        Ok(())
    }

    fn document(&mut self, context: &mut Context<'_>, document: &'a Media) -> Result<(), Refused> {
        if document.context.is_some() {
            context.cannot(Feature::DocumentContext, None)?;
        }
        if document.citations == Some(true) {
            context.cannot(Feature::Citations, None)?;
        }
        let mark = kept_mark(context, document.cache.as_ref())?;
        let name = document.name.as_deref();
        if let Some(text) = plain::document(&document.source) {
            let text = match name {
                Some(name) => format!("<document title=\"{name}\">\n{text}\n</document>").into(),
                None => text,
            };
            self.push(PieceKind::Text { text }, mark);
            return Ok(());
        }
        let kind = match &document.source {
            MediaSource::Base64 { media_type, data } => PieceKind::File {
                file: File {
                    // OpenAI takes no data without a name.
                    filename: Some(name.unwrap_or("document.pdf")),
                    file_data: Some(media::data_url(media_type, data)),
                    file_id: None,
                },
            },
            MediaSource::Url(url) if context.same_dialect() => PieceKind::File {
                file: File {
                    filename: name,
                    file_data: Some(url.clone()),
                    file_id: None,
                },
            },
            MediaSource::Url(_) => return context.cannot(Feature::DocumentUrl, None),
            MediaSource::File {
                family: Dialect::OpenaiChat | Dialect::OpenaiResponses,
                id,
            } => PieceKind::File {
                file: File {
                    filename: None,
                    file_data: None,
                    file_id: Some(id),
                },
            },
            MediaSource::File { .. } | MediaSource::Text(_) | MediaSource::Other { .. } => {
                return context.cannot(Feature::File, Some("document"));
            }
        };
        self.push(kind, mark);
        Ok(())
    }
}

fn kept_mark<'a>(
    context: &mut Context<'_>,
    mark: Option<&'a CacheMark>,
) -> Result<Option<&'a CacheMark>, Refused> {
    let kept = context.marks(mark)?;
    Ok(mark.filter(|_| kept))
}

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = |piece: &Piece<'_>| match &piece.kind {
            PieceKind::Text { text } if piece.mark.is_none() => Some(text.to_string()),
            _ => None,
        };
        match self.parts.as_slice() {
            [] if self.nullable => serializer.serialize_none(),
            [] => serializer.serialize_str(""),
            [piece]
                if piece.mark.is_none()
                    && let PieceKind::Text { text } = &piece.kind =>
            {
                serializer.serialize_str(text)
            }
            pieces => {
                if self.plain
                    && let Some(texts) = pieces.iter().map(text).collect::<Option<Vec<_>>>()
                {
                    return serializer.serialize_str(&texts.join("\n"));
                }
                serializer.collect_seq(pieces)
            }
        }
    }
}

impl Serialize for Piece<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Wire<'a> {
            #[serde(flatten)]
            kind: &'a PieceKind<'a>,
            #[serde(skip_serializing_if = "Option::is_none")]
            cache_control: Option<Ephemeral<'a>>,
        }
        Wire {
            kind: &self.kind,
            cache_control: self.mark.map(Ephemeral::of),
        }
        .serialize(serializer)
    }
}
