//! What would become of a request, and what became of one: which deployments were candidates, in which
//! order, and why others were not.

use serde::{Deserialize, Serialize};

use crate::{NanoUsd, pricing::TierRates};

/// A name that can be asked for, with what the dashboards tell of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedModel {
    pub name: String,
    /// Who answers first.
    pub backend: String,
    /// As it is sent there.
    pub model: String,
    /// How many deployments stand behind the name, where it is that of a group.
    pub members: Option<u32>,
    /// Of the standard tier; `None`: it has no price, which its backend allows.
    pub rates: Option<TierRates>,
    /// The most tokens that it answers with; `None`: not known.
    pub max_output_tokens: Option<u64>,
    /// Whether it can be asked in Chat Completions.
    pub chats: bool,
}

/// What would become of a request for a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteExplanation {
    /// As the client asks for it.
    pub model: String,
    /// What the name is rewritten to, in turn.
    pub rewritten_to: Vec<String>,
    /// `group`, `alias`, `backend_model` or `model`; `None`: nothing goes by that name.
    pub found_as: Option<String>,
    /// Of the group.
    pub strategy: Option<String>,
    /// In the order in which they would be tried.
    pub candidates: Vec<RouteCandidate>,
    pub excluded: Vec<RouteExclusion>,
    /// What the client would be told, where there is no candidate.
    pub error: Option<String>,
    /// What prompts' caches saved since the router started, under `affinity`.
    pub saved: Option<CacheSavings>,
}

/// A deployment that would be tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteCandidate {
    pub backend: String,
    pub model: String,
    /// Which of the backend's API keys, counted from 1; `None`: it has one or none.
    pub api_key: Option<u32>,
    /// Of the group's member.
    pub priority: Option<u32>,
    pub weight: Option<u32>,
    /// Why it comes after those that are ready.
    pub resting: Option<RouteRest>,
    /// What the request would probably cost there; `None`: it has no price.
    pub estimated_cost: Option<NanoUsd>,
}

/// Why a deployment is left alone for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteRest {
    /// `rate_limited`, `failing` or `probing`.
    pub reason: String,
    pub remaining_ms: u64,
}

/// The reason where the caller may not use a backend; not for them to read.
pub const NOT_PERMITTED: &str = "the caller may not use this backend";

/// A deployment that is no candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteExclusion {
    pub backend: String,
    pub model: String,
    /// A sentence for a person.
    pub reason: String,
}

/// What providers' caches of prompts saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheSavings {
    pub cached_tokens: u64,
    pub saved: NanoUsd,
}

/// The way of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTrail {
    /// Calls that failed before the one that the row names.
    pub attempts: Vec<RouteAttempt>,
    pub excluded: Vec<RouteExclusion>,
}

/// One upstream call of a request, as the ledger keeps them where there was more to say than who
/// answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteAttempt {
    pub backend: String,
    pub model: String,
    /// `None`: it answered.
    pub error: Option<String>,
    /// Since the request began.
    pub ended_ms: u32,
}
