//! `GET /v1/budget`: what the owner of a virtual key may still spend, in dollars. Unlimited budgets
//! are 0 with a remainder of null.

use axum::{
    Json,
    body::Body,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};
use domain::Dialect;
use gateway::GatewayError;
use serde_json::json;

use super::Peer;
use crate::state::AppState;

pub async fn show(State(state): State<AppState>, Peer(peer): Peer, headers: HeaderMap) -> Response {
    let refuse = |error: GatewayError| {
        error
            .into_response(Dialect::OpenaiChat, state.gateway.new_request_id())
            .map(Body::new)
    };
    let caller = match state.gateway.authenticate(&headers, peer) {
        Ok(caller) => caller,
        Err(error) => return refuse(error),
    };
    let Some(status) = state.gateway.budget(&caller) else {
        return Json(json!({
            "daily_budget": 0.0, "daily_spend": 0.0, "daily_remaining": null,
            "monthly_budget": 0.0, "monthly_spend": 0.0, "monthly_remaining": null,
        }))
        .into_response();
    };
    let dollars = |amount: domain::NanoUsd| amount.to_usd_f64_for_display();
    let remaining = |budget: domain::NanoUsd, spend: domain::NanoUsd| {
        (budget > domain::NanoUsd::ZERO)
            .then(|| dollars((budget - spend).max(domain::NanoUsd::ZERO)))
    };
    Json(json!({
        "daily_budget": dollars(status.limits.daily),
        "daily_spend": dollars(status.daily_spend),
        "daily_remaining": remaining(status.limits.daily, status.daily_spend),
        "monthly_budget": dollars(status.limits.monthly),
        "monthly_spend": dollars(status.monthly_spend),
        "monthly_remaining": remaining(status.limits.monthly, status.monthly_spend),
    }))
    .into_response()
}
