//! Backends, groups, rewrites, reloading, explaining.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::ToSchema;

/// Where an entry comes from; only those of `dashboard` can be changed here.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    File,
    Environment,
    BuiltIn,
    Dashboard,
}

#[derive(Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    Unused,
    Well,
    Resting,
    Failing,
    Disabled,
    Broken,
}

#[derive(Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelCacheState {
    Inactive,
    Error,
    Uninitialized,
    Ready,
}

/// What the client of a supposed request speaks.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientDialect {
    Openai,
    Responses,
    Anthropic,
}

answers! {
    /// A backend and how it is.
    struct Backend {
        id: Option<i64>,
        name: String,
        kind: String,
        base_url: String,
        priority: u32,
        is_active: bool,
        origin: Origin,
        editable: bool,
        /// Masked.
        api_keys: Vec<String>,
        models: Vec<String>,
        cached_model_count: u64,
        model_cache_state: ModelCacheState,
        last_model_sync_at: Option<String>,
        detail_logging: bool,
        health: BackendHealth,
        /// Why it is not used.
        problem: Option<String>,
        note: String,
        /// In the words of the configuration file; of a single backend that was made here.
        #[schema(nullable = false)]
        settings: Option<BTreeMap<String, Value>>,
        /// ISO 8601; of a single backend that was made here.
        #[schema(nullable = false)]
        created_at: Option<String>,
        #[schema(nullable = false)]
        updated_at: Option<String>,
    }

    struct BackendHealth {
        state: HealthState,
        reason: String,
        next_try_ms: Option<u64>,
        calls: u64,
        failed: u64,
        in_progress: u64,
        waiting: u64,
        latency_ms: Option<u64>,
        first_chunk_ms: Option<u64>,
        /// When, in milliseconds since 1970, and what.
        last_error: Option<Vec<Value>>,
        limit: Option<LimitGauge>,
    }

    struct LimitGauge {
        requests: u64,
        remaining: u64,
        window_ms: u64,
    }

    /// What came of asking a backend for its models.
    struct ConnectionTest {
        ok: bool,
        message: String,
        models: Vec<String>,
        elapsed_ms: u64,
    }

    struct RefreshedModels {
        ok: bool,
        /// How many were found.
        models: u64,
    }

    /// A group of deployments under one name.
    struct Group {
        id: Option<i64>,
        name: String,
        strategy: String,
        continue_streams: bool,
        hedge_share: Option<u32>,
        hedge_after_ms: Option<u64>,
        members: Vec<GroupMember>,
        origin: Origin,
        problem: Option<String>,
        saved: Option<CacheSavings>,
        note: String,
    }

    struct GroupMember {
        backend: String,
        model: String,
        weight: u32,
        priority: u32,
        /// On which condition.
        when: String,
    }

    struct CacheSavings {
        cached_tokens: u64,
        /// Billionths of a dollar
        saved: i64,
    }

    /// A name of a model that stands for another.
    struct Rewrite {
        id: Option<i64>,
        source: String,
        target: String,
        force: bool,
        origin: Origin,
        problem: Option<String>,
        note: String,
    }

    /// What a reload changed, or would change.
    struct Reloaded {
        /// null: there is no file.
        file: Option<String>,
        changed: Vec<Difference>,
        /// Keys among these that take effect at the next start only.
        at_next_start: Vec<String>,
        warnings: Vec<String>,
    }

    /// A value that is not the same in two files; secrets are hidden.
    struct Difference {
        key: String,
        before: Option<String>,
        after: Option<String>,
    }

    /// Why a configuration cannot be used.
    struct ReloadProblems {
        error: String,
        #[schema(nullable = false)]
        problems: Option<Vec<String>>,
    }

    /// What would become of a request.
    struct RouteExplanation {
        model: String,
        /// What the name is rewritten to, in turn.
        rewritten_to: Vec<String>,
        /// `group`, `alias`, `backend_model` or `model`; null: nothing goes by that name.
        found_as: Option<String>,
        strategy: Option<String>,
        /// In the order in which they would be tried.
        candidates: Vec<RouteCandidate>,
        excluded: Vec<RouteExclusion>,
        /// What the client would be told, where there is no candidate.
        error: Option<String>,
        saved: Option<CacheSavings>,
    }

    struct RouteCandidate {
        backend: String,
        model: String,
        /// Which of the backend's API keys, counted from 1.
        api_key: Option<u32>,
        priority: Option<u32>,
        weight: Option<u32>,
        resting: Option<RouteRest>,
        /// Billionths of a dollar; null: it has no price.
        estimated_cost: Option<i64>,
    }

    struct RouteRest {
        reason: String,
        remaining_ms: u64,
    }

    struct RouteExclusion {
        backend: String,
        model: String,
        reason: String,
    }
}

requests! {
    /// A backend in the words of the configuration file's `backends`; a few members are named here. Also
    /// takes `api_key` for one key.
    struct BackendInput {
        #[schema(nullable = false)]
        name: Option<String>,
        /// `openai`, `openai_compatible` (where it is missing), `anthropic`, `bedrock`, `demo`
        #[schema(nullable = false)]
        kind: Option<String>,
        base_url: Option<String>,
        api_key: Option<String>,
        priority: Option<u32>,
        is_active: Option<bool>,
        note: Option<String>,
    }

    /// A group in the words of the configuration file's `groups`.
    struct GroupInput {
        name: String,
        #[schema(nullable = false)]
        strategy: Option<String>,
        members: Vec<GroupMemberInput>,
        note: Option<String>,
    }

    struct GroupMemberInput {
        backend: String,
        model: String,
        #[schema(nullable = false)]
        weight: Option<u32>,
        #[schema(nullable = false)]
        priority: Option<u32>,
    }

    /// A rewrite in the words of the configuration file's `rewrites`.
    struct RewriteInput {
        source: String,
        target: String,
        #[schema(nullable = false)]
        force: Option<bool>,
        note: Option<String>,
    }
}

/// How the configuration is reloaded.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReloadOptions {
    /// Only says what would change.
    #[schema(nullable = false)]
    pub dry_run: Option<bool>,
}

/// A request that nobody has made.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainInput {
    pub model: String,
    /// Whose permissions hold; without one nobody's do.
    pub key_id: Option<i64>,
    pub dialect: Option<ClientDialect>,
    pub stream: Option<bool>,
    pub input_tokens: Option<u64>,
    pub max_output_tokens: Option<u64>,
    pub images: Option<bool>,
    pub tools: Option<bool>,
}
