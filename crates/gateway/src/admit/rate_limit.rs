//! Requests and tokens per minute and parallel requests of a key and of its owner.

use domain::BudgetScope;
use tokio::time::Instant;

use super::budget::likely_tokens;
use crate::{
    GatewayError,
    authenticate::Caller,
    counters::rates::{Held, Limited, RatesLeft, count},
    route::RoutePlan,
    transform::ClientRequest,
};

/// What a request counts for in the limits of its key and of the key's owner.
pub type HeldRates = [Option<Held>; 2];

/// Counts a request of `caller`.
///
/// # Errors
/// A limit is reached.
pub fn hold(
    caller: &Caller,
    request: &ClientRequest,
    plan: &RoutePlan,
) -> Result<(HeldRates, RatesLeft), GatewayError> {
    let Some(key) = caller.key() else {
        return Ok(Default::default());
    };
    let owner = &key.owner;
    if key.terms.limits.is_unlimited() && owner.terms.limits.is_unlimited() {
        return Ok(Default::default());
    }
    let limited = [
        Limited {
            whose: BudgetScope::Key(key.id),
            rates: &key.terms.rates,
            limits: &key.terms.limits,
        },
        Limited {
            whose: owner.id.into(),
            rates: &owner.terms.rates,
            limits: &owner.terms.limits,
        },
    ];
    let counts_tokens = limited.iter().any(|one| one.limits.tokens_per_minute > 0);
    let tokens = match counts_tokens {
        true => likely_tokens(caller, request, plan),
        false => 0,
    };
    count(limited, tokens, Instant::now())
        .map_err(|(whose, exceeded)| GatewayError::RateLimited { whose, exceeded })
}
