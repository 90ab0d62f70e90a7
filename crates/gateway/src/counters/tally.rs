//! What became of a backend's calls since the process started, for the pages and metrics that show
//! it. Counters only; what has to be exact is in the ledger.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use domain::{Timestamp, TokenUsage};

/// The calls of one backend.
#[derive(Debug, Default)]
pub struct Tally {
    in_progress: AtomicU64,
    /// Passed over, since a limit of the backend had no room.
    skipped: AtomicU64,
    sums: Mutex<Sums>,
}

/// What is summed up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sums {
    /// Calls that began.
    pub calls: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub last_error: Option<(Timestamp, String)>,
    pub rate_limits: u64,
    pub usage: TokenUsage,
    pub whole: Timing,
    pub streams: Timing,
}

/// Answers that were complete, and how long they took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    pub answers: u64,
    /// To the end.
    pub total_ms: u64,
    /// To the first content.
    pub first_chunk_ms: u64,
    pub output_tokens: u64,
}

/// What a call that was answered came to.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    pub stream: bool,
    pub first_chunk_ms: u32,
    pub duration_ms: u32,
}

impl Tally {
    /// A call begins. It is in progress until the guard is dropped.
    #[must_use]
    pub fn begin(self: &Arc<Self>) -> InProgress {
        self.in_progress.fetch_add(1, Ordering::Relaxed);
        self.lock().calls += 1;
        InProgress(Arc::clone(self))
    }

    pub fn skipped(&self) {
        self.skipped.fetch_add(1, Ordering::Relaxed);
    }

    pub fn failed(&self, error: &str, rate_limited: bool, at: Timestamp) {
        let mut sums = self.lock();
        sums.failed += 1;
        sums.rate_limits += u64::from(rate_limited);
        sums.last_error = Some((at, error.to_owned()));
    }

    /// A call was answered, and is over.
    pub fn answered(&self, answered: Answered) {
        let mut sums = self.lock();
        sums.succeeded += 1;
        let timing = match answered.stream {
            true => &mut sums.streams,
            false => &mut sums.whole,
        };
        timing.answers += 1;
        timing.total_ms += u64::from(answered.duration_ms);
        timing.first_chunk_ms += u64::from(answered.first_chunk_ms);
    }

    /// So much was used by a call, whatever became of it.
    pub fn used(&self, stream: bool, usage: &TokenUsage) {
        let mut sums = self.lock();
        sums.usage += *usage;
        let timing = match stream {
            true => &mut sums.streams,
            false => &mut sums.whole,
        };
        timing.output_tokens += usage.output;
    }

    #[must_use]
    pub fn in_progress(&self) -> u64 {
        self.in_progress.load(Ordering::Relaxed)
    }

    /// Calls that were not made because a limit of the backend had no room.
    #[must_use]
    pub fn skips(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    #[must_use]
    pub fn sums(&self) -> Sums {
        self.lock().clone()
    }

    /// Forgets everything but what is in progress.
    pub fn reset(&self) {
        *self.lock() = Sums::default();
        self.skipped.store(0, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Sums> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that is in progress.
#[derive(Debug)]
pub struct InProgress(Arc<Tally>);

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.in_progress.fetch_sub(1, Ordering::Relaxed);
    }
}
