//! `GET /status` and `GET /backend/info`: what the backends are doing, in the words of two forerunners.

use axum::{Json, extract::State};
use domain::Timestamp;
use gateway::{
    Gateway,
    counters::tally::{Sums, Timing},
    headers::X_API_KEY,
    settings::BackendKind,
    status::BackendStatus,
};
use http::{HeaderMap, header::AUTHORIZATION};
use serde_json::{Map, Value, json};

use crate::{
    admin::{AdminCaller, ApiError},
    state::AppState,
};

/// What a backend is called in status pages: by the API that it offers.
#[must_use]
pub const fn provider_type(kind: BackendKind) -> &'static str {
    match kind {
        BackendKind::Openai | BackendKind::OpenaiCompatible => "openai",
        BackendKind::Anthropic => "anthropic",
        BackendKind::Bedrock => "bedrock",
        BackendKind::Demo => "demo",
    }
}

/// Kinds of providers that are told apart.
pub const PROVIDER_TYPES: [&str; 4] = ["openai", "anthropic", "bedrock", "demo"];

/// `GET /status`. With `dashboard.public_status`, who presents nothing is shown what is of no use to an
/// attacker; a wrong credential is refused all the same, so that its owner notices.
pub async fn status(
    admin: Result<AdminCaller, ApiError>,
    headers: HeaderMap,
    State(state): State<AppState>,
) -> Result<Json<Value>, ApiError> {
    let anonymous = !headers.contains_key(AUTHORIZATION) && !headers.contains_key(&X_API_KEY);
    match admin {
        Ok(_) => Ok(Json(report(&state.gateway, View::Whole))),
        Err(_) if anonymous && state.config.dashboard.public_status => {
            Ok(Json(report(&state.gateway, View::Public)))
        }
        Err(refused) => Err(refused),
    }
}

/// How much of the status is shown.
#[derive(Clone, Copy, Eq, PartialEq)]
enum View {
    Whole,
    /// Without addresses, mappings of models, and the texts of errors, which may quote an address.
    Public,
}

fn report(gateway: &Gateway, view: View) -> Value {
    let backends = gateway.backends();
    let mut config = Map::new();
    for kind in PROVIDER_TYPES {
        let of_kind = backends.iter().filter(|b| provider_type(b.kind) == kind);
        let providers: Vec<Value> = of_kind
            .map(|b| match view {
                View::Whole => json!({
                    "name": b.name,
                    "priority": b.priority,
                    "base_url": without_credentials(&b.base_url),
                    "model_mapping": b.model_mapping,
                }),
                View::Public => json!({ "name": b.name, "priority": b.priority }),
            })
            .collect();
        // The two that the forerunner has are always there.
        if !providers.is_empty() || matches!(kind, "openai" | "anthropic") {
            config.insert(
                kind.to_owned(),
                json!({
                    "enabled": !providers.is_empty(),
                    "provider_count": providers.len(),
                    "providers": providers,
                }),
            );
        }
    }
    let now = gateway.now();
    let statistics = backends
        .iter()
        .map(|b| (b.name.clone(), statistics(b, now, view)));
    let statistics: Map<String, Value> = statistics.collect();
    let sum = |of: fn(&BackendStatus) -> u64| backends.iter().map(of).sum::<u64>();
    json!({
        "status": "running",
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_seconds": seconds_between(gateway.started_at(), now),
        "config": config,
        "statistics": {
            "total_requests": sum(|b| b.sums.calls),
            "in_progress_requests": sum(|b| b.in_progress),
            "providers": statistics,
        },
    })
}

fn statistics(backend: &BackendStatus, now: Timestamp, view: View) -> Value {
    let Sums { whole, streams, .. } = &backend.sums;
    let cooldown = &backend.cooldowns;
    let mut statistics = json!({
        "total_requests": backend.sums.calls,
        "in_progress_requests": backend.in_progress,
        "waiting_requests": backend.waiting,
        "success_rate": backend.success_rate(),
        "last_error": backend.sums.last_error.as_ref().map(|(_, error)| error),
        "last_error_time": backend.sums.last_error.as_ref().map(|(at, _)| iso(*at)),
        "rate_limits": {
            "total": cooldown.refusals,
            "recent": cooldown.recent,
            "cooldown_count": cooldown.rests,
            "total_cooldown_time_seconds": cooldown.rested.as_secs_f64(),
            "in_cooldown": cooldown.remaining.is_some(),
            "cooldown_remaining_seconds": cooldown.remaining.unwrap_or_default().as_secs_f64(),
            "last_cooldown_start_time": cooldown.began_ago.map(|ago| {
                let ago = i64::try_from(ago.as_millis()).unwrap_or(i64::MAX);
                iso(Timestamp(now.0.saturating_sub(ago)))
            }),
        },
        "failing": backend.failing,
        "non_streaming": {
            "requests": whole.answers,
            "average_latency_ms": average(whole.total_ms, whole.answers),
            "tokens_per_second": per_second(whole.output_tokens, whole.total_ms),
        },
        "streaming": {
            "requests": streams.answers,
            "average_time_to_first_token_ms": average(streams.first_chunk_ms, streams.answers),
            "average_total_latency_ms": average(streams.total_ms, streams.answers),
            "tokens_per_second_with_first_token": per_second(streams.output_tokens, streams.total_ms),
            "tokens_per_second_without_first_token":
                per_second(streams.output_tokens, after_first(streams)),
        },
    });
    if view == View::Public
        && let Some(members) = statistics.as_object_mut()
    {
        members.remove("last_error");
    }
    statistics
}

/// `GET /backend/info`
pub async fn info(AdminCaller(_): AdminCaller, State(gateway): State<Gateway>) -> Json<Value> {
    let backends: Vec<Value> = gateway
        .backends()
        .iter()
        .map(|b| {
            json!({
                "name": b.name,
                "backend_type": b.kind.as_str(),
                "base_url": without_credentials(&b.base_url),
                "priority": b.priority,
                "models": b.models,
                "rate_limit": b.rate_limit.map(super::router::limit_text),
            })
        })
        .collect();
    Json(json!({
        "backend_type": "router",
        "total_services": backends.len(),
        "services": backends,
    }))
}

/// An address as it may be shown: what stands before an `@` may be a password.
pub fn without_credentials(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(mut parsed) if !parsed.username().is_empty() || parsed.password().is_some() => {
            // Addresses that can have them can be without.
            let _ = parsed.set_password(None);
            let _ = parsed.set_username("");
            parsed.to_string()
        }
        _ => url.to_owned(),
    }
}

pub fn average(sum: u64, count: u64) -> f64 {
    match count {
        0 => 0.0,
        count => sum as f64 / count as f64,
    }
}

pub fn per_second(count: u64, millis: u64) -> f64 {
    match millis {
        0 => 0.0,
        millis => count as f64 * 1_000.0 / millis as f64,
    }
}

/// Milliseconds that streams took from their first content on.
pub fn after_first(streams: &Timing) -> u64 {
    streams.total_ms.saturating_sub(streams.first_chunk_ms)
}

/// As ISO 8601, in UTC.
pub fn iso(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| String::new(), |at| at.to_string())
}

pub fn seconds_between(from: Timestamp, to: Timestamp) -> f64 {
    to.millis_since(from) as f64 / 1_000.0
}
