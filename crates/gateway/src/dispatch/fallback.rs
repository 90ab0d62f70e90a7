//! The plan, in order: which failure leads to which next step.

use std::{collections::VecDeque, time::Duration};

use domain::RequestId;
use tokio::time::{Instant, timeout_at};

use super::{
    Answer, Dispatched,
    attempt::{attempt, nothing_reported, place},
    failure::{Cause, Failed, Failure, Fault, Next, conclude, upstream_error},
    hedge::{Race, Raced},
};
use crate::{
    GatewayError,
    counters::breaker::Gate,
    route::{Candidate, RoutePlan},
    settings::RoutingSettings,
    settle::Admission,
    transform::ClientRequest,
};

/// The longest pause before the first retry; doubles with each further one.
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
const LONGEST_BACKOFF: Duration = Duration::from_secs(8);

/// Tries the plan until a deployment answers, for as long as requests have from `since` on.
///
/// # Errors
/// The client's own fault at once; otherwise what all failures come down to.
pub async fn dispatch(
    request: &ClientRequest,
    request_id: RequestId,
    plan: &RoutePlan,
    admission: &mut Admission,
    routing: &RoutingSettings,
    since: Instant,
) -> Result<Dispatched, GatewayError> {
    let mut failed: Vec<Failed> = Vec::new();
    let deadline = since + routing.total_timeout;
    let mut queue: VecDeque<&Candidate> = plan.candidates().iter().collect();
    // Each is put off once at most.
    let mut may_be_put_off = queue.len();
    while let Some(candidate) = queue.pop_front() {
        let deployment = &candidate.deployment;
        let may_wait = may_be_put_off > 0 && !queue.is_empty();
        may_be_put_off = may_be_put_off.saturating_sub(1);
        let probe = match deployment.live.breaker.enter(Instant::now()) {
            Ok(probe) => probe,
            Err(_) if may_wait => {
                queue.push_back(candidate);
                continue;
            }
            // With nothing better left it is tried all the same.
            Err(_) => None,
        };
        for retry in 0.. {
            if retry > 0 {
                let pause = backoff(retry, failed.last());
                let pause = pause.filter(|pause| Instant::now() + *pause < deadline);
                let Some(pause) = pause else { break };
                tokio::time::sleep(pause).await;
            }
            if Instant::now() >= deadline {
                return Err(conclude(failed));
            }
            // Nobody else could be asked meanwhile: other keys of this backend have no other places.
            let here = deployment.backend.id;
            let may_wait = queue
                .iter()
                .all(|other| other.deployment.backend.id == here);
            let place = place(deployment, admission.line(), may_wait);
            let place = timeout_at(deadline, place).await.unwrap_or_else(|_| {
                Err(Failure::full(
                    "had no place before the request's time was over",
                    None,
                ))
            });
            admission.attempt(candidate, routing.request_penalty);
            let race = match (retry, &place) {
                (0, Ok(_)) => race(request, plan, candidate, &queue, admission),
                _ => None,
            };
            let attempted = async {
                match race {
                    None => Raced::alone(
                        async { attempt(request, request_id, candidate, place?).await }.await,
                        candidate,
                    ),
                    Some(race) => {
                        let place = place.unwrap_or_default();
                        race.run(request, request_id, place, admission, routing)
                            .await
                    }
                }
            };
            let raced = timeout_at(deadline, attempted).await;
            let out_of_time = raced.is_err();
            let raced = raced.unwrap_or_else(|_| {
                admission.other_lost();
                let failure = time_is_over(request, routing.total_timeout);
                Raced::alone(Err(failure), candidate)
            });
            if let Some((loser, failure)) = raced.failed {
                note(loser, &failure, routing);
                if !failure.cause.another_credential_may_do() {
                    queue.retain(|other| other.deployment.id != loser.deployment.id);
                }
                failed.push(Failed::of(loser, failure));
            }
            if let Some(second) = raced.beside {
                queue.retain(|other| !std::ptr::eq(*other, second));
            }
            let candidate = raced.by;
            let deployment = &candidate.deployment;
            let elapsed = admission.call_began().elapsed();
            let failure = match raced.result {
                Ok(answer) => {
                    admission.answered();
                    let live = &deployment.live;
                    // What a stream is worth is known at its end.
                    if matches!(answer, Answer::Whole(_)) {
                        live.breaker.answered();
                    }
                    let now = Instant::now();
                    live.latency.observe(request.head.stream, elapsed, now);
                    candidate.lane().cooldown.succeeded();
                    plan.answered_by(candidate);
                    return Ok(Dispatched {
                        candidate: candidate.clone(),
                        answer,
                    });
                }
                Err(failure) => failure,
            };
            let may_go_on = admission.failed(&failure, routing.error_penalty) && raced.has_room;
            // Who had but little of the request's time is not to blame that it was over.
            if !out_of_time || elapsed * 2 >= routing.total_timeout {
                note(candidate, &failure, routing);
            }
            if failure.cause.fault() == Fault::Deployment {
                let live = &deployment.live;
                live.latency
                    .observe(request.head.stream, elapsed, Instant::now());
            }
            if let Some(error) = failure.script {
                return Err(GatewayError::Scripted(error));
            }
            let (cause, next) = (failure.cause, failure.cause.next());
            let this = Failed::of(candidate, failure);
            if let (Next::Return, Cause::Status(status)) = (next, cause) {
                return Err(upstream_error(&this, status));
            }
            failed.push(this);
            if !may_go_on || out_of_time {
                // What was billed for nothing has used up the budget, or there is no time left.
                return Err(conclude(failed));
            }
            if !cause.another_credential_may_do() {
                queue.retain(|other| other.deployment.id != deployment.id);
            }
            // Retries wait; another deployment does not.
            let alone = queue.is_empty() && retry < deployment.backend.settings.max_retries;
            if next == Next::Skip || !alone {
                break;
            }
        }
        drop(probe);
    }
    Err(conclude(failed))
}

/// Who is to be asked beside `first`, and when, if anybody is.
fn race<'a>(
    request: &ClientRequest,
    plan: &'a RoutePlan,
    first: &'a Candidate,
    others: &VecDeque<&'a Candidate>,
    admission: &Admission,
) -> Option<Race<'a>> {
    let (group, hedge) = (plan.group.as_ref()?, plan.hedge()?);
    let now = Instant::now();
    // Who has to be tried out first is not asked for its speed.
    let ready = |c: &&&'a Candidate| {
        c.deployment.id != first.deployment.id
            && c.rest(now).is_none()
            && c.deployment.live.breaker.gate(now) == Gate::Closed
    };
    let second = others.iter().find(ready).filter(|_| request.head.stream)?;
    let estimate = plan.highest_input_cost(request.head.text_bytes, admission.started_at());
    let after = group.live.hedge_after(hedge, estimate)?;
    Some(Race {
        first,
        second,
        after,
        live: &group.live,
        hedge,
        estimate,
    })
}

fn time_is_over(request: &ClientRequest, limit: Duration) -> Failure {
    let message = format!("did not answer before the request's time was over ({limit:?})");
    Failure::new(Cause::TimedOut, message).billed(nothing_reported(request, 0))
}

/// What a failure means for the requests that come after.
pub(crate) fn note(candidate: &Candidate, failure: &Failure, routing: &RoutingSettings) {
    let deployment = &candidate.deployment;
    let now = Instant::now();
    match failure.cause.fault() {
        Fault::Deployment => deployment.live.breaker.failed(routing.breaker, now),
        Fault::Credential => {
            deployment.live.breaker.answered();
            candidate.lane().cooldown.refused(failure.retry_after, now);
        }
        Fault::Request => deployment.live.breaker.answered(),
        Fault::None => {}
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
