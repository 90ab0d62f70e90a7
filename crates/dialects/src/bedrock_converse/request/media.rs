//! Images, documents, recordings and films: which formats Converse has for them, and where their bytes
//! are. Nothing is fetched and nothing is converted.

use std::{borrow::Cow, collections::HashSet};

use base64::Engine as _;
use domain::Dialect;

use super::{HERE, block::Block};
use crate::{
    anthropic_messages::plain,
    ir::{Feature, Losses, Media, MediaSource, Refused},
    write::ObjectWriter,
};

/// Where the bytes of a medium are.
#[derive(Clone, Debug, PartialEq)]
pub enum Source<'r> {
    /// Base64.
    Bytes(Cow<'r, str>),
    /// An object in S3, which the service reads itself.
    S3(&'r str),
    /// A document in pieces of text, which citations count.
    Content(Vec<String>),
}

impl Source<'_> {
    /// Writes the members of `source`.
    pub fn fill(&self, o: &mut ObjectWriter<'_>) {
        match self {
            Self::Bytes(data) => o.put("bytes", data),
            Self::S3(uri) => o.object("s3Location", |o| o.put("uri", uri)),
            Self::Content(texts) => o.array("content", |a| {
                texts
                    .iter()
                    .for_each(|text| a.object(|o| o.put("text", text)));
            }),
        }
    }
}

const IMAGES: &[(&str, &str)] = &[
    ("image/png", "png"),
    ("image/jpeg", "jpeg"),
    ("image/jpg", "jpeg"),
    ("image/gif", "gif"),
    ("image/webp", "webp"),
];

const AUDIO: &[(&str, &str)] = &[
    ("audio/wav", "wav"),
    ("audio/wave", "wav"),
    ("audio/x-wav", "wav"),
    ("audio/vnd.wave", "wav"),
    ("audio/mpeg", "mp3"),
    ("audio/mp3", "mp3"),
    ("audio/flac", "flac"),
    ("audio/x-flac", "flac"),
    ("audio/aac", "aac"),
    ("audio/x-aac", "x-aac"),
    ("audio/opus", "opus"),
    ("audio/ogg", "ogg"),
    ("audio/mp4", "m4a"),
    ("audio/m4a", "m4a"),
    ("audio/x-m4a", "m4a"),
    ("audio/webm", "webm"),
    ("audio/x-matroska", "mka"),
    ("audio/pcm", "pcm"),
    ("audio/pcm16", "pcm"),
    ("audio/l16", "pcm"),
];

const VIDEO: &[(&str, &str)] = &[
    ("video/mp4", "mp4"),
    ("video/quicktime", "mov"),
    ("video/x-matroska", "mkv"),
    ("video/webm", "webm"),
    ("video/x-flv", "flv"),
    ("video/mpeg", "mpeg"),
    ("video/x-ms-wmv", "wmv"),
    ("video/3gpp", "three_gp"),
];

const DOCUMENTS: &[(&str, &str)] = &[
    ("application/pdf", "pdf"),
    ("text/csv", "csv"),
    ("application/csv", "csv"),
    ("application/msword", "doc"),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "docx",
    ),
    ("application/vnd.ms-excel", "xls"),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xlsx",
    ),
    ("text/html", "html"),
    ("text/plain", "txt"),
    ("text/markdown", "md"),
    ("text/x-markdown", "md"),
    // Text by another name, which the model reads as text.
    ("application/json", "txt"),
    ("application/xml", "txt"),
    ("application/yaml", "txt"),
    ("application/javascript", "txt"),
];

const DOCUMENT_FORMATS: [&str; 9] = [
    "pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md",
];

/// The format of a media type. Parameters (`; charset=utf-8`) do not matter.
fn format_of(table: &[(&str, &'static str)], media_type: &str) -> Option<&'static str> {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    table
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(essence))
        .map(|(_, format)| *format)
}

/// The format of an image whose media type says nothing, by how its base64 begins.
fn sniffed(data: &str) -> Option<&'static str> {
    const BEGINNINGS: [(&str, &str); 4] = [
        ("iVBORw0KGgo", "png"),
        ("/9j/", "jpeg"),
        ("R0lGOD", "gif"),
        ("UklGR", "webp"),
    ];
    BEGINNINGS
        .iter()
        .find(|(beginning, _)| data.starts_with(beginning))
        .map(|(_, format)| *format)
}

/// Makes blocks of the media of one request; remembers the names of its documents, which must differ.
#[derive(Debug, Default)]
pub struct MediaBlocks {
    names: HashSet<String>,
}

impl MediaBlocks {
    pub fn image<'r>(&self, media: &'r Media, losses: &mut Losses) -> Result<Block<'r>, Refused> {
        if media
            .detail
            .as_deref()
            .is_some_and(|detail| detail != "auto")
        {
            losses.cannot(Feature::ImageDetail, HERE, None)?;
        }
        let (format, source) = match &media.source {
            MediaSource::Base64 { media_type, data } => {
                let format = format_of(IMAGES, media_type)
                    .or_else(|| sniffed(data))
                    .ok_or_else(|| {
                        refused(
                            Feature::ImageData,
                            media_type,
                            "PNG, JPEG, GIF and WebP images",
                        )
                    })?;
                (format, Source::Bytes(base64(data, Feature::ImageData)?))
            }
            MediaSource::Url(url) => {
                let source = s3(url, Feature::ImageUrl, losses)?;
                let ending = ending(url).unwrap_or_default();
                let format = format_of(IMAGES, &format!("image/{ending}")).ok_or_else(|| {
                    refused(Feature::ImageUrl, url, "PNG, JPEG, GIF and WebP images")
                })?;
                (format, source)
            }
            other => return Err(elsewhere(other, Feature::ImageData, losses)),
        };
        Ok(Block::Image { format, source })
    }

    /// `None`: a document without any text.
    pub fn document<'r>(
        &mut self,
        media: &'r Media,
        losses: &mut Losses,
    ) -> Result<Option<Block<'r>>, Refused> {
        let ending_of_name = media.name.as_deref().and_then(ending);
        let by_ending = |ending: Option<String>| {
            let ending = ending?;
            DOCUMENT_FORMATS
                .into_iter()
                .find(|format| *format == ending)
        };
        let (format, source) = match &media.source {
            MediaSource::Base64 { media_type, data } => {
                let format = format_of(DOCUMENTS, media_type)
                    .or_else(|| by_ending(ending_of_name.clone()))
                    .or_else(|| media_type.starts_with("text/").then_some("txt"))
                    .ok_or_else(|| {
                        let formats = "PDF, CSV, Word, Excel, HTML, Markdown and text documents";
                        refused(Feature::DocumentData, media_type, formats)
                    })?;
                (format, Source::Bytes(base64(data, Feature::DocumentData)?))
            }
            MediaSource::Text(text) if text.trim().is_empty() => return Ok(None),
            MediaSource::Text(text) => {
                let data = base64::engine::general_purpose::STANDARD.encode(text);
                ("txt", Source::Bytes(Cow::Owned(data)))
            }
            MediaSource::Url(url) => {
                let source = s3(url, Feature::DocumentUrl, losses)?;
                let format = by_ending(ending(url))
                    .or_else(|| by_ending(ending_of_name.clone()))
                    .unwrap_or("pdf");
                (format, source)
            }
            MediaSource::Other {
                family: Dialect::AnthropicMessages,
                value,
            } => match plain::texts(value) {
                Some(texts) if texts.is_empty() => return Ok(None),
                Some(texts) => ("txt", Source::Content(texts)),
                None => return Err(elsewhere(&media.source, Feature::DocumentData, losses)),
            },
            other => return Err(elsewhere(other, Feature::DocumentData, losses)),
        };
        Ok(Some(Block::Document {
            format,
            name: self.name(media.name.as_deref()),
            source,
            context: media
                .context
                .as_deref()
                .filter(|text| !text.trim().is_empty()),
            citations: media.citations,
        }))
    }

    pub fn audio<'r>(&self, media: &'r Media, losses: &mut Losses) -> Result<Block<'r>, Refused> {
        let MediaSource::Base64 { media_type, data } = &media.source else {
            return Err(elsewhere(&media.source, Feature::Audio, losses));
        };
        let format = format_of(AUDIO, media_type).ok_or_else(|| {
            refused(
                Feature::Audio,
                media_type,
                "the usual formats of recordings",
            )
        })?;
        let source = Source::Bytes(base64(data, Feature::Audio)?);
        Ok(Block::Audio { format, source })
    }

    pub fn video<'r>(&self, media: &'r Media, losses: &mut Losses) -> Result<Block<'r>, Refused> {
        let formats = "the usual formats of films";
        let (format, source) = match &media.source {
            MediaSource::Base64 { media_type, data } => {
                let format = format_of(VIDEO, media_type)
                    .ok_or_else(|| refused(Feature::Video, media_type, formats))?;
                (format, Source::Bytes(base64(data, Feature::Video)?))
            }
            MediaSource::Url(url) if url.starts_with("s3://") => {
                let ending = ending(url).unwrap_or_default();
                let format = VIDEO
                    .iter()
                    .map(|(_, format)| *format)
                    .find(|format| *format == ending)
                    .ok_or_else(|| refused(Feature::Video, url, formats))?;
                (format, Source::S3(url))
            }
            other => return Err(elsewhere(other, Feature::Video, losses)),
        };
        Ok(Block::Video { format, source })
    }

    /// A name in the service's alphabet (letters, digits, single blanks, hyphens, underscores, round
    /// and square brackets) that no other document of the request has.
    fn name(&mut self, name: Option<&str>) -> String {
        const LONGEST: usize = 180;
        let given = name.unwrap_or_default();
        let stem = match ending(given) {
            Some(end) if DOCUMENT_FORMATS.contains(&&*end) => {
                given.get(..given.len() - end.len() - 1).unwrap_or(given)
            }
            _ => given,
        };
        let mut clean = String::new();
        for c in stem.chars() {
            let allowed = c.is_ascii_alphanumeric() || "-_()[]".contains(c);
            if allowed {
                clean.push(c);
            } else if !clean.ends_with(' ') && !clean.is_empty() {
                clean.push(' ');
            }
            if clean.len() >= LONGEST {
                break;
            }
        }
        let clean = match clean.trim() {
            "" => "document",
            clean => clean,
        };
        let mut unique = clean.to_owned();
        let mut number = 2;
        while !self.names.insert(unique.clone()) {
            unique = format!("{clean} {number}");
            number += 1;
        }
        unique
    }
}

/// What stands behind the last dot of a name or URL, in lower case.
fn ending(name: &str) -> Option<String> {
    let (_, ending) = name.rsplit_once('.')?;
    (!ending.is_empty() && ending.len() <= 5).then(|| ending.to_ascii_lowercase())
}

/// Base64 as the service reads it: without line breaks, with its padding. Whether the bytes are what
/// they claim to be, the service sees.
fn base64(data: &str, feature: Feature) -> Result<Cow<'_, str>, Refused> {
    let mut clean = if data.bytes().any(|b| b.is_ascii_whitespace()) {
        Cow::Owned(data.split_ascii_whitespace().collect::<String>())
    } else {
        Cow::Borrowed(data)
    };
    let digits = clean.trim_end_matches('=').len();
    let padding = clean.len() - digits;
    let needed = (4 - digits % 4) % 4;
    let alphabet = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
    let valid = digits > 0
        && needed < 3
        && (padding == needed || padding == 0)
        && clean.bytes().take(digits).all(alphabet);
    if !valid {
        return Err(Refused {
            feature,
            message: format!("{}: the data is not base64", feature.name()),
        });
    }
    if padding == 0 && needed > 0 {
        clean.to_mut().push_str(&"=="[..needed]);
    }
    Ok(clean)
}

/// The service reads URLs of S3 itself, and no others.
fn s3<'r>(url: &'r str, feature: Feature, losses: &mut Losses) -> Result<Source<'r>, Refused> {
    if !url.starts_with("s3://") {
        losses.cannot(feature, HERE, None)?;
    }
    Ok(Source::S3(url))
}

/// A medium that is kept where this upstream cannot read it.
fn elsewhere(source: &MediaSource, feature: Feature, losses: &mut Losses) -> Refused {
    let detail = match source {
        MediaSource::File { id, .. } => id.as_str(),
        _ => feature.name(),
    };
    match losses.cannot(Feature::File, HERE, Some(detail)) {
        Err(refused) => refused,
        Ok(()) => refused(feature, detail, "base64 data"),
    }
}

fn refused(feature: Feature, what: &str, instead: &str) -> Refused {
    Refused {
        feature,
        message: format!("{what}: this upstream takes {instead} only"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cleaned_and_differ() {
        let mut blocks = MediaBlocks::default();
        let names: Vec<String> = [
            Some("Q3 report.pdf"),
            Some("Q3 report.docx"),
            Some("../../etc/päss wörd"),
            Some("  "),
            None,
            Some("a_b (1) [x]"),
        ]
        .into_iter()
        .map(|name| blocks.name(name))
        .collect();
        assert_eq!(
            names,
            [
                "Q3 report",
                "Q3 report 2",
                "etc p ss w rd",
                "document",
                "document 2",
                "a_b (1) [x]"
            ]
        );
        assert!(blocks.name(Some(&"x".repeat(500))).len() <= 200);
    }

    #[test]
    fn base64_is_mended_where_it_can_be() {
        let read = |data| base64(data, Feature::ImageData).map(Cow::into_owned);
        assert_eq!(read("aGk=").as_deref(), Ok("aGk="));
        assert_eq!(read("aGk").as_deref(), Ok("aGk="));
        assert_eq!(read("aG\r\nk=\n").as_deref(), Ok("aGk="));
        for bad in ["", "=", "a", "aGk==", "aG-_", "data:x", "a=Gk"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
