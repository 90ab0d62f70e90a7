//! Reserves what a call may cost in the budgets of its key and of the key's owner.

use std::time::Duration;

use domain::{Dialect, NanoUsd, ServiceTier, Timestamp, TokenUsage, clock::Clock};
use tokio::time::Instant;

use crate::{
    GatewayError,
    authenticate::Caller,
    catalog::KeyEntry,
    counters::spend::{BudgetExceeded, Claim, Reserved, reserve},
    route::{Deployment, RoutePlan, question::USUAL_OUTPUT},
    transform::ClientRequest,
};

/// The most output tokens of a call that names no limit, of a model whose limit is not known. More
/// than nearly any answer has.
const LONGEST_OUTPUT: u64 = 32_768;

/// Tokens of a prompt that stand in no text, such as roles.
const UNSEEN_INPUT: u64 = 32;

/// How long a call waits for running ones to give back what they have reserved and will not need.
const WAIT_FOR_ROOM: Duration = Duration::from_secs(5);

/// What a call has reserved, in the key's budget and in its owner's.
pub type Reservation = [Reserved; 2];

/// Reserves; waits where running calls hold the room that is left.
///
/// # Errors
/// A budget has no room for this call.
pub async fn hold(
    caller: &Caller,
    request: &ClientRequest,
    plan: &RoutePlan,
    clock: &dyn Clock,
) -> Result<Reservation, GatewayError> {
    let Some(key) = caller.key() else {
        return Ok(Reservation::default());
    };
    let owner = &key.owner;
    if key.terms.allowance.limits.is_unlimited() && owner.terms.allowance.limits.is_unlimited() {
        return Ok(Reservation::default());
    }
    let claim = claim(key, request, plan, clock.now());
    let mut deadline = None;
    loop {
        let settled = owner.settled.notified();
        tokio::pin!(settled);
        // From here on no settlement goes unheard.
        settled.as_mut().enable();
        let budgets = [key.terms.budget(), owner.terms.budget()];
        let now = clock.now();
        let refused = match reserve(budgets, claim, now) {
            Ok(reserved) => return Ok(reserved),
            Err(refused) => refused,
        };
        let deadline = *deadline.get_or_insert_with(|| Instant::now() + WAIT_FOR_ROOM);
        if !refused.may_pass || tokio::time::timeout_at(deadline, settled).await.is_err() {
            return Err(refusal(refused, now));
        }
    }
}

fn refusal(refused: BudgetExceeded, now: Timestamp) -> GatewayError {
    /// A client that comes again then may find that calls have ended.
    const SOON: Duration = Duration::from_secs(1);
    let retry_after = if refused.may_pass {
        SOON
    } else {
        let millis = refused.resets_at.millis_since(now);
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    };
    GatewayError::BudgetExceeded(Box::new(refused), retry_after)
}

/// What the call may cost wherever the plan leads it: a fallback may be dearer than the first choice.
fn claim(key: &KeyEntry, request: &ClientRequest, plan: &RoutePlan, now: Timestamp) -> Claim {
    let mut claim = Claim {
        likely: NanoUsd::ZERO,
        most: NanoUsd::ZERO,
    };
    // Some providers write to their caches unasked, but none to the one that lives longer.
    let for_an_hour = memchr::memmem::find(&request.body, br#""1h""#).is_some();
    for deployment in plan.deployments() {
        let Some(dated) = deployment.prices.at(now) else {
            continue;
        };
        let likely = likely_usage(key, request, deployment);
        // Which tier answers is known afterwards, and hardly anybody asks for another.
        let likely = dated.price.cost(&likely, ServiceTier::Standard);
        claim.likely = claim.likely.max(likely);
        for most in highest_usages(request, deployment, for_an_hour) {
            claim.most = claim.most.max(dated.price.highest_cost(&most));
        }
    }
    claim.most = claim.most.max(claim.likely);
    if plan.hedge().is_some() {
        // A second call may be billed for what it reads before it is cancelled.
        claim.most += plan.highest_input_cost(request.head.text_bytes, now);
    }
    claim
}

/// Four bytes a token, and output as the key's calls of this model have had it lately, within what
/// this one asks for.
fn likely_usage(key: &KeyEntry, request: &ClientRequest, deployment: &Deployment) -> TokenUsage {
    let learned = key.live.learned_output(deployment.id);
    let output = learned.unwrap_or(USUAL_OUTPUT);
    TokenUsage {
        input: dialects::stream::estimate_tokens(request.head.text_bytes),
        output: output.min(output_limit(request, deployment)),
        ..TokenUsage::default()
    }
}

/// Two bytes a token, which hardly any text has, all of it read afresh or written to a cache; and as
/// much output as the request or the model allows.
fn highest_usages(
    request: &ClientRequest,
    deployment: &Deployment,
    for_an_hour: bool,
) -> [TokenUsage; 2] {
    let input = (request.head.text_bytes / 2) as u64 + UNSEEN_INPUT;
    let output = output_limit(request, deployment);
    let fresh = TokenUsage {
        input,
        output,
        ..TokenUsage::default()
    };
    let mut written = TokenUsage {
        output,
        ..TokenUsage::default()
    };
    if for_an_hour {
        written.cache_write_1h = input;
    } else {
        written.cache_write_5m = input;
    }
    [fresh, written]
}

/// The most output tokens that the request and the model allow.
fn output_limit(request: &ClientRequest, deployment: &Deployment) -> u64 {
    if request.head.dialect == Dialect::OpenaiEmbeddings {
        return 0;
    }
    let asked = request.head.max_output_tokens;
    match (asked, deployment.max_output_tokens) {
        (Some(asked), Some(most)) => asked.min(most),
        (asked, most) => asked.or(most).unwrap_or(LONGEST_OUTPUT),
    }
}

/// Tokens that the call will probably be, in and out, wherever it goes; for limits of tokens.
#[must_use]
pub fn likely_tokens(caller: &Caller, request: &ClientRequest, plan: &RoutePlan) -> u64 {
    let Some(key) = caller.key() else { return 0 };
    plan.deployments()
        .map(|deployment| likely_usage(key, request, deployment).total())
        .max()
        .unwrap_or_default()
}
