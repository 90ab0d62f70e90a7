//! The status page: how the router and its backends are, without secrets, addresses and texts of errors,
//! so that it can be shown to everybody.

use serde::{Deserialize, Serialize};

use crate::configured::HealthState;

/// How everything is at this moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterStatus {
    pub version: String,
    /// Since the router started.
    pub uptime_s: u64,
    /// The preferred ones first.
    pub backends: Vec<BackendLine>,
}

/// How one backend is. Figures count from the router's start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendLine {
    pub name: String,
    /// As in the configuration file.
    pub kind: String,
    pub state: HealthState,
    /// Milliseconds until it is asked again; `None`: it is not resting.
    pub next_try_ms: Option<u64>,
    pub models: u64,
    pub calls: u64,
    pub failed: u64,
    pub in_progress: u64,
    pub waiting: u64,
    /// Milliseconds to a whole answer, on average; `None`: there was none.
    pub latency_ms: Option<u64>,
    /// Milliseconds to a stream's first content, on average.
    pub first_chunk_ms: Option<u64>,
    /// Tokens of output in a second, of whole answers and streams; `None`: there were none.
    pub tokens_per_s: Option<u64>,
}

/// What happened in a stretch of time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityLine {
    /// When it begins, in the reporting zone.
    pub label: String,
    pub requests: u64,
    pub errors: u64,
    /// Cached ones included.
    pub input_tokens: u64,
    pub output_tokens: u64,
    /// Milliseconds, on average; `None`: nothing ended.
    pub latency_ms: Option<u64>,
}
