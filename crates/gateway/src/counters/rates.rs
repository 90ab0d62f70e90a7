//! How many requests and tokens somebody has had in the last minute, and how many of their requests
//! are running. Tokens are reserved and settled as money is.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::RateLimits;
use tokio::time::Instant;

use super::window::{Counted, Left, SlidingWindow};

/// The stretch that limits "per minute" are for.
pub const MINUTE: Duration = Duration::from_secs(60);

/// The counters of one user, team, key or model.
#[derive(Debug)]
pub struct Rates(Mutex<State>);

#[derive(Debug)]
struct State {
    requests: SlidingWindow,
    tokens: SlidingWindow,
    running: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self(Mutex::new(State {
            requests: SlidingWindow::new(MINUTE),
            tokens: SlidingWindow::new(MINUTE),
            running: 0,
        }))
    }
}

/// Which of the limits is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateKind {
    Requests,
    Tokens,
    Parallel,
}

/// A limit has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateExceeded {
    pub kind: RateKind,
    pub limit: u64,
    /// How long until there is room. A place among the running requests is free when one ends; then
    /// it is a guess.
    pub retry_after: Duration,
    /// Tokens that were asked for, of which there is never room for so many; `None`: waiting helps.
    pub too_large: Option<u64>,
}

/// How much is left of each limit; `None`: there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RatesLeft {
    pub requests: Option<Left>,
    pub tokens: Option<Left>,
}

impl RatesLeft {
    /// Of each limit the one of which less is left.
    #[must_use]
    pub fn tighter(self, other: Self) -> Self {
        let tighter = |a: Option<Left>, b: Option<Left>| match (a, b) {
            (Some(a), Some(b)) => Some(if b.remaining < a.remaining { b } else { a }),
            (a, b) => a.or(b),
        };
        Self {
            requests: tighter(self.requests, other.requests),
            tokens: tighter(self.tokens, other.tokens),
        }
    }
}

/// What a request counts for in the limits of one of its bearers. Its place among the running ones is
/// free when this is dropped; tokens that were not settled then were not used.
#[derive(Debug)]
pub struct Held {
    rates: Arc<Rates>,
    tokens: Option<Counted>,
    running: bool,
}

impl Held {
    /// So many tokens were used.
    pub fn settle(mut self, tokens: u64) {
        self.correct(tokens);
    }

    fn correct(&mut self, tokens: u64) {
        if let Some(counted) = self.tokens.take() {
            self.rates.lock().tokens.correct(counted, tokens);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.correct(0);
        if self.running {
            let mut state = self.rates.lock();
            state.running = state.running.saturating_sub(1);
        }
    }
}

/// Counters with their limits, and whose they are.
#[derive(Clone, Copy, Debug)]
pub struct Limited<'a, W> {
    pub whose: W,
    pub rates: &'a Arc<Rates>,
    pub limits: &'a RateLimits,
}

/// What a request holds in each of its limits, and what is left of the tightest.
pub type LetIn<const N: usize> = ([Option<Held>; N], RatesLeft);

/// Counts a request of about `tokens` in all of `limited`, or in none. They must be given in the same
/// order by everybody: the key's before its owner's.
///
/// # Errors
/// A limit has no room; whose, and which.
pub fn count<const N: usize, W: Copy>(
    limited: [Limited<'_, W>; N],
    tokens: u64,
    now: Instant,
) -> Result<LetIn<N>, (W, RateExceeded)> {
    let mut states = limited.map(|one| {
        // Most have no limits; they cost nothing.
        (!one.limits.is_unlimited()).then(|| one.rates.lock())
    });
    for (one, state) in limited.iter().zip(&mut states) {
        if let Some(state) = state {
            state
                .check(one.limits, tokens, now)
                .map_err(|exceeded| (one.whose, exceeded))?;
        }
    }
    let mut left = RatesLeft::default();
    let mut held = [const { None }; N];
    for ((one, state), held) in limited.iter().zip(&mut states).zip(&mut held) {
        if let Some(state) = state {
            let (tokens, running) = state.add(one.limits, tokens, now);
            left = left.tighter(state.left(one.limits, now));
            *held = Some(Held {
                rates: Arc::clone(one.rates),
                tokens,
                running,
            });
        }
    }
    Ok((held, left))
}

impl Rates {
    /// How much is left now.
    #[must_use]
    pub fn left(&self, limits: &RateLimits, now: Instant) -> RatesLeft {
        self.lock().left(limits, now)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn check(
        &mut self,
        limits: &RateLimits,
        tokens: u64,
        now: Instant,
    ) -> Result<(), RateExceeded> {
        /// When to look again for a place among the running requests.
        const SOON: Duration = Duration::from_secs(1);
        let exceeded = |kind, limit, retry_after| RateExceeded {
            kind,
            limit,
            retry_after,
            too_large: None,
        };
        let requests = u64::from(limits.requests_per_minute);
        if requests > 0 {
            self.requests
                .check(1, requests, now)
                .map_err(|wait| exceeded(RateKind::Requests, requests, wait))?;
        }
        if limits.tokens_per_minute > 0 {
            let limit = limits.tokens_per_minute;
            if tokens > limit {
                return Err(RateExceeded {
                    too_large: Some(tokens),
                    ..exceeded(RateKind::Tokens, limit, MINUTE)
                });
            }
            self.tokens
                .check(tokens, limit, now)
                .map_err(|wait| exceeded(RateKind::Tokens, limit, wait))?;
        }
        if limits.parallel > 0 && self.running >= limits.parallel {
            let limit = u64::from(limits.parallel);
            return Err(exceeded(RateKind::Parallel, limit, SOON));
        }
        Ok(())
    }

    /// Only what has a limit is counted.
    fn add(&mut self, limits: &RateLimits, tokens: u64, now: Instant) -> (Option<Counted>, bool) {
        if limits.requests_per_minute > 0 {
            self.requests.add(1, now);
        }
        let counted = (limits.tokens_per_minute > 0).then(|| self.tokens.add(tokens, now));
        let running = limits.parallel > 0;
        if running {
            self.running += 1;
        }
        (counted, running)
    }

    fn left(&mut self, limits: &RateLimits, now: Instant) -> RatesLeft {
        let requests = u64::from(limits.requests_per_minute);
        RatesLeft {
            requests: (requests > 0).then(|| self.requests.left(requests, now)),
            tokens: (limits.tokens_per_minute > 0)
                .then(|| self.tokens.left(limits.tokens_per_minute, now)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited<'a>(
        whose: &'static str,
        rates: &'a Arc<Rates>,
        limits: &'a RateLimits,
    ) -> Limited<'a, &'static str> {
        Limited {
            whose,
            rates,
            limits,
        }
    }

    #[test]
    fn what_one_bearer_refuses_counts_for_nobody() {
        let (key, owner) = (Arc::default(), Arc::default());
        let wide = RateLimits {
            requests_per_minute: 10,
            ..RateLimits::default()
        };
        let narrow = RateLimits {
            requests_per_minute: 1,
            ..RateLimits::default()
        };
        let now = Instant::now();
        let count = || {
            let both = [
                limited("key", &key, &wide),
                limited("owner", &owner, &narrow),
            ];
            super::count(both, 0, now).map(|(_, left)| left.requests.map(|left| left.remaining))
        };
        assert_eq!(count(), Ok(Some(0)));
        let (whose, exceeded) = count().expect_err("full");
        assert_eq!((whose, exceeded.kind), ("owner", RateKind::Requests));
        let left = key.left(&wide, now).requests.expect("a limit");
        assert_eq!(left.remaining, 9, "the refused request was not counted");
    }

    #[test]
    fn places_are_free_when_requests_end_and_unused_tokens_come_back() {
        let rates = Arc::default();
        let limits = RateLimits {
            tokens_per_minute: 100,
            parallel: 1,
            ..RateLimits::default()
        };
        let now = Instant::now();
        let count = |tokens| super::count([limited("key", &rates, &limits)], tokens, now);
        let (held, _) = count(60).expect("room");
        let (_, exceeded) = count(10).expect_err("one at a time");
        assert_eq!(exceeded.kind, RateKind::Parallel);
        drop(held);
        let ([held], left) = count(70).expect("room again");
        assert_eq!(left.tokens.map(|left| left.remaining), Some(30));
        held.expect("counted").settle(40);
        let (held, left) = count(60).expect("room for what was not used");
        assert_eq!(left.tokens.map(|left| left.remaining), Some(0));
        drop(held);
        let (_, exceeded) = count(101).expect_err("more than there ever is");
        assert_eq!(exceeded.too_large, Some(101));
    }
}
