//! The log of requests: which ones are wanted, a page of them, and one with everything that is known of it.

use serde::{Deserialize, Serialize};

use crate::{
    NanoUsd, Outcome, RequestId, Timestamp, TokenUsage, UserId,
    report::RequestSummary,
    routing::{RouteAttempt, RouteExclusion},
    usage_report::RangeChoice,
};

/// Which requests are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogQuery {
    pub range: RangeChoice,
    pub user: Option<i64>,
    pub key: Option<i64>,
    pub team: Option<i64>,
    /// As the client asked for it.
    pub model: Option<String>,
    pub backend: Option<i64>,
    pub result: LogResult,
    pub stream: Option<bool>,
    /// A part of the model's name or of the error; or a request's id, which is looked for in all dates.
    pub search: Option<String>,
    /// Where the page before ended.
    pub before: Option<LogCursor>,
}

/// How a request ended, as one looks for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogResult {
    #[default]
    Any,
    /// Everything that counts as an error.
    Failed,
    Outcome(Outcome),
    /// The HTTP status that the client got.
    Status(u16),
}

impl LogResult {
    /// As it stands in a URL.
    #[must_use]
    pub fn word(self) -> String {
        match self {
            Self::Any => String::new(),
            Self::Failed => "failed".to_owned(),
            Self::Outcome(outcome) => outcome.as_str().to_owned(),
            Self::Status(status) => status.to_string(),
        }
    }

    /// Reads what [`Self::word`] wrote; what makes no sense is any.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match (text, text.parse()) {
            ("failed", _) => Self::Failed,
            (_, Ok(status)) => Self::Status(status),
            _ => Outcome::parse(text)
                .filter(|outcome| outcome.is_final())
                .map_or(Self::Any, Self::Outcome),
        }
    }
}

/// A place in the log, which is ordered by start and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogCursor {
    pub started_at: Timestamp,
    /// The row's number.
    pub row: i64,
}

impl LogCursor {
    /// As it stands in a URL.
    #[must_use]
    pub fn word(self) -> String {
        format!("{}-{}", self.started_at.0, self.row)
    }

    /// Reads what [`Self::word`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (at, row) = text.split_once('-')?;
        Some(Self {
            started_at: Timestamp(at.parse().ok()?),
            row: row.parse().ok()?,
        })
    }
}

/// A page of the log, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestLog {
    /// IANA name of the reporting time zone.
    pub time_zone: String,
    pub start_local: String,
    pub end_local: String,
    pub rows: Vec<RequestSummary>,
    /// Where the next page begins; `None`: this is the last one.
    pub next: Option<LogCursor>,
    /// Not all of the range was looked through for rare words; the next page goes on from there.
    pub partial: bool,
    /// How many there are in all, where the rollups know it.
    pub total: Option<u64>,
    /// The number of the newest row there is, from which the tail goes on.
    pub newest: i64,
    /// What one can filter by: ids and names.
    pub choices: LogChoices,
}

/// Names to filter by, with their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogChoices {
    pub users: Vec<(i64, String)>,
    pub teams: Vec<(i64, String)>,
    pub keys: Vec<(i64, String)>,
    pub backends: Vec<(i64, String)>,
    pub models: Vec<String>,
}

/// One request with everything that is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestDetail {
    pub time_zone: String,
    pub summary: RequestSummary,
    pub user_id: Option<UserId>,
    pub team_id: Option<i64>,
    pub key_id: Option<i64>,
    /// The path that the client called.
    pub path: String,
    /// The calls that may have been billed, in order; the last one ended the request.
    pub calls: Vec<CallDetail>,
    /// Calls that failed before, where the router noted them.
    pub failed: Vec<RouteAttempt>,
    /// Why others were no candidates.
    pub excluded: Vec<RouteExclusion>,
}

/// One upstream call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallDetail {
    /// Counted from 1.
    pub attempt: u32,
    pub outcome: Outcome,
    pub status: u16,
    pub backend: Option<String>,
    /// Which of the backend's API keys, counted from 1.
    pub credential: Option<u32>,
    pub model: String,
    pub usage: TokenUsage,
    pub tier: String,
    /// `None`: unpriced.
    pub cost: Option<NanoUsd>,
    pub time_to_first_chunk_ms: Option<u32>,
    /// Since the request began.
    pub duration_ms: u32,
    pub error: Option<String>,
    /// How the cost was computed; empty where there is no price, or nothing was used.
    pub price: Vec<PriceLine>,
    /// Where the price came from and since when it holds.
    pub price_source: Option<String>,
}

/// A line of a bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceLine {
    pub what: String,
    pub count: u64,
    /// Per `per`.
    pub rate: NanoUsd,
    /// Such as `million tokens`.
    pub per: String,
    pub amount: NanoUsd,
}

/// The id in a text that was pasted, if it is one.
#[must_use]
pub fn pasted_id(text: &str) -> Option<RequestId> {
    RequestId::parse(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_and_cursors_read_what_they_write() {
        for result in [
            LogResult::Any,
            LogResult::Failed,
            LogResult::Status(429),
            LogResult::Outcome(Outcome::Interrupted),
        ] {
            assert_eq!(LogResult::parse(&result.word()), result);
        }
        assert_eq!(LogResult::parse("abandoned"), LogResult::Any);
        assert_eq!(LogResult::parse("<script>"), LogResult::Any);
        let cursor = LogCursor {
            started_at: Timestamp(1_795_000_000_123),
            row: 42,
        };
        assert_eq!(LogCursor::parse(&cursor.word()), Some(cursor));
        assert_eq!(LogCursor::parse("x-1"), None);
    }
}
