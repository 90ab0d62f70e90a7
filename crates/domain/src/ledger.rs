//! The ledger: one final row for every request that a client made and that was let in, and before it
//! a row for each upstream call that failed after it may have been billed. The sum of all rows is
//! the bill, so that a row cannot be lost once the client has the last byte, and is never changed.

use serde::{Deserialize, Serialize};

use crate::{
    BackendId, DeploymentId, Dialect, KeyId, NanoUsd, PriceId, RequestId, TeamId, Timestamp, Used,
    UserId,
};

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The client got the whole answer.
    Completed,
    /// The upstream refused or failed before any content. What calls cost that failed after they may
    /// have been billed stands in rows of their own, [`Outcome::Abandoned`].
    UpstreamError,
    /// The upstream broke off after content had been sent; what was sent is billed.
    StreamBroken,
    /// The client went away; what had been used up to then is billed.
    ClientDisconnected,
    /// The router was killed while the request was running; found at the next start. What had been
    /// used is what was last noted of it.
    Interrupted,
    /// One upstream call, not a request: it failed after the upstream may have billed it.
    Abandoned,
}

impl Outcome {
    pub const ALL: [Self; 6] = [
        Self::Completed,
        Self::UpstreamError,
        Self::StreamBroken,
        Self::ClientDisconnected,
        Self::Interrupted,
        Self::Abandoned,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::UpstreamError => "upstream_error",
            Self::StreamBroken => "stream_broken",
            Self::ClientDisconnected => "client_disconnected",
            Self::Interrupted => "interrupted",
            Self::Abandoned => "abandoned",
        }
    }

    /// Reads what [`Outcome::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|o| o.as_str() == text)
    }

    /// Whether the request counts as an error in the reports.
    #[must_use]
    pub const fn is_error(self) -> bool {
        !matches!(self, Self::Completed | Self::ClientDisconnected)
    }

    /// Whether the row ends a request; the others are calls before its end.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Abandoned)
    }
}

/// One request, or an upstream call before its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerRow {
    pub request_id: RequestId,
    pub started_at: Timestamp,
    /// `None` where the request was made with the master key, or where authentication is off.
    pub user_id: Option<UserId>,
    /// The team that the key belongs to; then there is no user.
    pub team_id: Option<TeamId>,
    pub key_id: Option<KeyId>,
    /// The deployment that answered, or the last one that was tried.
    pub backend_id: Option<BackendId>,
    pub deployment_id: Option<DeploymentId>,
    pub dialect: Dialect,
    /// As the client asked for it.
    pub request_model: String,
    /// As it was sent upstream.
    pub upstream_model: String,
    pub stream: bool,
    pub outcome: Outcome,
    /// The HTTP status that the client got.
    pub status: u16,
    pub used: Used,
    /// The price by which `cost` was computed.
    pub price_id: Option<PriceId>,
    /// Of this call. `None` means unpriced: the backend allows models without a price. Never shown as
    /// $0.00.
    pub cost: Option<NanoUsd>,
    /// How many upstream calls had been made, this one included.
    pub attempts: u32,
    /// Milliseconds until the first chunk that carried content.
    pub time_to_first_chunk_ms: Option<u32>,
    /// Milliseconds until the last byte was ready.
    pub duration_ms: u32,
    /// Why it failed, without credentials; `None` where it did not.
    pub error: Option<String>,
    /// Which of the backend's API keys, counted from 0; `None`: it has one or none.
    #[serde(default)]
    pub credential: Option<u32>,
    /// A [`crate::routing::RouteTrail`] as JSON, where there is more to say than who answered.
    #[serde(default)]
    pub route: Option<String>,
    /// Made on the playground, by a user's session and not by a key.
    #[serde(default)]
    pub playground: bool,
}
