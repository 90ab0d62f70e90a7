//! `/analytics/*`: what happened over time, in the words of a forerunner. Read from sums by the minute,
//! never from single requests.

use axum::{Json, extract::State};
use control::Control;
use domain::{Timestamp, period::Period};
use serde::Deserialize;
use serde_json::{Value, json};
use storage::{Activity, BackendActivity};

use super::backends::{PROVIDER_TYPES, average, iso};
use crate::admin::{AdminCaller, ApiError, extract::Query};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const MAX_HOURS: i64 = 720;

/// What may stand behind the question mark. Read as text, so that a wrong value can be told with those
/// that are right.
#[derive(Debug, Default, Deserialize)]
pub struct Parameters {
    interval: Option<String>,
    hours: Option<String>,
    provider_type: Option<String>,
    from_utc: Option<String>,
}

impl Parameters {
    fn interval_ms(&self) -> Result<i64, ApiError> {
        match self.interval.as_deref() {
            Some("minute") => Ok(MINUTE_MS),
            None | Some("hour") => Ok(HOUR_MS),
            Some("day") => Ok(24 * HOUR_MS),
            Some(_) => Err(wrong("interval", "minute, hour or day")),
        }
    }

    fn hours(&self) -> Result<i64, ApiError> {
        let Some(text) = &self.hours else {
            return Ok(24);
        };
        text.parse()
            .ok()
            .filter(|hours| (1..=MAX_HOURS).contains(hours))
            .ok_or_else(|| wrong("hours", "a whole number from 1 to 720"))
    }

    fn provider_type(&self) -> Result<Option<&str>, ApiError> {
        match self.provider_type.as_deref() {
            None | Some("") => Ok(None),
            Some(kind) if PROVIDER_TYPES.contains(&kind) => Ok(Some(kind)),
            Some(_) => Err(wrong("provider_type", &PROVIDER_TYPES.join(", "))),
        }
    }
}

fn wrong(parameter: &str, expected: &str) -> ApiError {
    ApiError::BadRequest(format!("{parameter}: expected {expected}"))
}

/// The kind of provider that a backend of the database is.
fn kind_of(activity: &BackendActivity) -> &'static str {
    match activity.kind.as_deref() {
        Some("anthropic") => "anthropic",
        Some("bedrock") => "bedrock",
        Some("demo") => "demo",
        _ => "openai",
    }
}

/// Sums for each stretch from the first to the present one, those without requests included.
async fn series(
    control: &Control,
    admin: &control::Admin,
    parameters: &Parameters,
    now: Timestamp,
) -> Result<Vec<(Timestamp, Activity)>, ApiError> {
    let step = parameters.interval_ms()?;
    let from = now.0 - parameters.hours()? * HOUR_MS;
    let kind = parameters.provider_type()?;
    let first = from - from.rem_euclid(step);
    let period = Period {
        start: Timestamp(first),
        end: Timestamp(now.0 + 1),
    };
    let mut stretches: Vec<(Timestamp, Activity)> = (0..)
        .map(|n| first + n * step)
        .take_while(|start| *start <= now.0)
        .map(|start| (Timestamp(start), Activity::default()))
        .collect();
    for found in control.activity(admin, period, step).await? {
        if kind.is_some_and(|kind| kind != kind_of(&found)) {
            continue;
        }
        let at = usize::try_from((found.from.0 - first) / step).unwrap_or(usize::MAX);
        if let Some((_, sum)) = stretches.get_mut(at) {
            *sum += found.activity;
        }
    }
    Ok(stretches)
}

/// `GET /analytics/requests`
pub async fn requests(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    State(gateway): State<gateway::Gateway>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let series = series(&control, &admin, &parameters, gateway.now()).await?;
    let rows = series
        .iter()
        .map(|(at, sum)| json!({"timestamp": iso(*at), "count": sum.requests}));
    Ok(Json(rows.collect()))
}

/// `GET /analytics/tokens`
pub async fn tokens(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    State(gateway): State<gateway::Gateway>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let series = series(&control, &admin, &parameters, gateway.now()).await?;
    let rows = series.iter().map(|(at, sum)| {
        json!({
            "timestamp": iso(*at),
            "input_tokens": sum.input_tokens,
            "output_tokens": sum.output_tokens,
            "cached_tokens": sum.cached_tokens,
            "total_tokens": sum.input_tokens + sum.output_tokens,
        })
    });
    Ok(Json(rows.collect()))
}

/// `GET /analytics/summary`
pub async fn summary(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    State(gateway): State<gateway::Gateway>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let now = gateway.now();
    let from = match (&parameters.from_utc, &parameters.hours) {
        (Some(_), Some(_)) => {
            let message = "give either hours or from_utc, not both".to_owned();
            return Err(ApiError::BadRequest(message));
        }
        (Some(text), None) => {
            let earliest = now.0 - MAX_HOURS * HOUR_MS;
            moment(text)
                .filter(|at| (earliest..=now.0).contains(at))
                .ok_or_else(|| {
                    wrong(
                        "from_utc",
                        "a time such as 2026-11-27T05:00:00Z within the last 720 hours",
                    )
                })?
        }
        (None, _) => now.0 - parameters.hours()? * HOUR_MS,
    };
    let kind = parameters.provider_type()?;
    let period = Period {
        start: Timestamp(from),
        end: Timestamp(now.0 + 1),
    };
    // One stretch that is longer than all that is looked back.
    let whole = 100 * 366 * 24 * HOUR_MS;
    let found = control.activity(&admin, period, whole).await?;
    let rows = found
        .iter()
        .filter(|found| kind.is_none_or(|kind| kind == kind_of(found)))
        .map(|found| {
            let sum = &found.activity;
            json!({
                "provider_type": kind_of(found),
                "provider_name": found.name,
                "request_count": sum.requests,
                "total_tokens": sum.input_tokens + sum.output_tokens,
                "input_tokens": sum.input_tokens,
                "output_tokens": sum.output_tokens,
                "cached_tokens": sum.cached_tokens,
                "avg_latency_ms": average(sum.duration_ms, sum.requests),
                "streaming_count": sum.streams,
                "non_streaming_count": sum.requests - sum.streams,
                "min_timestamp": iso(sum.first_at),
                "max_timestamp": iso(sum.last_at),
            })
        });
    Ok(Json(rows.collect()))
}

/// A moment as ISO 8601; without an offset it is in UTC.
fn moment(text: &str) -> Option<i64> {
    let parsed: Result<jiff::Timestamp, _> = text.parse();
    let parsed = parsed.or_else(|_| format!("{text}Z").parse());
    parsed.ok().map(jiff::Timestamp::as_millisecond)
}
