//! The columns that users, teams and keys have in common: what may be spent and how much may be asked
//! for in a minute; and what a key may be used for.

use domain::{BudgetLimits, NanoUsd, RateLimits, account::KeyAccess};

/// The columns of [`TermsRow`], from the table that goes by `$table`.
macro_rules! terms_columns {
    ($table:literal) => {
        concat!(
            $table,
            ".daily_budget_nano, ",
            $table,
            ".monthly_budget_nano, ",
            $table,
            ".soft_daily_nano, ",
            $table,
            ".soft_monthly_nano, ",
            $table,
            ".requests_per_minute, ",
            $table,
            ".tokens_per_minute, ",
            $table,
            ".parallel"
        )
    };
}
pub(crate) use terms_columns;

#[derive(sqlx::FromRow)]
pub(crate) struct TermsRow {
    daily_budget_nano: i64,
    monthly_budget_nano: i64,
    soft_daily_nano: i64,
    soft_monthly_nano: i64,
    requests_per_minute: i64,
    tokens_per_minute: i64,
    parallel: i64,
}

impl TermsRow {
    pub(crate) fn budget(&self) -> BudgetLimits {
        BudgetLimits {
            daily: NanoUsd(self.daily_budget_nano),
            monthly: NanoUsd(self.monthly_budget_nano),
            soft_daily: NanoUsd(self.soft_daily_nano),
            soft_monthly: NanoUsd(self.soft_monthly_nano),
        }
    }

    pub(crate) fn limits(&self) -> RateLimits {
        RateLimits {
            requests_per_minute: u32::try_from(self.requests_per_minute).unwrap_or(u32::MAX),
            tokens_per_minute: u64::try_from(self.tokens_per_minute).unwrap_or(0),
            parallel: u32::try_from(self.parallel).unwrap_or(u32::MAX),
        }
    }
}

/// Three columns of keys.
#[derive(sqlx::FromRow)]
pub(crate) struct AccessRow {
    allowed_models: String,
    allowed_backends: String,
    allowed_addresses: String,
}

impl TryFrom<AccessRow> for KeyAccess {
    type Error = crate::StorageError;

    fn try_from(row: AccessRow) -> Result<Self, crate::StorageError> {
        Ok(Self {
            models: list_from_json(&row.allowed_models)?,
            backends: list_from_json(&row.allowed_backends)?,
            addresses: list_from_json(&row.allowed_addresses)?,
        })
    }
}

/// As the column holds it; what is larger than any column is no limit that anybody could reach.
pub(crate) fn tokens_column(limits: &RateLimits) -> i64 {
    i64::try_from(limits.tokens_per_minute).unwrap_or(i64::MAX)
}

pub(crate) fn list_to_json(list: &[String]) -> String {
    serde_json::Value::from(list).to_string()
}

pub(crate) fn list_from_json(json: &str) -> Result<Vec<String>, crate::StorageError> {
    serde_json::from_str(json).map_err(|_| crate::StorageError::Corrupt { what: "list" })
}
