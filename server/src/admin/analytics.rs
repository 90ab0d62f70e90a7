//! `/admin/analytics/*` and `/admin/dashboard/summary`: usage and the log of requests, with the members that
//! scripts of a forerunner read.

use axum::{Json, extract::State};
use control::Control;
use domain::{
    BackendId, Dialect, Timestamp, UserId,
    account::{KeyQuery, UserQuery},
    period::{self, Period},
    report::Totals,
};
use gateway::Gateway;
use jiff::{civil::Date, tz::TimeZone};
use serde::Deserialize;
use serde_json::{Value, json};
use storage::{LoggedRequest, RequestLogQuery};

use super::{AdminCaller, ApiError, extract::Query, usd};
use crate::{state::AppState, status::backends::iso};

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 500;

/// Which requests are wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Filter {
    /// Such as `2026-11`
    month: Option<String>,
    /// Such as `2026-11-27`
    date: Option<String>,
    limit: Option<u32>,
    offset: Option<u64>,
    q: Option<String>,
    #[serde(alias = "user_id")]
    user_id: Option<i64>,
    #[serde(alias = "backend_id")]
    backend_id: Option<i64>,
    endpoint: Option<String>,
    #[serde(alias = "detail_logged")]
    detail_logged: Option<String>,
}

impl Filter {
    /// The day or month that is asked for, or else all time.
    fn period(&self, zone: &TimeZone) -> Result<Period, ApiError> {
        let wrong = |what: &str| ApiError::BadRequest(format!("expected {what}"));
        let start = |date: Date| -> Result<Timestamp, ApiError> {
            let at = date.to_zoned(zone.clone());
            let at = at.map_err(|_| wrong("a date within the calendar"))?;
            Ok(Timestamp(at.timestamp().as_millisecond()))
        };
        if let Some(date) = &self.date {
            let date: Date = date
                .parse()
                .map_err(|_| wrong("date: a day such as 2026-11-27"))?;
            return Ok(period::day(start(date)?, zone));
        }
        if let Some(month) = &self.month {
            let first: Date = format!("{month}-01")
                .parse()
                .map_err(|_| wrong("month: such as 2026-11"))?;
            return Ok(period::month(start(first)?, zone));
        }
        Ok(Period {
            start: Timestamp(0),
            end: Timestamp(i64::MAX),
        })
    }
}

/// The dialect of a path; requests are told apart by it.
fn dialect_of(endpoint: &str) -> Option<Dialect> {
    let dialects = [
        ("/messages", Dialect::AnthropicMessages),
        ("/chat/completions", Dialect::OpenaiChat),
        ("/completions", Dialect::OpenaiCompletions),
        ("/responses", Dialect::OpenaiResponses),
        ("/embeddings", Dialect::OpenaiEmbeddings),
    ];
    let found = dialects
        .into_iter()
        .find(|(end, _)| endpoint.ends_with(end));
    found.map(|(_, dialect)| dialect)
}

fn endpoint_of(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::AnthropicMessages => "/v1/messages",
        Dialect::OpenaiChat => "/v1/chat/completions",
        Dialect::OpenaiCompletions => "/v1/completions",
        Dialect::OpenaiResponses => "/v1/responses",
        Dialect::OpenaiEmbeddings => "/v1/embeddings",
        Dialect::OpenaiMedia => "/v1",
        Dialect::BedrockConverse => "/model",
    }
}

/// `GET /admin/analytics/requests`
pub async fn requests(
    AdminCaller(admin): AdminCaller,
    State(state): State<AppState>,
    Query(filter): Query<Filter>,
) -> Result<Json<Value>, ApiError> {
    let zone = &state.config.dashboard.time_zone;
    let limit = filter.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let offset = filter.offset.unwrap_or(0);
    let dialect = match filter.endpoint.as_deref() {
        None | Some("") => None,
        Some(endpoint) => Some(dialect_of(endpoint).ok_or_else(|| {
            ApiError::BadRequest("endpoint: expected such as /v1/chat/completions".to_owned())
        })?),
    };
    let none_logged = matches!(filter.detail_logged.as_deref(), Some("true" | "1"));
    let query = RequestLogQuery {
        period: filter.period(zone)?,
        user_id: filter.user_id.map(UserId),
        backend_id: filter.backend_id.map(BackendId),
        dialect,
        search: filter.q.filter(|q| !q.is_empty()),
        limit,
        offset,
    };
    // Bodies are not kept, so that no request has its details in the log.
    let (rows, total) = match none_logged {
        true => (Vec::new(), 0),
        false => state.control.request_log(&admin, &query).await?,
    };
    let rows: Vec<Value> = rows.iter().map(|row| of_request(row, zone)).collect();
    Ok(Json(
        json!({"rows": rows, "total": total, "limit": limit, "offset": offset}),
    ))
}

fn of_request(logged: &LoggedRequest, zone: &TimeZone) -> Value {
    let row = &logged.row;
    let tokens = &row.used.tokens;
    let local = jiff::Timestamp::from_millisecond(row.started_at.0)
        .map(|at| at.to_zoned(zone.clone()).date().to_string());
    let route: Option<Value> = row
        .route
        .as_deref()
        .and_then(|r| serde_json::from_str(r).ok());
    json!({
        "id": row.request_id.to_string(),
        "user_id": row.user_id,
        "user_name": logged.owner,
        "key_label": logged.key_label,
        "backend_id": row.backend_id,
        "backend_name": logged.backend,
        "endpoint": endpoint_of(row.dialect),
        "request_model": row.request_model,
        "routed_model": row.upstream_model,
        "response_model": row.upstream_model,
        "prompt_tokens": tokens.total_input(),
        "completion_tokens": tokens.output,
        "cached_tokens": tokens.cache_read,
        "total_tokens": tokens.total(),
        "cost": logged.total_cost.map(usd),
        "status_code": row.status,
        "outcome": row.outcome.as_str(),
        "is_stream": row.stream,
        "attempts": row.attempts,
        "response_time_ms": row.duration_ms,
        "time_to_first_chunk_ms": row.time_to_first_chunk_ms,
        "error_message": row.error,
        "route": route,
        "detail_logged": false,
        "local_date": local.ok(),
        "created_at": iso(row.started_at),
    })
}

fn of_totals(totals: &Totals) -> Value {
    json!({
        "total_requests": totals.requests,
        "failed_requests": totals.errors,
        "prompt_tokens": totals.usage.total_input(),
        "completion_tokens": totals.usage.output,
        "cached_tokens": totals.usage.cache_read,
        "total_tokens": totals.usage.total(),
        "total_cost": usd(totals.cost),
    })
}

/// `GET /admin/analytics/usage`: sums of a day, a month or all time, of everyone or of one user.
pub async fn usage(
    AdminCaller(admin): AdminCaller,
    State(state): State<AppState>,
    Query(filter): Query<Filter>,
) -> Result<Json<Value>, ApiError> {
    let control = &state.control;
    let period = filter.period(&state.config.dashboard.time_zone)?;
    let user = filter.user_id.map(UserId);
    let mut usage = of_totals(&control.totals_of(&admin, period, user).await?);
    let by_model = control.usage_by_model(&admin, period, user).await?;
    let by_model: Vec<Value> = by_model
        .iter()
        .map(|row| {
            let mut told = of_totals(&row.totals);
            told["model"] = json!(row.name);
            told
        })
        .collect();
    usage["by_model"] = json!(by_model);
    Ok(Json(usage))
}

/// `GET /admin/dashboard/summary`
pub async fn summary(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    State(gateway): State<Gateway>,
    State(state): State<AppState>,
) -> Result<Json<Value>, ApiError> {
    let zone = &state.config.dashboard.time_zone;
    let now = gateway.now();
    let users = control.list_users(&admin, &UserQuery::default()).await?;
    let keys = control.list_keys(&admin, &KeyQuery::default()).await?;
    let backends = gateway.backends();
    let today = control
        .totals_of(&admin, period::day(now, zone), None)
        .await?;
    let month = control
        .totals_of(&admin, period::month(now, zone), None)
        .await?;
    let resting = backends
        .iter()
        .filter(|b| b.failing || b.cooldowns.remaining.is_some());
    Ok(Json(json!({
        "users": users.total,
        "keys": keys.total,
        "backends": backends.len(),
        "resting_backends": resting.count(),
        "models": backends.iter().map(|b| b.models.len()).sum::<usize>(),
        "requests_in_flight": gateway.in_flight(),
        "today": of_totals(&today),
        "month": of_totals(&month),
    })))
}
