//! The OpenAPI document of the APIs at `/openapi.json`, an interactive page of it at `/docs`, and one to read at
//! `/redoc`. They tell nothing that this project's source does not, so that everybody may read them. A test
//! compares the document with the route table; the tests from outside compare it with what is answered.

mod operation;
mod page;
mod paths;
pub mod schemas;
mod viewer;

use std::sync::LazyLock;

use axum::{
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    response::IntoResponse,
};
use serde_json::Value;
use utoipa::openapi::{
    Components, Info, License, OpenApi, OpenApiBuilder, Paths, Tag,
    security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
};

pub use page::{reference, style};
pub use viewer::{docs, docs_file};

use operation::{Operation, Schemas, Who};

const ABOUT: &str = "What this router answers to programs. Errors of the admin's and the user's API are \
    `{\"error\": \"…\"}`; those of the endpoints for models are in the client's own dialect. Times are \
    milliseconds since 1970 unless said otherwise, amounts are dollars.";

/// A part of the document: operations that one credential opens.
struct Section {
    tag: &'static str,
    about: &'static str,
    who: Who,
    operations: Vec<Operation>,
}

/// The document.
#[must_use]
pub fn document() -> OpenApi {
    let mut tags: Vec<Tag> = Vec::new();
    let mut paths = Paths::new();
    let mut schemas = Schemas::new();
    for section in paths::all() {
        if !tags.iter().any(|tag| tag.name == section.tag) {
            let mut tag = Tag::new(section.tag);
            tag.description = Some(section.about.to_owned());
            tags.push(tag);
        }
        for operation in section.operations {
            let (operation, built) = operation.build(section.tag, section.who);
            let path = operation.path.clone();
            let method = operation.method();
            schemas.extend(operation.schemas);
            paths.add_path_operation(path, vec![method], built);
        }
    }
    let mut components = Components::new();
    components.schemas.extend(schemas);
    for (name, scheme) in schemes() {
        components.add_security_scheme(name, scheme);
    }
    let mut info = Info::new("LLM Router", env!("CARGO_PKG_VERSION"));
    info.description = Some(ABOUT.to_owned());
    info.license = Some(License::new("MIT"));
    OpenApiBuilder::new()
        .info(info)
        .paths(paths)
        .tags(Some(tags))
        .components(Some(components))
        .build()
}

/// The ways to say who one is.
fn schemes() -> [(&'static str, SecurityScheme); 6] {
    let bearer = |about: &str| {
        let mut http = Http::new(HttpAuthScheme::Bearer);
        http.description = Some(about.to_owned());
        SecurityScheme::Http(http)
    };
    let header = |name: &str, about: &str| {
        SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, about)))
    };
    let admin = "The master key, an API token, or a token of POST /admin/login. An API token that only \
        reads opens what is got.";
    let user = "A token of POST /user/login.";
    let caller = "A virtual key, or the master key.";
    [
        ("admin_bearer", bearer(admin)),
        ("admin_key", header("x-api-key", admin)),
        ("user_token", header("x-user-token", user)),
        ("user_bearer", bearer(user)),
        ("virtual_key", bearer(caller)),
        ("virtual_key_header", header("x-api-key", caller)),
    ]
}

/// The document as JSON.
static AS_JSON: LazyLock<Value> =
    LazyLock::new(|| serde_json::to_value(document()).unwrap_or_default());

/// `GET /openapi.json`
pub async fn json() -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, AS_JSON.to_string())
}
