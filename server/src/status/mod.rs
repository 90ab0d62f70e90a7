//! What needs no credential: whether the server is well, what it is, and that a path does not exist.

use axum::{
    Json,
    extract::State,
    http::{
        HeaderMap, StatusCode,
        header::{ACCEPT, CONTENT_TYPE},
    },
    response::{IntoResponse as _, Redirect, Response},
};
use dialects::{ErrorKind, WireError};
use domain::Dialect;
use gateway::headers::ANTHROPIC_VERSION;
use serde_json::{Value, json};

use crate::{config::Upstream, state::AppState};

/// `GET /health`: counts of backends, and nothing that an outsider could use.
pub async fn health(State(state): State<AppState>) -> Json<Value> {
    let count = |wanted: fn(&Upstream) -> bool| {
        state
            .config
            .backends
            .iter()
            .filter(|b| wanted(&b.upstream))
            .count()
    };
    Json(json!({
        "status": "healthy",
        "version": env!("CARGO_PKG_VERSION"),
        "providers": {
            "openai": count(|u| matches!(u, Upstream::OpenAi { .. } | Upstream::OpenAiCompatible { .. })),
            "anthropic": count(|u| matches!(u, Upstream::Anthropic { .. })),
        },
    }))
}

/// `GET /`: JSON for a program, the site for a browser. The site sends everybody where they belong.
pub async fn root(headers: HeaderMap) -> Response {
    let browser = headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if browser {
        return Redirect::to("/user-ui").into_response();
    }
    Json(json!({
        "name": "LLM Router",
        "version": env!("CARGO_PKG_VERSION"),
        "endpoints": {
            "openai": "/v1/chat/completions",
            "anthropic": "/v1/messages",
            "models": "/v1/models",
            "budget": "/v1/budget",
            "health": "/health",
            "dashboards": ["/admin-ui", "/user-ui"],
        },
    }))
    .into_response()
}

/// Which dialect a client speaks, as far as its headers and the path show.
#[must_use]
pub fn dialect_of(path: &str, headers: &HeaderMap) -> Dialect {
    if headers.contains_key(ANTHROPIC_VERSION)
        || path.contains("/messages")
        || path.starts_with("/anthropic")
    {
        Dialect::AnthropicMessages
    } else {
        Dialect::OpenaiChat
    }
}

/// There is no such path, or not with this method.
#[must_use]
pub fn not_found(path: &str, headers: &HeaderMap) -> Response {
    let message =
        format!("there is nothing at {path}; the endpoints of this server are listed at GET /");
    error_response(
        StatusCode::NOT_FOUND,
        ErrorKind::NotFound,
        message,
        dialect_of(path, headers),
    )
}

/// The path exists, but takes another method.
pub async fn method_not_allowed(request: axum::extract::Request) -> Response {
    let path = request.uri().path();
    let message = format!("{path} does not take {}", request.method());
    let dialect = dialect_of(path, request.headers());
    error_response(
        StatusCode::METHOD_NOT_ALLOWED,
        ErrorKind::InvalidRequest,
        message,
        dialect,
    )
}

fn error_response(
    status: StatusCode,
    kind: ErrorKind,
    message: String,
    dialect: Dialect,
) -> Response {
    let error = WireError {
        status: status.as_u16(),
        kind,
        message,
        param: None,
        request_id: String::new(),
    };
    (
        status,
        [(CONTENT_TYPE, "application/json")],
        error.render(dialect),
    )
        .into_response()
}
