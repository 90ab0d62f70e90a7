//! The usage report: what was asked for, as the words of a URL, and what there is to show. Days, hours and
//! minutes are those of the reporting zone.

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    report::{Latency, Totals},
};

/// How a report is cut in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BucketSize {
    Minute,
    Hour,
    #[default]
    Day,
    Month,
}

/// What the sums are kept apart by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageGroup {
    User,
    Team,
    Key,
    #[default]
    Model,
    Backend,
}

macro_rules! words {
    ($type:ident { $($variant:ident => $word:literal),* $(,)? }) => {
        impl $type {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// As it stands in a URL.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),*
                }
            }

            /// Reads what [`Self::as_str`] wrote.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text)
            }
        }
    };
}

words!(BucketSize { Minute => "minute", Hour => "hour", Day => "day", Month => "month" });
words!(UsageGroup { User => "user", Team => "team", Key => "key", Model => "model", Backend => "backend" });

/// A stretch of time, as chosen on a page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeChoice {
    /// One of [`RangeChoice::NAMED`]; anything else counts as not said.
    pub named: Option<String>,
    /// First day in the reporting zone, such as `2026-11-01`. Comes before `named`.
    pub from: Option<String>,
    /// Last day.
    pub to: Option<String>,
    /// Exact moments, as links from charts have them; they come before everything else.
    pub since: Option<Timestamp>,
    /// Exclusive.
    pub until: Option<Timestamp>,
}

impl RangeChoice {
    /// Words for stretches, and what they are called.
    pub const NAMED: [(&'static str, &'static str); 9] = [
        ("1h", "Last hour"),
        ("today", "Today"),
        ("24h", "Last 24 hours"),
        ("7d", "Last 7 days"),
        ("30d", "Last 30 days"),
        ("month", "This month"),
        ("90d", "Last 90 days"),
        ("year", "Last 12 months"),
        ("all", "All time"),
    ];
}

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageQuery {
    pub range: RangeChoice,
    /// `None`: by how long the range is.
    pub bucket: Option<BucketSize>,
    pub group: UsageGroup,
    /// Only this user's requests; in a user's own house it is always that user.
    pub user: Option<i64>,
}

/// Sums of one stretch of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageBucket {
    pub start: Timestamp,
    /// Exclusive.
    pub end: Timestamp,
    /// In the reporting zone: `2026-11-20`, `11-20 14:00`.
    pub label: String,
    pub totals: Totals,
    pub latency: Latency,
}

/// Sums of one user, team, key, model or backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageLine {
    /// What the log is filtered by: an id, or the model; `None`: requests that have none, such as the
    /// master key's, which have no user.
    pub filter: Option<String>,
    pub name: String,
    pub totals: Totals,
    pub latency: Latency,
}

/// The spend and requests of one group in each bucket, for the stacked chart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageSeries {
    pub name: String,
    /// As many as there are buckets.
    pub buckets: Vec<Totals>,
}

/// The report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageReport {
    /// IANA name of the reporting time zone.
    pub time_zone: String,
    pub start: Timestamp,
    /// Exclusive.
    pub end: Timestamp,
    /// `2026-11-20 00:00`
    pub start_local: String,
    pub end_local: String,
    pub bucket: BucketSize,
    /// The bucket that was asked for would be too many; a larger one was taken.
    pub coarser: bool,
    pub group: UsageGroup,
    pub total: Totals,
    pub latency: Latency,
    /// The oldest first, those without requests included.
    pub buckets: Vec<UsageBucket>,
    /// The dearest first; what is beyond the first two hundred is summed up in the last.
    pub lines: Vec<UsageLine>,
    /// Of the dearest groups, and of the others together.
    pub series: Vec<UsageSeries>,
}
