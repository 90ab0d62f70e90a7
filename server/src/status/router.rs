//! `/router/*`: failover and rate limits, in the words of a forerunner.

use axum::{Json, extract::State};
use control::Control;
use gateway::{
    Gateway,
    status::{BackendStatus, WindowStatus},
};
use serde_json::{Map, Value, json};

use crate::admin::{AdminCaller, ApiError};

/// A limit as it is written for people.
pub fn limit_text(window: WindowStatus) -> String {
    let limit = window.limit;
    format!("{}/{}s", limit.requests, limit.window.as_secs())
}

fn rate_limiting(backends: &[BackendStatus]) -> Map<String, Value> {
    backends
        .iter()
        .map(|backend| {
            let told = backend.rate_limit.map(|window| {
                let limit = u64::from(window.limit.requests.get());
                json!({
                    "rate_limit": limit_text(window),
                    "current_requests": limit.saturating_sub(window.remaining),
                    "remaining_quota": window.remaining,
                    "is_rate_limited": window.remaining == 0,
                    "window_reset_in": window.resets_in.as_secs_f64(),
                })
            });
            let none = json!({
                "rate_limit": null,
                "current_requests": null,
                "remaining_quota": null,
                "is_rate_limited": false,
                "window_reset_in": 0.0,
            });
            (backend.name.clone(), told.unwrap_or(none))
        })
        .collect()
}

/// Calls that were made, those that failed, and those that were passed over.
fn sums(backends: &[BackendStatus]) -> (u64, u64, u64) {
    backends
        .iter()
        .fold((0, 0, 0), |(calls, failed, skips), b| {
            (
                calls + b.sums.calls,
                failed + b.sums.failed,
                skips + b.skips,
            )
        })
}

fn share(part: u64, whole: u64) -> f64 {
    match whole {
        0 => 0.0,
        whole => part as f64 / whole as f64,
    }
}

/// `GET /router/stats`
pub async fn stats(AdminCaller(_): AdminCaller, State(gateway): State<Gateway>) -> Json<Value> {
    let backends = gateway.backends();
    let (_, _, skips) = sums(&backends);
    let (requests, failovers) = gateway.failovers();
    let services: Map<String, Value> = backends
        .iter()
        .map(|b| {
            let told = json!({
                "requests": b.sums.calls,
                "successes": b.sums.succeeded,
                "failures": b.sums.failed,
                "rate_limit_skips": b.skips,
                "in_progress": b.in_progress,
                "last_error": b.sums.last_error.as_ref().map(|(_, error)| error),
            });
            (b.name.clone(), told)
        })
        .collect();
    let order: Vec<&str> = backends.iter().map(|b| b.name.as_str()).collect();
    Json(json!({
        "total_requests": requests,
        "total_failovers": failovers,
        "total_rate_limit_skips": skips,
        "failover_rate": share(failovers, requests),
        "rate_limit_skip_rate": share(skips, requests),
        "configured_services": backends.len(),
        "service_stats": services,
        "service_order": order,
        "rate_limiting": rate_limiting(&backends),
        "groups": gateway.group_savings().into_iter().map(|(name, tokens, saved)| json!({
            "name": name,
            "cached_tokens": tokens,
            "saved": saved.to_usd_f64_for_display(),
        })).collect::<Vec<_>>(),
    }))
}

/// `GET /router/health`: from the calls that were made anyway; nobody is asked.
pub async fn health(AdminCaller(_): AdminCaller, State(gateway): State<Gateway>) -> Json<Value> {
    let backends = gateway.backends();
    let (calls, failed, _) = sums(&backends);
    let rate = share(failed, calls);
    let services: Map<String, Value> = backends
        .iter()
        .map(|b| {
            let rate = share(b.sums.failed, b.sums.calls);
            let told = json!({
                "status": grade(rate),
                "failure_rate": rate,
                "in_cooldown": b.cooldowns.remaining.is_some(),
                "failing": b.failing,
            });
            (b.name.clone(), told)
        })
        .collect();
    Json(json!({
        "status": grade(rate),
        "failure_rate": rate,
        "total_requests": calls,
        "total_failures": failed,
        "services": services,
    }))
}

fn grade(failure_rate: f64) -> &'static str {
    match failure_rate {
        rate if rate < 0.1 => "healthy",
        rate if rate < 0.5 => "degraded",
        _ => "unhealthy",
    }
}

/// `GET /router/rate-limits`
pub async fn rate_limits(
    AdminCaller(_): AdminCaller,
    State(gateway): State<Gateway>,
) -> Json<Value> {
    Json(json!({"rate_limits": rate_limiting(&gateway.backends())}))
}

/// `POST /router/reset-stats`
pub async fn reset_stats(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    State(gateway): State<Gateway>,
) -> Result<Json<Value>, ApiError> {
    gateway.reset_status();
    let subject = ("statistics", "router");
    control
        .record(&admin, "statistics.reset", subject, None)
        .await?;
    Ok(Json(json!({"message": "Router statistics reset"})))
}
