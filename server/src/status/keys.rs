//! `/auth/*`: the virtual keys and what they are used for, in the words of a forerunner.

use std::sync::atomic::{AtomicI64, Ordering};

use axum::{Json, extract::State};
use control::Control;
use domain::Timestamp;
use gateway::Gateway;
use serde_json::{Value, json};

use super::backends::iso;
use crate::{
    admin::{AdminCaller, ApiError, usd},
    reload::Reloader,
    state::AppState,
};

/// Since when the metrics of keys are counted, in milliseconds; 0: ever since. The ledger forgets
/// nothing: only this view begins anew.
#[derive(Debug, Default)]
pub struct CountedSince(AtomicI64);

/// `GET /auth/status`
pub async fn status(
    AdminCaller(admin): AdminCaller,
    State(state): State<AppState>,
) -> Result<Json<Value>, ApiError> {
    let keys = state
        .control
        .key_activity(&admin, state.gateway.now())
        .await?;
    let auth = &state.config.auth;
    Ok(Json(json!({
        "auth_enabled": auth.enabled,
        "total_keys": keys.len(),
        "active_keys": keys.iter().filter(|key| key.active).count(),
        "header_name": auth.header_name.as_ref().map_or("authorization", |name| name.as_str()),
    })))
}

/// `GET /auth/metrics`
pub async fn metrics(
    AdminCaller(admin): AdminCaller,
    State(state): State<AppState>,
) -> Result<Json<Value>, ApiError> {
    let since = Timestamp(state.keys_counted_since.0.load(Ordering::Relaxed));
    let keys = state.control.key_activity(&admin, since).await?;
    let mut requests = 0;
    let mut failed = 0;
    let rows: Vec<Value> = keys
        .iter()
        .map(|key| {
            let totals = &key.totals;
            requests += totals.requests;
            failed += totals.errors;
            let succeeded = totals.requests.saturating_sub(totals.errors);
            json!({
                "key": key.masked,
                "label": key.label,
                "owner": key.owner,
                "active": key.active,
                "total_requests": totals.requests,
                "successful_requests": succeeded,
                "failed_requests": totals.errors,
                "success_rate": if totals.requests == 0 { 1.0 } else {
                    succeeded as f64 / totals.requests as f64
                },
                "total_tokens": totals.usage.total(),
                "total_cost": usd(totals.cost),
                "last_used": key.last_used_at.map(iso),
            })
        })
        .collect();
    Ok(Json(json!({
        "since": (since.0 > 0).then(|| iso(since)),
        "total_requests": requests,
        "failed_requests": failed,
        "keys": rows,
    })))
}

/// `POST /auth/reload-keys`: reads the configuration, and with it the keys that stand there, again.
pub async fn reload_keys(
    AdminCaller(admin): AdminCaller,
    State(reloader): State<Reloader>,
    State(control): State<Control>,
    State(gateway): State<Gateway>,
) -> Result<Json<Value>, ApiError> {
    reloader
        .reload(false)
        .await
        .map_err(|error| ApiError::BadRequest(error.to_string()))?;
    let subject = ("configuration", "file");
    control
        .record(&admin, "configuration.reload", subject, None)
        .await?;
    let keys = control.key_activity(&admin, gateway.now()).await?;
    Ok(Json(json!({
        "message": "Keys reloaded",
        "total_keys": keys.len(),
        "active_keys": keys.iter().filter(|key| key.active).count(),
    })))
}

/// `POST /auth/reset-metrics`
pub async fn reset_metrics(
    AdminCaller(admin): AdminCaller,
    State(state): State<AppState>,
) -> Result<Json<Value>, ApiError> {
    let now = state.gateway.now();
    state.keys_counted_since.0.store(now.0, Ordering::Relaxed);
    let subject = ("statistics", "keys");
    let told = state
        .control
        .record(&admin, "statistics.reset", subject, None);
    told.await?;
    Ok(Json(json!({"message": "Authentication metrics reset"})))
}
