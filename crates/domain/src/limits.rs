//! How much may be asked for at once and in a minute.

use serde::{Deserialize, Serialize};

/// The limits of one user, team, key, model or backend. Zero means unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RateLimits {
    /// Requests in any 60 seconds.
    pub requests_per_minute: u32,
    /// Tokens in any 60 seconds, in and out, cached ones included.
    pub tokens_per_minute: u64,
    /// Requests that run at the same time.
    pub parallel: u32,
}

impl RateLimits {
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }
}
