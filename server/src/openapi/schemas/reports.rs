//! Usage, the log of requests, alerts.

use serde_json::Value;
use utoipa::ToSchema;

answers! {
    /// What one user used of one model, of all time.
    struct UsageRow {
        user_id: Option<i64>,
        team_id: Option<i64>,
        /// `admin` for calls of the master key and of users who are gone.
        name: String,
        model: String,
        total_input: u64,
        total_output: u64,
        /// Dollars
        total_cost: f64,
        /// Billionths of a dollar, exact.
        total_cost_nano_usd: i64,
        requests: u64,
    }

    /// What a user spent in a month.
    struct MonthRow {
        /// Such as `2026-11`
        month: String,
        name: String,
        budget: f64,
        spend: f64,
    }

    /// Sums of usage.
    struct Totals {
        total_requests: u64,
        failed_requests: u64,
        prompt_tokens: u64,
        completion_tokens: u64,
        cached_tokens: u64,
        total_tokens: u64,
        /// Dollars
        total_cost: f64,
    }

    /// Sums of usage, whole and by model.
    struct Usage {
        total_requests: u64,
        failed_requests: u64,
        prompt_tokens: u64,
        completion_tokens: u64,
        cached_tokens: u64,
        total_tokens: u64,
        /// Dollars
        total_cost: f64,
        by_model: Vec<ModelUsage>,
    }

    struct ModelUsage {
        model: String,
        total_requests: u64,
        failed_requests: u64,
        prompt_tokens: u64,
        completion_tokens: u64,
        cached_tokens: u64,
        total_tokens: u64,
        /// Dollars
        total_cost: f64,
    }

    /// Requests, the newest first.
    struct RequestPage {
        rows: Vec<LoggedRequest>,
        total: u64,
        limit: u32,
        offset: u64,
    }

    /// A request in the log.
    struct LoggedRequest {
        id: String,
        user_id: Option<i64>,
        user_name: Option<String>,
        key_label: Option<String>,
        backend_id: Option<i64>,
        backend_name: Option<String>,
        endpoint: String,
        request_model: String,
        routed_model: Option<String>,
        response_model: Option<String>,
        prompt_tokens: u64,
        completion_tokens: u64,
        cached_tokens: u64,
        total_tokens: u64,
        /// Dollars
        cost: Option<f64>,
        status_code: Option<u16>,
        outcome: String,
        is_stream: bool,
        attempts: u32,
        response_time_ms: Option<u64>,
        time_to_first_chunk_ms: Option<u64>,
        error_message: Option<String>,
        /// Who was tried, and who was not.
        route: Value,
        detail_logged: bool,
        /// In the zone of reports.
        local_date: Option<String>,
        /// ISO 8601
        created_at: String,
    }

    /// The dashboard's figures.
    struct Summary {
        users: u64,
        keys: u64,
        backends: u64,
        resting_backends: u64,
        models: u64,
        requests_in_flight: u64,
        today: Totals,
        month: Totals,
    }

    /// What was told about a budget.
    struct BudgetAlert {
        id: i64,
        scope: BudgetScope,
        scope_id: i64,
        name: String,
        kind: BudgetEventKind,
        period: BudgetPeriod,
        /// Milliseconds since 1970
        period_start: i64,
        period_end: i64,
        /// Dollars
        spent: f64,
        /// Dollars
        limit: f64,
        at: i64,
        /// When the webhook took it.
        delivered_at: Option<i64>,
    }
}

#[derive(Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BudgetScope {
    User,
    Team,
    Key,
}

#[derive(Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BudgetEventKind {
    SoftLimit,
    HardLimit,
}

#[derive(Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BudgetPeriod {
    Monthly,
    Daily,
}
