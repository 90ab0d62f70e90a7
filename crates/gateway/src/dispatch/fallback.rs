//! The plan, in order: which failure leads to which next step.

use std::{sync::Arc, time::Duration};

use domain::RequestId;
use tokio::time::Instant;

use super::{
    Dispatched,
    attempt::attempt,
    failure::{Cause, Failed, Failure, Next, conclude, upstream_error},
};
use crate::{
    GatewayError,
    route::{Deployment, RoutePlan},
    settle::Admission,
    transform::ClientRequest,
};

/// The longest pause before the first retry; doubles with each further one.
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
const LONGEST_BACKOFF: Duration = Duration::from_secs(8);

/// Tries the plan until a deployment answers.
///
/// # Errors
/// The client's own fault at once; otherwise what all failures come down to.
pub async fn dispatch(
    request: &ClientRequest,
    request_id: RequestId,
    plan: RoutePlan,
    admission: &mut Admission,
) -> Result<Dispatched, GatewayError> {
    let mut failed = Vec::new();
    let candidates = plan.candidates();
    for (at, deployment) in candidates.iter().enumerate() {
        // Retries wait; another deployment does not.
        let retries = match at + 1 == candidates.len() {
            true => deployment.backend.settings.max_retries,
            false => 0,
        };
        for retry in 0..=retries {
            if retry > 0 {
                let Some(pause) = backoff(retry, failed.last()) else {
                    break;
                };
                tokio::time::sleep(pause).await;
            }
            admission.attempt(deployment);
            match attempt(request, request_id, deployment).await {
                Ok(answer) => {
                    admission.first_chunk();
                    deployment.cooldown.succeeded();
                    return Ok(Dispatched {
                        deployment: Arc::clone(deployment),
                        answer,
                    });
                }
                Err(failure) => {
                    let mut may_go_on = true;
                    if failure.cause.was_called() {
                        may_go_on = admission.failed(failure.used.as_deref(), failure.describe());
                    } else {
                        admission.not_called();
                    }
                    note(deployment, &failure);
                    let next = failure.cause.next();
                    let this = Failed {
                        backend: deployment.backend.name().to_owned(),
                        model: deployment.model.clone(),
                        failure,
                    };
                    if let (Next::Return, Cause::Status(status)) = (next, this.failure.cause) {
                        return Err(upstream_error(&this, status));
                    }
                    failed.push(this);
                    if !may_go_on {
                        // What was billed for nothing has used up the budget.
                        return Err(conclude(failed));
                    }
                    if next == Next::Skip {
                        break;
                    }
                }
            }
        }
    }
    Err(conclude(failed))
}

fn note(deployment: &Deployment, failure: &Failure) {
    if failure.cause == Cause::Status(429) {
        deployment
            .cooldown
            .refused(failure.retry_after, Instant::now());
    }
    tracing::info!(
        backend = deployment.backend.name(),
        upstream_model = deployment.model,
        error = failure.describe(),
        "attempt failed"
    );
}

/// The pause before a retry: exponential, with full jitter, and at least as long as the upstream asked
/// for. `None`: it asked for longer than a client should be kept waiting.
fn backoff(retry: u32, last: Option<&Failed>) -> Option<Duration> {
    let cap = FIRST_BACKOFF
        .saturating_mul(1 << (retry - 1).min(10))
        .min(LONGEST_BACKOFF);
    let jittered = cap.mul_f64(fastrand::f64());
    let asked = last.and_then(|f| f.failure.retry_after).unwrap_or_default();
    (asked <= LONGEST_BACKOFF).then(|| jittered.max(asked))
}
