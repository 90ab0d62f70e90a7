//! Reserves what a call may cost in the budgets of its owner.
//!
//! The estimate is high rather than low, but not `max_tokens` × price: agents ask for 128,000 tokens
//! and use a few hundred, and a budget must not lock while nearly all of it is left.

use std::time::Duration;

use domain::{NanoUsd, Timestamp, TokenUsage};

use crate::{GatewayError, authenticate::Caller, route::RoutePlan, transform::ClientRequest};

/// Output tokens expected of a key's first call, and of any call at least, unless it asks for fewer.
const USUAL_OUTPUT: u64 = 1_024;

/// Reserves, and returns how much; zero where there is no budget to hold.
///
/// # Errors
/// A budget has no room for this call.
pub fn reserve(
    caller: &Caller,
    request: &ClientRequest,
    plan: &RoutePlan,
    now: Timestamp,
) -> Result<NanoUsd, GatewayError> {
    let Some(key) = caller.key() else {
        return Ok(NanoUsd::ZERO);
    };
    let user = &key.user;
    if user.budget == domain::BudgetLimits::default() {
        return Ok(NanoUsd::ZERO);
    }
    let usage = expected_usage(request, key.live.learned_output());
    // A fallback may be dearer than the first choice.
    let estimate = plan
        .candidates()
        .iter()
        .filter_map(|deployment| deployment.price)
        .map(|price| price.cost(&usage))
        .max()
        .unwrap_or_default();
    user.spend
        .reserve(user.budget, &user.forgiven, estimate, now)
        .map_err(|refused| {
            let millis = refused.resets_at.millis_since(now);
            let until_reset = Duration::from_millis(u64::try_from(millis).unwrap_or(0));
            GatewayError::BudgetExceeded(Box::new(refused), until_reset)
        })?;
    Ok(estimate)
}

/// Three bytes a token is more tokens than nearly any text has; output as the key's calls have had
/// lately, within what this one asks for.
fn expected_usage(request: &ClientRequest, learned_output: Option<u64>) -> TokenUsage {
    let output = learned_output.unwrap_or(0).max(USUAL_OUTPUT);
    TokenUsage {
        input: request.head.text_bytes.div_ceil(3) as u64,
        output: request
            .head
            .max_output_tokens
            .map_or(output, |asked| asked.min(output)),
        ..TokenUsage::default()
    }
}
