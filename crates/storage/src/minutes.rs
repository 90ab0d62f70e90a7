//! Sums of the ledger per minute and backend, for the last month: what charts by the minute and
//! status pages read. Written with the rows, by the same transaction.

use std::{collections::BTreeMap, ops::AddAssign};

use domain::{BackendId, LedgerRow, NanoUsd, Timestamp, period::Period};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::{Database, StorageError};

pub(crate) const MINUTE_MS: i64 = 60_000;

/// How long minutes are kept: a month, which is what the status pages look back.
const KEPT_FOR_MS: i64 = 31 * 24 * 3_600_000;

/// Groups in one statement, at most.
const MAX_GROUPS: usize = 64;

/// What happened on one backend in one stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    pub requests: u64,
    pub errors: u64,
    pub streams: u64,
    pub duration_ms: u64,
    /// Of the requests that had a first chunk.
    pub first_chunk_ms: u64,
    pub first_chunks: u64,
    /// Cached ones included.
    pub input_tokens: u64,
    pub cached_tokens: u64,
    pub output_tokens: u64,
    pub cost: NanoUsd,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
}

impl AddAssign for Activity {
    fn add_assign(&mut self, other: Self) {
        self.first_at = match (self.requests, other.requests) {
            (0, _) => other.first_at,
            (_, 0) => self.first_at,
            _ => self.first_at.min(other.first_at),
        };
        self.last_at = self.last_at.max(other.last_at);
        self.requests += other.requests;
        self.errors += other.errors;
        self.streams += other.streams;
        self.duration_ms += other.duration_ms;
        self.first_chunk_ms += other.first_chunk_ms;
        self.first_chunks += other.first_chunks;
        self.input_tokens += other.input_tokens;
        self.cached_tokens += other.cached_tokens;
        self.output_tokens += other.output_tokens;
        self.cost += other.cost;
    }
}

/// The activity of a backend in one of several stretches of equal length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendActivity {
    /// When the stretch begins.
    pub from: Timestamp,
    pub backend_id: Option<BackendId>,
    /// `None`: it was deleted since.
    pub name: Option<String>,
    pub kind: Option<String>,
    pub activity: Activity,
}

#[derive(sqlx::FromRow)]
struct Row {
    stretch: i64,
    backend_id: i64,
    name: Option<String>,
    kind: Option<String>,
    requests: i64,
    errors: i64,
    streams: i64,
    duration_ms: i64,
    first_chunk_ms: i64,
    first_chunks: i64,
    input_tokens: i64,
    cached_tokens: i64,
    output_tokens: i64,
    cost_nano: i64,
    first_at: i64,
    last_at: i64,
}

impl From<Row> for BackendActivity {
    fn from(row: Row) -> Self {
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        Self {
            from: Timestamp(row.stretch),
            backend_id: (row.backend_id != 0).then_some(BackendId(row.backend_id)),
            name: row.name,
            kind: row.kind,
            activity: Activity {
                requests: count(row.requests),
                errors: count(row.errors),
                streams: count(row.streams),
                duration_ms: count(row.duration_ms),
                first_chunk_ms: count(row.first_chunk_ms),
                first_chunks: count(row.first_chunks),
                input_tokens: count(row.input_tokens),
                cached_tokens: count(row.cached_tokens),
                output_tokens: count(row.output_tokens),
                cost: NanoUsd(row.cost_nano),
                first_at: Timestamp(row.first_at),
                last_at: Timestamp(row.last_at),
            },
        }
    }
}

impl Database {
    /// The activity of every backend in `period`, in stretches of `stretch_ms`, the oldest first;
    /// those without any are missing. Whole minutes are counted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn activity(
        &self,
        period: Period,
        stretch_ms: i64,
    ) -> Result<Vec<BackendActivity>, StorageError> {
        let rows: Vec<Row> = sqlx::query_as(
            "select m.minute - m.minute % $3 as stretch, m.backend_id, b.name, b.kind, \
             sum(m.requests) as requests, sum(m.errors) as errors, sum(m.streams) as streams, \
             sum(m.duration_ms) as duration_ms, sum(m.first_chunk_ms) as first_chunk_ms, \
             sum(m.first_chunks) as first_chunks, sum(m.input_tokens) as input_tokens, \
             sum(m.cached_tokens) as cached_tokens, sum(m.output_tokens) as output_tokens, \
             sum(m.cost_nano) as cost_nano, min(m.first_at) as first_at, \
             max(m.last_at) as last_at \
             from ledger.minutes m left join backends b on b.id = m.backend_id \
             where m.minute >= $1 and m.minute < $2 group by 1, 2 order by 1, 2",
        )
        .bind(period.start.0 - period.start.0.rem_euclid(MINUTE_MS))
        .bind(period.end.0)
        .bind(stretch_ms.max(MINUTE_MS))
        .fetch_all(self.ledger_readers().await)
        .await?;
        Ok(rows.into_iter().map(BackendActivity::from).collect())
    }

    /// Forgets minutes that nobody looks at any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prune_minutes(&self, now: Timestamp) -> Result<(), StorageError> {
        sqlx::query("delete from minutes where minute < $1")
            .bind(now.0 - KEPT_FOR_MS)
            .execute(self.ledger_writer_pool())
            .await?;
        Ok(())
    }

    /// The tokens of each deployment and API key in the hours since `since`: what balancing by usage
    /// goes on from.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn usage_by_lane(&self, since: Timestamp) -> Result<Vec<LaneUsage>, StorageError> {
        let rows: Vec<(i64, i64, i64, i64)> = sqlx::query_as(
            "select deployment_id, coalesce(credential, 0), started_at - started_at % 3600000, \
             sum(input_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens \
             + output_tokens) \
             from ledger.requests where started_at >= $1 and deployment_id is not null \
             group by 1, 2, 3",
        )
        .bind(since.0)
        .fetch_all(self.readers())
        .await?;
        Ok(rows
            .into_iter()
            .map(|(deployment, credential, hour, tokens)| LaneUsage {
                deployment: domain::DeploymentId(deployment),
                credential: usize::try_from(credential).unwrap_or(0),
                hour: Timestamp(hour),
                tokens: u64::try_from(tokens).unwrap_or(0),
            })
            .collect())
    }
}

/// What a deployment used by one API key in one hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneUsage {
    pub deployment: domain::DeploymentId,
    /// Counted from 0.
    pub credential: usize,
    pub hour: Timestamp,
    pub tokens: u64,
}

fn sums(rows: &[LedgerRow]) -> Vec<((i64, i64), Activity)> {
    let mut sums: BTreeMap<(i64, i64), Activity> = BTreeMap::new();
    for row in rows {
        let minute = row.started_at.0 - row.started_at.0.rem_euclid(MINUTE_MS);
        let key = (minute, row.backend_id.map_or(0, |id| id.0));
        let sum = sums.entry(key).or_insert(Activity {
            first_at: row.started_at,
            last_at: row.started_at,
            ..Activity::default()
        });
        // A call that was given up adds what it used to its request, which is counted at its end.
        let is_final = u64::from(row.outcome.is_final());
        sum.requests += is_final;
        sum.errors += is_final * u64::from(row.outcome.is_error());
        sum.streams += is_final * u64::from(row.stream);
        sum.duration_ms += is_final * u64::from(row.duration_ms);
        if let Some(millis) = row
            .time_to_first_chunk_ms
            .filter(|_| row.outcome.is_final())
        {
            sum.first_chunk_ms += u64::from(millis);
            sum.first_chunks += 1;
        }
        sum.input_tokens += row.used.tokens.total_input();
        sum.cached_tokens += row.used.tokens.cache_read;
        sum.output_tokens += row.used.tokens.output;
        sum.cost += row.cost.unwrap_or_default();
        sum.first_at = sum.first_at.min(row.started_at);
        sum.last_at = sum.last_at.max(row.started_at);
    }
    sums.into_iter().collect()
}

pub(crate) async fn add(
    connection: &mut SqliteConnection,
    rows: &[LedgerRow],
) -> Result<(), StorageError> {
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    for run in sums(rows).chunks(MAX_GROUPS) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "insert into minutes (minute, backend_id, requests, errors, streams, duration_ms, \
             first_chunk_ms, first_chunks, input_tokens, cached_tokens, output_tokens, cost_nano, \
             first_at, last_at) ",
        );
        query.push_values(run, |mut values, ((minute, backend), sum)| {
            values
                .push_bind(*minute)
                .push_bind(*backend)
                .push_bind(count(sum.requests))
                .push_bind(count(sum.errors))
                .push_bind(count(sum.streams))
                .push_bind(count(sum.duration_ms))
                .push_bind(count(sum.first_chunk_ms))
                .push_bind(count(sum.first_chunks))
                .push_bind(count(sum.input_tokens))
                .push_bind(count(sum.cached_tokens))
                .push_bind(count(sum.output_tokens))
                .push_bind(sum.cost.0)
                .push_bind(sum.first_at.0)
                .push_bind(sum.last_at.0);
        });
        query.push(
            " on conflict (minute, backend_id) do update set \
             requests = requests + excluded.requests, errors = errors + excluded.errors, \
             streams = streams + excluded.streams, \
             duration_ms = duration_ms + excluded.duration_ms, \
             first_chunk_ms = first_chunk_ms + excluded.first_chunk_ms, \
             first_chunks = first_chunks + excluded.first_chunks, \
             input_tokens = input_tokens + excluded.input_tokens, \
             cached_tokens = cached_tokens + excluded.cached_tokens, \
             output_tokens = output_tokens + excluded.output_tokens, \
             cost_nano = cost_nano + excluded.cost_nano, \
             first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)",
        );
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}
