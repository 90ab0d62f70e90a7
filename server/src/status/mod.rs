//! Whether the server is well, what it is, and that a path does not exist, which needs no credential; and
//! what the backends, keys and requests are doing, which does.

pub mod analytics;
pub mod backends;
pub mod keys;
pub mod metrics;
pub mod router;

use axum::{
    Json,
    extract::{Request, State},
    http::{
        HeaderMap, StatusCode,
        header::{ACCEPT, CONTENT_TYPE},
    },
    response::{IntoResponse as _, Redirect, Response},
};
use control::Control;
use dialects::{ErrorKind, WireError};
use domain::Dialect;
use gateway::{
    Gateway,
    headers::{ANTHROPIC_VERSION, REQUEST_ID, X_REQUEST_ID},
};
use serde_json::{Value, json};
use tower_sessions::Session;

/// `GET /health`: counts of backends, and nothing that an outsider could use.
pub async fn health(State(gateway): State<Gateway>) -> Json<Value> {
    let backends = gateway.backends();
    let count = |wanted: &str| {
        let of_kind = backends
            .iter()
            .filter(|b| backends::provider_type(b.kind) == wanted);
        of_kind.count()
    };
    Json(json!({
        "status": "healthy",
        "version": env!("CARGO_PKG_VERSION"),
        "providers": {
            "openai": count("openai"),
            "anthropic": count("anthropic"),
            "bedrock": count("bedrock"),
        },
    }))
}

/// `GET /`: JSON for a program; a browser is sent where its visitor belongs.
pub async fn root(
    State(control): State<Control>,
    session: Session,
    headers: HeaderMap,
) -> Response {
    let browser = headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if browser {
        return Redirect::to(app::server::start_page(&control, &session).await).into_response();
    }
    Json(json!({
        "name": "LLM Router",
        "version": env!("CARGO_PKG_VERSION"),
        "endpoints": {
            "openai": "/v1/chat/completions",
            "responses": "/v1/responses",
            "embeddings": "/v1/embeddings",
            "anthropic": "/v1/messages",
            "models": "/v1/models",
            "budget": "/v1/budget",
            "health": "/health",
            "status": "/status",
            "metrics": "/metrics",
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
pub fn not_found(gateway: &Gateway, path: &str, headers: &HeaderMap) -> Response {
    let message =
        format!("there is nothing at {path}; the endpoints of this server are listed at GET /");
    let kind = ErrorKind::NotFound;
    error_response(
        gateway,
        StatusCode::NOT_FOUND,
        kind,
        message,
        dialect_of(path, headers),
    )
}

/// The path exists, but takes another method.
pub async fn method_not_allowed(State(gateway): State<Gateway>, request: Request) -> Response {
    let path = request.uri().path();
    let message = format!("{path} does not take {}", request.method());
    let dialect = dialect_of(path, request.headers());
    let status = StatusCode::METHOD_NOT_ALLOWED;
    error_response(
        &gateway,
        status,
        ErrorKind::InvalidRequest,
        message,
        dialect,
    )
}

/// An error of the server's own, in `dialect`.
pub fn error_response(
    gateway: &Gateway,
    status: StatusCode,
    kind: ErrorKind,
    message: String,
    dialect: Dialect,
) -> Response {
    let request_id = gateway.new_request_id().to_string();
    let error = WireError {
        status: status.as_u16(),
        kind,
        message,
        param: None,
        code: None,
        request_id: request_id.clone(),
    };
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (X_REQUEST_ID, request_id.as_str()),
        (REQUEST_ID, request_id.as_str()),
    ];
    (status, headers, error.render(dialect)).into_response()
}
