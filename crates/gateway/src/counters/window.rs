//! A sliding window: at most `limit` events in any stretch of `length`, exact at its edge. Each
//! event is remembered until it leaves the window, so that a limit costs 16 bytes an event.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// The events of one window.
#[derive(Debug)]
pub struct SlidingWindow {
    length: Duration,
    events: VecDeque<Instant>,
}

impl SlidingWindow {
    #[must_use]
    pub const fn new(length: Duration) -> Self {
        Self {
            length,
            events: VecDeque::new(),
        }
    }

    /// Counts an event at `now`.
    ///
    /// # Errors
    /// The window is full; the event is not counted. The value is how long until it has room.
    pub fn try_add(&mut self, limit: u32, now: Instant) -> Result<(), Duration> {
        self.forget(now);
        if self.events.len() < limit as usize {
            self.events.push_back(now);
            return Ok(());
        }
        // With a limit that was lowered, more than one event has to leave first.
        let leaving = self.events.len() - (limit as usize).min(self.events.len());
        let first = self.events.get(leaving).copied().unwrap_or(now);
        Err((first + self.length).saturating_duration_since(now))
    }

    fn forget(&mut self, now: Instant) {
        while let Some(first) = self.events.front() {
            if now.saturating_duration_since(*first) < self.length {
                break;
            }
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
    fn the_edge_is_exact() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut window = SlidingWindow::new(MINUTE);
        assert_eq!(window.try_add(2, at(0)), Ok(()));
        assert_eq!(window.try_add(2, at(10_000)), Ok(()));
        assert_eq!(window.try_add(2, at(59_999)), Err(Duration::from_millis(1)));
        assert_eq!(window.try_add(2, at(60_000)), Ok(()));
        assert_eq!(window.try_add(2, at(60_000)), Err(Duration::from_secs(10)));
    }

    proptest! {
        /// In no stretch of the window's length are there more events than allowed, and whoever
        /// waits as long as told gets in.
        #[test]
        fn never_more_than_the_limit(steps in prop::collection::vec(0u64..20_000, 1..200), limit in 1u32..10) {
            let start = Instant::now();
            let mut window = SlidingWindow::new(MINUTE);
            let mut now = start;
            let mut admitted: Vec<Instant> = Vec::new();
            for step in steps {
                now += Duration::from_millis(step);
                match window.try_add(limit, now) {
                    Ok(()) => admitted.push(now),
                    Err(wait) => {
                        prop_assert!(wait > Duration::ZERO && wait <= MINUTE);
                        now += wait;
                        prop_assert_eq!(window.try_add(limit, now), Ok(()));
                        admitted.push(now);
                    }
                }
            }
            for (i, first) in admitted.iter().enumerate() {
                let within = admitted[i..].iter().take_while(|at| **at - *first < MINUTE).count();
                prop_assert!(within <= limit as usize);
            }
        }
    }
}
