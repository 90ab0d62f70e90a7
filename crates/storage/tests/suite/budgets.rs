use domain::{
    BudgetScope, LedgerRow, NanoUsd, Timestamp, UserId,
    budget::BudgetPeriod,
    period::{day, month},
};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use storage::{Constraint, StorageError};

use crate::fixture::{Fixture, row};

/// Zones with whole, half and quarter hours, and two in which clocks change within the time that
/// the cases cover.
const ZONES: [&str; 6] = [
    "UTC",
    "Europe/Paris",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "America/St_Johns",
    "Australia/Lord_Howe",
];

/// 2026-03-27 and 2026-04-06 in UTC: a month ends, and clocks change in Paris and on Lord Howe.
const FROM: i64 = 1_774_569_600_000;
const TO: i64 = 1_775_433_600_000;

#[derive(Clone, Debug)]
enum Step {
    Request {
        user: usize,
        at: i64,
        nano: Option<i64>,
    },
    Reset {
        user: usize,
        period: BudgetPeriod,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let request = (
        0..3usize,
        FROM..TO,
        prop::option::weighted(0.9, 0..1_000_000i64),
    )
        .prop_map(|(user, at, nano)| Step::Request { user, at, nano });
    let reset = (0..3usize, any::<bool>()).prop_map(|(user, daily)| Step::Reset {
        user,
        period: if daily {
            BudgetPeriod::Daily
        } else {
            BudgetPeriod::Monthly
        },
    });
    prop_oneof![8 => request, 1 => reset]
}

/// The spend that counts, kept the simple way.
#[derive(Clone, Copy, Default)]
struct Model {
    spent: i64,
    /// Spent since the last reset.
    counts: i64,
}

async fn spend_of(f: &Fixture, scope: BudgetScope, start: Timestamp) -> NanoUsd {
    let spends = f.db.spend_of(&[scope], start).await.expect("spend");
    spends.get(&scope).copied().unwrap_or_default()
}

async fn compare(zone: &str, now: i64, steps: Vec<Step>) {
    let zone = TimeZone::get(zone).expect("a zone");
    let f = Fixture::new().await;
    let mut users = Vec::new();
    for name in ["ada", "bob", "carol"] {
        users.push(f.user(name).await.id);
    }
    let now = Timestamp(now);
    let start = |period| match period {
        BudgetPeriod::Daily => day(now, &zone).start,
        BudgetPeriod::Monthly => month(now, &zone).start,
    };
    let mut models = [[Model::default(); 2]; 3];
    for step in steps {
        match step {
            Step::Request { user, at, nano } => {
                f.settle([row(Some(users[user]), Timestamp(at), nano)])
                    .await;
                for period in [BudgetPeriod::Daily, BudgetPeriod::Monthly] {
                    if Timestamp(at) >= start(period) {
                        let model = &mut models[user][period as usize];
                        model.spent += nano.unwrap_or(0);
                        model.counts += nano.unwrap_or(0);
                    }
                }
            }
            Step::Reset { user, period } => {
                f.db.reset_budget(BudgetScope::User(users[user]), period, start(period), now)
                    .await
                    .expect("a reset");
                models[user][period as usize].counts = 0;
            }
        }
    }
    for period in [BudgetPeriod::Daily, BudgetPeriod::Monthly] {
        let start = start(period);
        let all = f.db.spend_since(start).await.expect("spend");
        let scopes: Vec<BudgetScope> = users.iter().copied().map(BudgetScope::User).collect();
        let forgiven = f.db.forgiven(&scopes, period, start).await.expect("resets");
        for ((user, scope), models) in users.iter().zip(&scopes).zip(&models) {
            let model = models[period as usize];
            let spent = spend_of(&f, *scope, start).await;
            assert_eq!(spent.0, model.spent, "{period:?} of {user}");
            let among_all = all.get(scope).map_or(0, |nano| nano.0);
            assert_eq!(among_all, model.spent);
            let forgiven = forgiven.get(scope).copied().unwrap_or_default();
            assert_eq!((spent - forgiven).0, model.counts, "{period:?} of {user}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn spend_is_the_sum_of_the_rows_in_every_zone_and_after_resets(
        zone in prop::sample::select(&ZONES[..]),
        now in FROM..TO,
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(compare(zone, now, steps));
    }
}

#[tokio::test]
async fn the_half_hour_before_midnight_in_kolkata_is_yesterday() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await.id;
    // Midnight there is 18:30 UTC; the rollup of 18:00 UTC holds requests of both days.
    let midnight: jiff::Timestamp = "2026-11-20T18:30:00Z".parse().expect("a time");
    let midnight = midnight.as_millisecond();
    f.settle([
        row(Some(ada), Timestamp(midnight - 1), Some(1)),
        row(Some(ada), Timestamp(midnight), Some(10)),
        row(Some(ada), Timestamp(midnight + 3_600_000), Some(100)),
    ])
    .await;
    let zone = TimeZone::get("Asia/Kolkata").expect("a zone");
    let today = day(Timestamp(midnight), &zone);
    let spent = spend_of(&f, BudgetScope::User(ada), today.start).await;
    assert_eq!(spent, NanoUsd(110));
}

#[tokio::test]
async fn two_resets_at_once_forgive_once() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await.id;
    f.settle([row(Some(ada), Timestamp(5), Some(70))]).await;
    let reset = || {
        f.db.reset_budget(
            BudgetScope::User(ada),
            BudgetPeriod::Daily,
            Timestamp(0),
            Timestamp(6),
        )
    };
    let (first, second) = tokio::join!(reset(), reset());
    let both = first.expect("a reset") + second.expect("a reset");
    assert_eq!(both, NanoUsd(70));
}

#[tokio::test]
async fn nobody_is_reset_who_does_not_exist() {
    let f = Fixture::new().await;
    let reset =
        f.db.reset_budget(
            BudgetScope::User(UserId(99)),
            BudgetPeriod::Daily,
            Timestamp(0),
            Timestamp(6),
        )
        .await;
    assert!(matches!(
        reset,
        Err(StorageError::Conflict {
            what: Constraint::Reference
        })
    ));
}

#[tokio::test]
async fn keys_have_a_spend_of_their_own_and_the_master_key_has_no_user() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await.id;
    let with_key = |key, nano| LedgerRow {
        key_id: Some(domain::KeyId(key)),
        ..row(Some(ada), Timestamp(5), Some(nano))
    };
    f.settle([
        with_key(1, 3),
        with_key(2, 4),
        row(None, Timestamp(5), Some(9)),
    ])
    .await;
    let keys = [2, 3].map(|id| BudgetScope::Key(domain::KeyId(id)));
    let spend = f.db.spend_of(&keys, Timestamp(0)).await.expect("spend");
    assert_eq!(
        spend.into_iter().collect::<Vec<_>>(),
        [(keys[0], NanoUsd(4))]
    );
    let mut all: Vec<_> =
        f.db.spend_since(Timestamp(0))
            .await
            .expect("spend")
            .into_iter()
            .collect();
    all.sort();
    let key = |id| BudgetScope::Key(domain::KeyId(id));
    assert_eq!(
        all,
        [
            (BudgetScope::User(ada), NanoUsd(7)),
            (key(1), NanoUsd(3)),
            (key(2), NanoUsd(4)),
        ]
    );
}
