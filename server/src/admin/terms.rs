//! Budgets and limits in requests and answers, as users, teams and keys share them. What a request does
//! not name stays as it is.

use domain::{BudgetLimits, RateLimits, budget::BudgetPeriod, validation::Field};
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::{ApiError, dollars, usd};

/// Which spends are set back to zero.
#[derive(Debug, Default, Deserialize)]
pub struct Resets {
    #[serde(default)]
    reset_spend: bool,
    #[serde(default)]
    reset_daily_spend: bool,
}

impl Resets {
    /// Those that are named.
    pub fn periods(&self) -> Vec<BudgetPeriod> {
        let named = [
            (self.reset_spend, BudgetPeriod::Monthly),
            (self.reset_daily_spend, BudgetPeriod::Daily),
        ];
        let wanted = named.into_iter().filter(|(wanted, _)| *wanted);
        wanted.map(|(_, period)| period).collect()
    }
}

/// Budgets in dollars, as numbers or as strings, and limits; 0 is unlimited.
#[derive(Debug, Default, Deserialize)]
pub struct TermsBody {
    #[serde(default)]
    monthly_budget: Option<Box<RawValue>>,
    /// The older name of `monthly_budget`.
    #[serde(default)]
    max_budget: Option<Box<RawValue>>,
    #[serde(default)]
    daily_budget: Option<Box<RawValue>>,
    #[serde(default)]
    soft_monthly_budget: Option<Box<RawValue>>,
    #[serde(default)]
    soft_daily_budget: Option<Box<RawValue>>,
    requests_per_minute: Option<u32>,
    tokens_per_minute: Option<u64>,
    parallel: Option<u32>,
}

impl TermsBody {
    /// `now` with the budgets that are named; `None`: none is.
    pub fn budget(&self, now: BudgetLimits) -> Result<Option<BudgetLimits>, ApiError> {
        let monthly = self
            .monthly_budget
            .as_deref()
            .or(self.max_budget.as_deref());
        let monthly = dollars(Field::MonthlyBudget, monthly)?;
        let daily = dollars(Field::DailyBudget, self.daily_budget.as_deref())?;
        let soft_monthly = dollars(
            Field::SoftMonthlyBudget,
            self.soft_monthly_budget.as_deref(),
        )?;
        let soft_daily = dollars(Field::SoftDailyBudget, self.soft_daily_budget.as_deref())?;
        let named = [monthly, daily, soft_monthly, soft_daily];
        Ok(named.iter().any(Option::is_some).then(|| BudgetLimits {
            monthly: monthly.unwrap_or(now.monthly),
            daily: daily.unwrap_or(now.daily),
            soft_monthly: soft_monthly.unwrap_or(now.soft_monthly),
            soft_daily: soft_daily.unwrap_or(now.soft_daily),
        }))
    }

    /// `now` with the limits that are named; `None`: none is.
    pub fn limits(&self, now: RateLimits) -> Option<RateLimits> {
        let named = self.requests_per_minute.is_some()
            || self.tokens_per_minute.is_some()
            || self.parallel.is_some();
        named.then(|| RateLimits {
            requests_per_minute: self.requests_per_minute.unwrap_or(now.requests_per_minute),
            tokens_per_minute: self.tokens_per_minute.unwrap_or(now.tokens_per_minute),
            parallel: self.parallel.unwrap_or(now.parallel),
        })
    }
}

/// Adds budgets and limits to an answer.
pub fn render(into: &mut Value, budget: &BudgetLimits, limits: &RateLimits) {
    let Value::Object(into) = into else { return };
    let members = json!({
        "monthly_budget": usd(budget.monthly),
        "daily_budget": usd(budget.daily),
        "soft_monthly_budget": usd(budget.soft_monthly),
        "soft_daily_budget": usd(budget.soft_daily),
        "requests_per_minute": limits.requests_per_minute,
        "tokens_per_minute": limits.tokens_per_minute,
        "parallel": limits.parallel,
    });
    if let Value::Object(members) = members {
        Map::extend(into, members);
    }
}
