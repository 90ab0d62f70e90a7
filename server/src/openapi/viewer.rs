//! `GET /docs`: the document in Swagger UI, from which one can also ask. Its files are part of the binary, and
//! the page reaches nobody but this server.

use std::sync::{Arc, LazyLock};

use axum::{
    extract::Path,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    },
    response::{IntoResponse as _, Redirect, Response},
};
use utoipa_swagger_ui::Config;

/// Its scripts are files, so that none in the page itself has to be allowed.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; \
    form-action 'none'";

static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::from("/openapi.json")
        // Otherwise it would send the document's address to somebody else.
        .validator_url("none")
        .doc_expansion("none")
        .filter(true)
        .display_request_duration(true);
    Arc::new(config)
});

/// `GET /docs`: on to where its files lie beside it.
pub async fn docs() -> Redirect {
    Redirect::permanent("/docs/index.html")
}

/// `GET /docs/{*file}`
pub async fn docs_file(Path(file): Path<String>) -> Response {
    let Ok(Some(found)) = utoipa_swagger_ui::serve(&file, CONFIG.clone()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (CONTENT_TYPE, found.content_type.as_str()),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-cache"),
    ];
    let mut response = (headers, found.bytes.into_owned()).into_response();
    if found.gzpipped {
        let gzip = axum::http::HeaderValue::from_static("gzip");
        response.headers_mut().insert(CONTENT_ENCODING, gzip);
    }
    response
}
