//! Stage 3: requested model → [`RoutePlan`], the deployments to try, in order.

pub mod affinity;
pub mod explain;
pub mod group;
pub mod question;
pub mod resolve;
pub mod strategy;
pub mod table;
#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use dialects::shape::Prefix;
use domain::{NanoUsd, Timestamp, Used};
use tokio::time::Instant;

use crate::{
    counters::breaker::Gate,
    settings::{Hedge, OnDisconnect, Strategy},
};

pub use group::Group;
pub use question::{Question, Supposed};
pub use resolve::resolve;
pub use table::{Backend, Deployment, Lane, Routes};

/// A deployment that may answer, by one of its backend's credentials.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub deployment: Arc<Deployment>,
    /// Which lane; the number of the credential, where the backend has any.
    pub lane: usize,
}

impl Candidate {
    #[must_use]
    pub fn new(deployment: &Arc<Deployment>, lane: usize) -> Self {
        Self {
            deployment: Arc::clone(deployment),
            lane,
        }
    }

    #[must_use]
    pub fn lane(&self) -> &Lane {
        self.deployment.live.lane(self.lane)
    }

    /// Why it is better left alone now; `None`: it is ready.
    #[must_use]
    pub fn rest(&self, now: Instant) -> Option<Rest> {
        let cooling = self.lane().cooldown.remaining(now).map(Rest::RateLimited);
        let failing = match self.deployment.live.breaker.gate(now) {
            Gate::Closed | Gate::HalfOpen => None,
            Gate::Probing => Some(Rest::Probing),
            Gate::Open(remaining) => Some(Rest::Failing(remaining)),
        };
        cooling
            .into_iter()
            .chain(failing)
            .max_by_key(|rest| rest.remaining())
    }
}

/// Why a candidate is left alone for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Another request is finding out whether it is well again.
    Probing,
    /// It failed time after time.
    Failing(Duration),
    /// It is out of quota.
    RateLimited(Duration),
}

impl Rest {
    #[must_use]
    pub const fn remaining(self) -> Duration {
        match self {
            Self::Probing => Duration::ZERO,
            Self::Failing(remaining) | Self::RateLimited(remaining) => remaining,
        }
    }
}

/// The lanes of one deployment, beginning with the one whose turn it is. `only_look`: the turn stays.
pub(crate) fn lanes_of(
    deployment: &Arc<Deployment>,
    only_look: bool,
) -> impl Iterator<Item = Candidate> + use<> {
    let lanes = deployment.live.lanes().len();
    let next = &deployment.live.turn;
    let first = match lanes {
        1 => 0,
        _ if only_look => next.load(Ordering::Relaxed),
        _ => next.fetch_add(1, Ordering::Relaxed),
    };
    let deployment = Arc::clone(deployment);
    (0..lanes).map(move |n| Candidate::new(&deployment, first.wrapping_add(n) % lanes))
}

/// What a name stands for that cannot serve this request, and why.
#[derive(Clone, Debug)]
pub struct Excluded {
    pub backend: String,
    pub model: String,
    pub why: Exclusion,
}

/// Why a deployment is no candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exclusion {
    /// The caller may not use that backend.
    NotPermitted,
    /// It speaks another dialect, and there is no translation.
    OtherDialect,
    Unpriced,
    /// As a person reads it after "takes only requests …".
    Condition(Cow<'static, str>),
}

/// The deployments that may answer a request, in the order in which they are tried; never empty.
#[derive(Debug)]
pub struct RoutePlan {
    candidates: Vec<Candidate>,
    pub excluded: Vec<Excluded>,
    /// The group that was asked for.
    pub group: Option<Arc<Group>>,
    /// Of the prompt, where the group goes by them.
    prefixes: Vec<Prefix>,
}

impl RoutePlan {
    /// `None` where there is no candidate.
    #[must_use]
    pub fn new(candidates: Vec<Candidate>) -> Option<Self> {
        (!candidates.is_empty()).then_some(Self {
            candidates,
            excluded: Vec::new(),
            group: None,
            prefixes: Vec::new(),
        })
    }

    #[must_use]
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// The deployments, each once for each of its lanes.
    pub fn deployments(&self) -> impl Iterator<Item = &Arc<Deployment>> {
        self.candidates.iter().map(|c| &c.deployment)
    }

    /// Whether a call is to go on to its end when its client goes away, wherever the plan leads it.
    #[must_use]
    pub fn drains(&self) -> bool {
        self.deployments()
            .any(|d| d.backend.settings.on_disconnect == OnDisconnect::Drain)
    }

    /// The one that is tried first.
    #[must_use]
    pub fn first(&self) -> &Candidate {
        &self.candidates[0]
    }

    /// The plan without a deployment that has been tried; `None`: nothing is left.
    #[must_use]
    pub fn without(&self, tried: &Candidate) -> Option<Self> {
        let others = self.candidates.iter();
        let others = others.filter(|c| c.deployment.id != tried.deployment.id);
        Some(Self {
            group: self.group.clone(),
            prefixes: self.prefixes.clone(),
            ..Self::new(others.cloned().collect())?
        })
    }

    /// The plan with those of its candidates that are named, in that order; `None`: none of them is.
    #[must_use]
    pub fn reordered(self, order: &[usize]) -> Option<Self> {
        let mut rest: Vec<Option<Candidate>> = self.candidates.into_iter().map(Some).collect();
        let named = order.iter().filter_map(|at| rest.get_mut(*at)?.take());
        Some(Self {
            excluded: self.excluded,
            group: self.group,
            prefixes: self.prefixes,
            ..Self::new(named.collect())?
        })
    }

    /// What the group has to say of second calls.
    #[must_use]
    pub fn hedge(&self) -> Option<Hedge> {
        self.group.as_ref()?.hedge
    }

    /// What reading the prompt costs where that is dearest.
    #[must_use]
    pub fn highest_input_cost(&self, text_bytes: usize, at: Timestamp) -> NanoUsd {
        let used = Used::estimate(dialects::stream::estimate_tokens(text_bytes), 0);
        let costs = self.deployments().filter_map(|d| d.prices.at(at));
        let costs = costs.map(|dated| dated.price.cost(&used.tokens, used.tier));
        costs.max().unwrap_or_default()
    }

    /// The candidate has answered: its provider's cache knows the prompt now.
    pub fn answered_by(&self, candidate: &Candidate) {
        if let Some(group) = &self.group
            && group.strategy == Strategy::Affinity
        {
            let lane = (candidate.deployment.id, candidate.lane);
            let now = Instant::now();
            group.live.warmth.sent(&self.prefixes, lane, now);
        }
    }
}
