//! Thin handlers of the endpoints that models' clients use. What happens to a request is the
//! `gateway` crate's business.

pub mod budget;
pub mod models;

use axum::{
    body::Body,
    extract::{Request, State},
    http::Response,
};
use domain::Dialect;
use gateway::Gateway;

/// `POST /v1/chat/completions`
pub async fn chat_completions(State(gateway): State<Gateway>, request: Request) -> Response<Body> {
    gateway
        .handle(Dialect::OpenaiChat, request)
        .await
        .map(Body::new)
}

/// `POST /v1/messages`
pub async fn messages(State(gateway): State<Gateway>, request: Request) -> Response<Body> {
    gateway
        .handle(Dialect::AnthropicMessages, request)
        .await
        .map(Body::new)
}
