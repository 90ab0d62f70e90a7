//! Finds a field in a form (`multipart/form-data`, RFC 7578), so that the model's name can be read and
//! replaced while the recording or picture beside it passes as it came.

use std::ops::Range;

use memchr::memmem;

use crate::RequestError;

/// The longest head of a part that is looked through.
const MAX_HEAD: usize = 8 * 1024;

/// The boundary that a `Content-Type` names; `None` where it is no form.
#[must_use]
pub fn boundary(content_type: &str) -> Option<String> {
    let (kind, params) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    params
        .split(';')
        .filter_map(|param| param.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))
        .map(|(_, value)| value.trim().trim_matches('"').to_owned())
        .filter(|boundary| !boundary.is_empty() && boundary.len() <= 70)
}

/// Where the value of the field `name` stands in `body`. What cannot be read in one way only is refused,
/// since the upstream might read it in another than the one that was checked.
///
/// # Errors
/// The body is no such form, has the field twice, or has a part whose name is not plain.
pub fn field(
    boundary: &str,
    body: &[u8],
    name: &'static str,
) -> Result<Option<Range<usize>>, RequestError> {
    let malformed = |what: &str| RequestError::Malformed(format!("the form {what}"));
    let delimiters = delimiters(boundary, body);
    if delimiters.len() < 2 {
        return Err(malformed(
            "does not hold the boundary that its content type names",
        ));
    }
    let mut found = None;
    for (part, next) in delimiters.iter().zip(delimiters.iter().skip(1)) {
        let text = body
            .get(part.end..next.start)
            .ok_or_else(|| malformed("has a part without anything in it"))?;
        let head_end = memmem::find(&text[..text.len().min(MAX_HEAD)], b"\r\n\r\n")
            .ok_or_else(|| malformed("has a part without an end of its head"))?;
        let head = std::str::from_utf8(&text[..head_end])
            .map_err(|_| malformed("has a part whose head is not UTF-8"))?;
        let called = part_name(head).ok_or_else(|| malformed("has a part without a plain name"))?;
        if called == name && found.replace(part.end + head_end + 4..next.start).is_some() {
            return Err(RequestError::Twice(name));
        }
    }
    Ok(found)
}

/// Where the delimiters stand: the boundary at the beginning of a line and nothing behind it, with the
/// line break before it, which belongs to it.
fn delimiters(boundary: &str, body: &[u8]) -> Vec<Range<usize>> {
    let dashed = format!("--{boundary}");
    memmem::find_iter(body, dashed.as_bytes())
        .filter_map(|at| {
            let start = match at {
                0 => 0,
                _ => body[..at].ends_with(b"\r\n").then(|| at - 2)?,
            };
            let end = at + dashed.len();
            let rest = &body[end..];
            if rest.starts_with(b"\r\n") {
                Some(start..end + 2)
            } else {
                rest.starts_with(b"--").then_some(start..end)
            }
        })
        .collect()
}

/// The name of a part by its head; `None` where it has none, or says it in a way that not everybody
/// reads alike.
fn part_name(head: &str) -> Option<String> {
    let mut name = None;
    for line in head.split("\r\n") {
        // A folded line belongs to the one before, which some know and others do not.
        if line.starts_with([' ', '\t']) {
            return None;
        }
        let (key, value) = line.split_once(':')?;
        if !key.eq_ignore_ascii_case("content-disposition") {
            continue;
        }
        let mut params = value.split(';');
        if params.next()?.trim() != "form-data" {
            return None;
        }
        for param in params {
            let Some((key, value)) = param.split_once('=') else {
                continue;
            };
            if key.trim().eq_ignore_ascii_case("name") {
                let plain = value.trim().strip_prefix('"')?.strip_suffix('"')?;
                if plain.contains(['"', '\\']) || name.replace(plain.to_owned()).is_some() {
                    return None;
                }
            }
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &[u8] = b"--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"model\"\r\nContent-Type: audio/wav\r\n\r\nRIFF\r\n\x00\r\n--X\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--X--\r\n";

    #[test]
    fn the_field_is_found_beside_a_file() {
        let at = field("X", FORM, "model").expect("a form").expect("there");
        assert_eq!(&FORM[at], b"whisper-1");
        assert_eq!(field("X", FORM, "prompt"), Ok(None));
        assert!(field("Y", FORM, "model").is_err());
        // What a file holds is no part, even if it looks like one.
        let forged = [
            &FORM[..FORM.len() - 4],
            b"x--X\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nb\r\n--X--",
        ]
        .concat();
        assert!(field("X", &forged, "model").is_ok_and(|at| at.is_some()));
        for odd in [
            "name=model",
            "Name=model; name=\"a\"",
            "name=\"a\"; name=\"model\"",
            "name=\"a\";\r\n name=\"model\"",
            "filename=\"model\"",
        ] {
            let form = format!("--X\r\nContent-Disposition: form-data; {odd}\r\n\r\nb\r\n--X--");
            assert!(field("X", form.as_bytes(), "model").is_err(), "{odd}");
        }
        assert!(field("X", b"--X\r\n--X\r\n--X--", "model").is_err());
        let twice = [
            &FORM[..FORM.len() - 4],
            b"\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nb\r\n--X--",
        ]
        .concat();
        assert_eq!(
            field("X", &twice, "model"),
            Err(RequestError::Twice("model"))
        );
    }

    #[test]
    fn the_boundary_is_read_from_the_content_type() {
        let found = boundary("multipart/form-data; charset=utf-8; boundary=\"a b\"");
        assert_eq!(found.as_deref(), Some("a b"));
        assert_eq!(boundary("multipart/form-data"), None);
        assert_eq!(boundary("application/json; boundary=x"), None);
    }
}
