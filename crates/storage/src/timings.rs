//! How long requests took: counts per hour, whose they were, and slot of time, written with the rows
//! by the same transaction. Percentiles are read from the slots, of which each doubling of the time has
//! four; so they are right to a tenth or so, over any number of requests.

use std::collections::BTreeMap;

use domain::{LedgerRow, Outcome, period::Period, report::Latency};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::{
    Database, StorageError,
    usage_sums::{Group, Scope, push_group, push_scope},
};

/// The last slot holds everything from half an hour on.
const LAST_SLOT: u32 = 83;

/// Groups in one statement, at most.
const MAX_GROUPS: usize = 128;

/// The slot of so many milliseconds.
fn slot(ms: u32) -> u32 {
    if ms < 4 {
        return ms;
    }
    let doublings = ms.ilog2();
    let slot = (doublings - 1) * 4 + ((ms >> (doublings - 2)) & 3);
    slot.min(LAST_SLOT)
}

/// From how many milliseconds on a slot counts.
fn from_ms(slot: u32) -> u64 {
    match slot {
        0..4 => u64::from(slot),
        _ => u64::from(4 + slot % 4) << (slot / 4 - 1),
    }
}

/// Hour, user, key, backend, model, slot.
type Key<'a> = (i64, i64, i64, i64, &'a str, u32);

#[derive(Default)]
struct Counts {
    team: i64,
    durations: i64,
    first_chunks: i64,
}

pub(crate) async fn add(
    connection: &mut SqliteConnection,
    rows: &[LedgerRow],
) -> Result<(), StorageError> {
    let mut counts: BTreeMap<Key<'_>, Counts> = BTreeMap::new();
    for row in rows {
        if row.outcome != Outcome::Completed {
            continue;
        }
        let key = |ms| {
            (
                row.started_at.hour().0,
                row.user_id.map_or(0, |id| id.0),
                row.key_id.map_or(0, |id| id.0),
                row.backend_id.map_or(0, |id| id.0),
                row.request_model.as_str(),
                slot(ms),
            )
        };
        let team = row.team_id.map_or(0, |id| id.0);
        let whole = counts.entry(key(row.duration_ms)).or_default();
        whole.team = team;
        whole.durations += 1;
        if let Some(ms) = row.time_to_first_chunk_ms {
            let first = counts.entry(key(ms)).or_default();
            first.team = team;
            first.first_chunks += 1;
        }
    }
    let counts: Vec<(Key<'_>, Counts)> = counts.into_iter().collect();
    for run in counts.chunks(MAX_GROUPS) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "insert into timings (hour, user_id, key_id, backend_id, request_model, slot, team_id, \
             durations, first_chunks) ",
        );
        query.push_values(run, |mut values, (key, counts)| {
            values
                .push_bind(key.0)
                .push_bind(key.1)
                .push_bind(key.2)
                .push_bind(key.3)
                .push_bind(key.4)
                .push_bind(i64::from(key.5))
                .push_bind(counts.team)
                .push_bind(counts.durations)
                .push_bind(counts.first_chunks);
        });
        query.push(
            " on conflict (hour, user_id, key_id, backend_id, request_model, slot) do update set \
             durations = durations + excluded.durations, \
             first_chunks = first_chunks + excluded.first_chunks",
        );
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// How long the requests of one group took in one stretch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupLatency {
    /// Index of the stretch.
    pub(crate) span: usize,
    pub(crate) user_id: i64,
    pub(crate) team_id: i64,
    pub(crate) key_id: i64,
    pub(crate) backend_id: i64,
    pub(crate) model: String,
    pub(crate) latency: Latency,
}

#[derive(sqlx::FromRow)]
struct SlotRow {
    span: i64,
    user_id: i64,
    team_id: i64,
    key_id: i64,
    backend_id: i64,
    model: String,
    slot: i64,
    durations: i64,
    first_chunks: i64,
}

impl Database {
    /// How long requests took in each of `spans`, by `group`. Whole UTC hours are counted, those that a
    /// stretch only touches as well.
    pub(crate) async fn latencies(
        &self,
        spans: &[Period],
        scope: Scope<'_>,
        group: Group,
    ) -> Result<Vec<GroupLatency>, StorageError> {
        if spans.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = QueryBuilder::<Sqlite>::new("with spans (span, start_at, end_at) as (");
        query.push_values(spans.iter().enumerate(), |mut row, (index, period)| {
            row.push_bind(i64::try_from(index).unwrap_or(i64::MAX))
                .push_bind(period.start.hour().0)
                .push_bind(period.end.0);
        });
        query.push(") select s.span, ");
        push_group(&mut query, group);
        query.push(
            "t.slot, sum(t.durations) as durations, sum(t.first_chunks) as first_chunks \
             from spans s cross join ledger.timings t \
             where t.hour >= s.start_at and t.hour < s.end_at",
        );
        push_scope(&mut query, scope);
        query.push(
            " group by span, user_id, team_id, key_id, backend_id, model, slot \
             order by span, user_id, team_id, key_id, backend_id, model, slot",
        );
        let rows: Vec<SlotRow> = query
            .build_query_as()
            .fetch_all(self.ledger_readers().await)
            .await?;
        let same = |a: &SlotRow, b: &SlotRow| {
            (a.span, a.user_id, a.team_id, a.key_id, a.backend_id)
                == (b.span, b.user_id, b.team_id, b.key_id, b.backend_id)
                && a.model == b.model
        };
        let groups = rows.chunk_by(same).filter_map(|rows| {
            let first = rows.first()?;
            Some(GroupLatency {
                span: usize::try_from(first.span).unwrap_or(0),
                user_id: first.user_id,
                team_id: first.team_id,
                key_id: first.key_id,
                backend_id: first.backend_id,
                model: first.model.clone(),
                latency: latency(rows),
            })
        });
        Ok(groups.collect())
    }
}

fn latency(rows: &[SlotRow]) -> Latency {
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    let slot = |row: &SlotRow| u32::try_from(row.slot).unwrap_or(0);
    let durations: Vec<(u32, u64)> = rows.iter().map(|r| (slot(r), count(r.durations))).collect();
    let firsts: Vec<(u32, u64)> = rows
        .iter()
        .map(|r| (slot(r), count(r.first_chunks)))
        .collect();
    Latency {
        p50_ms: percentile(&durations, 50),
        p95_ms: percentile(&durations, 95),
        p99_ms: percentile(&durations, 99),
        first_chunk_p50_ms: percentile(&firsts, 50),
        first_chunk_p95_ms: percentile(&firsts, 95),
        first_chunk_p99_ms: percentile(&firsts, 99),
    }
}

/// The time within which `percent` of the requests were done; `None` without any. Within a slot the
/// requests are taken as evenly spread.
fn percentile(slots: &[(u32, u64)], percent: u64) -> Option<u32> {
    let all: u64 = slots.iter().map(|(_, count)| count).sum();
    if all == 0 {
        return None;
    }
    let wanted = (all * percent).div_ceil(100).max(1);
    let mut before = 0;
    for (slot, count) in slots {
        if *count > 0 && before + count >= wanted {
            let (from, to) = (from_ms(*slot), from_ms(slot + 1));
            let ms = from + (to - from) * (wanted - before) / (count + 1);
            return Some(u32::try_from(ms).unwrap_or(u32::MAX));
        }
        before += count;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_lies_in_its_slot() {
        for ms in (0..5_000).chain([60_000, 299_999, 1_000_000, 2_097_151]) {
            let slot = slot(ms);
            assert!(from_ms(slot) <= u64::from(ms), "{ms}");
            assert!(u64::from(ms) < from_ms(slot + 1), "{ms}");
        }
        assert_eq!(slot(u32::MAX), LAST_SLOT);
    }

    #[test]
    fn percentiles_are_near_the_true_ones() {
        let mut counts = BTreeMap::<u32, u64>::new();
        for ms in 1..=10_000 {
            *counts.entry(slot(ms)).or_default() += 1;
        }
        let slots: Vec<(u32, u64)> = counts.into_iter().collect();
        for percent in [1_u32, 50, 95, 99] {
            let found = percentile(&slots, u64::from(percent)).expect("a time");
            let right = percent * 100;
            assert!(found.abs_diff(right) * 20 <= right, "{found} for {right}");
        }
        assert_eq!(percentile(&[(7, 0)], 50), None);
        assert_eq!(percentile(&[(3, 1)], 99), Some(3));
    }
}
