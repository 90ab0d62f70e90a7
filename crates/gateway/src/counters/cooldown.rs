//! Which deployments are left alone for a while. A deployment that says when to come back is
//! believed, within a cap; one that answers 429 three times within a minute rests for ten. Any
//! success clears the count.

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
            state.until = state.until.max(Some(now + rest));
            // Three refusals make one rest, not a rest for each further refusal.
            state.refusals.truncate(REFUSALS - 1);
        }
    }

    pub fn succeeded(&self) {
        let mut state = self.lock();
        state.until = None;
        state.refusals.clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
