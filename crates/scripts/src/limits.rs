//! What one call may use, and the guard that ends it.

use std::{
    sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// QuickJS asks the guard after so many steps (jumps and calls).
const STEPS_PER_LOOK: u64 = 10_000;

/// The bounds of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the script's heap.
    pub memory: usize,
    /// Bytes of the stack that the script's calls may use.
    pub stack: usize,
    /// From the moment at which it runs.
    pub wall: Duration,
    /// Jumps and calls, counted in ten thousands.
    pub steps: u64,
    /// Bytes of what it gives back.
    pub output: usize,
}

impl Limits {
    /// Of hooks that are called once in a request.
    pub const REQUEST: Self = Self {
        memory: 50 * 1024 * 1024,
        stack: 512 * 1024,
        wall: Duration::from_secs(5),
        steps: 2_000_000_000,
        output: 32 * 1024 * 1024,
    };

    /// Of `onChunk`, which is called for each event of a stream.
    pub const CHUNK: Self = Self {
        memory: 50 * 1024 * 1024,
        stack: 512 * 1024,
        wall: Duration::from_millis(250),
        steps: 50_000_000,
        output: 1024 * 1024,
    };
}

/// Why a call was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tripped {
    Time,
    Steps,
}

/// Looked at by QuickJS while a script runs.
#[derive(Debug)]
pub(crate) struct Guard {
    since: Instant,
    /// Nanoseconds after `since`.
    deadline: AtomicU64,
    looks_left: AtomicU64,
    tripped: AtomicU8,
    /// The caller has gone away.
    abandoned: AtomicBool,
}

impl Guard {
    pub fn new() -> Self {
        Self {
            since: Instant::now(),
            deadline: AtomicU64::new(0),
            looks_left: AtomicU64::new(0),
            tripped: AtomicU8::new(0),
            abandoned: AtomicBool::new(false),
        }
    }

    /// A call begins.
    pub fn begin(&self, limits: &Limits) {
        let deadline = self.since.elapsed() + limits.wall;
        let deadline = u64::try_from(deadline.as_nanos()).unwrap_or(u64::MAX);
        self.deadline.store(deadline, Ordering::Relaxed);
        let looks = limits.steps.div_ceil(STEPS_PER_LOOK);
        self.looks_left.store(looks, Ordering::Relaxed);
        self.tripped.store(0, Ordering::Relaxed);
    }

    /// Ends whatever is running at its next look.
    pub fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    /// Whether the call has to end.
    pub fn look(&self) -> bool {
        let now = u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let left = self.looks_left.load(Ordering::Relaxed);
        if now >= self.deadline.load(Ordering::Relaxed) || self.abandoned.load(Ordering::Relaxed) {
            self.tripped.store(1, Ordering::Relaxed);
            return true;
        }
        if left == 0 {
            self.tripped.store(2, Ordering::Relaxed);
            return true;
        }
        self.looks_left.store(left - 1, Ordering::Relaxed);
        false
    }

    /// Whether the time is over, for whoever runs the queue of promises.
    pub fn is_over(&self) -> bool {
        self.tripped().is_some() || self.look()
    }

    pub fn tripped(&self) -> Option<Tripped> {
        match self.tripped.load(Ordering::Relaxed) {
            0 => None,
            2 => Some(Tripped::Steps),
            _ => Some(Tripped::Time),
        }
    }
}
