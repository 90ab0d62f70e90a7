//! A sliding window: at most `limit` events in any stretch of `length`. Events of the same
//! millisecond are counted together, so that the edge is exact to the millisecond, and a window of a
//! minute never costs more than a megabyte, whatever its limit.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// Events that are counted together lie within this stretch.
const GRAIN: Duration = Duration::from_millis(1);

/// The events of one window.
#[derive(Debug)]
pub struct SlidingWindow {
    length: Duration,
    /// Events that happened within a grain after the time beside them, oldest first.
    events: VecDeque<(Instant, u32)>,
    /// Their number.
    total: u32,
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

    /// Counts an event at `now`.
    ///
    /// # Errors
    /// The window is full; the event is not counted. The value is how long until it has room.
    pub fn try_add(&mut self, limit: u32, now: Instant) -> Result<(), Duration> {
        self.forget(now);
        if self.total >= limit {
            return Err(self.wait(limit, now));
        }
        self.total += 1;
        match self.events.back_mut() {
            Some((since, count)) if now.saturating_duration_since(*since) < GRAIN => *count += 1,
            _ => self.events.push_back((now, 1)),
        }
        Ok(())
    }

    /// How long until so many events have left that one has room.
    fn wait(&self, limit: u32, now: Instant) -> Duration {
        // With a limit that was lowered, more than one event has to leave first.
        let mut leaving = self.total - limit + 1;
        for (since, count) in &self.events {
            match leaving.checked_sub(*count) {
                Some(left) if left > 0 => leaving = left,
                _ => return self.leaves(*since).saturating_duration_since(now),
            }
        }
        self.length
    }

    /// When the last of the events that are counted at `since` leaves the window.
    fn leaves(&self, since: Instant) -> Instant {
        since + self.length + GRAIN
    }

    fn forget(&mut self, now: Instant) {
        while let Some((since, count)) = self.events.front().copied()
            && self.leaves(since) <= now
        {
            self.total -= count;
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
        assert_eq!(window.try_add(2, at(0)), Ok(()));
        assert_eq!(window.try_add(2, at(10_000)), Ok(()));
        assert_eq!(window.try_add(2, at(60_000)), Err(GRAIN));
        assert_eq!(window.try_add(2, at(60_001)), Ok(()));
        assert_eq!(window.try_add(2, at(60_001)), Err(Duration::from_secs(10)));
    }

    #[test]
    fn a_busy_window_stays_small() {
        let start = Instant::now();
        let mut window = SlidingWindow::new(MINUTE);
        for n in 0..100_000 {
            assert_eq!(
                window.try_add(u32::MAX, start + Duration::from_micros(n)),
                Ok(())
            );
        }
        assert_eq!((window.events.len(), window.total), (100, 100_000));
        assert_eq!(
            window
                .try_add(10, start + MINUTE)
                .map_err(|wait| wait < Duration::from_millis(102)),
            Err(true)
        );
    }

    proptest! {
        /// In no stretch of the window's length are there more events than allowed, and whoever
        /// waits as long as told gets in.
        #[test]
        fn never_more_than_the_limit(steps in prop::collection::vec(prop_oneof![0u64..3_000, 0u64..20_000_000], 1..200), limit in 1u32..10) {
            let start = Instant::now();
            let mut window = SlidingWindow::new(MINUTE);
            let mut now = start;
            let mut admitted: Vec<Instant> = Vec::new();
            for step in steps {
                now += Duration::from_micros(step);
                match window.try_add(limit, now) {
                    Ok(()) => admitted.push(now),
                    Err(wait) => {
                        prop_assert!(wait > Duration::ZERO && wait <= MINUTE + GRAIN);
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
