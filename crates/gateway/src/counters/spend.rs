//! What a user has spent today and this month, and what running calls may still spend. Reserve, then
//! settle: a call is let in only if all that is spent and reserved, with its own estimate, stays
//! within both budgets, so that concurrent calls cannot pass a limit together.

use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{
    BudgetLimits, NanoUsd, Timestamp,
    budget::BudgetPeriod,
    period::{self, Period},
};
use jiff::tz::TimeZone;

/// A budget has no room for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetExceeded {
    pub period: BudgetPeriod,
    /// What counts against the budget: spent in this period, minus what a reset forgave.
    pub spent: NanoUsd,
    /// What running calls may still spend.
    pub reserved: NanoUsd,
    /// What this call may cost.
    pub estimate: NanoUsd,
    pub limit: NanoUsd,
    /// When the period ends.
    pub resets_at: Timestamp,
}

/// What resets forgave in the periods that begin at these times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgiven {
    pub daily: Option<(Timestamp, NanoUsd)>,
    pub monthly: Option<(Timestamp, NanoUsd)>,
}

impl Forgiven {
    fn of(&self, which: BudgetPeriod, period: Period) -> NanoUsd {
        let recorded = match which {
            BudgetPeriod::Daily => self.daily,
            BudgetPeriod::Monthly => self.monthly,
        };
        recorded
            .filter(|(start, _)| *start == period.start)
            .map_or(NanoUsd::ZERO, |(_, amount)| amount)
    }
}

/// The counters of one user.
#[derive(Debug)]
pub struct Spend {
    zone: TimeZone,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    day: Period,
    spent_in_day: NanoUsd,
    month: Period,
    spent_in_month: NanoUsd,
    reserved: NanoUsd,
}

impl Spend {
    /// Counters that stand at what the ledger says of the day and the month that `now` lies in.
    #[must_use]
    pub fn new(zone: TimeZone, now: Timestamp, today: NanoUsd, this_month: NanoUsd) -> Self {
        let state = State {
            day: period::day(now, &zone),
            spent_in_day: today,
            month: period::month(now, &zone),
            spent_in_month: this_month,
            reserved: NanoUsd::ZERO,
        };
        Self {
            zone,
            state: Mutex::new(state),
        }
    }

    /// Reserves `estimate`. The monthly budget is checked first.
    ///
    /// # Errors
    /// See [`BudgetExceeded`]; nothing is reserved then.
    pub fn reserve(
        &self,
        limits: BudgetLimits,
        forgiven: &Forgiven,
        estimate: NanoUsd,
        now: Timestamp,
    ) -> Result<(), BudgetExceeded> {
        let mut state = self.lock(now);
        let budgets = [
            (
                BudgetPeriod::Monthly,
                limits.monthly,
                state.month,
                state.spent_in_month,
            ),
            (
                BudgetPeriod::Daily,
                limits.daily,
                state.day,
                state.spent_in_day,
            ),
        ];
        for (which, limit, period, spent) in budgets {
            if limit == NanoUsd::ZERO {
                continue;
            }
            let spent = spent - forgiven.of(which, period);
            if spent >= limit || spent + state.reserved + estimate > limit {
                return Err(BudgetExceeded {
                    period: which,
                    spent,
                    reserved: state.reserved,
                    estimate,
                    limit,
                    resets_at: period.end,
                });
            }
        }
        state.reserved += estimate;
        Ok(())
    }

    /// Gives a reservation back and counts what the call cost. A call counts in the periods in which
    /// it began, as it does in the ledger.
    pub fn settle(&self, reserved: NanoUsd, cost: NanoUsd, began: Timestamp, now: Timestamp) {
        let mut state = self.lock(now);
        state.reserved -= reserved;
        if state.day.contains(began) {
            state.spent_in_day += cost;
        }
        if state.month.contains(began) {
            state.spent_in_month += cost;
        }
    }

    /// What counts against the daily and the monthly budget.
    #[must_use]
    pub fn counted(&self, forgiven: &Forgiven, now: Timestamp) -> (NanoUsd, NanoUsd) {
        let state = self.lock(now);
        (
            state.spent_in_day - forgiven.of(BudgetPeriod::Daily, state.day),
            state.spent_in_month - forgiven.of(BudgetPeriod::Monthly, state.month),
        )
    }

    /// Spent today, spent this month, reserved; resets are not taken into account.
    #[must_use]
    pub fn figures(&self, now: Timestamp) -> (NanoUsd, NanoUsd, NanoUsd) {
        let state = self.lock(now);
        (state.spent_in_day, state.spent_in_month, state.reserved)
    }

    /// The counters, moved on to the day and the month of `now`.
    fn lock(&self, now: Timestamp) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= state.day.end {
            state.day = period::day(now, &self.zone);
            state.spent_in_day = NanoUsd::ZERO;
        }
        if now >= state.month.end {
            state.month = period::month(now, &self.zone);
            state.spent_in_month = NanoUsd::ZERO;
        }
        state
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    const NOON: Timestamp = Timestamp(1_700_000_000_000);
    const DAY: i64 = 86_400_000;

    fn limits(daily: i64, monthly: i64) -> BudgetLimits {
        BudgetLimits {
            daily: NanoUsd(daily),
            monthly: NanoUsd(monthly),
        }
    }

    fn spend() -> Spend {
        Spend::new(TimeZone::UTC, NOON, NanoUsd::ZERO, NanoUsd::ZERO)
    }

    #[test]
    fn the_monthly_budget_is_checked_first_and_zero_is_unlimited() {
        let s = Spend::new(TimeZone::UTC, NOON, NanoUsd(100), NanoUsd(100));
        let none = Forgiven::default();
        let refused = |l| s.reserve(l, &none, NanoUsd(1), NOON).map_err(|e| e.period);
        assert_eq!(refused(limits(100, 100)), Err(BudgetPeriod::Monthly));
        assert_eq!(refused(limits(100, 0)), Err(BudgetPeriod::Daily));
        assert_eq!(refused(limits(0, 0)), Ok(()));
    }

    #[test]
    fn a_new_day_begins_at_zero_and_late_calls_count_where_they_began() {
        let s = spend();
        let tomorrow = Timestamp(NOON.0 + DAY);
        s.settle(NanoUsd::ZERO, NanoUsd(60), NOON, NOON);
        assert_eq!(s.figures(NOON).0, NanoUsd(60));
        s.settle(NanoUsd::ZERO, NanoUsd(7), NOON, tomorrow);
        let (today, month, _) = s.figures(tomorrow);
        assert_eq!((today, month), (NanoUsd::ZERO, NanoUsd(67)));
    }

    #[test]
    fn a_reset_forgives_its_own_period_only() {
        let s = Spend::new(TimeZone::UTC, NOON, NanoUsd(100), NanoUsd(100));
        let today = period::day(NOON, &TimeZone::UTC).start;
        let forgiven = |start| Forgiven {
            daily: Some((start, NanoUsd(90))),
            monthly: None,
        };
        let reserve = |f| s.reserve(limits(100, 0), &f, NanoUsd(50), NOON);
        assert!(reserve(forgiven(Timestamp(today.0 - DAY))).is_err());
        assert!(reserve(forgiven(today)).is_ok());
    }

    #[test]
    fn threads_cannot_pass_a_limit_together() {
        let s = Arc::new(spend());
        let let_in: i64 = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    let s = Arc::clone(&s);
                    scope.spawn(move || {
                        (0..1_000)
                            .filter(|_| {
                                let ok = s
                                    .reserve(
                                        limits(1_000, 0),
                                        &Forgiven::default(),
                                        NanoUsd(3),
                                        NOON,
                                    )
                                    .is_ok();
                                if ok {
                                    s.settle(NanoUsd(3), NanoUsd(3), NOON, NOON);
                                }
                                ok
                            })
                            .count() as i64
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|t| t.join().expect("no panic"))
                .sum()
        });
        // The whole budget can be spent, and not a call more.
        assert_eq!(let_in, 333);
        assert_eq!(s.figures(NOON), (NanoUsd(999), NanoUsd(999), NanoUsd::ZERO));
    }

    proptest! {
        /// With estimates that are never too low, spend never passes the limit; what is reserved is
        /// always what the running calls have reserved.
        #[test]
        fn reservations_hold(calls in prop::collection::vec((1i64..50, 0i64..100, any::<bool>()), 1..200), limit in 1i64..500) {
            let s = spend();
            let mut running: Vec<(i64, i64)> = Vec::new();
            for (estimate, share, end_one) in calls {
                if s.reserve(limits(limit, 0), &Forgiven::default(), NanoUsd(estimate), NOON).is_ok() {
                    running.push((estimate, estimate * share / 100));
                }
                if end_one && !running.is_empty() {
                    let (estimate, cost) = running.remove(0);
                    s.settle(NanoUsd(estimate), NanoUsd(cost), NOON, NOON);
                }
                let (spent, _, reserved) = s.figures(NOON);
                prop_assert_eq!(reserved.0, running.iter().map(|(e, _)| e).sum::<i64>());
                prop_assert!(spent.0 + reserved.0 <= limit);
            }
        }
    }
}
