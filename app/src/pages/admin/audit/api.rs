//! The audit log, for those who may see everything.

use domain::page::Page;
use leptos::prelude::*;

use super::{AuditEntry, AuditFilter};
use crate::error::AppError;

/// One page of the rows that fit, the newest first.
#[server(prefix = "/_fn", endpoint = "admin/audit/list")]
pub async fn list_audit(filter: AuditFilter, page: u32) -> Result<Page<AuditEntry>, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    let time = crate::server::LocalTime::of(&control);
    let query = filter.query(|day| time.start_of(day), page);
    let rows = control.audit_log(&admin, &query).await;
    let rows = rows.map_err(crate::server::refuse)?;
    Ok(rows.map(|row| AuditEntry {
        at: time.second(row.at),
        changes: super::changes(row.before.as_deref(), row.after.as_deref()),
        row: domain::audit::AuditRow {
            // What is shown of them are the changes.
            before: None,
            after: None,
            ..row
        },
    }))
}
