//! Stage 7: the reservation becomes the actual cost, exactly once. [`Admission`] is that promise: it
//! is consumed by [`Admission::settle`], and if it is dropped instead, because the client went away or a
//! task was cancelled, it settles what is known by then.

use std::sync::{Arc, Mutex, atomic::Ordering};

use domain::{
    LedgerRow, NanoUsd, Outcome, PriceId, RequestId, TokenUsage, Used,
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
    /// When the call that is running, or was the last one, began, and when its first content came.
    call_began: Instant,
    call_answered_ms: Option<u32>,
    time_to_first_chunk_ms: Option<u32>,
    /// What is being tried, or was tried last.
    candidate: Candidate,
    group: Option<Arc<Group>>,
    trail: RouteTrail,
    attempts: u32,
    /// An upstream call is running that may be billed.
    calling: bool,
    /// Tokens of input by the router's own count, for when nobody reports them.
    input_estimate: u64,
    request: Arc<OpenRequest>,
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
            call_began: Instant::now(),
            call_answered_ms: None,
            time_to_first_chunk_ms: None,
            candidate,
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

    /// Where the request waits.
    #[must_use]
    pub fn line(&self) -> Line {
        self.open.as_ref().and_then(|open| open.caller.key_id())
    }

    /// An upstream call begins, for which its lane is charged `penalty` tokens.
    pub fn attempt(&mut self, candidate: &Candidate, penalty: u64) {
        if let Some(open) = &mut self.open {
            let moved = open.candidate.deployment.id != candidate.deployment.id;
            if moved && !open.trail.attempts.is_empty() {
                open.core.failovers.fetch_add(1, Ordering::Relaxed);
            }
            open.candidate = candidate.clone();
            open.use_lane(penalty);
            open.attempts += 1;
            open.calling = true;
            open.call_began = Instant::now();
            open.call_answered_ms = None;
            let used = Used::estimate(open.input_estimate, 0);
            open.note(&used);
            open.core.ledger.call(&open.request);
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
            open.attempts = open.attempts.saturating_sub(1);
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
            open.call_answered_ms = Some(millis(open.call_began));
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
        let Some(open) = self.open.take() else { return };
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
        &self.candidate.deployment
    }

    fn use_lane(&self, tokens: u64) {
        let usage = &self.candidate.lane().usage;
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
        progress.attempts = self.attempts;
        progress.used = *used;
        progress.cost = cost;
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
            attempts: self.attempts,
            time_to_first_chunk_ms: self.time_to_first_chunk_ms,
            duration_ms: millis(self.began),
            error,
            credential: (lanes > 1).then_some(self.candidate.lane as u32),
            route: outcome.is_final().then(|| self.route()).flatten(),
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
                if let Some(first_chunk_ms) = self.call_answered_ms {
                    deployment.live.breaker.answered();
                    tally.answered(Answered {
                        stream,
                        first_chunk_ms,
                        duration_ms: millis(self.call_began),
                    });
                }
            }
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
        if let (Some(group), Some(dated)) = (&self.group, self.price()) {
            group.live.cached(used, &dated.price);
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
            self.candidate.deployment.backend.name(),
            answer,
        )
    }
}

fn millis(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_millis()).unwrap_or(u32::MAX)
}
