//! Enters what a killed process left in its journal. May itself be killed and begin again: what the
//! database has already is passed over.

use domain::{LedgerRow, Outcome, RequestId, Timestamp, Used};
use sqlx::{SqliteConnection, SqlitePool};

use super::{OpenRequest, Progress, journal::Found, rows};
use crate::{StorageError, minutes, timings};

/// Returns how many requests were open; they are charged what was last noted of them, which is an
/// estimate.
pub(super) async fn enter(pool: &SqlitePool, found: &Found) -> Result<u64, StorageError> {
    if found.unreadable > 0 {
        tracing::warn!(
            lines = found.unreadable,
            "the ledger's journal has lines that cannot be read"
        );
    }
    let mut transaction = pool.begin().await?;
    let mut new = Vec::new();
    for row in &found.rows {
        if !is_entered(&mut transaction, row).await? {
            new.push(row.clone());
        }
    }
    let settled = new.len();
    for (request, progress) in &found.calls {
        if !has_ended(&mut transaction, request.started_at, request.request_id).await? {
            new.extend(
                progress
                    .beside
                    .as_deref()
                    .map(|beside| unended(request, beside, Outcome::Abandoned)),
            );
            new.push(unended(request, progress, Outcome::Interrupted));
        }
    }
    rows::insert(&mut transaction, &new).await?;
    rows::add_to_rollups(&mut transaction, &new).await?;
    minutes::add(&mut transaction, &new).await?;
    timings::add(&mut transaction, &new).await?;
    transaction.commit().await?;
    let interrupted = new[settled..].iter().filter(|row| row.outcome.is_final());
    Ok(interrupted.count() as u64)
}

/// The row of a request that nothing ended, or of a call that ran beside its last one.
fn unended(request: &OpenRequest, progress: &Progress, outcome: Outcome) -> LedgerRow {
    LedgerRow {
        request_id: request.request_id,
        started_at: request.started_at,
        user_id: request.user_id,
        team_id: request.team_id,
        key_id: request.key_id,
        backend_id: progress.backend_id,
        deployment_id: progress.deployment_id,
        dialect: request.dialect,
        request_model: request.request_model.clone(),
        upstream_model: progress.upstream_model.clone(),
        stream: request.stream,
        outcome,
        status: 0,
        used: Used {
            estimated: true,
            ..progress.used
        },
        price_id: progress.price_id,
        cost: progress.cost,
        attempts: progress.attempts,
        time_to_first_chunk_ms: None,
        duration_ms: 0,
        error: Some("the router stopped while the request was running".to_owned()),
        credential: None,
        route: None,
        playground: request.playground,
    }
}

/// A request has one row for each call that was given up, and one that ends it.
async fn is_entered(
    connection: &mut SqliteConnection,
    row: &LedgerRow,
) -> Result<bool, StorageError> {
    if row.outcome.is_final() {
        return has_ended(connection, row.started_at, row.request_id).await;
    }
    Ok(sqlx::query_scalar(
        "select exists (select 1 from requests where started_at = $1 and request_id = $2 \
         and attempts = $3 and not is_final)",
    )
    .bind(row.started_at.0)
    .bind(&row.request_id.0.to_be_bytes()[..])
    .bind(i64::from(row.attempts))
    .fetch_one(connection)
    .await?)
}

async fn has_ended(
    connection: &mut SqliteConnection,
    started_at: Timestamp,
    id: RequestId,
) -> Result<bool, StorageError> {
    Ok(sqlx::query_scalar(
        "select exists (select 1 from requests where started_at = $1 and request_id = $2 \
         and is_final)",
    )
    .bind(started_at.0)
    .bind(&id.0.to_be_bytes()[..])
    .fetch_one(connection)
    .await?)
}
