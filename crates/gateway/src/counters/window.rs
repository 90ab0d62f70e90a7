//! A sliding window: at most `limit` in any stretch of `length`, of requests or of tokens. What
//! happens within the same millisecond is counted together, so that the edge is exact to the
//! millisecond, and a window of a minute never costs more than two megabytes, whatever its limit.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// What is counted together lies within this stretch.
const GRAIN: Duration = Duration::from_millis(1);

/// What was counted in one window.
#[derive(Debug)]
pub struct SlidingWindow {
    length: Duration,
    /// What was counted within a grain after the time beside it, oldest first.
    events: VecDeque<(Instant, u64)>,
    /// The sum of it.
    total: u64,
}

/// Where something was counted, to correct it later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    since: Instant,
    amount: u64,
}

/// How much is left of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    pub limit: u64,
    pub remaining: u64,
    /// Until nothing counts any more of what counts now.
    pub reset: Duration,
}

impl SlidingWindow {
    #[must_use]
    pub const fn new(length: Duration) -> Self {
        Self {
            length,
            events: VecDeque::new(),
            total: 0,
        }
    }

    /// Whether `amount` has room at `now`; it is not counted.
    ///
    /// # Errors
    /// It has not. The value is how long until it has.
    pub fn check(&mut self, amount: u64, limit: u64, now: Instant) -> Result<(), Duration> {
        self.forget(now);
        // What is larger than the limit has room when nothing else is there.
        let amount = amount.min(limit);
        if self.total.saturating_add(amount) > limit {
            return Err(self.wait(self.total.saturating_add(amount) - limit, now));
        }
        Ok(())
    }

    /// Counts `amount` at `now`, whether or not it has room.
    pub fn add(&mut self, amount: u64, now: Instant) -> Counted {
        self.forget(now);
        self.total = self.total.saturating_add(amount);
        let since = match self.events.back_mut() {
            Some((since, sum)) if now.saturating_duration_since(*since) < GRAIN => {
                *sum = sum.saturating_add(amount);
                *since
            }
            _ => {
                self.events.push_back((now, amount));
                now
            }
        };
        Counted { since, amount }
    }

    /// Counts `amount` at `now` if it has room.
    ///
    /// # Errors
    /// The window is full; nothing is counted. The value is how long until it has room.
    pub fn try_add(&mut self, amount: u64, limit: u64, now: Instant) -> Result<Counted, Duration> {
        self.check(amount, limit, now)?;
        Ok(self.add(amount, now))
    }

    /// What was counted turns out to be `actual`. It goes on counting from when it was counted.
    pub fn correct(&mut self, counted: Counted, actual: u64) {
        // What has left the window needs no correction.
        let found = self
            .events
            .binary_search_by_key(&counted.since, |(since, _)| *since);
        if let Ok(at) = found
            && let Some((_, sum)) = self.events.get_mut(at)
        {
            *sum = sum.saturating_sub(counted.amount).saturating_add(actual);
            self.total = self
                .total
                .saturating_sub(counted.amount)
                .saturating_add(actual);
        }
    }

    /// How much is left of `limit` at `now`.
    pub fn left(&mut self, limit: u64, now: Instant) -> Left {
        self.forget(now);
        Left {
            limit,
            remaining: limit.saturating_sub(self.total),
            reset: self.events.back().map_or(Duration::ZERO, |(since, _)| {
                self.leaves(*since).saturating_duration_since(now)
            }),
        }
    }

    /// How long until `leaving` of what is counted has left.
    fn wait(&self, mut leaving: u64, now: Instant) -> Duration {
        for (since, sum) in &self.events {
            match leaving.checked_sub(*sum) {
                Some(left) if left > 0 => leaving = left,
                _ => return self.leaves(*since).saturating_duration_since(now),
            }
        }
        self.length
    }

    /// When the last of what is counted at `since` leaves the window.
    fn leaves(&self, since: Instant) -> Instant {
        since + self.length + GRAIN
    }

    fn forget(&mut self, now: Instant) {
        while let Some((since, sum)) = self.events.front().copied()
            && self.leaves(since) <= now
        {
            self.total -= sum;
            self.events.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn the_edge_is_exact_to_the_millisecond() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut window = SlidingWindow::new(MINUTE);
        let mut add = |ms| window.try_add(1, 2, at(ms)).map(drop);
        assert_eq!(add(0), Ok(()));
        assert_eq!(add(10_000), Ok(()));
        assert_eq!(add(60_000), Err(GRAIN));
        assert_eq!(add(60_001), Ok(()));
        assert_eq!(add(60_001), Err(Duration::from_secs(10)));
    }

    #[test]
    fn a_busy_window_stays_small() {
        let start = Instant::now();
        let mut window = SlidingWindow::new(MINUTE);
        for n in 0..100_000 {
            window.add(1, start + Duration::from_micros(n));
        }
        assert_eq!((window.events.len(), window.total), (100, 100_000));
        assert_eq!(
            window
                .try_add(1, 10, start + MINUTE)
                .map_err(|wait| wait < Duration::from_millis(102)),
            Err(true)
        );
    }

    #[test]
    fn what_was_reserved_becomes_what_was_used() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut window = SlidingWindow::new(MINUTE);
        let first = window.try_add(600, 1_000, at(0)).expect("room");
        assert!(window.try_add(600, 1_000, at(1)).is_err());
        window.correct(first, 100);
        assert_eq!(window.left(1_000, at(1)).remaining, 900);
        let second = window.try_add(600, 1_000, at(1)).expect("room");
        window.correct(second, 2_000);
        let left = window.left(1_000, at(2));
        assert_eq!((left.remaining, left.reset), (0, at(61) + GRAIN - at(2)));
        // It is gone when the minute is over, and correcting it then changes nothing.
        assert_eq!(window.left(1_000, at(62)).remaining, 1_000);
        window.correct(second, 5);
        assert_eq!(window.left(1_000, at(62)).remaining, 1_000);
    }

    #[test]
    fn what_is_larger_than_the_limit_has_to_be_alone() {
        let now = Instant::now();
        let mut window = SlidingWindow::new(MINUTE);
        assert!(window.try_add(50, 10, now).is_ok());
        assert!(window.try_add(1, 10, now).is_err());
    }

    proptest! {
        /// In no stretch of the window's length is there more than allowed, and whoever waits as long
        /// as told gets in.
        #[test]
        fn never_more_than_the_limit(
            steps in prop::collection::vec((prop_oneof![0u64..3_000, 0u64..20_000_000], 1u64..5), 1..200),
            limit in 4u64..20,
        ) {
            let start = Instant::now();
            let mut window = SlidingWindow::new(MINUTE);
            let mut now = start;
            let mut admitted: Vec<(Instant, u64)> = Vec::new();
            for (step, amount) in steps {
                now += Duration::from_micros(step);
                if let Err(wait) = window.try_add(amount, limit, now) {
                    prop_assert!(wait > Duration::ZERO && wait <= MINUTE + GRAIN);
                    now += wait;
                    prop_assert!(window.try_add(amount, limit, now).is_ok());
                }
                admitted.push((now, amount));
            }
            for (i, (first, _)) in admitted.iter().enumerate() {
                let within = admitted[i..].iter().take_while(|(at, _)| *at - *first < MINUTE);
                prop_assert!(within.map(|(_, amount)| amount).sum::<u64>() <= limit);
            }
        }

    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// A simulated hour with more demand than is allowed: no window has more than the limit, and
        /// the hour has at least 99 % of what sixty windows allow.
        #[test]
        fn an_hour_of_demand_is_used_to_the_full(
            limit in 1u64..500, every_ms in 1u64..50, seed in any::<u64>(),
        ) {
            let start = Instant::now();
            let mut random = fastrand::Rng::with_seed(seed);
            let mut window = SlidingWindow::new(MINUTE);
            let mut admitted: Vec<Instant> = Vec::new();
            let mut at = Duration::ZERO;
            while at < Duration::from_secs(3_600) {
                // Steady demand with bursts, always more than the limit.
                let burst = if random.u8(..) == 0 { limit.min(50) } else { 1 };
                for _ in 0..burst {
                    if window.try_add(1, limit, start + at).is_ok() {
                        admitted.push(start + at);
                    }
                }
                at += Duration::from_millis(random.u64(1..=every_ms));
            }
            let mut oldest = 0;
            for (i, now) in admitted.iter().enumerate() {
                while *now - admitted[oldest] >= MINUTE {
                    oldest += 1;
                }
                prop_assert!(((i - oldest) as u64) < limit);
            }
            prop_assert!(admitted.len() as u64 * 100 >= limit * 60 * 99, "{} of {}", admitted.len(), limit * 60);
        }
    }
}
