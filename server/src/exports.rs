//! What the pages of usage and of the log have beside them: CSV files with the same rows, and the live tail as
//! server-sent events. They take the query string of their page, so that they show what it shows, and are for
//! whoever is signed in there: an admin sees all, a user their own.

use std::{convert::Infallible, time::Duration};

use app::pages::{
    logs,
    usage::{UsageUrl, pairs},
};
use axum::{
    body::Body,
    extract::{FromRequestParts, RawQuery, State},
    http::{HeaderMap, HeaderValue, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use control::{Admin, Control, ControlError, LogAccess, Principal, UsageExportRow};
use domain::{
    NanoUsd,
    report::{RequestSummary, Totals},
    request_log::LogQuery,
};
use http_body::Frame;
use http_body_util::StreamBody;
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tower_sessions::Session;

use crate::{admin::ApiError, state::AppState, status::backends::iso};

/// How often it is looked for new rows.
const TAIL_EVERY: Duration = Duration::from_secs(1);
/// How many looks a stream lasts. The browser connects again, and then it is asked anew who is there.
const LOOKS: u32 = 300;
/// A sign of life after so many looks without a row.
const BEAT_EVERY: u32 = 10;
/// Pieces of a file that wait for the client, at most.
const PIECES: usize = 4;

/// Who may look at everything, by the session of the dashboards.
#[derive(Debug)]
pub struct AdminVisitor(pub Admin);

/// Somebody who is signed in, by the session of the dashboards.
#[derive(Debug)]
pub struct Visitor(Principal);

impl FromRequestParts<AppState> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let session = Session::from_request_parts(parts, state).await;
        let session = session.map_err(|_| ApiError::NotSignedIn)?;
        let principal = app::server::visitor(&state.control, &session).await?;
        Ok(Self(principal.ok_or(ApiError::NotSignedIn)?))
    }
}

impl FromRequestParts<AppState> for AdminVisitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let Visitor(principal) = Visitor::from_request_parts(parts, state).await?;
        Ok(Self(principal.viewer()?))
    }
}

/// `GET /admin-ui/scripts.d.ts`: what editors need to know of scripts.
pub async fn script_types(AdminVisitor(_): AdminVisitor) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/typescript"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"llm-router-scripts.d.ts\"",
        ),
    ];
    (headers, ::scripts::TYPES).into_response()
}

/// `GET /admin-ui/usage.csv`
pub async fn usage(
    AdminVisitor(admin): AdminVisitor,
    State(control): State<Control>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let url = UsageUrl::parse(query.as_deref().unwrap_or_default());
    let rows = control.usage_export(&admin, &url.query).await?;
    usage_file(&rows)
}

/// `GET /user-ui/usage.csv`
pub async fn my_usage(
    Visitor(principal): Visitor,
    State(control): State<Control>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let url = UsageUrl::parse(query.as_deref().unwrap_or_default());
    let rows = control.my_usage_export(&principal, &url.query).await?;
    usage_file(&rows)
}

#[derive(Serialize)]
struct UsageRecord<'a> {
    from: &'a str,
    name: &'a str,
    /// Exact to the nano-dollar.
    spend_usd: String,
    requests: u64,
    failed: u64,
    unpriced: u64,
    input_tokens: u64,
    cached_tokens: u64,
    output_tokens: u64,
    reasoning_tokens: u64,
}

impl<'a> UsageRecord<'a> {
    fn new(from: &'a str, name: &'a str, totals: &Totals) -> Self {
        Self {
            from,
            name,
            spend_usd: totals.cost.to_usd_string(),
            requests: totals.requests,
            failed: totals.errors,
            unpriced: totals.unpriced,
            input_tokens: totals.usage.total_input(),
            cached_tokens: totals.usage.cache_read,
            output_tokens: totals.usage.output,
            reasoning_tokens: totals.usage.reasoning,
        }
    }
}

fn usage_file(rows: &[UsageExportRow]) -> Result<Response, ApiError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut total = Totals::default();
    for row in rows {
        total += row.totals;
        let name = safe(&row.name);
        write(
            &mut writer,
            UsageRecord::new(&row.bucket, &name, &row.totals),
        )?;
    }
    write(&mut writer, UsageRecord::new("total", "", &total))?;
    let body = writer.into_inner().map_err(|_| broken())?;
    Ok(file("usage.csv", Body::from(body)))
}

fn write<W: std::io::Write>(
    writer: &mut csv::Writer<W>,
    record: impl Serialize,
) -> Result<(), ApiError> {
    writer.serialize(record).map_err(|_| broken())
}

fn broken() -> ApiError {
    ApiError::Control(ControlError::Internal("a CSV file could not be written"))
}

/// A text that a spreadsheet would take for a formula is marked as text.
fn safe(text: &str) -> String {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    }
}

fn file(name: &str, body: Body) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/csv; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

/// `GET /admin-ui/logs.csv`
pub async fn logs(
    AdminVisitor(admin): AdminVisitor,
    State(control): State<Control>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    log_file(control, LogAccess::from(&admin), query).await
}

/// `GET /user-ui/logs.csv`
pub async fn my_logs(
    Visitor(principal): Visitor,
    State(control): State<Control>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    log_file(control, LogAccess::own(&principal)?, query).await
}

/// A row of the log's file.
#[derive(Serialize)]
struct LogRecord<'a> {
    request_id: String,
    started_at: String,
    started_at_local: &'a str,
    user: String,
    key: String,
    backend: &'a str,
    request_model: String,
    upstream_model: String,
    stream: bool,
    outcome: &'a str,
    status: u16,
    input_tokens: u64,
    cached_tokens: u64,
    output_tokens: u64,
    usage_estimated: bool,
    /// Of all calls, exact to the nano-dollar; empty: unpriced.
    cost_usd: Option<String>,
    attempts: u32,
    time_to_first_chunk_ms: Option<u32>,
    duration_ms: u32,
    error: String,
}

impl<'a> From<&'a RequestSummary> for LogRecord<'a> {
    fn from(row: &'a RequestSummary) -> Self {
        Self {
            request_id: row.request_id.to_string(),
            started_at: iso(row.started_at),
            started_at_local: &row.started_at_local,
            user: safe(row.user.as_deref().unwrap_or_default()),
            key: safe(row.key_label.as_deref().unwrap_or_default()),
            backend: row.backend.as_deref().unwrap_or_default(),
            request_model: safe(&row.request_model),
            upstream_model: safe(&row.upstream_model),
            stream: row.stream,
            outcome: row.outcome.as_str(),
            status: row.status,
            input_tokens: row.usage.total_input(),
            cached_tokens: row.usage.cache_read,
            output_tokens: row.usage.output,
            usage_estimated: row.usage_estimated,
            cost_usd: row.cost.map(NanoUsd::to_usd_string),
            attempts: row.attempts,
            time_to_first_chunk_ms: row.time_to_first_chunk_ms,
            duration_ms: row.duration_ms,
            error: safe(row.error.as_deref().unwrap_or_default()),
        }
    }
}

/// The names of [`LogRecord`]'s members, for a file without rows too.
const LOG_COLUMNS: [&str; 20] = [
    "request_id",
    "started_at",
    "started_at_local",
    "user",
    "key",
    "backend",
    "request_model",
    "upstream_model",
    "stream",
    "outcome",
    "status",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "usage_estimated",
    "cost_usd",
    "attempts",
    "time_to_first_chunk_ms",
    "duration_ms",
    "error",
];

/// Sends the file as it is read, page by page: it may have millions of rows.
async fn log_file(
    control: Control,
    access: LogAccess,
    query: Option<String>,
) -> Result<Response, ApiError> {
    let query = LogQuery {
        before: None,
        ..logs::parse(query.as_deref().unwrap_or_default())
    };
    // Before the head goes out, so that a failure still has a status.
    let (rows, mut next) = control.log_export(access, &query).await?;
    let mut head = csv::Writer::from_writer(Vec::new());
    head.write_record(LOG_COLUMNS).map_err(|_| broken())?;
    let mut first = head.into_inner().map_err(|_| broken())?;
    first.extend_from_slice(&page(&rows)?);
    let (sender, receiver) = mpsc::channel::<Result<Frame<Bytes>, ApiError>>(PIECES);
    tokio::spawn(async move {
        if sender.send(Ok(Frame::data(first.into()))).await.is_err() {
            return;
        }
        while let Some(query) = next.take() {
            let piece = match control.log_export(access, &query).await {
                Ok((rows, further)) => {
                    next = further;
                    page(&rows)
                }
                Err(error) => Err(error.into()),
            };
            let ended = piece.is_err();
            let frame = piece.map(|bytes| Frame::data(Bytes::from(bytes)));
            // A client that has gone needs no more.
            if sender.send(frame).await.is_err() || ended {
                return;
            }
        }
    });
    Ok(file("requests.csv", streamed(receiver)))
}

fn page(rows: &[RequestSummary]) -> Result<Vec<u8>, ApiError> {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new());
    for row in rows {
        write(&mut writer, LogRecord::from(row))?;
    }
    writer.into_inner().map_err(|_| broken())
}

fn streamed<E>(receiver: mpsc::Receiver<Result<Frame<Bytes>, E>>) -> Body
where
    E: std::error::Error + Send + Sync + 'static,
{
    let frames = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|frame| (frame, receiver))
    });
    Body::new(StreamBody::new(frames))
}

/// `GET /admin-ui/logs.events`
pub async fn tail(
    AdminVisitor(admin): AdminVisitor,
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    events(state, LogAccess::from(&admin), query, &headers).await
}

/// `GET /user-ui/logs.events`
pub async fn my_tail(
    Visitor(principal): Visitor,
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    events(state, LogAccess::own(&principal)?, query, &headers).await
}

/// Rows as they are written, from the one that the client has seen last. A browser that connects again says
/// which that was.
async fn events(
    state: AppState,
    access: LogAccess,
    query: Option<String>,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let text = query.unwrap_or_default();
    let query = logs::parse(&text);
    let seen = headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok()?.parse::<i64>().ok());
    let asked = || {
        let pairs = pairs(&text);
        let after = pairs.iter().find(|(name, _)| name == "after");
        after.and_then(|(_, value)| value.parse::<i64>().ok())
    };
    let after = match seen.or_else(asked) {
        Some(after) => after,
        None => state.control.newest_log_row(access).await?,
    };
    let (sender, receiver) = mpsc::channel::<Result<Frame<Bytes>, Infallible>>(PIECES);
    let (control, stopping) = (state.control, state.stopping);
    tokio::spawn(follow(control, access, query, after, sender, stopping));
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, streamed(receiver)).into_response())
}

async fn follow(
    control: Control,
    access: LogAccess,
    query: LogQuery,
    mut after: i64,
    sender: mpsc::Sender<Result<Frame<Bytes>, Infallible>>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut quiet = BEAT_EVERY;
    for _ in 0..LOOKS {
        let mut text = String::new();
        // A failure is no end: the client sees that there is no sign of life.
        if let Ok(rows) = control.log_tail(access, &query, after).await {
            for (number, row) in rows {
                after = number;
                if let Ok(json) = serde_json::to_string(&row) {
                    text.push_str(&format!("event: row\nid: {number}\ndata: {json}\n\n"));
                }
            }
            if text.is_empty() && quiet >= BEAT_EVERY {
                text.push_str(&format!("event: beat\nid: {after}\ndata: \n\n"));
            }
        }
        quiet = if text.is_empty() { quiet + 1 } else { 1 };
        let sent = match text.is_empty() {
            true => !sender.is_closed(),
            false => sender.send(Ok(Frame::data(text.into()))).await.is_ok(),
        };
        if !sent {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(TAIL_EVERY) => {}
            () = sender.closed() => return,
            _ = stopping.wait_for(|stopping| *stopping) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_compute_is_text() {
        assert_eq!(safe("=1+1"), "'=1+1");
        assert_eq!(safe("@SUM(A1)"), "'@SUM(A1)");
        assert_eq!(safe("gpt-4o"), "gpt-4o");
    }
}
