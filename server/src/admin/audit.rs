//! `GET /admin/audit`: who did what. With `format=csv` the same rows as a table.

use app::pages::admin::audit::AuditFilter;
use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use control::Control;
use domain::{
    audit::{AuditQuery, AuditRow},
    page::MAX_PER_PAGE,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AdminCaller, ApiError, extract::Query};
use crate::exports::AdminVisitor;

/// Rows of one table at most.
const MAX_CSV_ROWS: usize = 100_000;

#[derive(Debug, Deserialize)]
pub struct Format {
    #[serde(default)]
    format: String,
}

fn parsed(side: Option<&str>) -> Value {
    side.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or(Value::Null)
}

fn render(row: &AuditRow) -> Value {
    json!({
        "seq": row.seq,
        "at": row.at,
        "actor": row.actor,
        "action": row.action,
        "subject": row.subject,
        "subject_name": row.subject_name,
        "before": parsed(row.before.as_deref()),
        "after": parsed(row.after.as_deref()),
        "hash": row.hash,
    })
}

/// `GET`: a page of rows, the newest first.
pub async fn list(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Query(query): Query<AuditQuery>,
    Query(Format { format }): Query<Format>,
) -> Result<Response, ApiError> {
    if format == "csv" {
        return table(&control, &admin, query).await;
    }
    let page = control.audit_log(&admin, &query).await?;
    Ok(Json(json!({
        "total": page.total,
        "page": page.page,
        "per_page": page.per_page,
        "rows": page.rows.iter().map(render).collect::<Vec<_>>(),
    }))
    .into_response())
}

/// `GET /admin-ui/audit.csv`: the rows that the page shows, all pages of them, by the page's own filters.
pub async fn download(
    AdminVisitor(admin): AdminVisitor,
    State(control): State<Control>,
    Query(filter): Query<AuditFilter>,
) -> Result<Response, ApiError> {
    let time = app::server::LocalTime::of(&control);
    let query = filter.query(|day| time.start_of(day), 1);
    table(&control, &admin, query).await
}

async fn table(
    control: &Control,
    admin: &control::Admin,
    query: AuditQuery,
) -> Result<Response, ApiError> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    let failed = |_| ApiError::Control(control::ControlError::Internal("a table was not written"));
    csv.write_record([
        "seq",
        "at",
        "actor_kind",
        "actor_id",
        "actor",
        "action",
        "subject_kind",
        "subject_id",
        "subject",
        "before",
        "after",
        "hash",
    ])
    .map_err(failed)?;
    let mut rows = 0;
    for page in 1.. {
        let query = AuditQuery {
            page,
            per_page: MAX_PER_PAGE,
            ..query.clone()
        };
        let found = control.audit_log(admin, &query).await?;
        for row in &found.rows {
            csv.write_record(record(row)).map_err(failed)?;
        }
        rows += found.rows.len();
        if page >= found.pages() || rows >= MAX_CSV_ROWS {
            break;
        }
    }
    let body = csv.into_inner().unwrap_or_default();
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"audit.csv\"",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, body).into_response())
}

fn record(row: &AuditRow) -> [String; 12] {
    let at = jiff::Timestamp::from_millisecond(row.at.0).unwrap_or_default();
    let text = |text: &Option<String>| text.as_deref().map(not_a_formula).unwrap_or_default();
    let subject = row.subject.as_ref();
    [
        row.seq.to_string(),
        at.to_string(),
        row.actor.kind.as_str().to_owned(),
        row.actor
            .user_id
            .map(|id| id.to_string())
            .unwrap_or_default(),
        not_a_formula(&row.actor.name),
        row.action.clone(),
        subject
            .map(|subject| subject.kind.clone())
            .unwrap_or_default(),
        subject
            .map(|subject| not_a_formula(&subject.id))
            .unwrap_or_default(),
        text(&row.subject_name),
        text(&row.before),
        text(&row.after),
        row.hash.clone(),
    ]
}

/// Spreadsheets compute cells that begin like a formula; names are what somebody chose.
fn not_a_formula(text: &str) -> String {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    }
}
