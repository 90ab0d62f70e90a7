//! Thin handlers of the endpoints that models' clients use. What happens to a request is the
//! `gateway` crate's business.

pub mod budget;
pub mod models;

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, FromRequestParts, Request, State},
    http::{
        HeaderMap, Response, StatusCode,
        header::{CONNECTION, UPGRADE},
        request::Parts,
    },
    response::IntoResponse as _,
    routing::{MethodRouter, get, post},
};
use dialects::ErrorKind;
use domain::Dialect;
use gateway::{Endpoint, Gateway};

use crate::{state::AppState, status};

/// What is passed through, by its path below `/v1`.
const MEDIA: [&str; 8] = [
    "/images/generations",
    "/images/edits",
    "/images/variations",
    "/audio/speech",
    "/audio/transcriptions",
    "/audio/translations",
    "/moderations",
    "/rerank",
];

/// The proxied paths of the OpenAI dialects: path, endpoint, and whether only backends that speak the
/// dialect themselves are asked. `/v1/…` serves any model; on `/openai/…` nothing is ever translated.
pub fn openai_paths() -> Vec<(String, Endpoint, bool)> {
    let own = [
        ("/chat/completions", Endpoint::ChatCompletions),
        ("/completions", Endpoint::Completions),
        ("/responses", Endpoint::Responses),
        ("/embeddings", Endpoint::Embeddings),
    ];
    let media = MEDIA.map(|path| (path, Endpoint::Media(path)));
    let prefixes = [
        ("/v1", false),
        ("", false),
        ("/openai", true),
        ("/openai/v1", true),
    ];
    own.into_iter()
        .chain(media)
        .flat_map(|(path, endpoint)| {
            prefixes
                .map(|(prefix, untranslated)| (format!("{prefix}{path}"), endpoint, untranslated))
        })
        .collect()
}

/// Every path that models' clients use. `/anthropic/…`, too, is never translated.
pub fn routes() -> Router<AppState> {
    let mut router = Router::new()
        .route("/v1/messages", proxied(Endpoint::Messages, false))
        .route("/anthropic/v1/messages", proxied(Endpoint::Messages, true))
        .route("/v1/messages/count_tokens", count_tokens(false))
        .route("/anthropic/v1/messages/count_tokens", count_tokens(true))
        .route("/anthropic/v1/count_tokens", count_tokens(true))
        .route("/v1/models", get(models::list))
        .route("/models", get(models::list))
        .route("/openai/models", get(models::list))
        .route("/openai/v1/models", get(models::list))
        .route("/anthropic/v1/models", get(models::list))
        .route("/v1/models/{*name}", get(models::find))
        .route("/openai/v1/models/{*name}", get(models::find))
        .route("/anthropic/v1/models/{*name}", get(models::find))
        .route("/v1/budget", get(budget::show));
    for (path, endpoint, untranslated) in openai_paths() {
        let mut handler = proxied(endpoint, untranslated);
        if endpoint == Endpoint::Responses {
            handler = handler.get(websocket_probe);
        }
        router = router.route(&path, handler);
    }
    router
}

/// Who has connected.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub Option<IpAddr>);

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let connected = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self(connected.map(|ConnectInfo(address)| address.ip())))
    }
}

fn proxied(endpoint: Endpoint, untranslated: bool) -> MethodRouter<AppState> {
    post(
        async move |State(gateway): State<Gateway>,
                    Peer(peer): Peer,
                    request: Request|
                    -> Response<Body> {
            gateway
                .handle(endpoint, untranslated, peer, request)
                .await
                .map(Body::new)
        },
    )
}

fn count_tokens(untranslated: bool) -> MethodRouter<AppState> {
    post(
        async move |State(gateway): State<Gateway>,
                    Peer(peer): Peer,
                    request: Request|
                    -> Response<Body> {
            gateway
                .count_tokens(untranslated, peer, request)
                .await
                .map(Body::new)
        },
    )
}

/// `GET /v1/responses`: Codex first asks for a WebSocket, and takes plain HTTP at once on 426 only; on
/// 405 it tries seven times, and on 404 it gives up.
async fn websocket_probe(State(gateway): State<Gateway>, headers: HeaderMap) -> Response<Body> {
    let (status, message) = if headers.contains_key(UPGRADE) {
        (
            StatusCode::UPGRADE_REQUIRED,
            "WebSocket is not offered; send POST /v1/responses",
        )
    } else {
        (
            StatusCode::METHOD_NOT_ALLOWED,
            "answers are not kept here; send POST /v1/responses",
        )
    };
    let mut response = status::error_response(
        &gateway,
        status,
        ErrorKind::InvalidRequest,
        message.to_owned(),
        Dialect::OpenaiResponses,
    )
    .into_response();
    if status == StatusCode::UPGRADE_REQUIRED {
        // RFC 9110, 15.5.22: what would be upgraded to. Nothing is, so that the connection goes on as it is.
        let headers = response.headers_mut();
        headers.insert(UPGRADE, axum::http::HeaderValue::from_static("HTTP/1.1"));
        headers.insert(CONNECTION, axum::http::HeaderValue::from_static("upgrade"));
    }
    response
}
