//! The ledger's SQL: rows by the hundred in one statement each, and the rollups that they add to.
//! Statements come in a few fixed sizes so that SQLite's prepared ones are found again.

use std::collections::BTreeMap;

use domain::{LedgerRow, NanoUsd, TokenUsage};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::{StorageError, StoredAnswer};

/// Rows in one statement, at most. A power of two, as are all sizes above [`EVERY_SIZE_UP_TO`].
const MAX_ROWS: usize = 128;

/// Groups up to this size are one statement. Each statement costs two thread switches, which is more
/// than preparing one of each size once.
const EVERY_SIZE_UP_TO: usize = 32;

/// Cuts `items` into runs of few different lengths.
fn runs<T>(mut items: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = match items.len() {
            0 => return None,
            n @ 1..=EVERY_SIZE_UP_TO => n,
            n => MAX_ROWS.min(1 << n.ilog2()),
        };
        let (run, rest) = items.split_at(size);
        items = rest;
        Some(run)
    })
}

fn tokens(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) async fn insert(
    connection: &mut SqliteConnection,
    rows: &[LedgerRow],
) -> Result<(), StorageError> {
    for run in runs(rows) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "insert into requests (request_id, is_final, started_at, user_id, team_id, key_id, \
             backend_id, deployment_id, dialect, request_model, upstream_model, stream, outcome, \
             status, input_tokens, cache_read_tokens, cache_write_5m_tokens, \
             cache_write_1h_tokens, output_tokens, reasoning_tokens, searches, images, audio_ms, \
             service_tier, usage_estimated, price_id, cost_nano, attempts, \
             time_to_first_chunk_ms, duration_ms, error, credential, route, playground) ",
        );
        query.push_values(run, |mut values, row| {
            values
                .push_bind(row.request_id.0.to_be_bytes().to_vec())
                .push_bind(row.outcome.is_final())
                .push_bind(row.started_at.0)
                .push_bind(row.user_id.map(|id| id.0))
                .push_bind(row.team_id.map(|id| id.0))
                .push_bind(row.key_id.map(|id| id.0))
                .push_bind(row.backend_id.map(|id| id.0))
                .push_bind(row.deployment_id.map(|id| id.0))
                .push_bind(row.dialect.as_str())
                .push_bind(&row.request_model)
                .push_bind(&row.upstream_model)
                .push_bind(row.stream)
                .push_bind(row.outcome.as_str())
                .push_bind(i64::from(row.status))
                .push_bind(tokens(row.used.tokens.input))
                .push_bind(tokens(row.used.tokens.cache_read))
                .push_bind(tokens(row.used.tokens.cache_write_5m))
                .push_bind(tokens(row.used.tokens.cache_write_1h))
                .push_bind(tokens(row.used.tokens.output))
                .push_bind(tokens(row.used.tokens.reasoning))
                .push_bind(tokens(row.used.tokens.searches))
                .push_bind(tokens(row.used.tokens.images))
                .push_bind(tokens(row.used.tokens.audio_ms))
                .push_bind(row.used.tier.as_str())
                .push_bind(row.used.estimated)
                .push_bind(row.price_id.map(|id| id.0))
                .push_bind(row.cost.map(|cost| cost.0))
                .push_bind(i64::from(row.attempts))
                .push_bind(row.time_to_first_chunk_ms.map(i64::from))
                .push_bind(i64::from(row.duration_ms))
                .push_bind(row.error.as_deref())
                .push_bind(row.credential.map(i64::from))
                .push_bind(row.route.as_deref())
                .push_bind(row.playground);
        });
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

#[derive(Default)]
struct Sums {
    /// Follows from the key of the rollup.
    team: i64,
    requests: i64,
    errors: i64,
    unpriced: i64,
    usage: TokenUsage,
    cost: NanoUsd,
}

/// Hour, user, key, backend, model: what a rollup is kept for.
type RollupKey<'a> = (i64, i64, i64, i64, &'a str);

fn rollups(rows: &[LedgerRow]) -> Vec<(RollupKey<'_>, Sums)> {
    let mut sums: BTreeMap<RollupKey<'_>, Sums> = BTreeMap::new();
    for row in rows {
        let key = (
            row.started_at.hour().0,
            row.user_id.map_or(0, |id| id.0),
            row.key_id.map_or(0, |id| id.0),
            row.backend_id.map_or(0, |id| id.0),
            row.request_model.as_str(),
        );
        let sum = sums.entry(key).or_default();
        let is_final = row.outcome.is_final();
        sum.team = row.team_id.map_or(0, |id| id.0);
        sum.requests += i64::from(is_final);
        sum.errors += i64::from(is_final && row.outcome.is_error());
        sum.unpriced += i64::from(is_final && row.cost.is_none());
        sum.usage += row.used.tokens;
        sum.cost += row.cost.unwrap_or_default();
    }
    sums.into_iter().collect()
}

pub(super) async fn add_to_rollups(
    connection: &mut SqliteConnection,
    rows: &[LedgerRow],
) -> Result<(), StorageError> {
    for run in runs(&rollups(rows)) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "insert into rollups (hour, user_id, key_id, backend_id, request_model, team_id, \
             requests, errors, unpriced, input_tokens, cache_read_tokens, cache_write_5m_tokens, \
             cache_write_1h_tokens, output_tokens, reasoning_tokens, cost_nano) ",
        );
        query.push_values(run, |mut values, (key, sums)| {
            values
                .push_bind(key.0)
                .push_bind(key.1)
                .push_bind(key.2)
                .push_bind(key.3)
                .push_bind(key.4)
                .push_bind(sums.team)
                .push_bind(sums.requests)
                .push_bind(sums.errors)
                .push_bind(sums.unpriced)
                .push_bind(tokens(sums.usage.input))
                .push_bind(tokens(sums.usage.cache_read))
                .push_bind(tokens(sums.usage.cache_write_5m))
                .push_bind(tokens(sums.usage.cache_write_1h))
                .push_bind(tokens(sums.usage.output))
                .push_bind(tokens(sums.usage.reasoning))
                .push_bind(sums.cost.0);
        });
        query.push(
            " on conflict (hour, user_id, key_id, backend_id, request_model) do update set \
             requests = requests + excluded.requests, errors = errors + excluded.errors, \
             unpriced = unpriced + excluded.unpriced, \
             input_tokens = input_tokens + excluded.input_tokens, \
             cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens, \
             cache_write_5m_tokens = cache_write_5m_tokens + excluded.cache_write_5m_tokens, \
             cache_write_1h_tokens = cache_write_1h_tokens + excluded.cache_write_1h_tokens, \
             output_tokens = output_tokens + excluded.output_tokens, \
             reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens, \
             cost_nano = cost_nano + excluded.cost_nano",
        );
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// A key that is used again after its answer has been forgotten has a new answer.
pub(super) async fn insert_answers(
    connection: &mut SqliteConnection,
    answers: &[StoredAnswer],
) -> Result<(), StorageError> {
    for answer in answers {
        sqlx::query(
            "insert or replace into idempotent_answers (key_id, idempotency_key, fingerprint, \
             created_at, request_id, status, headers, body) values ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(answer.key_id.map_or(0, |id| id.0))
        .bind(&answer.idempotency_key)
        .bind(&answer.fingerprint[..])
        .bind(answer.created_at.0)
        .bind(&answer.request_id.0.to_be_bytes()[..])
        .bind(i64::from(answer.status))
        .bind(&answer.headers)
        .bind(answer.body.as_deref())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_have_few_lengths_and_lose_nothing() {
        for length in [0, 1, 2, 31, 32, 33, 127, 128, 129, 300] {
            let items: Vec<usize> = (0..length).collect();
            let cut: Vec<&[usize]> = runs(&items).collect();
            let allowed =
                |n: usize| n <= EVERY_SIZE_UP_TO || (n.is_power_of_two() && n <= MAX_ROWS);
            assert!(cut.iter().all(|run| allowed(run.len())));
            assert!(length > EVERY_SIZE_UP_TO || cut.len() <= 1);
            assert_eq!(cut.concat(), items);
        }
    }
}
