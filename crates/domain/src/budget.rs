//! Budgets: how much may be spent in a day and in a month.

use serde::{Deserialize, Serialize};

use crate::{NanoUsd, Timestamp};

/// The limits of one user or key. Zero means unlimited, as the forerunners' scripts expect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetLimits {
    /// For a calendar day in the reporting time zone.
    pub daily: NanoUsd,
    /// For a calendar month in the reporting time zone.
    pub monthly: NanoUsd,
}

/// The two periods a budget is kept for. The monthly one is checked first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetPeriod {
    Monthly,
    Daily,
}

impl BudgetPeriod {
    /// As it stands at the head of a refusal: `Monthly budget exceeded`.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Monthly => "Monthly",
            Self::Daily => "Daily",
        }
    }

    /// The name used in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Monthly => "monthly",
            Self::Daily => "daily",
        }
    }

    /// Reads what [`BudgetPeriod::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "monthly" => Some(Self::Monthly),
            "daily" => Some(Self::Daily),
            _ => None,
        }
    }
}

/// What a user may still spend, after resets. A remainder of `None` means unlimited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetStatus {
    pub daily_budget: NanoUsd,
    pub daily_spend: NanoUsd,
    pub daily_remaining: Option<NanoUsd>,
    /// The end of the present day in the reporting zone.
    pub daily_resets_at: Timestamp,
    /// The same in that zone: `2026-11-21 00:00`.
    pub daily_resets_at_local: String,
    pub monthly_budget: NanoUsd,
    pub monthly_spend: NanoUsd,
    pub monthly_remaining: Option<NanoUsd>,
    /// The end of the present month in the reporting zone.
    pub monthly_resets_at: Timestamp,
    pub monthly_resets_at_local: String,
}

/// What is left of `budget` after `spend`: never negative, and `None` where there is no limit.
#[must_use]
pub fn remaining(budget: NanoUsd, spend: NanoUsd) -> Option<NanoUsd> {
    (budget != NanoUsd::ZERO).then(|| (budget - spend).max(NanoUsd::ZERO))
}
