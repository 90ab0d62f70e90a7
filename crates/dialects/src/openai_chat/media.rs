//! Pictures, documents and recordings between `data:` URLs and the neutral form. What is base64 is
//! brought into its one standard form here, since other providers refuse its variants.

use std::borrow::Cow;

use base64::Engine as _;

use crate::{
    ir::MediaSource,
    node::{Mismatch, Node},
};

/// Reads a URL that may be a `data:` URL. `fallback`: the type of data that says none.
pub(super) fn read_url(node: &Node<'_>, fallback: &str) -> Result<MediaSource, Mismatch> {
    let url = node.string()?;
    let Some(rest) = strip_scheme(&url) else {
        if url.contains("://") {
            return Ok(MediaSource::Url(url.into_owned()));
        }
        return Err(node.expected("a base64 data URL or the URL of a file"));
    };
    let data = rest.split_once(',').and_then(|(head, data)| {
        let media_type = strip_suffix_ignore_case(head, ";base64")?;
        encoded(media_type, data, fallback)
    });
    data.ok_or_else(|| node.expected("a data URL whose data is base64"))
}

/// Reads base64 data that may have the head of a `data:` URL.
pub(super) fn read_data(node: &Node<'_>, fallback: &str) -> Result<MediaSource, Mismatch> {
    let text = node.string()?;
    if strip_scheme(&text).is_some() || text.contains("://") {
        return read_url(node, fallback);
    }
    encoded("", &text, fallback).ok_or_else(|| node.expected("base64 data"))
}

/// `data:<type>;base64,<data>`.
pub(super) fn data_url(media_type: &str, data: &str) -> String {
    format!("data:{media_type};base64,{data}")
}

/// The URL of what has one, or is data.
pub(super) fn url_of(source: &MediaSource) -> Option<Cow<'_, str>> {
    match source {
        MediaSource::Url(url) => Some(url.into()),
        MediaSource::Base64 { media_type, data } => Some(data_url(media_type, data).into()),
        _ => None,
    }
}

/// A document that is text, as text: other dialects take base64 for PDF only.
pub(super) fn as_text(source: MediaSource) -> MediaSource {
    let MediaSource::Base64 { media_type, data } = &source else {
        return source;
    };
    if !media_type.starts_with("text/") && media_type != "application/json" {
        return source;
    }
    let text = base64::engine::general_purpose::STANDARD
        .decode(data)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    text.map_or(source, MediaSource::Text)
}

/// The type of a file by its name, for data that says none.
pub(super) fn type_of_name(name: Option<&str>) -> &'static str {
    let extension = name.and_then(|n| n.rsplit_once('.')).map(|(_, e)| e);
    match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("txt" | "log") => "text/plain",
        Some("md") => "text/markdown",
        Some("csv") => "text/csv",
        Some("html" | "htm") => "text/html",
        Some("json") => "application/json",
        Some("doc") => "application/msword",
        Some("docx") => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        Some("xls") => "application/vnd.ms-excel",
        Some("xlsx") => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        _ => "application/pdf",
    }
}

fn strip_scheme(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_at_checked(5)?;
    scheme.eq_ignore_ascii_case("data:").then_some(rest)
}

fn strip_suffix_ignore_case<'t>(text: &'t str, suffix: &str) -> Option<&'t str> {
    let (head, tail) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    tail.eq_ignore_ascii_case(suffix).then_some(head)
}

fn encoded(media_type: &str, data: &str, fallback: &str) -> Option<MediaSource> {
    let data = standard(data)?;
    let media_type = match proper(media_type) {
        named if named.is_empty() || named == "application/octet-stream" => {
            // A recording's first bytes can be those of a picture.
            let sniffed = sniff(&data).filter(|_| !fallback.starts_with("audio/"));
            sniffed.unwrap_or(fallback).to_owned()
        }
        named => named,
    };
    Some(MediaSource::Base64 { media_type, data })
}

/// The registered name of a type, without parameters.
fn proper(media_type: &str) -> String {
    let name = media_type.split(';').next().unwrap_or_default().trim();
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "image/jpg" | "image/pjpeg" => "image/jpeg".to_owned(),
        "audio/mp3" => "audio/mpeg".to_owned(),
        "audio/wave" | "audio/x-wav" | "audio/vnd.wave" => "audio/wav".to_owned(),
        _ => name,
    }
}

/// What the first bytes of base64 data say that it is.
fn sniff(data: &str) -> Option<&'static str> {
    const MARKS: [(&str, &str); 5] = [
        ("/9j/", "image/jpeg"),
        ("iVBORw0KGgo", "image/png"),
        ("R0lGOD", "image/gif"),
        ("UklGR", "image/webp"),
        ("JVBERi0", "application/pdf"),
    ];
    MARKS
        .into_iter()
        .find(|(mark, _)| data.starts_with(mark))
        .map(|(_, media_type)| media_type)
}

/// Standard base64 with padding, without blanks; `None` where it is no base64.
fn standard(data: &str) -> Option<String> {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    let body = data.trim_end_matches('=');
    if data.len().is_multiple_of(4)
        && data.len() - body.len() < 3
        && body.as_bytes().iter().all(plain)
    {
        return Some(data.to_owned());
    }
    let mut out = String::with_capacity(data.len() + 3);
    for c in data.chars() {
        match c {
            '-' => out.push('+'),
            '_' => out.push('/'),
            '=' => {}
            '+' | '/' => out.push(c),
            _ if c.is_ascii_alphanumeric() => out.push(c),
            _ if c.is_ascii_whitespace() => {}
            _ => return None,
        }
    }
    match out.len() % 4 {
        0 => {}
        2 => out.push_str("=="),
        3 => out.push('='),
        _ => return None,
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<MediaSource, Mismatch> {
        let json = serde_json::to_vec(text).expect("serialises");
        read_url(&Node::parse(&json).expect("JSON"), "image/png")
    }

    fn data(media_type: &str, data: &str) -> MediaSource {
        MediaSource::Base64 {
            media_type: media_type.to_owned(),
            data: data.to_owned(),
        }
    }

    #[test]
    fn data_urls_come_out_proper() {
        let cases = [
            (
                "data:image/jpg;base64,/9j/4A==",
                data("image/jpeg", "/9j/4A=="),
            ),
            (
                "DATA:Image/PNG;charset=x;BASE64,iVBO",
                data("image/png", "iVBO"),
            ),
            ("data:;base64,R0lGODlh", data("image/gif", "R0lGODlh")),
            ("data:;base64,QUJD", data("image/png", "QUJD")),
            (
                "data:image/png;base64,QUI_\r\n-w",
                data("image/png", "QUI/+w=="),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(url(text), Ok(expected), "{text}");
        }
        assert_eq!(
            url("https://x/y.png"),
            Ok(MediaSource::Url("https://x/y.png".to_owned()))
        );
        for text in [
            "data:image/svg+xml,<svg/>",
            "data:image/png;base64,@",
            "data:;base64,A",
            "x",
            "",
            "é",
        ] {
            assert!(url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn recordings_have_the_type_that_their_format_says() {
        let node = Node::parse(br#""UklGRg==""#).expect("JSON");
        let got = read_data(&node, "audio/wav");
        assert_eq!(got, Ok(data("audio/wav", "UklGRg==")));
    }

    #[test]
    fn documents_of_text_become_text() {
        let got = as_text(data("text/markdown", "IyBUaXRsZQ=="));
        assert_eq!(got, MediaSource::Text("# Title".to_owned()));
        let latin = data("text/plain", "6Q==");
        assert_eq!(as_text(latin.clone()), latin);
        let pdf = data("application/pdf", "JVBERi0=");
        assert_eq!(as_text(pdf.clone()), pdf);
    }
}
