//! What the browser gets beside the pages: script, wasm, style sheet, icons; all inside the binary.
//! (A debug build reads them from `target/site`.) The large ones lie there compressed, too.

use axum::{
    body::Body,
    http::{
        HeaderMap, Response, StatusCode,
        header::{
            ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
            VARY,
        },
    },
};
use rust_embed::EmbeddedFile;

#[derive(rust_embed::RustEmbed)]
#[folder = "../target/site"]
#[allow_missing = true]
struct Site;

/// Encodings in order of preference, and how the files that have them end.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// The file at `path`, if there is one.
#[must_use]
pub fn serve(path: &str, headers: &HeaderMap) -> Option<Response<Body>> {
    let path = path.trim_start_matches('/');
    let plain = Site::get(path)?;
    let content_type = plain.metadata.mimetype().to_owned();
    let (file, encoding) = match compressed(path, headers) {
        Some((file, encoding)) => (file, Some(encoding)),
        None => (plain, None),
    };
    let etag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    let unchanged = headers
        .get(IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let mut response = Response::builder()
        .header(ETAG, &etag)
        .header(VARY, ACCEPT_ENCODING.as_str())
        // Names stay the same from version to version: ask, and be told quickly that nothing changed.
        .header(CACHE_CONTROL, "no-cache");
    if unchanged {
        let response = response.status(StatusCode::NOT_MODIFIED);
        return response.body(Body::empty()).ok();
    }
    if let Some(encoding) = encoding {
        response = response.header(CONTENT_ENCODING, encoding);
    }
    response
        .header(CONTENT_TYPE, content_type)
        .body(Body::from(file.data))
        .ok()
}

/// The file in the best encoding that it has and the client accepts.
fn compressed(path: &str, headers: &HeaderMap) -> Option<(EmbeddedFile, &'static str)> {
    let accepted = headers.get(ACCEPT_ENCODING)?.to_str().ok()?;
    let accepts = |encoding: &str| {
        accepted.split(',').any(|offer| {
            let (name, quality) = offer.split_once(';').unwrap_or((offer, ""));
            name.trim() == encoding && !matches!(quality.trim(), "q=0" | "q=0.0")
        })
    };
    ENCODINGS
        .iter()
        .filter(|(encoding, _)| accepts(encoding))
        .find_map(|(encoding, ending)| {
            let file = Site::get(&format!("{path}{ending}"))?;
            Some((file, *encoding))
        })
}
