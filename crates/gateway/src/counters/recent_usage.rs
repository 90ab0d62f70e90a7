//! The tokens of one lane in the last day, for those who choose the lane that was used least. A sliding
//! day and not a sum for ever, so that a new key is not flooded until it has caught up with the others.

use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::Timestamp;

const HOUR_MS: i64 = 3_600_000;
const HOURS: usize = 24;

/// Usage by the hour.
#[derive(Debug, Default)]
pub struct RecentUsage(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Since 1970, of the newest bucket.
    hour: i64,
    /// By the hour's number, modulo.
    tokens: [u64; HOURS],
}

impl RecentUsage {
    pub fn add(&self, tokens: u64, at: Timestamp) {
        let hour = at.0.div_euclid(HOUR_MS);
        let mut state = self.lock();
        state.advance(hour);
        // What came in late still counts, as long as its hour does.
        if hour > state.hour - HOURS as i64 {
            let bucket = bucket(hour);
            state.tokens[bucket] = state.tokens[bucket].saturating_add(tokens);
        }
    }

    /// Tokens in the last 24 hours, the oldest hour in part.
    #[must_use]
    pub fn tokens(&self, now: Timestamp) -> u64 {
        let hour = now.0.div_euclid(HOUR_MS);
        let mut state = self.lock();
        state.advance(hour);
        state.tokens.iter().fold(0, |sum, n| sum.saturating_add(*n))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn advance(&mut self, hour: i64) {
        let passed = (hour - self.hour).clamp(0, HOURS as i64);
        for gone in 0..passed {
            self.tokens[bucket(hour - gone)] = 0;
        }
        self.hour = self.hour.max(hour);
    }
}

fn bucket(hour: i64) -> usize {
    usize::try_from(hour.rem_euclid(HOURS as i64)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_later_it_is_forgotten() {
        let usage = RecentUsage::default();
        let start = 1_700_000_000_000;
        let at = |hours: i64| Timestamp(start + hours * HOUR_MS);
        usage.add(100, at(0));
        usage.add(20, at(1));
        assert_eq!(usage.tokens(at(23)), 120);
        assert_eq!(usage.tokens(at(24)), 20);
        usage.add(3, at(24));
        assert_eq!(usage.tokens(at(24)), 23);
        assert_eq!(usage.tokens(at(25)), 3);
        assert_eq!(usage.tokens(at(1_000)), 0);
    }

    #[test]
    fn what_comes_in_late_counts_for_its_own_hour() {
        let usage = RecentUsage::default();
        let at = |hours: i64| Timestamp(1_700_000_000_000 + hours * HOUR_MS);
        usage.add(1, at(30));
        usage.add(10, at(10));
        usage.add(100, at(2));
        assert_eq!(usage.tokens(at(30)), 11);
        assert_eq!(usage.tokens(at(34)), 1);
    }
}
