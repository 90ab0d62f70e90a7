//! Which lanes are left alone for a while. One that says when to come back is believed, within a cap; one
//! that refuses three times within a minute (429, or 401 and 402, which say the same of a key) rests for
//! ten. Any success clears the count.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

const REFUSALS: usize = 3;
const WITHIN: Duration = Duration::from_secs(60);
const REST: Duration = Duration::from_secs(600);

/// Rest of one deployment.
#[derive(Debug, Default)]
pub struct Cooldown(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    until: Option<Instant>,
    refusals: VecDeque<Instant>,
    figures: Totals,
}

/// What has been since the start.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    refusals: u64,
    rests: u64,
    /// Of rests that are over.
    rested: Duration,
    began: Option<Instant>,
}

/// How often a lane was refused and rested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CooldownFigures {
    pub refusals: u64,
    /// Within the last minute.
    pub recent: u64,
    pub rests: u64,
    /// All rests together, as far as they have passed.
    pub rested: Duration,
    pub remaining: Option<Duration>,
    /// How long ago the last rest began.
    pub began_ago: Option<Duration>,
}

impl CooldownFigures {
    /// Those of another lane as well.
    pub fn add(&mut self, other: &Self) {
        self.refusals += other.refusals;
        self.recent += other.recent;
        self.rests += other.rests;
        self.rested += other.rested;
        self.remaining = self.remaining.max(other.remaining);
        self.began_ago = match (self.began_ago, other.began_ago) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}

impl Cooldown {
    /// How long the deployment still rests; `None` when it is ready.
    #[must_use]
    pub fn remaining(&self, now: Instant) -> Option<Duration> {
        let until = self.lock().until?;
        (until > now).then(|| until - now)
    }

    /// The deployment answered 429, with `retry_after` if it said so.
    pub fn refused(&self, retry_after: Option<Duration>, now: Instant) {
        let mut state = self.lock();
        state.figures.refusals += 1;
        state.refusals.push_back(now);
        while state
            .refusals
            .front()
            .is_some_and(|at| now.saturating_duration_since(*at) >= WITHIN)
        {
            state.refusals.pop_front();
        }
        let rest = match retry_after {
            Some(told) => Some(told.min(REST)),
            None => (state.refusals.len() >= REFUSALS).then_some(REST),
        };
        if let Some(rest) = rest {
            if state.until.is_none_or(|until| until <= now) {
                state.end(now);
                state.figures.rests += 1;
                state.figures.began = Some(now);
            }
            state.until = state.until.max(Some(now + rest));
            // Three refusals make one rest, not a rest for each further refusal.
            state.refusals.truncate(REFUSALS - 1);
        }
    }

    pub fn succeeded(&self) {
        let mut state = self.lock();
        if state.until.is_none() && state.refusals.is_empty() {
            return;
        }
        state.end(Instant::now());
        state.refusals.clear();
    }

    #[must_use]
    pub fn figures(&self, now: Instant) -> CooldownFigures {
        let state = self.lock();
        let Totals {
            refusals,
            rests,
            rested,
            began,
        } = state.figures;
        let recent = state.refusals.iter();
        let recent = recent.filter(|at| now.saturating_duration_since(**at) < WITHIN);
        CooldownFigures {
            refusals,
            recent: recent.count() as u64,
            rests,
            rested: rested + state.running(now),
            remaining: state
                .until
                .filter(|until| *until > now)
                .map(|until| until - now),
            began_ago: began.map(|began| now.saturating_duration_since(began)),
        }
    }

    /// Forgets what has been; a rest goes on.
    pub fn reset(&self) {
        let mut state = self.lock();
        let began = state.figures.began.filter(|_| state.until.is_some());
        state.figures = Totals {
            began,
            ..Totals::default()
        };
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// How long the last rest has been going on, or was, if it has not been summed up yet.
    fn running(&self, now: Instant) -> Duration {
        let (Some(until), Some(began)) = (self.until, self.figures.began) else {
            return Duration::ZERO;
        };
        until.min(now).saturating_duration_since(began)
    }

    fn end(&mut self, now: Instant) {
        self.figures.rested += self.running(now);
        self.until = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_refusals_within_a_minute_make_a_rest() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let cooldown = Cooldown::default();
        cooldown.refused(None, at(0));
        cooldown.refused(None, at(1));
        assert_eq!(cooldown.remaining(at(1)), None);
        cooldown.refused(None, at(61));
        assert_eq!(
            cooldown.remaining(at(61)),
            None,
            "the first two are too old"
        );
        cooldown.refused(None, at(62));
        cooldown.refused(None, at(63));
        assert_eq!(cooldown.remaining(at(63)), Some(REST));
        assert_eq!(cooldown.remaining(at(663)), None);
    }

    #[test]
    fn rests_are_summed_up_as_far_as_they_have_passed() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let cooldown = Cooldown::default();
        cooldown.refused(Some(Duration::from_secs(10)), at(0));
        cooldown.refused(Some(Duration::from_secs(20)), at(4));
        let figures = cooldown.figures(at(5));
        assert_eq!((figures.refusals, figures.recent, figures.rests), (2, 2, 1));
        assert_eq!(figures.rested, Duration::from_secs(5));
        assert_eq!(figures.remaining, Some(Duration::from_secs(19)));
        assert_eq!(cooldown.figures(at(100)).rested, Duration::from_secs(24));
        cooldown.refused(Some(Duration::from_secs(1)), at(100));
        let figures = cooldown.figures(at(200));
        assert_eq!(
            (figures.rests, figures.rested),
            (2, Duration::from_secs(25))
        );
        assert_eq!(figures.began_ago, Some(Duration::from_secs(100)));
        assert_eq!((figures.recent, figures.remaining), (0, None));
        cooldown.reset();
        assert_eq!(cooldown.figures(at(200)).refusals, 0);
    }

    #[test]
    fn retry_after_is_believed_within_the_cap_and_success_clears() {
        let now = Instant::now();
        let cooldown = Cooldown::default();
        cooldown.refused(Some(Duration::from_secs(7)), now);
        assert_eq!(cooldown.remaining(now), Some(Duration::from_secs(7)));
        cooldown.refused(Some(Duration::from_secs(86_400)), now);
        assert_eq!(cooldown.remaining(now), Some(REST));
        cooldown.succeeded();
        assert_eq!(cooldown.remaining(now), None);
    }
}
