//! What a user, a team or a key has spent today and this month, and what running calls may still
//! spend. Reserve, then settle.
//!
//! A call reserves what it may cost at most. Where a budget has less room than that, the call gets all
//! the room there is, provided that what it will probably cost fits; while it runs nothing is left for
//! others, and whatever other calls give back goes to it first. So there is never more than one call
//! that might cost more than it has reserved, and a budget is passed by no more than that one call's
//! estimate was wrong, however many run at once; and yet the last cent can be spent.

use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{
    BudgetLimits, BudgetScope, NanoUsd, Timestamp,
    budget::{BudgetEvent, BudgetEventKind, BudgetPeriod},
    period::{self, Period},
};
use jiff::tz::TimeZone;
use tokio::sync::mpsc;

/// What a call may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Probably.
    pub likely: NanoUsd,
    /// At most.
    pub most: NanoUsd,
}

/// A budget has no room for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetExceeded {
    pub scope: BudgetScope,
    pub period: BudgetPeriod,
    /// What counts against the budget: spent in this period, minus what a reset forgave.
    pub spent: NanoUsd,
    /// What running calls may still spend.
    pub reserved: NanoUsd,
    /// What this call will probably cost.
    pub estimate: NanoUsd,
    pub limit: NanoUsd,
    /// When the period ends.
    pub resets_at: Timestamp,
    /// There will be room if the running calls cost less than they may.
    pub may_pass: bool,
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

/// What a budget allows, as the snapshot of the accounts has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    pub limits: BudgetLimits,
    pub forgiven: Forgiven,
}

/// Takes what is to be told about budgets; each event once in its period by one process.
pub type EventSink = mpsc::UnboundedSender<BudgetEvent>;

/// The counters of one user, team or key.
#[derive(Debug)]
pub struct Spend {
    scope: BudgetScope,
    zone: TimeZone,
    events: EventSink,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    day: Spent,
    month: Spent,
    reserved: NanoUsd,
    /// What the one call lacks that has reserved less than it may cost; zero when there is none.
    short: NanoUsd,
}

#[derive(Debug)]
struct Spent {
    period: Period,
    amount: NanoUsd,
    soft_told: bool,
    hard_told: bool,
}

impl Spent {
    const fn new(period: Period, amount: NanoUsd) -> Self {
        Self {
            period,
            amount,
            soft_told: false,
            hard_told: false,
        }
    }
}

impl State {
    fn of(&self, which: BudgetPeriod) -> &Spent {
        match which {
            BudgetPeriod::Daily => &self.day,
            BudgetPeriod::Monthly => &self.month,
        }
    }

    fn of_mut(&mut self, which: BudgetPeriod) -> &mut Spent {
        match which {
            BudgetPeriod::Daily => &mut self.day,
            BudgetPeriod::Monthly => &mut self.month,
        }
    }

    /// What counts against the budget.
    fn counted(&self, which: BudgetPeriod, allowance: &Allowance) -> NanoUsd {
        let spent = self.of(which);
        spent.amount - allowance.forgiven.of(which, spent.period)
    }

    /// What may still be reserved; `None`: any amount.
    fn room(&self, allowance: &Allowance) -> Option<NanoUsd> {
        BudgetPeriod::ALL
            .into_iter()
            .filter_map(|which| {
                let limit = allowance.limits.hard(which);
                (limit != NanoUsd::ZERO)
                    .then(|| limit - self.counted(which, allowance) - self.reserved)
            })
            .min()
    }

    /// What is free belongs first to the call that has reserved too little.
    fn top_up(&mut self, allowance: &Allowance) {
        if self.short > NanoUsd::ZERO {
            let room = self.room(allowance).unwrap_or(self.short);
            let more = room.clamp(NanoUsd::ZERO, self.short);
            self.reserved += more;
            self.short -= more;
        }
    }
}

/// A budget that a call counts in.
#[derive(Clone, Copy, Debug)]
pub struct Budget<'a> {
    pub spend: &'a Spend,
    pub allowance: &'a Allowance,
}

/// What a call has reserved in one budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reserved {
    /// What the call may cost at most.
    most: NanoUsd,
    /// Less than that was reserved.
    short: bool,
}

/// Reserves in all of `budgets`, or in none. They must be given in the same order by everybody: the
/// key's before its owner's.
///
/// # Errors
/// See [`BudgetExceeded`].
pub fn reserve<const N: usize>(
    budgets: [Budget<'_>; N],
    claim: Claim,
    now: Timestamp,
) -> Result<[Reserved; N], BudgetExceeded> {
    let mut states = budgets.map(|budget| budget.spend.lock(now));
    for (budget, state) in budgets.iter().zip(&mut states) {
        // A budget that was raised has room for the call that has reserved too little.
        state.top_up(budget.allowance);
    }
    for (budget, state) in budgets.iter().zip(&mut states) {
        if let Err(refused) = budget.spend.check(state, budget.allowance, claim) {
            if !refused.may_pass {
                budget.spend.tell_refusal(state, &refused, now);
            }
            return Err(refused);
        }
    }
    let mut reserved = [Reserved::default(); N];
    for ((budget, state), reserved) in budgets.iter().zip(&mut states).zip(&mut reserved) {
        let amount = match state.room(budget.allowance) {
            Some(room) => claim.most.min(room.max(NanoUsd::ZERO)),
            None => claim.most,
        };
        state.reserved += amount;
        *reserved = Reserved {
            most: claim.most,
            short: amount < claim.most,
        };
        if reserved.short {
            state.short = claim.most - amount;
        }
    }
    Ok(reserved)
}

impl Spend {
    /// Counters that stand at what the ledger says of the day and the month that `now` lies in.
    #[must_use]
    pub fn new(
        scope: BudgetScope,
        zone: TimeZone,
        events: EventSink,
        now: Timestamp,
        today: NanoUsd,
        this_month: NanoUsd,
    ) -> Self {
        let state = State {
            day: Spent::new(period::day(now, &zone), today),
            month: Spent::new(period::month(now, &zone), this_month),
            reserved: NanoUsd::ZERO,
            short: NanoUsd::ZERO,
        };
        Self {
            scope,
            zone,
            events,
            state: Mutex::new(state),
        }
    }

    fn check(
        &self,
        state: &State,
        allowance: &Allowance,
        claim: Claim,
    ) -> Result<(), BudgetExceeded> {
        for which in BudgetPeriod::ALL {
            let limit = allowance.limits.hard(which);
            if limit == NanoUsd::ZERO {
                continue;
            }
            let spent = state.counted(which, allowance);
            let left = limit - spent;
            let likely = claim.likely.min(claim.most);
            let room = left - state.reserved;
            let fits = likely <= room && room > NanoUsd::ZERO;
            if left > NanoUsd::ZERO && (fits || claim.most == NanoUsd::ZERO) {
                continue;
            }
            return Err(BudgetExceeded {
                scope: self.scope,
                period: which,
                spent,
                reserved: state.reserved,
                estimate: likely,
                limit,
                resets_at: state.of(which).period.end,
                may_pass: left > NanoUsd::ZERO && likely <= left,
            });
        }
        Ok(())
    }

    /// Gives a reservation back and counts what the call cost. A call counts in the periods in which
    /// it began, as it does in the ledger.
    pub fn settle(
        &self,
        allowance: &Allowance,
        reserved: Reserved,
        cost: NanoUsd,
        began: Timestamp,
        now: Timestamp,
    ) {
        let mut state = self.lock(now);
        if reserved.short {
            let lacked = std::mem::take(&mut state.short);
            state.reserved -= reserved.most - lacked;
        } else {
            state.reserved -= reserved.most;
        }
        self.count(&mut state, allowance, cost, began, now);
        state.top_up(allowance);
    }

    /// Counts what a call cost that was given up, while its request goes on with what it has
    /// reserved. `false`: with that the budget has no room for another call.
    pub fn charge(
        &self,
        allowance: &Allowance,
        cost: NanoUsd,
        began: Timestamp,
        now: Timestamp,
    ) -> bool {
        let mut state = self.lock(now);
        self.count(&mut state, allowance, cost, began, now);
        state
            .room(allowance)
            .is_none_or(|room| room >= NanoUsd::ZERO)
    }

    fn count(
        &self,
        state: &mut State,
        allowance: &Allowance,
        cost: NanoUsd,
        began: Timestamp,
        now: Timestamp,
    ) {
        for which in BudgetPeriod::ALL {
            let spent = state.of_mut(which);
            if spent.period.contains(began) {
                spent.amount += cost;
            }
            self.tell_warning(state, which, allowance, now);
        }
    }

    /// What counts against the daily and the monthly budget.
    #[must_use]
    pub fn counted(&self, allowance: &Allowance, now: Timestamp) -> (NanoUsd, NanoUsd) {
        let state = self.lock(now);
        (
            state.counted(BudgetPeriod::Daily, allowance),
            state.counted(BudgetPeriod::Monthly, allowance),
        )
    }

    /// Tells of a soft limit that was passed before the process began, or that was lowered.
    pub fn look(&self, allowance: &Allowance, now: Timestamp) {
        let mut state = self.lock(now);
        for which in BudgetPeriod::ALL {
            self.tell_warning(&mut state, which, allowance, now);
        }
    }

    /// Spent today, spent this month, reserved; resets are not taken into account.
    #[must_use]
    pub fn figures(&self, now: Timestamp) -> (NanoUsd, NanoUsd, NanoUsd) {
        let state = self.lock(now);
        (state.day.amount, state.month.amount, state.reserved)
    }

    fn tell_warning(
        &self,
        state: &mut State,
        which: BudgetPeriod,
        allowance: &Allowance,
        now: Timestamp,
    ) {
        let limit = allowance.limits.soft(which);
        let spent = state.counted(which, allowance);
        let told = &mut state.of_mut(which).soft_told;
        if limit == NanoUsd::ZERO || spent < limit || std::mem::replace(told, true) {
            return;
        }
        let period = state.of(which).period;
        self.tell(BudgetEventKind::SoftLimit, which, period, spent, limit, now);
    }

    fn tell_refusal(&self, state: &mut State, refused: &BudgetExceeded, now: Timestamp) {
        let which = refused.period;
        if !std::mem::replace(&mut state.of_mut(which).hard_told, true) {
            let period = state.of(which).period;
            let (spent, limit) = (refused.spent, refused.limit);
            self.tell(BudgetEventKind::HardLimit, which, period, spent, limit, now);
        }
    }

    fn tell(
        &self,
        kind: BudgetEventKind,
        which: BudgetPeriod,
        period: Period,
        spent: NanoUsd,
        limit: NanoUsd,
        now: Timestamp,
    ) {
        // Nobody listens any more while the process ends; the next start looks again.
        let _ = self.events.send(BudgetEvent {
            scope: self.scope,
            kind,
            period: which,
            period_start: period.start,
            period_end: period.end,
            spent,
            limit,
            at: now,
        });
    }

    /// The counters, moved on to the day and the month of `now`.
    fn lock(&self, now: Timestamp) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= state.day.period.end {
            state.day = Spent::new(period::day(now, &self.zone), NanoUsd::ZERO);
        }
        if now >= state.month.period.end {
            state.month = Spent::new(period::month(now, &self.zone), NanoUsd::ZERO);
        }
        state
    }
}

#[cfg(test)]
mod tests;
