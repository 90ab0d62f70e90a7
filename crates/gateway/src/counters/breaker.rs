//! Keeps traffic away from a deployment that fails time after time. After several failures in a row it
//! rests; then one real request is let through, and what becomes of that decides. Nothing is ever
//! called only to find out.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Failures in a row that open it; 0: it never opens.
    pub failures: u32,
    /// The first rest; each one that follows without a success between them is twice as long, up to
    /// ten minutes.
    pub rest: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            failures: 5,
            rest: Duration::from_secs(30),
        }
    }
}

const LONGEST_REST: Duration = Duration::from_secs(600);

/// The breaker of one deployment.
#[derive(Debug, Default)]
pub struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// In a row.
    failures: u32,
    /// How often it has opened since the last success.
    opened: u32,
    until: Option<Instant>,
    probing: bool,
}

/// Whether a deployment may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    Closed,
    /// Its rest is over: the next request tries it out.
    HalfOpen,
    /// A request is trying it out.
    Probing,
    Open(Duration),
}

/// The request that tries out whether a deployment is well again. Another may when this is dropped.
#[derive(Debug)]
pub struct Probe(Arc<Breaker>);

impl Drop for Probe {
    fn drop(&mut self) {
        self.0.lock().probing = false;
    }
}

impl Breaker {
    #[must_use]
    pub fn gate(&self, now: Instant) -> Gate {
        self.lock().gate(now)
    }

    /// Enters. A half-open breaker lets one in at a time, and hands them the probe.
    ///
    /// # Errors
    /// It is open, or somebody else is trying the deployment out.
    pub fn enter(self: &Arc<Self>, now: Instant) -> Result<Option<Probe>, Gate> {
        let mut state = self.lock();
        match state.gate(now) {
            Gate::Closed => Ok(None),
            Gate::HalfOpen => {
                state.probing = true;
                Ok(Some(Probe(Arc::clone(self))))
            }
            gate @ (Gate::Probing | Gate::Open(_)) => Err(gate),
        }
    }

    /// The deployment failed by a fault of its own.
    pub fn failed(&self, settings: BreakerSettings, now: Instant) {
        let mut state = self.lock();
        if state.until.is_some_and(|until| until > now) {
            // It was called before the rest began, or for want of anything better: no news.
            return;
        }
        state.failures = state.failures.saturating_add(1);
        let tried_out = state.until.is_some_and(|until| until <= now);
        if settings.failures > 0 && (tried_out || state.failures >= settings.failures) {
            let doubled = settings.rest.saturating_mul(1 << state.opened.min(10));
            state.until = Some(now + doubled.min(LONGEST_REST.max(settings.rest)));
            state.opened = state.opened.saturating_add(1);
            state.failures = 0;
        }
    }

    /// It answered, if only to refuse a request that is wrong.
    pub fn answered(&self) {
        let mut state = self.lock();
        state.failures = 0;
        state.opened = 0;
        state.until = None;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn gate(&self, now: Instant) -> Gate {
        match self.until {
            None => Gate::Closed,
            Some(until) if until > now => Gate::Open(until - now),
            Some(_) if self.probing => Gate::Probing,
            Some(_) => Gate::HalfOpen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: BreakerSettings = BreakerSettings {
        failures: 3,
        rest: Duration::from_secs(30),
    };

    #[test]
    fn failures_in_a_row_open_it_and_an_answer_between_them_does_not() {
        let breaker = Arc::new(Breaker::default());
        let now = Instant::now();
        breaker.failed(SETTINGS, now);
        breaker.failed(SETTINGS, now);
        breaker.answered();
        breaker.failed(SETTINGS, now);
        breaker.failed(SETTINGS, now);
        assert_eq!(breaker.gate(now), Gate::Closed);
        breaker.failed(SETTINGS, now);
        assert_eq!(breaker.gate(now), Gate::Open(SETTINGS.rest));
        assert_eq!(
            breaker.enter(now).expect_err("it is open"),
            Gate::Open(SETTINGS.rest)
        );
    }

    #[test]
    fn what_was_running_when_it_opened_does_not_make_the_rest_longer() {
        let breaker = Arc::new(Breaker::default());
        let now = Instant::now();
        for _ in 0..30 {
            breaker.failed(SETTINGS, now);
        }
        assert_eq!(breaker.gate(now), Gate::Open(SETTINGS.rest));
        // When the rest is over, one failure is enough, and counts once.
        let now = now + SETTINGS.rest;
        for _ in 0..30 {
            breaker.failed(SETTINGS, now);
        }
        assert_eq!(breaker.gate(now), Gate::Open(SETTINGS.rest * 2));
    }

    #[test]
    fn one_request_tries_it_out_and_its_fate_decides() {
        let breaker = Arc::new(Breaker::default());
        let mut now = Instant::now();
        for _ in 0..3 {
            breaker.failed(SETTINGS, now);
        }
        now += SETTINGS.rest;
        assert_eq!(breaker.gate(now), Gate::HalfOpen);
        let probe = breaker.enter(now).expect("the first may");
        assert!(probe.is_some());
        assert_eq!(
            breaker.enter(now).expect_err("one at a time"),
            Gate::Probing
        );
        // Its client goes away: nothing is known, and the next one may.
        drop(probe);
        let probe = breaker.enter(now).expect("the next may");
        breaker.failed(SETTINGS, now);
        drop(probe);
        assert_eq!(breaker.gate(now), Gate::Open(SETTINGS.rest * 2));
        now += SETTINGS.rest * 2;
        let probe = breaker.enter(now).expect("the rest is over");
        breaker.answered();
        drop(probe);
        assert_eq!(breaker.gate(now), Gate::Closed);
        // As if nothing had been.
        breaker.failed(SETTINGS, now);
        assert_eq!(breaker.gate(now), Gate::Closed);
    }

    #[test]
    fn rests_grow_up_to_a_bound_and_zero_failures_switch_it_off() {
        let breaker = Arc::new(Breaker::default());
        let mut now = Instant::now();
        for _ in 0..30 {
            breaker.failed(SETTINGS, now);
            if let Gate::Open(rest) = breaker.gate(now) {
                assert!(rest <= LONGEST_REST);
                now += rest;
            }
        }
        breaker.failed(SETTINGS, now);
        assert_eq!(breaker.gate(now), Gate::Open(LONGEST_REST));
        let never = BreakerSettings {
            failures: 0,
            ..SETTINGS
        };
        let breaker = Breaker::default();
        for _ in 0..100 {
            breaker.failed(never, now);
        }
        assert_eq!(breaker.gate(now), Gate::Closed);
    }
}
