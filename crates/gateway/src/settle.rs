//! Stage 7: the reservation becomes the actual cost, exactly once. [`Admission`] is that promise: it
//! is consumed by [`Admission::settle`], and if it is dropped instead, because the client went away or a
//! task was cancelled, it settles what is known by then.

use std::sync::Arc;

use domain::{LedgerRow, NanoUsd, Outcome, RequestId, Timestamp, TokenUsage};
use storage::ledger::{Commit, OpenRequest};
use tokio::time::Instant;

use crate::{
    admit::InFlight,
    authenticate::Caller,
    pipeline::Core,
    record,
    route::{Deployment, RoutePlan},
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
    reserved: NanoUsd,
    began: Instant,
    time_to_first_chunk_ms: Option<u32>,
    /// The deployment that is being tried.
    deployment: Arc<Deployment>,
    attempts: u32,
    /// Tokens of input by the router's own count, for when nobody reports them.
    input_estimate: u64,
    request_id: RequestId,
    started_at: Timestamp,
    request: RequestFacts,
    _in_flight: InFlight,
}

#[derive(Clone, Debug)]
struct RequestFacts {
    dialect: domain::Dialect,
    model: String,
    stream: bool,
}

/// How a request ended.
#[derive(Clone, Debug)]
pub struct Settlement {
    pub outcome: Outcome,
    /// The HTTP status that the client got.
    pub status: u16,
    pub usage: TokenUsage,
    pub usage_estimated: bool,
    pub error: Option<String>,
}

impl Admission {
    pub(crate) fn new(
        core: &Arc<Core>,
        in_flight: InFlight,
        request_id: RequestId,
        caller: Caller,
        request: &ClientRequest,
        plan: &RoutePlan,
        reserved: NanoUsd,
    ) -> Self {
        let open = Open {
            core: Arc::clone(core),
            reserved,
            began: Instant::now(),
            time_to_first_chunk_ms: None,
            deployment: Arc::clone(plan.first()),
            attempts: 0,
            input_estimate: dialects::stream::estimate_tokens(request.head.text_bytes),
            request_id,
            started_at: core.clock.now(),
            request: RequestFacts {
                dialect: request.head.dialect,
                model: request.head.model.clone(),
                stream: request.head.stream,
            },
            caller,
            _in_flight: in_flight,
        };
        core.ledger.open(OpenRequest {
            request_id,
            started_at: open.started_at,
            user_id: open.caller.user_id(),
            key_id: open.caller.key_id(),
            backend_id: Some(open.deployment.backend.id),
            deployment_id: Some(open.deployment.id),
            dialect: open.request.dialect,
            request_model: open.request.model.clone(),
            upstream_model: open.deployment.model.clone(),
            stream: open.request.stream,
        });
        Self { open: Some(open) }
    }

    /// An upstream call begins.
    pub fn attempt(&mut self, deployment: &Arc<Deployment>) {
        if let Some(open) = &mut self.open {
            open.deployment = Arc::clone(deployment);
            open.attempts += 1;
        }
    }

    /// The call did not come about: there was no room for it, or it could not be put into words.
    pub fn not_called(&mut self) {
        if let Some(open) = &mut self.open {
            open.attempts = open.attempts.saturating_sub(1);
        }
    }

    /// How many upstream calls have begun.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.open.as_ref().map_or(0, |open| open.attempts)
    }

    /// The first chunk with content, or the whole answer, has arrived.
    pub fn first_chunk(&mut self) {
        if let Some(open) = &mut self.open {
            open.time_to_first_chunk_ms
                .get_or_insert(millis(open.began));
        }
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
        // Before the first attempt nothing was used. After it the upstream has read the input, and
        // most bill for that; it is counted here, since the upstream's own count never came.
        let called = open.attempts > 0;
        let settlement = Settlement {
            outcome: Outcome::ClientDisconnected,
            status: record::CLIENT_CLOSED_REQUEST,
            usage: TokenUsage {
                input: if called { open.input_estimate } else { 0 },
                ..TokenUsage::default()
            },
            usage_estimated: called,
            error: None,
        };
        // Nobody waits for this commit; the row is written all the same.
        drop(open.settle(settlement));
    }
}

impl Open {
    fn settle(self, settlement: Settlement) -> Commit {
        let cost = self
            .deployment
            .price
            .map(|price| price.cost(&settlement.usage))
            // An attempt that used nothing cost nothing, priced or not.
            .or((settlement.usage == TokenUsage::default()).then_some(NanoUsd::ZERO));
        if let Some(key) = self.caller.key() {
            key.user.spend.settle(
                self.reserved,
                cost.unwrap_or_default(),
                self.started_at,
                self.core.clock.now(),
            );
            if settlement.outcome == Outcome::Completed && !settlement.usage_estimated {
                key.live.learn_output(settlement.usage.output);
            }
        }
        let row = LedgerRow {
            request_id: self.request_id,
            started_at: self.started_at,
            user_id: self.caller.user_id(),
            key_id: self.caller.key_id(),
            backend_id: Some(self.deployment.backend.id),
            deployment_id: Some(self.deployment.id),
            dialect: self.request.dialect,
            request_model: self.request.model.clone(),
            upstream_model: self.deployment.model.clone(),
            stream: self.request.stream,
            outcome: settlement.outcome,
            status: settlement.status,
            usage: settlement.usage,
            usage_estimated: settlement.usage_estimated,
            cost,
            attempts: self.attempts,
            time_to_first_chunk_ms: self.time_to_first_chunk_ms,
            duration_ms: millis(self.began),
            error: settlement.error,
        };
        record::record(&self.core.ledger, row, self.deployment.backend.name())
    }
}

fn millis(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_millis()).unwrap_or(u32::MAX)
}
