//! Status, statistics and health.

use std::collections::BTreeMap;

use utoipa::ToSchema;

answers! {
    /// That the router runs.
    struct Health {
        status: String,
        version: String,
        /// Backends by the API that they offer.
        providers: ProviderCounts,
    }

    struct ProviderCounts {
        openai: u64,
        anthropic: u64,
        bedrock: u64,
    }

    /// Whether AWS knows who the router is.
    struct AwsStatus {
        ok: bool,
        #[schema(nullable = false)]
        account: Option<String>,
        #[schema(nullable = false)]
        arn: Option<String>,
        #[schema(nullable = false)]
        error: Option<String>,
    }

    struct Status {
        status: String,
        version: String,
        uptime_seconds: f64,
        /// Backends by kind of provider.
        config: BTreeMap<String, ProviderConfig>,
        statistics: Statistics,
    }

    struct ProviderConfig {
        enabled: bool,
        provider_count: u64,
        providers: Vec<Provider>,
    }

    struct Provider {
        name: String,
        priority: u32,
        /// Not shown to the public.
        #[schema(nullable = false)]
        base_url: Option<String>,
        /// Not shown to the public.
        #[schema(nullable = false)]
        model_mapping: Option<BTreeMap<String, String>>,
    }

    struct Statistics {
        total_requests: u64,
        in_progress_requests: u64,
        providers: BTreeMap<String, ProviderStatistics>,
    }

    struct ProviderStatistics {
        total_requests: u64,
        in_progress_requests: u64,
        waiting_requests: u64,
        success_rate: f64,
        /// Not shown to the public.
        last_error: Option<String>,
        last_error_time: Option<String>,
        rate_limits: RateLimitStatistics,
        failing: bool,
        non_streaming: WholeStatistics,
        streaming: StreamStatistics,
    }

    struct RateLimitStatistics {
        total: u64,
        recent: u64,
        cooldown_count: u64,
        total_cooldown_time_seconds: f64,
        in_cooldown: bool,
        cooldown_remaining_seconds: f64,
        last_cooldown_start_time: Option<String>,
    }

    struct WholeStatistics {
        requests: u64,
        average_latency_ms: f64,
        tokens_per_second: f64,
    }

    struct StreamStatistics {
        requests: u64,
        average_time_to_first_token_ms: f64,
        average_total_latency_ms: f64,
        tokens_per_second_with_first_token: f64,
        tokens_per_second_without_first_token: f64,
    }

    struct BackendInfo {
        backend_type: String,
        total_services: u64,
        services: Vec<ServiceInfo>,
    }

    struct ServiceInfo {
        name: String,
        backend_type: String,
        base_url: String,
        priority: u32,
        models: Vec<String>,
        /// Such as `60/60s`
        rate_limit: Option<String>,
    }

    struct RequestCount {
        /// ISO 8601
        timestamp: String,
        count: u64,
    }

    struct TokenCount {
        /// ISO 8601
        timestamp: String,
        input_tokens: u64,
        output_tokens: u64,
        cached_tokens: u64,
        total_tokens: u64,
    }

    struct ProviderActivity {
        provider_type: ProviderType,
        provider_name: String,
        request_count: u64,
        total_tokens: u64,
        input_tokens: u64,
        output_tokens: u64,
        cached_tokens: u64,
        avg_latency_ms: f64,
        streaming_count: u64,
        non_streaming_count: u64,
        min_timestamp: String,
        max_timestamp: String,
    }

    struct RouterStats {
        total_requests: u64,
        total_failovers: u64,
        total_rate_limit_skips: u64,
        failover_rate: f64,
        rate_limit_skip_rate: f64,
        configured_services: u64,
        service_stats: BTreeMap<String, ServiceStats>,
        service_order: Vec<String>,
        rate_limiting: BTreeMap<String, RateLimiting>,
        groups: Vec<GroupSavings>,
    }

    struct ServiceStats {
        requests: u64,
        successes: u64,
        failures: u64,
        rate_limit_skips: u64,
        in_progress: u64,
        last_error: Option<String>,
    }

    struct RateLimiting {
        rate_limit: Option<String>,
        current_requests: Option<u64>,
        remaining_quota: Option<u64>,
        is_rate_limited: bool,
        /// Seconds
        window_reset_in: f64,
    }

    /// What providers' caches of prompts saved.
    struct GroupSavings {
        name: String,
        cached_tokens: u64,
        /// Dollars
        saved: f64,
    }

    struct RouterHealth {
        status: Grade,
        failure_rate: f64,
        total_requests: u64,
        total_failures: u64,
        services: BTreeMap<String, ServiceHealth>,
    }

    struct ServiceHealth {
        status: Grade,
        failure_rate: f64,
        in_cooldown: bool,
        failing: bool,
    }

    struct RateLimits {
        rate_limits: BTreeMap<String, RateLimiting>,
    }

    struct AuthStatus {
        auth_enabled: bool,
        total_keys: u64,
        active_keys: u64,
        header_name: String,
    }

    struct AuthMetrics {
        /// Since when is counted; null: ever since.
        since: Option<String>,
        total_requests: u64,
        failed_requests: u64,
        keys: Vec<KeyMetrics>,
    }

    struct KeyMetrics {
        /// Masked.
        key: String,
        label: String,
        owner: Option<String>,
        active: bool,
        total_requests: u64,
        successful_requests: u64,
        failed_requests: u64,
        success_rate: f64,
        total_tokens: u64,
        /// Dollars
        total_cost: f64,
        last_used: Option<String>,
    }

    struct KeysReloaded {
        message: String,
        total_keys: u64,
        active_keys: u64,
    }
}

#[derive(Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    Healthy,
    Degraded,
    Unhealthy,
}

#[derive(Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProviderType {
    Openai,
    Anthropic,
    Bedrock,
    Demo,
}

/// The length of a stretch of time.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    Minute,
    Hour,
    Day,
}
