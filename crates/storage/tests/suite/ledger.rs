//! The ledger's writer: nothing that was settled is lost, doubled or summed wrongly, whoever else
//! writes and whatever fails.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::{NanoUsd, Outcome, RequestId, Timestamp, TokenUsage, UserId, period::Period};
use proptest::prelude::*;
use sqlx::{Connection as _, SqliteConnection};
use storage::ledger::{Ledger, OpenRequest, Progress};

use crate::fixture::{Fixture, row};

const NOON: Timestamp = Timestamp(1_700_000_000_000);

fn around(at: Timestamp) -> Period {
    Period {
        start: Timestamp(at.0 - 86_400_000),
        end: Timestamp(at.0 + 86_400_000),
    }
}

/// A connection of its own to the ledger's file, as another process would have.
async fn stranger(fixture: &Fixture) -> SqliteConnection {
    let path = fixture.path("router-ledger.db");
    SqliteConnection::connect(&format!("sqlite://{}", path.display()))
        .await
        .expect("a connection")
}

async fn count(connection: &mut SqliteConnection, table: &'static str) -> i64 {
    let sql = match table {
        "requests" => "select count(*) from requests",
        "open_requests" => "select count(*) from open_requests",
        other => panic!("no table {other}"),
    };
    sqlx::query_scalar(sql)
        .fetch_one(connection)
        .await
        .expect("a count")
}

fn open(request_id: RequestId, at: Timestamp) -> OpenRequest {
    let row = row(Some(UserId(1)), at, Some(1));
    OpenRequest {
        request_id,
        started_at: at,
        user_id: row.user_id,
        team_id: None,
        key_id: None,
        dialect: row.dialect,
        request_model: row.request_model,
        stream: true,
        progress: Arc::new(Mutex::new(Progress {
            upstream_model: row.upstream_model,
            cost: Some(NanoUsd::ZERO),
            ..Progress::default()
        })),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_can_be_read_and_nothing_is_lost_between_writers() {
    const WRITERS: u32 = 32;
    const ROWS: u32 = 25;
    let fixture = Fixture::new().await;
    let (ledger, _) = Ledger::start(&fixture.db).await.expect("a ledger");
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let (ledger, db) = (ledger.clone(), fixture.db.clone());
        tasks.spawn(async move {
            for n in 0..ROWS {
                let mut row = row(Some(UserId(i64::from(writer % 3 + 1))), NOON, Some(7));
                row.request_id = RequestId(
                    (u128::from(1_700_000_000_000_u64) << 80) | u128::from(writer * 1_000 + n),
                );
                let id = row.request_id;
                ledger.settle(row, None).await.expect("a commit");
                let found = db.find_request(id).await.expect("a query");
                assert!(
                    found.is_some(),
                    "the row is there as soon as it is committed"
                );
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no panic");
    }
    let totals = fixture
        .db
        .totals(&[around(NOON)], None)
        .await
        .expect("totals")[0];
    assert_eq!(totals.requests, u64::from(WRITERS * ROWS));
    assert_eq!(totals.cost, NanoUsd(i64::from(WRITERS * ROWS) * 7));
    let mut stranger = stranger(&fixture).await;
    assert_eq!(
        count(&mut stranger, "requests").await,
        i64::from(WRITERS * ROWS)
    );
}

#[tokio::test]
async fn a_request_that_a_dead_process_left_open_is_found_as_interrupted() {
    let fixture = Fixture::new().await;
    let (first, _) = Ledger::start(&fixture.db).await.expect("a ledger");
    let (lost, ended) = (
        RequestId((u128::from(1_700_000_000_000_u64) << 80) | 1),
        RequestId((u128::from(1_700_000_000_000_u64) << 80) | 2),
    );
    first.open(open(lost, NOON));
    first.open(open(ended, NOON));
    // A condition and not a pause: it is noted once it has been open for a while.
    let mut stranger = stranger(&fixture).await;
    tokio::time::timeout(Duration::from_secs(10), async {
        while count(&mut stranger, "open_requests").await < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("both are noted as open");
    let mut settled = row(Some(UserId(1)), NOON, Some(5));
    settled.request_id = ended;
    first.settle(settled, None).await.expect("a commit");
    assert_eq!(count(&mut stranger, "open_requests").await, 1);

    // The next process.
    let (_, interrupted) = Ledger::start(&fixture.db).await.expect("a ledger");
    assert_eq!(interrupted, 1);
    let found = fixture
        .db
        .find_request(lost)
        .await
        .expect("a query")
        .expect("a row");
    assert_eq!(
        (found.row.outcome, found.row.cost),
        (Outcome::Interrupted, Some(NanoUsd::ZERO))
    );
    let totals = fixture
        .db
        .totals(&[around(NOON)], None)
        .await
        .expect("totals")[0];
    assert_eq!(
        (totals.requests, totals.errors, totals.cost),
        (2, 1, NanoUsd(5))
    );
    let (_, again) = Ledger::start(&fixture.db).await.expect("a ledger");
    assert_eq!(again, 0, "it is counted once");
}

#[tokio::test]
async fn rows_wait_out_a_failure_of_the_database() {
    let fixture = Fixture::new().await;
    let (ledger, _) = Ledger::start(&fixture.db).await.expect("a ledger");
    let mut stranger = stranger(&fixture).await;
    let rename = |from, to| match (from, to) {
        ("requests", "away") => "alter table requests rename to away",
        _ => "alter table away rename to requests",
    };
    sqlx::query(rename("requests", "away"))
        .execute(&mut stranger)
        .await
        .expect("renamed");
    let mut commit = std::pin::pin!(ledger.settle(row(Some(UserId(1)), NOON, Some(3)), None));
    let early = tokio::time::timeout(Duration::from_millis(300), commit.as_mut()).await;
    assert!(early.is_err(), "nothing is committed without a table");
    sqlx::query(rename("away", "requests"))
        .execute(&mut stranger)
        .await
        .expect("renamed back");
    commit.await.expect("the row was kept and written");
    assert_eq!(count(&mut stranger, "requests").await, 1);
}

#[tokio::test]
async fn closing_writes_what_is_queued() {
    let fixture = Fixture::new().await;
    let (ledger, _) = Ledger::start(&fixture.db).await.expect("a ledger");
    let commits: Vec<_> = (0..500)
        .map(|n| ledger.settle(row(Some(UserId(1)), Timestamp(NOON.0 + n), Some(1)), None))
        .collect();
    ledger.close().await;
    let mut stranger = stranger(&fixture).await;
    assert_eq!(count(&mut stranger, "requests").await, 500);
    for commit in commits {
        commit.await.expect("committed");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Rollups are the sums of the rows, hour by hour and user by user, in whatever groups the rows
    /// were written.
    #[test]
    fn rollups_are_sums_of_rows(
        calls in prop::collection::vec((0i64..48, 0i64..3, prop::option::of(0i64..1_000_000), 0u64..10_000, any::<bool>()), 1..300),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let fixture = Fixture::new().await;
            let rows: Vec<_> = calls.iter().map(|(hour, user, cost, tokens, failed)| {
                let mut row = row((*user > 0).then_some(UserId(*user)), Timestamp(NOON.0 + hour * 3_600_000), *cost);
                row.used.tokens = TokenUsage { input: *tokens, cache_read: tokens / 2, cache_write_5m: tokens / 3, cache_write_1h: tokens / 5, output: tokens / 7, reasoning: tokens / 11, ..TokenUsage::default() };
                row.outcome = if *failed { Outcome::StreamBroken } else { Outcome::Completed };
                row
            }).collect();
            fixture.settle(rows.clone()).await;
            for user in [None, Some(UserId(1)), Some(UserId(2))] {
                for hour in [0, 13, 47] {
                    let start = Timestamp(NOON.0 + hour * 3_600_000).hour();
                    let period = Period { start, end: Timestamp(start.0 + 3_600_000) };
                    let mine: Vec<_> = rows.iter().filter(|r| period.contains(r.started_at) && (user.is_none() || r.user_id == user)).collect();
                    let mut usage = TokenUsage::default();
                    mine.iter().for_each(|r| usage += r.used.tokens);
                    let got = fixture.db.totals(&[period], user).await.expect("totals")[0];
                    prop_assert_eq!(got.requests, mine.len() as u64);
                    prop_assert_eq!(got.errors, mine.iter().filter(|r| r.outcome.is_error()).count() as u64);
                    prop_assert_eq!(got.unpriced, mine.iter().filter(|r| r.cost.is_none()).count() as u64);
                    prop_assert_eq!(got.usage, usage);
                    prop_assert_eq!(got.cost, mine.iter().filter_map(|r| r.cost).sum::<NanoUsd>());
                }
            }
            Ok(())
        })?;
    }
}
