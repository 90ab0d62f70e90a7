//! Budgets and limits as users, teams and keys have them: their fields, and how what was typed there
//! is read. Empty is unlimited in all of them.

use domain::{
    BudgetLimits, NanoUsd, RateLimits,
    budget::BudgetPeriod,
    validation::{Field, FieldError, budget, count, large_count},
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::form_field::{FormFailure, TextField};

/// The names of [`BudgetFields`], for [`super::form_field::FormAlert`].
pub const BUDGET_FIELDS: &[&str] = &[
    "daily_budget",
    "monthly_budget",
    "soft_daily_budget",
    "soft_monthly_budget",
];

/// The names of [`LimitFields`].
pub const LIMIT_FIELDS: &[&str] = &["requests_per_minute", "tokens_per_minute", "parallel"];

/// What was typed into [`BudgetFields`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BudgetText {
    pub daily_budget: String,
    pub monthly_budget: String,
    pub soft_daily_budget: String,
    pub soft_monthly_budget: String,
}

impl BudgetText {
    /// # Errors
    /// Names the field that makes no sense.
    pub fn read(&self) -> Result<BudgetLimits, FieldError> {
        Ok(BudgetLimits {
            daily: budget(Field::DailyBudget, &self.daily_budget)?,
            monthly: budget(Field::MonthlyBudget, &self.monthly_budget)?,
            soft_daily: budget(Field::SoftDailyBudget, &self.soft_daily_budget)?,
            soft_monthly: budget(Field::SoftMonthlyBudget, &self.soft_monthly_budget)?,
        })
    }

    /// By name, to fill the form again.
    #[must_use]
    pub fn typed(&self) -> Vec<(&str, &str)> {
        vec![
            ("daily_budget", &self.daily_budget),
            ("monthly_budget", &self.monthly_budget),
            ("soft_daily_budget", &self.soft_daily_budget),
            ("soft_monthly_budget", &self.soft_monthly_budget),
        ]
    }
}

/// What was typed into [`LimitFields`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LimitText {
    pub requests_per_minute: String,
    pub tokens_per_minute: String,
    pub parallel: String,
}

impl LimitText {
    /// # Errors
    /// Names the field that makes no sense.
    pub fn read(&self) -> Result<RateLimits, FieldError> {
        Ok(RateLimits {
            requests_per_minute: count(Field::RequestsPerMinute, &self.requests_per_minute)?,
            tokens_per_minute: large_count(Field::TokensPerMinute, &self.tokens_per_minute)?,
            parallel: count(Field::Parallel, &self.parallel)?,
        })
    }

    /// By name, to fill the form again.
    #[must_use]
    pub fn typed(&self) -> Vec<(&str, &str)> {
        vec![
            ("requests_per_minute", &self.requests_per_minute),
            ("tokens_per_minute", &self.tokens_per_minute),
            ("parallel", &self.parallel),
        ]
    }
}

/// An amount as it is typed.
fn dollars(limit: NanoUsd) -> String {
    match limit {
        NanoUsd::ZERO => String::new(),
        limit => limit.to_usd_string(),
    }
}

fn number(n: u64) -> String {
    match n {
        0 => String::new(),
        n => n.to_string(),
    }
}

/// Limits that refuse, and sums at which to warn.
#[component]
pub fn BudgetFields(
    #[prop(into)] form: String,
    failure: FormFailure,
    budget: BudgetLimits,
) -> impl IntoView {
    view! {
        <div class="form-row">
            <TextField
                form=form.clone()
                name="daily_budget"
                label="Daily budget, $"
                failure
                value=dollars(budget.daily)
                inputmode="decimal"
                hint="Empty: no limit."
            />
            <TextField
                form=form.clone()
                name="monthly_budget"
                label="Monthly budget, $"
                failure
                value=dollars(budget.monthly)
                inputmode="decimal"
                hint="Empty: no limit."
            />
        </div>
        <div class="form-row">
            <TextField
                form=form.clone()
                name="soft_daily_budget"
                label="Warn in a day at, $"
                failure
                value=dollars(budget.soft_daily)
                inputmode="decimal"
                hint="Refuses nothing."
            />
            <TextField
                form
                name="soft_monthly_budget"
                label="Warn in a month at, $"
                failure
                value=dollars(budget.soft_monthly)
                inputmode="decimal"
                hint="Refuses nothing."
            />
        </div>
    }
    .into_any()
}

/// The buttons of a form that forgives what was spent; they send the `period`.
#[component]
pub fn ForgiveButtons() -> impl IntoView {
    [
        (BudgetPeriod::Daily, "Forgive today’s spend"),
        (BudgetPeriod::Monthly, "Forgive this month’s"),
    ]
    .map(|(period, label)| {
        view! {
            <button
                class="btn"
                data-variant="outline"
                data-size="sm"
                type="submit"
                name="period"
                value=period.as_str()
            >
                {label}
            </button>
        }
    })
    .collect_view()
    .into_any()
}

/// How much may be asked for at once and in a minute.
#[component]
pub fn LimitFields(
    #[prop(into)] form: String,
    failure: FormFailure,
    limits: RateLimits,
) -> impl IntoView {
    view! {
        <div class="form-row">
            <TextField
                form=form.clone()
                name="requests_per_minute"
                label="Requests per minute"
                failure
                value=number(u64::from(limits.requests_per_minute))
                inputmode="numeric"
                hint="Empty: unlimited."
            />
            <TextField
                form=form.clone()
                name="tokens_per_minute"
                label="Tokens per minute"
                failure
                value=number(limits.tokens_per_minute)
                inputmode="numeric"
                hint="Empty: unlimited."
            />
        </div>
        <TextField
            form
            name="parallel"
            label="Requests at the same time"
            failure
            value=number(u64::from(limits.parallel))
            inputmode="numeric"
            hint="Empty: unlimited."
        />
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_is_unlimited_and_what_makes_no_sense_is_named() {
        assert_eq!(BudgetText::default().read(), Ok(BudgetLimits::default()));
        assert_eq!(LimitText::default().read(), Ok(RateLimits::default()));
        let typed = BudgetText {
            soft_monthly_budget: "much".to_owned(),
            ..BudgetText::default()
        };
        let field = typed.read().expect_err("a refusal").field;
        assert_eq!(field, Field::SoftMonthlyBudget);
        let typed = LimitText {
            tokens_per_minute: "-1".to_owned(),
            ..LimitText::default()
        };
        let field = typed.read().expect_err("a refusal").field;
        assert_eq!(field, Field::TokensPerMinute);
    }
}
