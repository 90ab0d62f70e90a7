//! Budgets under every interleaving of calls, with the clock as an input.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;

const NOON: Timestamp = Timestamp(1_700_000_000_000);
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const SCOPE: BudgetScope = BudgetScope::User(domain::UserId(1));

fn spend_of(today: i64, month: i64) -> (Spend, mpsc::UnboundedReceiver<BudgetEvent>) {
    let (events, heard) = mpsc::unbounded_channel();
    let (today, month) = (NanoUsd(today), NanoUsd(month));
    let spend = Spend::new(SCOPE, TimeZone::UTC, events, NOON, today, month);
    (spend, heard)
}

fn spend() -> Spend {
    spend_of(0, 0).0
}

fn allow(daily: i64, monthly: i64) -> Allowance {
    Allowance {
        limits: BudgetLimits {
            daily: NanoUsd(daily),
            monthly: NanoUsd(monthly),
            ..BudgetLimits::default()
        },
        forgiven: Forgiven::default(),
    }
}

fn claim(likely: i64, most: i64) -> Claim {
    Claim {
        likely: NanoUsd(likely),
        most: NanoUsd(most),
    }
}

fn take(
    spend: &Spend,
    allowance: &Allowance,
    claim: Claim,
    now: Timestamp,
) -> Result<Reserved, BudgetExceeded> {
    reserve([Budget { spend, allowance }], claim, now).map(|[reserved]| reserved)
}

#[test]
fn the_monthly_budget_is_checked_first_and_zero_is_unlimited() {
    let (s, _) = spend_of(100, 100);
    let refused = |a| take(&s, &a, claim(1, 1), NOON).map_err(|e| (e.period, e.may_pass));
    let month = refused(allow(100, 100)).expect_err("used up");
    assert_eq!(month, (BudgetPeriod::Monthly, false));
    let day = refused(allow(100, 0)).expect_err("used up");
    assert_eq!(day, (BudgetPeriod::Daily, false));
    assert!(refused(allow(0, 0)).is_ok());
}

#[test]
fn a_new_day_begins_at_zero_and_late_calls_count_where_they_began() {
    let (s, a) = (spend(), allow(1_000, 1_000));
    let tomorrow = Timestamp(NOON.0 + DAY);
    let first = take(&s, &a, claim(60, 60), NOON).expect("room");
    let second = take(&s, &a, claim(7, 7), NOON).expect("room");
    s.settle(&a, first, NanoUsd(60), NOON, NOON);
    assert_eq!(s.figures(NOON).0, NanoUsd(60));
    s.settle(&a, second, NanoUsd(7), NOON, tomorrow);
    let (today, month, reserved) = s.figures(tomorrow);
    assert_eq!(
        (today, month, reserved),
        (NanoUsd::ZERO, NanoUsd(67), NanoUsd::ZERO)
    );
}

#[test]
fn a_reset_forgives_its_own_period_only() {
    let (s, _) = spend_of(100, 100);
    let today = period::day(NOON, &TimeZone::UTC).start;
    let take = |start| {
        let mut a = allow(100, 0);
        a.forgiven.daily = Some((start, NanoUsd(90)));
        take(&s, &a, claim(50, 50), NOON)
    };
    assert!(take(Timestamp(today.0 - DAY)).is_err());
    assert!(take(today).is_ok());
}

#[test]
fn the_last_room_goes_to_one_call_and_what_others_give_back_to_it() {
    let (s, a) = (spend(), allow(100, 0));
    let sure = take(&s, &a, claim(10, 60), NOON).expect("room for the worst");
    let short = take(&s, &a, claim(30, 90), NOON).expect("room for what is likely");
    let refused = take(&s, &a, claim(1, 1), NOON).expect_err("no room now");
    assert!(refused.may_pass);
    // 50 of the first call's 60 come back; all of it goes to the second, which may still cost 90.
    s.settle(&a, sure, NanoUsd(10), NOON, NOON);
    assert_eq!(s.figures(NOON).2, NanoUsd(90));
    assert!(
        take(&s, &a, claim(1, 1), NOON)
            .expect_err("no room")
            .may_pass
    );
    s.settle(&a, short, NanoUsd(30), NOON, NOON);
    assert_eq!(s.figures(NOON), (NanoUsd(40), NanoUsd(40), NanoUsd::ZERO));
    assert!(take(&s, &a, claim(60, 500), NOON).is_ok());
}

#[test]
fn a_call_that_will_hardly_fit_is_refused_for_good() {
    let (s, a) = (spend(), allow(100, 0));
    let refused = take(&s, &a, claim(101, 200), NOON).expect_err("too dear");
    assert!(!refused.may_pass);
    assert_eq!(s.figures(NOON).2, NanoUsd::ZERO);
}

#[test]
fn nothing_is_reserved_in_one_budget_if_another_refuses() {
    let (key, owner) = (spend(), spend_of(100, 100).0);
    let (wide, full) = (allow(1_000, 0), allow(100, 0));
    let budgets = [
        Budget {
            spend: &key,
            allowance: &wide,
        },
        Budget {
            spend: &owner,
            allowance: &full,
        },
    ];
    assert!(reserve(budgets, claim(1, 1), NOON).is_err());
    assert_eq!(key.figures(NOON).2, NanoUsd::ZERO);
}

#[test]
fn each_limit_is_told_once_in_its_period() {
    let (s, mut heard) = spend_of(0, 0);
    let mut a = allow(100, 0);
    a.limits.soft_daily = NanoUsd(50);
    let mut told = || {
        let mut kinds = Vec::new();
        while let Ok(event) = heard.try_recv() {
            kinds.push((event.kind, event.spent.0));
        }
        kinds
    };
    let pay = |cost, now| {
        let reserved = take(&s, &a, claim(cost, cost), now).expect("room");
        s.settle(&a, reserved, NanoUsd(cost), now, now);
    };
    pay(49, NOON);
    assert_eq!(told(), []);
    pay(1, NOON);
    pay(20, NOON);
    assert_eq!(told(), [(BudgetEventKind::SoftLimit, 50)]);
    for _ in 0..3 {
        assert!(take(&s, &a, claim(40, 40), NOON).is_err());
    }
    assert_eq!(told(), [(BudgetEventKind::HardLimit, 70)]);
    let tomorrow = Timestamp(NOON.0 + DAY);
    pay(60, tomorrow);
    assert_eq!(told(), [(BudgetEventKind::SoftLimit, 60)]);
}

#[test]
fn threads_cannot_pass_a_limit_together_and_spend_it_all() {
    let s = Arc::new(spend());
    let a = allow(1_000, 0);
    let spent: i64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|n| {
                let s = Arc::clone(&s);
                scope.spawn(move || {
                    let mut random = fastrand::Rng::with_seed(n);
                    let mut spent = 0;
                    for _ in 0..2_000 {
                        let cost = random.i64(1..=3);
                        if let Ok(reserved) = take(&s, &a, claim(cost, 30), NOON) {
                            std::thread::yield_now();
                            s.settle(&a, reserved, NanoUsd(cost), NOON, NOON);
                            spent += cost;
                        }
                    }
                    spent
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .sum()
    });
    assert_eq!(
        s.figures(NOON),
        (NanoUsd(spent), NanoUsd(spent), NanoUsd::ZERO)
    );
    assert!((998..=1_000).contains(&spent), "{spent}");
}

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    Begin {
        likely: i64,
        most: i64,
    },
    /// Ends one of the running calls at so many thousandths of what it may cost.
    End {
        which: prop::sample::Index,
        share: i64,
    },
    /// Ends it at nothing: refused by the upstream, or gone.
    Fail {
        which: prop::sample::Index,
    },
    Wait {
        millis: i64,
    },
    Raise {
        by: i64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0i64..60, 0i64..60).prop_map(|(likely, more)| Step::Begin { likely, most: likely + more }),
        3 => (any::<prop::sample::Index>(), 0i64..=1_000).prop_map(|(which, share)| Step::End { which, share }),
        1 => any::<prop::sample::Index>().prop_map(|which| Step::Fail { which }),
        1 => (0i64..40 * HOUR).prop_map(|millis| Step::Wait { millis }),
        1 => (0i64..20).prop_map(|by| Step::Raise { by }),
    ]
}

proptest! {
    /// Whatever the order of calls, ends, failures, period changes and raised budgets: no call costs
    /// more than it may, and so what is spent in a period never passes the highest limit that held in
    /// it, but by what one call that was let in for the last room costs beyond that room; and when
    /// nothing runs, nothing is reserved.
    #[test]
    fn budgets_hold_over_every_interleaving(
        steps in prop::collection::vec(step(), 1..200),
        daily in 1i64..300,
        monthly in 1i64..2_000,
    ) {
        let s = spend();
        let mut a = allow(daily, monthly);
        let mut now = NOON;
        let mut running: Vec<(Reserved, i64, i64, Timestamp)> = Vec::new();
        let mut dearest_error = 0;
        for step in steps {
            match step {
                Step::Begin { likely, most } => {
                    if let Ok(reserved) = take(&s, &a, claim(likely, most), now) {
                        dearest_error = dearest_error.max(most - likely);
                        running.push((reserved, likely, most, now));
                        let short = running.iter().filter(|(r, ..)| r.short).count();
                        let lacking = s.state.lock().expect("no panic").short;
                        prop_assert!(lacking == NanoUsd::ZERO || short >= 1);
                    }
                }
                Step::End { which, share } if !running.is_empty() => {
                    let (reserved, _, most, began) = running.remove(which.index(running.len()));
                    s.settle(&a, reserved, NanoUsd(most * share / 1_000), began, now);
                }
                Step::Fail { which } if !running.is_empty() => {
                    let (reserved, _, _, began) = running.remove(which.index(running.len()));
                    s.settle(&a, reserved, NanoUsd::ZERO, began, now);
                }
                Step::End { .. } | Step::Fail { .. } => {}
                Step::Wait { millis } => now = Timestamp(now.0 + millis),
                Step::Raise { by } => {
                    a.limits.daily += NanoUsd(by);
                    a.limits.monthly += NanoUsd(by);
                }
            }
            let (today, month, reserved) = s.figures(now);
            let lacking = s.state.lock().expect("no panic").short;
            let may_cost: i64 = running.iter().map(|(_, _, most, _)| most).sum();
            prop_assert_eq!(reserved + lacking, NanoUsd(may_cost));
            prop_assert!(today <= a.limits.daily + NanoUsd(dearest_error), "{today} of {}", a.limits.daily);
            prop_assert!(month <= a.limits.monthly + NanoUsd(dearest_error), "{month} of {}", a.limits.monthly);
        }
        for (reserved, _, _, began) in running.drain(..) {
            s.settle(&a, reserved, NanoUsd::ZERO, began, now);
        }
        prop_assert_eq!(s.figures(now).2, NanoUsd::ZERO);
        prop_assert_eq!(s.state.lock().expect("no panic").short, NanoUsd::ZERO);
    }

    /// Calls one after the other, each of which may cost much and costs little, can spend all but the
    /// price of one call.
    #[test]
    fn the_whole_budget_can_be_spent(cost in 1i64..50, most in 50i64..100_000, limit in 100i64..5_000) {
        let (s, a) = (spend(), allow(limit, 0));
        while let Ok(reserved) = take(&s, &a, claim(cost, most), NOON) {
            s.settle(&a, reserved, NanoUsd(cost), NOON, NOON);
        }
        let spent = s.figures(NOON).0.0;
        prop_assert!(spent <= limit && spent > limit - cost);
    }
}
