//! How quickly a deployment answers, for those who choose the quickest: a moving average that rises
//! with the first slow answer and falls slowly (peak EWMA), times the calls that are waiting for it.
//!
//! Streams are timed to their first content, whole answers to their end; the two are kept apart, since
//! they say nothing of each other.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

/// After so long an observation has lost most of its weight.
const MEMORY: Duration = Duration::from_secs(10);

/// First chunks from which a percentile is taken.
const KEPT: usize = 128;

/// Fewer say nothing of a 95th percentile.
const ENOUGH: usize = 20;

/// The latency of one deployment.
#[derive(Debug, Default)]
pub struct Latency {
    streams: Mutex<Average>,
    whole: Mutex<Average>,
    running: AtomicU32,
}

#[derive(Debug, Default)]
struct Average {
    seconds: f64,
    at: Option<Instant>,
}

/// How long the last streams of a group took to their first content.
#[derive(Debug, Default)]
pub struct FirstChunks(Mutex<Recent>);

/// The last observations, in a ring.
#[derive(Debug, Default)]
struct Recent {
    millis: Vec<u32>,
    next: usize,
}

/// A call that is running.
#[derive(Debug)]
pub struct Running(Arc<Latency>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Average {
    /// How much of what was known at `self.at` still counts.
    fn weight(&self, now: Instant) -> f64 {
        let since = |at| now.saturating_duration_since(at).as_secs_f64();
        self.at
            .map_or(0.0, |at| (-since(at) / MEMORY.as_secs_f64()).exp())
    }

    fn observe(&mut self, seconds: f64, now: Instant) {
        let old = self.weight(now);
        self.at = Some(now);
        self.seconds = if seconds > self.seconds {
            seconds
        } else {
            self.seconds * old + seconds * (1.0 - old)
        };
    }
}

impl Latency {
    /// A call begins.
    #[must_use]
    pub fn begin(self: &Arc<Self>) -> Running {
        self.running.fetch_add(1, Ordering::Relaxed);
        Running(Arc::clone(self))
    }

    /// Calls that are running.
    #[must_use]
    pub fn running(&self) -> u32 {
        self.running.load(Ordering::Relaxed)
    }

    /// The first content of a stream, or a whole answer, has come after `elapsed`.
    pub fn observe(&self, stream: bool, elapsed: Duration, now: Instant) {
        let average = if stream { &self.streams } else { &self.whole };
        let mut average = average.lock().unwrap_or_else(PoisonError::into_inner);
        average.observe(elapsed.as_secs_f64(), now);
    }

    /// Seconds that one more call would probably wait, by what is known; 0: nothing is. What is known
    /// fades, so that one slow answer does not keep traffic away for ever.
    #[must_use]
    pub fn load(&self, stream: bool, now: Instant) -> f64 {
        let average = if stream { &self.streams } else { &self.whole };
        let average = average.lock().unwrap_or_else(PoisonError::into_inner);
        average.seconds * average.weight(now) * (f64::from(self.running()) + 1.0)
    }
}

impl FirstChunks {
    pub fn observe(&self, elapsed: Duration) {
        let millis = u32::try_from(elapsed.as_millis()).unwrap_or(u32::MAX);
        let mut recent = self.lock();
        let next = recent.next;
        match recent.millis.get_mut(next) {
            Some(oldest) => *oldest = millis,
            None => recent.millis.push(millis),
        }
        recent.next = (next + 1) % KEPT;
    }

    /// The 95th percentile; `None`: there were too few.
    #[must_use]
    pub fn slow(&self) -> Option<Duration> {
        let recent = self.lock();
        if recent.millis.len() < ENOUGH {
            return None;
        }
        let mut sorted = recent.millis.clone();
        drop(recent);
        let at = sorted.len() * 95 / 100;
        let (_, millis, _) = sorted.select_nth_unstable(at);
        Some(Duration::from_millis(u64::from(*millis)))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Recent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_counts_at_once_and_is_forgotten_slowly() {
        let latency = Arc::new(Latency::default());
        let mut now = Instant::now();
        latency.observe(true, Duration::from_millis(100), now);
        now += Duration::from_secs(1);
        latency.observe(true, Duration::from_secs(2), now);
        assert!((latency.load(true, now) - 2.0).abs() < 1e-9);
        now += Duration::from_secs(1);
        latency.observe(true, Duration::from_millis(100), now);
        assert!(latency.load(true, now) > 1.5);
        for _ in 0..60 {
            now += Duration::from_secs(1);
            latency.observe(true, Duration::from_millis(100), now);
        }
        assert!(latency.load(true, now) < 0.11);
        // Without any news a slow answer is forgotten as well.
        latency.observe(true, Duration::from_secs(30), now);
        let later = now + Duration::from_secs(60);
        assert!(latency.load(true, later) < 0.1);
        assert!(
            latency.load(false, now) < 1e-9,
            "whole answers were never timed"
        );
    }

    #[test]
    fn those_that_run_count_as_load() {
        let latency = Arc::new(Latency::default());
        let now = Instant::now();
        latency.observe(false, Duration::from_secs(1), now);
        let running = [latency.begin(), latency.begin()];
        assert!((latency.load(false, now) - 3.0).abs() < 1e-9);
        drop(running);
        assert!((latency.load(false, now) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_percentile_is_of_the_last_streams() {
        let chunks = FirstChunks::default();
        for _ in 0..ENOUGH - 1 {
            chunks.observe(Duration::from_millis(10));
        }
        assert_eq!(chunks.slow(), None);
        for millis in 1..=1_000 {
            chunks.observe(Duration::from_millis(millis));
        }
        let slow = chunks.slow().expect("enough");
        let expected = Duration::from_millis(990)..Duration::from_millis(998);
        assert!(expected.contains(&slow), "{slow:?}");
    }
}
