//! `ledger verify` finds every damage that can be done to the books, and says where.

use std::collections::BTreeSet;

use domain::{
    BudgetScope, LedgerRow, NanoUsd, Outcome, Price, RequestId, ServiceTier, Timestamp, TokenUsage,
    Used, UserId, budget::BudgetPeriod, pricing::Rates,
};
use jiff::tz::TimeZone;
use sqlx::{Connection as _, SqliteConnection};
use storage::{
    BackendRecord, ConfiguredPrice, DeploymentRecord, PriceSource,
    ledger::{Ledger, OpenRequest},
    verify::{Difference, Verified},
};

use crate::fixture::{Fixture, row};

/// 2026-11-20 10:30 in UTC.
const AT: Timestamp = Timestamp(1_795_170_600_000);

fn price() -> Price {
    let rates = Rates {
        input: NanoUsd(2_000_000_000),
        output: NanoUsd(10_000_000_000),
        ..Rates::default()
    };
    rates.into()
}

/// Books with four calls of three requests of one user, in two hours, and a reset.
struct Books {
    f: Fixture,
    user: UserId,
    rows: Vec<LedgerRow>,
}

impl Books {
    async fn new() -> Self {
        let f = Fixture::new().await;
        let user = f.user("ada").await.id;
        let backend = BackendRecord {
            name: "main".to_owned(),
            kind: "openai".to_owned(),
            base_url: None,
            deployments: vec![DeploymentRecord {
                model: "gpt-4o".to_owned(),
                prices: vec![ConfiguredPrice {
                    source: PriceSource::File,
                    effective_from: None,
                    price: price(),
                }],
            }],
        };
        let synced = f.db.sync_backends(&[backend], Timestamp(1)).await;
        let synced = synced.expect("a backend");
        let deployment = &synced[0].deployments[0];
        let dated = deployment.prices.at(AT).expect("a price");
        let call = |number: u128, hour: i64, outcome, attempts| {
            let mut row = row(Some(user), Timestamp(AT.0 + hour * 3_600_000), None);
            row.request_id = RequestId((u128::from(AT.0.unsigned_abs()) << 80) | number);
            row.outcome = outcome;
            row.attempts = attempts;
            row.backend_id = Some(synced[0].id);
            row.deployment_id = Some(deployment.id);
            row.used = Used {
                tokens: TokenUsage {
                    input: 100,
                    output: 10,
                    ..TokenUsage::default()
                },
                tier: ServiceTier::Standard,
                estimated: outcome == Outcome::Abandoned,
            };
            row.price_id = Some(dated.id);
            row.cost = Some(dated.price.cost(&row.used.tokens, row.used.tier));
            row
        };
        let rows = vec![
            call(1, 0, Outcome::Completed, 1),
            call(2, 0, Outcome::Abandoned, 1),
            call(2, 0, Outcome::StreamBroken, 2),
            call(3, 1, Outcome::Interrupted, 1),
        ];
        assert_eq!(rows[0].cost, Some(NanoUsd(300_000)));
        f.settle(rows.clone()).await;
        let start = domain::period::day(AT, &TimeZone::UTC).start;
        let whose = BudgetScope::User(user);
        let forgiven =
            f.db.reset_budget(whose, BudgetPeriod::Daily, start, AT)
                .await;
        assert_eq!(forgiven.expect("a reset"), NanoUsd(1_200_000));
        Self { f, user, rows }
    }

    async fn verify(&self) -> Verified {
        let verified = self.f.db.verify_ledger(&TimeZone::UTC).await;
        verified.expect("books")
    }

    /// Does to one of the two files what only somebody with access to it can do.
    async fn damage(&self, file: &str, sql: &'static str) {
        let path = self.f.path(file);
        let mut connection = SqliteConnection::connect(&format!("sqlite://{}", path.display()))
            .await
            .expect("a connection");
        let done = sqlx::query(sql).execute(&mut connection).await;
        assert_eq!(done.expect("damage").rows_affected(), 1, "{sql}");
    }
}

const LEDGER: &str = "router-ledger.db";
const ACCOUNTS: &str = "router.db";

fn checks(verified: &Verified) -> BTreeSet<&str> {
    verified.differences.iter().map(|d| d.check).collect()
}

#[tokio::test]
async fn books_that_nobody_touched_agree() {
    let books = Books::new().await;
    let verified = books.verify().await;
    assert_eq!(verified.differences, []);
    let counts = (verified.rows, verified.requests, verified.rollups);
    assert_eq!(counts, (4, 3, 2));
    assert_eq!(verified.budget_periods, 2);
    assert_eq!(verified.cost, NanoUsd(1_200_000));
    assert_eq!((verified.difference_count, verified.dated_by_time), (0, 0));
}

#[tokio::test]
async fn every_damage_is_found_by_the_checks_that_see_it() {
    let all: [(&str, &'static str, &[&str]); 16] = [
        (
            LEDGER,
            "update requests set cost_nano = cost_nano + 1 where id = 1",
            &["budget period", "cost", "minute", "rollup"],
        ),
        (
            LEDGER,
            "update requests set cost_nano = null where id = 1",
            &["budget period", "cost", "minute", "reset", "rollup"],
        ),
        (
            LEDGER,
            "update requests set input_tokens = input_tokens + 1 where id = 4",
            &["cost", "minute", "rollup"],
        ),
        (
            LEDGER,
            "update requests set price_id = 99 where id = 1",
            &["cost"],
        ),
        (
            LEDGER,
            "update requests set deployment_id = 99 where id = 1",
            &["cost"],
        ),
        (
            LEDGER,
            "delete from requests where id = 4",
            &["budget period", "minute", "reset", "rollup"],
        ),
        (
            LEDGER,
            "update requests set request_id = (select request_id from requests where id = 1) where id = 4",
            &["request"],
        ),
        (
            LEDGER,
            "update requests set is_final = 0 where id = 4",
            &["minute", "request", "rollup"],
        ),
        (
            LEDGER,
            "update requests set user_id = 7 where id = 4",
            &["budget period", "reset", "rollup"],
        ),
        (
            LEDGER,
            "update rollups set cost_nano = cost_nano - 1 where hour = (select min(hour) from rollups)",
            &["budget period", "rollup"],
        ),
        (
            LEDGER,
            "insert into rollups select 3600000, user_id, key_id, backend_id, request_model, requests, errors, \
             unpriced, input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, \
             output_tokens, reasoning_tokens, cost_nano, team_id from rollups limit 1",
            &["rollup"],
        ),
        (
            LEDGER,
            "update minutes set duration_ms = duration_ms + 1 where minute = (select min(minute) from minutes)",
            &["minute"],
        ),
        (
            LEDGER,
            "delete from minutes where minute = (select max(minute) from minutes)",
            &["minute"],
        ),
        (
            LEDGER,
            "update minutes set backend_id = 99 where minute = (select max(minute) from minutes)",
            &["minute"],
        ),
        (
            ACCOUNTS,
            "update prices set price = replace(price, '2000000000', '2100000000')",
            &["cost"],
        ),
        (
            ACCOUNTS,
            "update budget_resets set forgiven_nano = forgiven_nano + 1",
            &["reset"],
        ),
    ];
    for (file, sql, expected) in all {
        let books = Books::new().await;
        books.damage(file, sql).await;
        let verified = books.verify().await;
        let expected: BTreeSet<&str> = expected.iter().copied().collect();
        assert_eq!(checks(&verified), expected, "{sql}: {verified:?}");
        assert_eq!(verified.difference_count, verified.differences.len() as u64);
    }
}

#[tokio::test]
async fn a_difference_names_its_place_and_both_figures() {
    let books = Books::new().await;
    let sql = "update requests set cost_nano = cost_nano + 1 where id = 3";
    books.damage(LEDGER, sql).await;
    let mut told = books.verify().await.differences;
    let difference = |check, place: String, expected: &str, found: &str| Difference {
        check,
        place,
        expected: expected.to_owned(),
        found: found.to_owned(),
    };
    let (user, backend) = (books.user, books.rows[0].backend_id.expect("a backend"));
    let request = books.rows[2].request_id;
    let mut expected = vec![
        difference(
            "cost",
            format!("{request}, call 2"),
            &NanoUsd(300_000).to_string(),
            &NanoUsd(300_001).to_string(),
        ),
        difference(
            "rollup",
            format!(
                "hour 2026-11-20T10:00:00Z, user {user}, key 0, backend {backend}, model \"gpt\": cost_nano"
            ),
            "900001",
            "900000",
        ),
    ];
    // The same minute has the call that was given up and the one that ended the request.
    let minute = |nano: i64| format!(", {nano} nano-dollars, ");
    let place = told
        .iter()
        .position(|difference| difference.check == "minute");
    let of_minute = told.remove(place.expect("a difference of the minute"));
    assert_eq!(
        of_minute.place,
        format!("minute 2026-11-20T10:30:00Z, backend {backend}")
    );
    assert!(
        of_minute.expected.contains(&minute(900_001)),
        "{of_minute:?}"
    );
    assert!(of_minute.found.contains(&minute(900_000)), "{of_minute:?}");
    for (kind, day) in [("daily", 20), ("monthly", 1)] {
        expected.push(difference(
            "budget period",
            format!("{kind} budget of user {user}, period from 2026-11-{day:02}T00:00:00Z"),
            &NanoUsd(1_200_001).to_string(),
            &NanoUsd(1_200_000).to_string(),
        ));
    }
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_request_that_is_still_running_is_no_difference() {
    let books = Books::new().await;
    let mut given_up = books.rows[1].clone();
    given_up.request_id.0 += 10;
    let (ledger, _) = Ledger::start(&books.f.db).await.expect("a ledger");
    let request = OpenRequest {
        request_id: given_up.request_id,
        started_at: given_up.started_at,
        user_id: given_up.user_id,
        team_id: None,
        key_id: None,
        dialect: given_up.dialect,
        request_model: given_up.request_model.clone(),
        stream: true,
        playground: false,
        progress: std::sync::Mutex::default(),
    };
    ledger.call(&request);
    ledger.abandon(given_up.clone());
    assert_eq!(books.verify().await.differences, []);
    let commit = ledger.settle(
        LedgerRow {
            outcome: Outcome::Completed,
            attempts: 2,
            ..given_up
        },
        None,
    );
    commit.await.expect("a commit");
    let verified = books.verify().await;
    assert_eq!((verified.differences, verified.rows), (vec![], 6));
}
