//! The ledger's writer: nothing that was settled is lost, doubled or summed wrongly, whoever else
//! writes and whatever fails.

use std::time::Duration;

use domain::{NanoUsd, Outcome, RequestId, Timestamp, TokenUsage, UserId, period::Period};
use proptest::prelude::*;
use sqlx::{Connection as _, SqliteConnection};
use storage::{
    Database, DatabaseOptions, Synchronous,
    ledger::{Commit, Ledger},
};

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

async fn count(connection: &mut SqliteConnection) -> i64 {
    sqlx::query_scalar("select count(*) from requests")
        .fetch_one(connection)
        .await
        .expect("a count")
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
    assert_eq!(count(&mut stranger).await, i64::from(WRITERS * ROWS));
}

/// A commit that is not done within a moment.
async fn is_pending(commit: &mut Commit) -> bool {
    tokio::time::timeout(Duration::from_millis(300), commit)
        .await
        .is_err()
}

fn rename(from_requests: bool) -> &'static str {
    match from_requests {
        true => "alter table requests rename to away",
        false => "alter table away rename to requests",
    }
}

#[tokio::test]
async fn rows_wait_out_a_failure_of_the_database() {
    let fixture = Fixture::new().await;
    let (ledger, _) = Ledger::start(&fixture.db).await.expect("a ledger");
    let mut stranger = stranger(&fixture).await;
    sqlx::query(rename(true))
        .execute(&mut stranger)
        .await
        .expect("renamed");
    // The journal has the first rows; once the database is known to fail, later ones wait for it, or
    // there would be no end of them.
    let mut settled = 0;
    let mut waiting = loop {
        let mut commit = ledger.settle(row(Some(UserId(1)), NOON, Some(3)), None);
        settled += 1;
        if is_pending(&mut commit).await {
            break commit;
        }
        // Lets the writer find out.
        tokio::task::yield_now().await;
    };
    assert!(settled > 1, "a row that the journal has does not wait");
    assert!(is_pending(&mut waiting).await);
    sqlx::query(rename(false))
        .execute(&mut stranger)
        .await
        .expect("renamed back");
    waiting.await.expect("the rows were kept and written");
    assert_eq!(count(&mut stranger).await, settled);
}

#[tokio::test]
async fn where_every_commit_waits_for_the_disk_the_database_has_each_row_at_once() {
    let fixture = Fixture::new().await;
    let options = DatabaseOptions {
        synchronous: Synchronous::Full,
        ..fixture.options()
    };
    let db = Database::open(&options).await.expect("a database");
    let (ledger, _) = Ledger::start(&db).await.expect("a ledger");
    let mut stranger = stranger(&fixture).await;
    for n in 1..=20 {
        let commit = ledger.settle(row(Some(UserId(1)), NOON, Some(3)), None);
        commit.await.expect("a commit");
        assert_eq!(count(&mut stranger).await, n);
    }
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
    assert_eq!(count(&mut stranger).await, 500);
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
