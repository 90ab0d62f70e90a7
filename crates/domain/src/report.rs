//! What the dashboards show. Every figure comes from rollups except the latest requests, which are
//! read by index; the zone and the range that a figure is for travel with it.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::{
    NanoUsd, Outcome, RequestId, TeamId, Timestamp, TokenUsage, UserId, budget::BudgetStatus,
};

/// Sums over some set of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub requests: u64,
    pub errors: u64,
    /// Requests without a price; their cost is missing from `cost`.
    pub unpriced: u64,
    pub usage: TokenUsage,
    pub cost: NanoUsd,
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.errors = self.errors.saturating_add(other.errors);
        self.unpriced = self.unpriced.saturating_add(other.unpriced);
        self.usage += other.usage;
        self.cost += other.cost;
    }
}

/// How long requests took that were answered completely, in milliseconds: within `p95_ms` 95 of 100
/// were done. Read from counts by slots of time, so that they are right to a tenth or so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// `None` where there was no such request, as in all others.
    pub p50_ms: Option<u32>,
    pub p95_ms: Option<u32>,
    pub p99_ms: Option<u32>,
    /// Until the first content of a stream.
    pub first_chunk_p50_ms: Option<u32>,
    pub first_chunk_p95_ms: Option<u32>,
    pub first_chunk_p99_ms: Option<u32>,
}

/// A budget of which most is used up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NearBudget {
    /// `user` or `team`.
    pub kind: String,
    pub id: i64,
    pub name: String,
    /// `daily` or `monthly`.
    pub period: String,
    pub spend: NanoUsd,
    pub limit: NanoUsd,
    /// In the reporting zone.
    pub resets_at_local: String,
}

/// Sums of one hour or day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Where it starts.
    pub start: Timestamp,
    /// In the reporting zone: `14:00` for an hour, `2026-11-20` for a day.
    pub label: String,
    pub totals: Totals,
}

/// Sums under a name: a model, a user, a backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedTotals {
    pub name: String,
    pub totals: Totals,
}

/// A row of the request log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestSummary {
    pub request_id: RequestId,
    pub started_at: Timestamp,
    /// In the reporting zone, `2026-11-20 14:03:05`.
    pub started_at_local: String,
    /// The user or team; `None` for the master key.
    pub user: Option<String>,
    pub key_label: Option<String>,
    pub backend: Option<String>,
    pub request_model: String,
    pub upstream_model: String,
    pub stream: bool,
    pub outcome: Outcome,
    pub status: u16,
    pub usage: TokenUsage,
    pub usage_estimated: bool,
    /// Of all its upstream calls. `None` means unpriced.
    pub cost: Option<NanoUsd>,
    /// How many upstream calls were made.
    pub attempts: u32,
    pub time_to_first_chunk_ms: Option<u32>,
    pub duration_ms: u32,
    pub error: Option<String>,
}

/// The first page of the admin's dashboard, and, restricted to one user, of that user's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// IANA name of the reporting time zone.
    pub time_zone: String,
    /// Since the day's start in that zone.
    pub today: Totals,
    pub this_month: Totals,
    /// Today by hour, zero-filled up to the present hour.
    pub by_hour: Vec<Bucket>,
    /// This month by model, the dearest first, at most ten.
    pub by_model: Vec<NamedTotals>,
    /// The latest requests, newest first, at most twenty.
    pub latest: Vec<RequestSummary>,
}

/// The first page of a user's own dashboard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MyOverview {
    /// Of this user's requests only.
    pub overview: Overview,
    pub budget: BudgetStatus,
}

/// Sums of one user or team with one model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserModelTotals {
    /// `None` for the master key and for teams.
    pub user_id: Option<UserId>,
    /// `None` for the master key and for users.
    pub team_id: Option<TeamId>,
    /// Of the user or team; `None` for the master key and for who was deleted since.
    pub user: Option<String>,
    /// As clients asked for it.
    pub model: String,
    pub totals: Totals,
}

/// What one user or team spent in one calendar month. Resets do not change it: it is the bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthlySpend {
    /// In the reporting zone: `2026-11`.
    pub month: String,
    /// `None` for the master key and for teams.
    pub user_id: Option<UserId>,
    /// `None` for the master key and for users.
    pub team_id: Option<TeamId>,
    /// Of the user or team; `None` for the master key and for who was deleted since.
    pub user: Option<String>,
    /// The monthly budget as it is now; 0 means unlimited.
    pub budget: NanoUsd,
    pub spend: NanoUsd,
}

/// What was spent in one calendar day or month. Resets do not change it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeriodSpend {
    /// In the reporting zone: `2026-11` or `2026-11-20`.
    pub label: String,
    /// The budget of such a period as it is now; 0 means unlimited.
    pub budget: NanoUsd,
    pub spend: NanoUsd,
}

/// How far back a report reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportRange {
    Today,
    #[default]
    ThisMonth,
    AllTime,
}
