//! `GET /admin/aws-status`: whether AWS knows who the router is.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::AdminCaller;
use crate::{settings, state::AppState};

/// Asks as the first backend of Bedrock would.
pub async fn status(AdminCaller(_): AdminCaller, State(state): State<AppState>) -> Json<Value> {
    let routes = settings::route_settings(&state.config);
    let bedrock = routes
        .backends
        .iter()
        .find(|backend| backend.kind == gateway::settings::BackendKind::Bedrock);
    let asked = gateway::aws_status::aws_status(bedrock.map(|backend| &backend.bedrock));
    Json(match asked.await {
        Ok(known) => json!({"ok": true, "account": known.account, "arn": known.arn}),
        Err(error) => json!({"ok": false, "error": error}),
    })
}
