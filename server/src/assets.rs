//! What the browser gets beside the pages: script, wasm, style sheet, icons; all inside the binary.
//! (A debug build reads them from `target/site`.)

use axum::{
    body::Body,
    http::{
        HeaderMap, Response, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
    },
};

#[derive(rust_embed::RustEmbed)]
#[folder = "../target/site"]
#[allow_missing = true]
struct Site;

/// The file at `path`, if there is one.
#[must_use]
pub fn serve(path: &str, headers: &HeaderMap) -> Option<Response<Body>> {
    let file = Site::get(path.trim_start_matches('/'))?;
    let etag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    let unchanged = headers
        .get(IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let response = Response::builder()
        .header(ETAG, &etag)
        // Names stay the same from version to version: ask, and be told quickly that nothing changed.
        .header(CACHE_CONTROL, "no-cache");
    let response = if unchanged {
        response
            .status(StatusCode::NOT_MODIFIED)
            .body(Body::empty())
    } else {
        response
            .header(CONTENT_TYPE, file.metadata.mimetype())
            .body(Body::from(file.data))
    };
    response.ok()
}
