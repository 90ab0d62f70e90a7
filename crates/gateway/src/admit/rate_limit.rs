//! Requests per minute of a key.

use std::{sync::PoisonError, time::Duration};

use tokio::time::Instant;

use crate::{GatewayError, authenticate::Caller};

/// The stretch that `requests_per_minute` is for.
pub const WINDOW: Duration = Duration::from_secs(60);

/// Counts a request of `caller`.
///
/// # Errors
/// The key has made as many requests as it may.
pub fn count(caller: &Caller) -> Result<(), GatewayError> {
    let Some(key) = caller.key().filter(|key| key.requests_per_minute > 0) else {
        return Ok(());
    };
    let limit = key.requests_per_minute;
    let mut window = key.live.window.lock().unwrap_or_else(PoisonError::into_inner);
    window
        .try_add(limit, Instant::now())
        .map_err(|retry_after| GatewayError::RateLimited { limit, retry_after })
}
