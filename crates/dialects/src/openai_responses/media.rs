//! Images and files as the Responses API writes them: a `data:` URL, a URL, or the id of a file that
//! OpenAI keeps. Text in a file becomes text, which every upstream can read.

use base64::Engine as _;
use domain::Dialect;

use crate::{
    ir::{Media, MediaSource},
    node::{Mismatch, Object},
};

type Read<T> = Result<T, Mismatch>;

const STANDARD: base64::engine::GeneralPurpose = base64::engine::general_purpose::STANDARD;

/// An `input_image`.
pub(super) fn image(mut part: Object<'_>) -> Read<Media> {
    let source = if let Some(url) = part.take("image_url") {
        let address = url.string()?;
        match data_url(&address) {
            Some((media_type, data)) => MediaSource::Base64 { media_type, data },
            None if address.starts_with("data:") => {
                return Err(url.expected("a URL, or a data URL with base64 content"));
            }
            None => MediaSource::Url(address.into_owned()),
        }
    } else {
        file_id(&mut part)?.ok_or_else(|| part.expected("image_url or file_id"))?
    };
    let mut media = Media::new(source);
    // `auto` is what every model does unasked.
    media.detail = part.string("detail")?.filter(|detail| detail != "auto");
    Ok(media)
}

/// An `input_file`.
pub(super) fn file(mut part: Object<'_>) -> Read<Media> {
    let name = part.string("filename")?;
    let source = if let Some(data) = part.take("file_data") {
        let text = data.string()?;
        let (media_type, content) = match data_url(&text) {
            Some(found) => found,
            None => {
                let media_type = type_of_name(name.as_deref().unwrap_or_default());
                let content = padded(&text)
                    .ok_or_else(|| data.expected("the file's content in base64, as a data URL"))?;
                (media_type.to_owned(), content)
            }
        };
        text_of(&media_type, &content).map_or(
            MediaSource::Base64 {
                media_type,
                data: content,
            },
            MediaSource::Text,
        )
    } else if let Some(url) = part.string("file_url")? {
        MediaSource::Url(url)
    } else {
        file_id(&mut part)?.ok_or_else(|| part.expected("file_data, file_url or file_id"))?
    };
    let mut media = Media::new(source);
    media.name = name;
    Ok(media)
}

/// An `input_audio`.
pub(super) fn audio(mut part: Object<'_>) -> Read<Media> {
    let mut inner = part.need("input_audio")?.object()?;
    let data = inner.need("data")?.owned()?;
    let format = inner.string("format")?.unwrap_or_else(|| "wav".to_owned());
    Ok(Media::new(MediaSource::Base64 {
        media_type: format!("audio/{format}"),
        data,
    }))
}

fn file_id(part: &mut Object<'_>) -> Read<Option<MediaSource>> {
    Ok(part.string("file_id")?.map(|id| MediaSource::File {
        family: Dialect::OpenaiResponses,
        id,
    }))
}

/// A base64 `data:` URL, taken apart.
fn data_url(url: &str) -> Option<(String, String)> {
    let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
    let media_type = head.strip_suffix(";base64")?;
    let media_type = media_type.split(';').next().unwrap_or(media_type).trim();
    let media_type = match media_type {
        "" => "text/plain",
        "image/jpg" => "image/jpeg",
        other => other,
    };
    Some((media_type.to_ascii_lowercase(), padded(data)?))
}

/// Standard base64 with padding; `None` where it is not base64 at all.
fn padded(data: &str) -> Option<String> {
    let ordinary =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'=');
    let mut clean = String::with_capacity(data.len() + 2);
    for c in data.chars().filter(|c| !c.is_ascii_whitespace()) {
        if !c.is_ascii() || !ordinary(c as u8) {
            return None;
        }
        clean.push(match c {
            '-' => '+',
            '_' => '/',
            other => other,
        });
    }
    while !clean.len().is_multiple_of(4) {
        clean.push('=');
    }
    Some(clean)
}

fn text_of(media_type: &str, data: &str) -> Option<String> {
    if !media_type.starts_with("text/") && media_type != "application/json" {
        return None;
    }
    String::from_utf8(STANDARD.decode(data).ok()?).ok()
}

/// What a file is by its name, where nothing else says it.
fn type_of_name(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending.to_ascii_lowercase().as_str() {
        "txt" | "log" => "text/plain",
        "md" => "text/markdown",
        "csv" => "text/csv",
        "html" | "htm" => "text/html",
        "json" => "application/json",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        _ => "application/pdf",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::Json;

    fn of(
        read: fn(Object<'_>) -> Read<Media>,
        text: &str,
    ) -> Result<(MediaSource, Option<String>), String> {
        let json = Json::parse(text).expect("JSON");
        let object = json.node().object().expect("an object");
        read(object)
            .map(|m| (m.source, m.name))
            .map_err(|e| e.to_string())
    }

    #[test]
    fn images_come_as_data_url_or_id() {
        let base64 = |media_type: &str, data: &str| MediaSource::Base64 {
            media_type: media_type.to_owned(),
            data: data.to_owned(),
        };
        let cases = [
            (
                r#"{"image_url":"data:image/jpg;base64,aGk"}"#,
                base64("image/jpeg", "aGk="),
            ),
            (
                r#"{"image_url":"https://x/y.png","detail":"auto"}"#,
                MediaSource::Url("https://x/y.png".to_owned()),
            ),
            (
                r#"{"file_id":"file_1","image_url":null}"#,
                MediaSource::File {
                    family: Dialect::OpenaiResponses,
                    id: "file_1".to_owned(),
                },
            ),
        ];
        for (text, source) in cases {
            assert_eq!(of(image, text), Ok((source, None)), "{text}");
        }
        assert!(of(image, "{}").is_err());
        assert!(of(image, r#"{"image_url":"data:image/png,x"}"#).is_err());
    }

    #[test]
    fn files_of_text_become_text() {
        let got = of(
            file,
            r#"{"filename":"a.md","file_data":"data:text/markdown;base64,IyBoaQ=="}"#,
        );
        assert_eq!(
            got,
            Ok((
                MediaSource::Text("# hi".to_owned()),
                Some("a.md".to_owned())
            ))
        );
        let bare = of(file, r#"{"filename":"a.txt","file_data":"aGk="}"#);
        assert_eq!(
            bare.map(|(source, _)| source),
            Ok(MediaSource::Text("hi".to_owned()))
        );
        let pdf = of(file, r#"{"file_data":"data:application/pdf;base64,JVBE"}"#);
        assert!(matches!(pdf, Ok((MediaSource::Base64 { .. }, None))));
        assert!(of(file, r#"{"file_data":"{not base64}"}"#).is_err());
    }
}
