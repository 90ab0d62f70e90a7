//! `POST /admin/route/explain`: what would become of a request.

use axum::{Json, extract::State};
use domain::{Dialect, KeyId, routing::RouteExplanation};
use gateway::{Gateway, route::Supposed};
use serde::Deserialize;

use super::{ApiError, ViewerCaller};

/// A request that nobody has made.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explain {
    model: String,
    /// Whose permissions hold; without one nobody's do.
    key_id: Option<KeyId>,
    /// `openai`, `responses` or `anthropic`; else `openai`.
    dialect: Option<ClientDialect>,
    stream: Option<bool>,
    input_tokens: Option<u64>,
    max_output_tokens: Option<u64>,
    images: Option<bool>,
    tools: Option<bool>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ClientDialect {
    #[serde(alias = "openai_chat")]
    Openai,
    #[serde(alias = "openai_responses")]
    Responses,
    #[serde(alias = "anthropic_messages")]
    Anthropic,
}

pub async fn explain(
    ViewerCaller(_): ViewerCaller,
    State(gateway): State<Gateway>,
    body: Result<Json<Explain>, axum::extract::rejection::JsonRejection>,
) -> Result<Json<RouteExplanation>, ApiError> {
    let Json(asked) = body?;
    let usual = Supposed::default();
    let supposed = Supposed {
        dialect: match asked.dialect {
            None | Some(ClientDialect::Openai) => Dialect::OpenaiChat,
            Some(ClientDialect::Responses) => Dialect::OpenaiResponses,
            Some(ClientDialect::Anthropic) => Dialect::AnthropicMessages,
        },
        stream: asked.stream.unwrap_or(usual.stream),
        input_tokens: asked.input_tokens.unwrap_or(usual.input_tokens),
        max_output_tokens: asked.max_output_tokens,
        images: asked.images.unwrap_or(usual.images),
        tools: asked.tools.unwrap_or(usual.tools),
    };
    gateway
        .explain(asked.key_id, &asked.model, &supposed)
        .map(Json)
        .ok_or_else(|| ApiError::BadRequest("key_id: there is no such key".to_owned()))
}
