//! Stage 7: the reservation becomes the actual cost, exactly once. [`Admission`] is that promise: it
//! is consumed by [`Admission::settle`], and if it is dropped instead, because the client went away or a
//! task was cancelled, it settles what is known by then.

use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use domain::{
    LedgerRow, NanoUsd, Outcome, PriceId, RequestId, Timestamp, TokenUsage, Used,
    pricing::DatedPrice,
    routing::{RouteAttempt, RouteTrail},
};
use storage::{
    StoredAnswer,
    ledger::{Commit, OpenRequest, Progress},
};
use tokio::time::Instant;

use crate::{
    admit::Holds,
    authenticate::Caller,
    counters::{
        rates::{Held, RatesLeft},
        room::Line,
        tally::Answered,
    },
    dispatch::failure::{Cause, Failure, Next},
    pipeline::Core,
    record,
    route::{Candidate, Deployment, Group, RoutePlan, explain::of_excluded},
    transform::ClientRequest,
};

/// A request that was let in. Must be settled.
#[derive(Debug)]
#[must_use = "an admission must be settled; dropping it counts as a client that went away"]
pub struct Admission {
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    core: Arc<Core>,
    caller: Caller,
    holds: Holds,
    began: Instant,
    time_to_first_chunk_ms: Option<u32>,
    /// The call that is running, or was the last one.
    call: Call,
    /// A second one, of which only one is to answer.
    beside: Option<Call>,
    group: Option<Arc<Group>>,
    trail: RouteTrail,
    attempts: u32,
    /// An upstream call is running that may be billed.
    calling: bool,
    /// Tokens of input by the router's own count, for when nobody reports them.
    input_estimate: u64,
    request: Arc<OpenRequest>,
}

/// Why a call was given up that another one beside it made needless.
const SLOWER: &str = "was slower than another deployment that was asked beside it";

/// An upstream call.
#[derive(Clone, Debug)]
struct Call {
    candidate: Candidate,
    /// Which of the request's calls, from 1; 0 before the first.
    number: u32,
    began: Instant,
    /// When its first content came.
    answered_ms: Option<u32>,
}

impl Call {
    fn new(candidate: Candidate, number: u32) -> Self {
        Self {
            candidate,
            number,
            began: Instant::now(),
            answered_ms: None,
        }
    }
}

/// How a request ended.
#[derive(Clone, Debug)]
pub struct Settlement {
    pub outcome: Outcome,
    /// The HTTP status that the client got.
    pub status: u16,
    /// By the last upstream call; what was given up before is in the ledger already.
    pub used: Used,
    pub error: Option<String>,
    /// The answer, if it is to be given again.
    pub answer: Option<Box<StoredAnswer>>,
}

impl Admission {
    pub(crate) fn new(
        core: &Arc<Core>,
        holds: Holds,
        request_id: RequestId,
        caller: Caller,
        request: &ClientRequest,
        plan: &RoutePlan,
    ) -> Self {
        let candidate = plan.first().clone();
        let deployment = &candidate.deployment;
        let progress = Progress {
            backend_id: Some(deployment.backend.id),
            deployment_id: Some(deployment.id),
            upstream_model: deployment.model.clone(),
            cost: Some(NanoUsd::ZERO),
            ..Progress::default()
        };
        let open = Open {
            core: Arc::clone(core),
            holds,
            began: Instant::now(),
            time_to_first_chunk_ms: None,
            call: Call::new(candidate, 0),
            beside: None,
            group: plan.group.clone(),
            trail: RouteTrail {
                attempts: Vec::new(),
                excluded: plan.excluded.iter().map(of_excluded).collect(),
            },
            attempts: 0,
            calling: false,
            input_estimate: dialects::stream::estimate_tokens(request.head.text_bytes),
            request: Arc::new(OpenRequest {
                request_id,
                started_at: core.clock.now(),
                user_id: caller.user_id(),
                team_id: caller.team_id(),
                key_id: caller.key_id(),
                dialect: request.head.dialect,
                request_model: request.head.model.clone(),
                stream: request.head.stream,
                playground: caller.is_playground(),
                progress: Mutex::new(progress),
            }),
            caller,
        };
        core.requests.fetch_add(1, Ordering::Relaxed);
        core.ledger.open(&open.request);
        Self { open: Some(open) }
    }

    /// When the request was let in.
    #[must_use]
    pub fn began(&self) -> Instant {
        self.open
            .as_ref()
            .map_or_else(Instant::now, |open| open.began)
    }

    /// When the call that is meant began.
    #[must_use]
    pub fn call_began(&self) -> Instant {
        self.open
            .as_ref()
            .map_or_else(Instant::now, |open| open.call.began)
    }

    /// When the request was let in, by the clock.
    #[must_use]
    pub fn started_at(&self) -> Timestamp {
        self.open
            .as_ref()
            .map_or(Timestamp(0), |open| open.request.started_at)
    }

    /// Where the request waits.
    #[must_use]
    pub fn line(&self) -> Line {
        self.open.as_ref().and_then(|open| open.caller.key_id())
    }

    /// An upstream call begins, for which its lane is charged `penalty` tokens.
    pub fn attempt(&mut self, candidate: &Candidate, penalty: u64) {
        if let Some(open) = &mut self.open {
            let moved = open.deployment().id != candidate.deployment.id;
            if moved && !open.trail.attempts.is_empty() {
                open.core.failovers.fetch_add(1, Ordering::Relaxed);
            }
            open.begin(candidate, penalty);
        }
    }

    /// A second call begins beside the one that is running.
    pub fn attempt_beside(&mut self, candidate: &Candidate, penalty: u64) {
        if let Some(open) = &mut self.open {
            open.beside = Some(open.call.clone());
            open.begin(candidate, penalty);
        }
    }

    /// From here on the other of two running calls is meant.
    pub fn turn_to_other(&mut self) {
        if let Some(open) = &mut self.open
            && let Some(beside) = &mut open.beside
        {
            std::mem::swap(&mut open.call, beside);
        }
    }

    /// The call that is meant has failed; the other one goes on.
    /// `false`: what it may be billed for has used up the budget.
    pub fn one_failed(&mut self, failure: &Failure, penalty: u64) -> bool {
        let Some(other) = self.open.as_mut().and_then(|open| open.beside.take()) else {
            return true;
        };
        if let (Some(open), Some(used)) = (&self.open, failure.used.as_deref())
            && failure.cause.was_called()
        {
            open.hedged(used);
        }
        let has_room = self.failed(failure, penalty);
        if let Some(open) = &mut self.open {
            open.call = other;
            open.calling = true;
            open.note(&Used::estimate(open.input_estimate, 0));
            open.core.ledger.call(&open.request);
        }
        has_room
    }

    /// The call that is meant was the quicker one; the other has been cancelled, and may be billed for what
    /// it has read.
    pub fn other_lost(&mut self) {
        if let Some(open) = &mut self.open {
            open.give_up_other();
        }
    }

    /// The upstream call has failed, or did not come about; its lane is charged `penalty` tokens for an
    /// error. `false`: what it may be billed for has used up the budget.
    pub fn failed(&mut self, failure: &Failure, penalty: u64) -> bool {
        let Some(open) = &mut self.open else {
            return true;
        };
        open.calling = false;
        let error = failure.describe();
        open.trail.attempts.push(RouteAttempt {
            backend: open.deployment().backend.name().to_owned(),
            model: open.deployment().model.clone(),
            error: Some(error.clone()),
            ended_ms: millis(open.began),
        });
        let tally = &open.deployment().backend.tally;
        if failure.cause.was_called() {
            let limited = failure.cause == Cause::Status(429);
            // What is wrong with a request is not the backend's failure.
            if failure.cause.next() != Next::Return {
                tally.failed(&error, limited, open.core.clock.now());
            }
            open.use_lane(penalty);
        } else {
            if failure.cause == Cause::Full {
                tally.skipped();
            }
            // Its number is free again, unless a call beside it has the next one.
            if open.call.number == open.attempts {
                open.attempts = open.attempts.saturating_sub(1);
            }
        }
        match failure.used.as_deref() {
            Some(used) if failure.cause.was_called() => open.abandon(*used, error),
            _ => {
                open.note(&Used::default());
                open.core.ledger.call(&open.request);
                true
            }
        }
    }

    /// So much has been used by now. Kept for the case that the process is killed.
    pub fn progressed(&self, used: &Used) {
        if let Some(open) = &self.open {
            open.note(used);
        }
    }

    /// What all requests share.
    pub(crate) fn core(&self) -> Option<Arc<Core>> {
        self.open.as_ref().map(|open| Arc::clone(&open.core))
    }

    /// What was left of the caller's limits when the request was let in.
    #[must_use]
    pub fn rates_left(&self) -> RatesLeft {
        self.open
            .as_ref()
            .map_or_else(RatesLeft::default, |open| open.holds.left)
    }

    /// How many upstream calls have begun.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.open.as_ref().map_or(0, |open| open.attempts)
    }

    /// The first chunk with content, or the whole answer, has arrived.
    pub fn answered(&mut self) {
        if let Some(open) = &mut self.open {
            open.time_to_first_chunk_ms
                .get_or_insert(millis(open.began));
            open.call.answered_ms = Some(millis(open.call.began));
        }
    }

    /// The way of the request so far, for whoever asked to be told.
    #[must_use]
    pub fn trail(&self) -> Option<&RouteTrail> {
        Some(&self.open.as_ref()?.trail)
    }

    /// Tokens of input by the router's own count.
    #[must_use]
    pub fn input_estimate(&self) -> u64 {
        self.open.as_ref().map_or(0, |open| open.input_estimate)
    }

    /// Settles. The [`Commit`] resolves when the ledger has the row.
    pub fn settle(mut self, settlement: Settlement) -> Commit {
        // `open` is only ever taken here and in `drop`, which runs after this.
        match self.open.take() {
            Some(open) => open.settle(settlement),
            None => unreachable!("an admission is settled once"),
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let Some(mut open) = self.open.take() else {
            return;
        };
        open.give_up_other();
        // An upstream that was called has read the input, and most bill for that; it is counted here,
        // since the upstream's own count never came.
        let used = match open.calling {
            true => Used::estimate(open.input_estimate, 0),
            false => Used::default(),
        };
        let settlement = Settlement {
            outcome: Outcome::ClientDisconnected,
            status: record::CLIENT_CLOSED_REQUEST,
            used,
            error: None,
            answer: None,
        };
        // Nobody waits for this commit; the row is written all the same.
        drop(open.settle(settlement));
    }
}

impl Open {
    fn deployment(&self) -> &Deployment {
        &self.call.candidate.deployment
    }

    /// How long the call that is meant took to its first content.
    fn first_chunk(&self) -> Option<Duration> {
        let millis = self.call.answered_ms?;
        Some(Duration::from_millis(u64::from(millis)))
    }

    fn begin(&mut self, candidate: &Candidate, penalty: u64) {
        self.attempts += 1;
        self.call = Call::new(candidate.clone(), self.attempts);
        self.calling = true;
        self.use_lane(penalty);
        self.note(&Used::estimate(self.input_estimate, 0));
        self.core.ledger.call(&self.request);
    }

    fn give_up_other(&mut self) {
        let Some(other) = self.beside.take() else {
            return;
        };
        let meant = std::mem::replace(&mut self.call, other);
        let used = Used::estimate(self.input_estimate, 0);
        self.trail.attempts.push(RouteAttempt {
            backend: self.deployment().backend.name().to_owned(),
            model: self.deployment().model.clone(),
            error: Some(SLOWER.to_owned()),
            ended_ms: millis(self.began),
        });
        self.hedged(&used);
        self.abandon(used, SLOWER.to_owned());
        self.call = meant;
        self.note(&Used::estimate(self.input_estimate, 0));
        self.core.ledger.call(&self.request);
    }

    /// The call that is meant was needless, or has failed beside another.
    fn hedged(&self, used: &Used) {
        if let (Some(group), Some(cost)) = (&self.group, self.cost(used).1) {
            group.live.hedged(cost);
        }
    }

    fn use_lane(&self, tokens: u64) {
        let usage = &self.call.candidate.lane().usage;
        usage.add(tokens, self.core.clock.now());
    }

    /// The price that held when the request began, whichever of its calls is billed.
    fn price(&self) -> Option<&DatedPrice> {
        self.deployment().prices.at(self.request.started_at)
    }

    /// What the call costs, and by which price; `None`: unpriced.
    fn cost(&self, used: &Used) -> (Option<PriceId>, Option<NanoUsd>) {
        if used.tokens == TokenUsage::default() {
            // A call that used nothing cost nothing, priced or not.
            return (None, Some(NanoUsd::ZERO));
        }
        match self.price() {
            Some(dated) => (
                Some(dated.id),
                Some(dated.price.cost(&used.tokens, used.tier)),
            ),
            None => (None, None),
        }
    }

    fn note(&self, used: &Used) {
        let (price_id, cost) = self.cost(used);
        let mut progress = self.request.progress();
        let deployment = self.deployment();
        if progress.deployment_id != Some(deployment.id) {
            progress.backend_id = Some(deployment.backend.id);
            progress.deployment_id = Some(deployment.id);
            progress.upstream_model = deployment.model.clone();
        }
        progress.price_id = price_id;
        progress.attempts = self.call.number;
        progress.used = *used;
        progress.cost = cost;
        progress.beside = self.beside.as_ref().map(|call| self.progress_of(call));
    }

    /// What a call that is not the one that is meant has used at least.
    fn progress_of(&self, call: &Call) -> Box<Progress> {
        let deployment = &call.candidate.deployment;
        let used = Used::estimate(self.input_estimate, 0);
        let dated = deployment.prices.at(self.request.started_at);
        Box::new(Progress {
            backend_id: Some(deployment.backend.id),
            deployment_id: Some(deployment.id),
            upstream_model: deployment.model.clone(),
            price_id: dated.map(|dated| dated.id),
            attempts: call.number,
            cost: dated.map(|dated| dated.price.cost(&used.tokens, used.tier)),
            used,
            beside: None,
        })
    }

    /// The row of a call, or of the request.
    fn row(&self, outcome: Outcome, status: u16, used: Used, error: Option<String>) -> LedgerRow {
        let (price_id, cost) = self.cost(&used);
        let deployment = self.deployment();
        let lanes = deployment.live.lanes().len();
        LedgerRow {
            request_id: self.request.request_id,
            started_at: self.request.started_at,
            user_id: self.request.user_id,
            team_id: self.request.team_id,
            key_id: self.request.key_id,
            backend_id: Some(deployment.backend.id),
            deployment_id: Some(deployment.id),
            dialect: self.request.dialect,
            request_model: self.request.request_model.clone(),
            upstream_model: deployment.model.clone(),
            stream: self.request.stream,
            outcome,
            status,
            used,
            price_id,
            cost,
            attempts: match outcome.is_final() {
                true => self.attempts,
                false => self.call.number,
            },
            time_to_first_chunk_ms: self.time_to_first_chunk_ms,
            duration_ms: millis(self.began),
            error,
            credential: (lanes > 1).then_some(self.call.candidate.lane as u32),
            route: outcome.is_final().then(|| self.route()).flatten(),
            playground: self.request.playground,
        }
    }

    /// How the request came here, where there is more to say than who answered.
    fn route(&self) -> Option<String> {
        let trail = &self.trail;
        if trail.attempts.is_empty() && trail.excluded.is_empty() {
            return None;
        }
        serde_json::to_string(trail).ok()
    }

    /// A call has failed that may be billed; the request goes on. `false`: with that the budget has no
    /// room for another call.
    fn abandon(&mut self, used: Used, error: String) -> bool {
        let row = self.row(Outcome::Abandoned, 0, used, Some(error));
        let cost = row.cost.unwrap_or_default();
        self.note(&Used::default());
        let tally = &self.deployment().backend.tally;
        tally.used(self.request.stream, &used.tokens);
        self.use_lane(used.tokens.total());
        record::abandon(&self.core.ledger, row, self.deployment().backend.name());
        let Some(key) = self.caller.key() else {
            return true;
        };
        let now = self.core.clock.now();
        let charge = |terms: &crate::catalog::Terms| {
            terms
                .spend
                .charge(&terms.allowance, cost, self.request.started_at, now)
        };
        // Both are charged, whatever the first one says.
        let (key_has_room, owner_has_room) = (charge(&key.terms), charge(&key.owner.terms));
        key_has_room && owner_has_room
    }

    /// For those who look at the backend, and for the next requests' choice.
    fn tally(&self, outcome: Outcome, used: &Used) {
        let deployment = self.deployment();
        let (tally, stream) = (&deployment.backend.tally, self.request.stream);
        match outcome {
            Outcome::Completed | Outcome::ClientDisconnected => {
                if let Some(first_chunk_ms) = self.call.answered_ms {
                    deployment.live.breaker.answered();
                    tally.answered(Answered {
                        stream,
                        first_chunk_ms,
                        duration_ms: millis(self.call.began),
                    });
                }
            }
            // A call that was given up was counted when it failed.
            Outcome::StreamBroken if !self.calling => {}
            Outcome::StreamBroken => {
                let now = self.core.clock.now();
                tally.failed("broke off its answer", false, now);
                let settings = self.core.routing().breaker;
                deployment.live.breaker.failed(settings, Instant::now());
            }
            // Each call was counted when it failed.
            Outcome::UpstreamError | Outcome::Interrupted | Outcome::Abandoned => {}
        }
        tally.used(stream, &used.tokens);
        self.use_lane(used.tokens.total());
        if let Some(group) = &self.group {
            if let Some(dated) = self.price() {
                group.live.cached(used, &dated.price);
            }
            let cost = self.cost(used).1.unwrap_or_default();
            group
                .live
                .spent(cost, self.first_chunk().filter(|_| stream));
        }
    }

    fn settle(self, settlement: Settlement) -> Commit {
        let Settlement {
            outcome,
            status,
            used,
            error,
            answer,
        } = settlement;
        let row = self.row(outcome, status, used, error);
        if let Some(key) = self.caller.key() {
            let cost = row.cost.unwrap_or_default();
            let now = self.core.clock.now();
            let [of_key, of_owner] = self.holds.reserved;
            for (terms, reserved) in [(&key.terms, of_key), (&key.owner.terms, of_owner)] {
                let allowance = &terms.allowance;
                terms
                    .spend
                    .settle(allowance, reserved, cost, self.request.started_at, now);
            }
            key.owner.settled.notify_waiters();
            if outcome == Outcome::Completed && !used.estimated {
                key.live
                    .learn_output(self.deployment().id, used.tokens.output);
            }
        }
        let tokens = used.tokens.total();
        self.tally(outcome, &used);
        for held in self.holds.rates.into_iter().flatten() {
            Held::settle(held, tokens);
        }
        record::record(
            &self.core.ledger,
            row,
            self.call.candidate.deployment.backend.name(),
            answer,
        )
    }
}

fn millis(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_millis()).unwrap_or(u32::MAX)
}
