//! Requests per minute of a key.

use std::{sync::PoisonError, time::Duration};

use tokio::time::Instant;

use crate::{GatewayError, authenticate::Caller};

/// The stretch that `requests_per_minute` is for.
pub const WINDOW: Duration = Duration::from_secs(60);

/// Counts a request of `caller`. `default_limit` holds for keys without a limit of their own; 0 means
/// unlimited.
///
/// # Errors
/// The key has made as many requests as it may.
pub fn count(caller: &Caller, default_limit: u32) -> Result<(), GatewayError> {
    let Some(key) = caller.key() else {
        return Ok(());
    };
    let limit = match key.requests_per_minute {
        0 => default_limit,
        own => own,
    };
    if limit == 0 {
        return Ok(());
    }
    let mut window = key
        .live
        .window
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    window
        .try_add(limit, Instant::now())
        .map_err(|retry_after| GatewayError::RateLimited { limit, retry_after })
}
