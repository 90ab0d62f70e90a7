//! A second call beside one that is slower to come than nearly all were: whoever speaks first answers, the
//! other is cancelled and settled for what it may be billed for.

use std::time::Duration;

use domain::{NanoUsd, RequestId};

use super::{
    Answer,
    attempt::{attempt, place},
    failure::{Failure, Next},
};
use crate::{
    counters::room::Place,
    route::{Candidate, group::GroupLive},
    settings::{Hedge, RoutingSettings},
    settle::Admission,
    transform::ClientRequest,
};

/// Two candidates, and when the second is asked.
#[derive(Debug)]
pub struct Race<'a> {
    pub first: &'a Candidate,
    pub second: &'a Candidate,
    pub after: Duration,
    /// Whose share of needless calls it is.
    pub live: &'a GroupLive,
    pub hedge: Hedge,
    /// What the needless one of the calls may cost.
    pub estimate: NanoUsd,
}

/// How a race ended.
#[derive(Debug)]
pub struct Raced<'a> {
    pub result: Result<Answer, Failure>,
    /// Whose result that is.
    pub by: &'a Candidate,
    /// The other, if it failed while this one was still running.
    pub failed: Option<(&'a Candidate, Failure)>,
    /// The second, if it was asked.
    pub beside: Option<&'a Candidate>,
    /// What has failed has not used up the budget.
    pub has_room: bool,
}

impl<'a> Raced<'a> {
    /// Nobody else was asked.
    #[must_use]
    pub fn alone(result: Result<Answer, Failure>, by: &'a Candidate) -> Self {
        Self {
            result,
            by,
            failed: None,
            beside: None,
            has_room: true,
        }
    }
}

impl<'a> Race<'a> {
    /// Runs it. The admission has the first candidate's call already.
    pub async fn run(
        self,
        request: &ClientRequest,
        request_id: RequestId,
        place_of_first: Option<Place>,
        admission: &mut Admission,
        routing: &RoutingSettings,
    ) -> Raced<'a> {
        let Self {
            first,
            second,
            after,
            live,
            hedge,
            estimate,
        } = self;
        let mut of_first = Box::pin(attempt(request, request_id, first, place_of_first));
        tokio::select! {
            biased;
            result = &mut of_first => return Raced::alone(result, first),
            () = tokio::time::sleep(after) => {}
        }
        // The share may have been used up meanwhile, by others that wait as this one does.
        let Some(_hedging) = live.hedge(hedge, estimate) else {
            return Raced::alone(of_first.await, first);
        };
        let free = place(&second.deployment, admission.line(), false).await;
        let Ok(place_of_second) = free else {
            return Raced::alone(of_first.await, first);
        };
        admission.attempt_beside(second, routing.request_penalty);
        let mut of_second = Box::pin(attempt(request, request_id, second, place_of_second));
        let (result, by) = tokio::select! {
            biased;
            result = &mut of_first => {
                admission.turn_to_other();
                (result, first)
            }
            result = &mut of_second => (result, second),
        };
        let over = match &result {
            Ok(_) => true,
            // Any other deployment would say the same.
            Err(failure) => failure.cause.next() == Next::Return,
        };
        if over {
            admission.other_lost();
            return Raced {
                beside: Some(second),
                ..Raced::alone(result, by)
            };
        }
        let Err(failure) = result else {
            return Raced::alone(result, by);
        };
        let has_room = admission.one_failed(&failure, routing.error_penalty);
        let (result, last) = match std::ptr::eq(by, first) {
            true => (of_second.await, second),
            false => (of_first.await, first),
        };
        Raced {
            result,
            by: last,
            failed: Some((by, failure)),
            beside: Some(second),
            has_room,
        }
    }
}
