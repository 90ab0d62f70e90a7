//! Backends, groups and rewrites as dashboards and the admin's API show them: where they come from, what
//! they are set to, and how they are at this moment.

use serde::{Deserialize, Serialize};

use crate::{BackendId, Timestamp, routing::CacheSavings};

/// Where a setting comes from, which decides where it can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The configuration file: read-only here.
    File,
    /// Variables of the environment: read-only here.
    Environment,
    /// Part of the router.
    BuiltIn,
    /// A dashboard or the admin's API.
    Dashboard,
}

impl Origin {
    /// The name used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Environment => "environment",
            Self::BuiltIn => "built_in",
            Self::Dashboard => "dashboard",
        }
    }

    /// Whether it is changed on dashboards.
    #[must_use]
    pub const fn is_editable(self) -> bool {
        matches!(self, Self::Dashboard)
    }
}

/// How a backend is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    /// Nobody has asked it for anything since the router started.
    Unused,
    Well,
    /// Some API key is left alone for a while.
    Resting,
    /// Its last calls failed by a fault of its own.
    Failing,
    /// Switched off.
    Disabled,
    /// Its settings cannot be used.
    Broken,
}

/// What a backend has been doing since the router started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendHealth {
    pub state: HealthState,
    /// A sentence for a person; empty where the state says it all.
    pub reason: String,
    /// Milliseconds until it is asked again; `None`: it is not resting.
    pub next_try_ms: Option<u64>,
    pub calls: u64,
    pub failed: u64,
    pub in_progress: u64,
    pub waiting: u64,
    /// Milliseconds to a whole answer, on average; `None`: there was none.
    pub latency_ms: Option<u64>,
    /// Milliseconds to a stream's first content, on average.
    pub first_chunk_ms: Option<u64>,
    pub last_error: Option<(Timestamp, String)>,
    pub limit: Option<LimitGauge>,
}

/// How full a sliding window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitGauge {
    pub requests: u64,
    pub remaining: u64,
    pub window_ms: u64,
}

/// An upstream endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendView {
    /// `None`: it was never in force.
    pub id: Option<BackendId>,
    pub name: String,
    /// As in the file.
    pub kind: String,
    /// Without credentials; empty where there is none of its own.
    pub base_url: String,
    pub priority: u32,
    pub enabled: bool,
    pub origin: Origin,
    /// API keys, masked.
    pub credentials: Vec<String>,
    /// Its models are named in its settings, and not asked of it.
    pub lists_models: bool,
    /// Upstream names.
    pub models: Vec<String>,
    pub health: BackendHealth,
    /// Why it is not in force.
    pub problem: Option<String>,
    /// Its settings in the words of the file, without what is secret, as YAML; empty where they are the
    /// environment's.
    pub settings: String,
    pub note: String,
}

/// A public name for several deployments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupView {
    /// `None`: it comes from the file.
    pub id: Option<i64>,
    pub name: String,
    pub strategy: String,
    pub continue_streams: bool,
    /// Percent of the group's spend that second calls may cost; `None`: there are none.
    pub hedge_share: Option<u32>,
    /// Milliseconds before a second call.
    pub hedge_after_ms: Option<u64>,
    pub members: Vec<MemberView>,
    pub origin: Origin,
    pub problem: Option<String>,
    /// Under `affinity`, since the router started.
    pub saved: Option<CacheSavings>,
    pub note: String,
}

/// A deployment in a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberView {
    pub backend: String,
    pub model: String,
    pub weight: u32,
    pub priority: u32,
    /// Conditions in the words of the file, on one line; empty: none.
    pub when: String,
}

/// A model that is served as if another one had been asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewriteView {
    /// `None`: it comes from the file.
    pub id: Option<i64>,
    pub source: String,
    pub target: String,
    pub force: bool,
    pub origin: Origin,
    pub problem: Option<String>,
    pub note: String,
}

/// Everything that requests can be sent by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutingView {
    pub backends: Vec<BackendView>,
    pub groups: Vec<GroupView>,
    pub rewrites: Vec<RewriteView>,
}

/// What is wrong with a setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingProblem {
    /// In the words of the file, such as `models[0].price`; empty: all of it.
    pub key: String,
    pub message: String,
}

/// What came of asking a backend for its models, which costs nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionTest {
    pub ok: bool,
    /// What was found, or what went wrong and what would mend it.
    pub message: String,
    pub models: Vec<String>,
    pub elapsed_ms: u64,
}
