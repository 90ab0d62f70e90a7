//! Everybody's budgets, for admins. Whose one is travels as `user-3`, `team-5` or `key-7`.

use domain::{
    budget::{BudgetHistory, BudgetSummary},
    page::Page,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    components::{post_form::Next, terms_form::BudgetText},
    error::AppError,
};

/// Budgets, and when they begin anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetsList {
    pub budgets: Page<BudgetSummary>,
    /// In the reporting zone, which is named.
    pub day_ends: String,
    pub month_ends: String,
    pub time_zone: String,
}

/// One page of budgets, those nearest to a limit first.
#[server(prefix = "/_fn", endpoint = "admin/budgets/list")]
pub async fn list_budgets(
    search: String,
    show: String,
    page: u32,
) -> Result<BudgetsList, AppError> {
    use domain::budget::{BudgetFilter, BudgetPeriod, BudgetQuery};

    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    let query = BudgetQuery {
        search,
        filter: BudgetFilter::read(&show),
        page,
        ..Default::default()
    };
    let budgets = control.budgets(&admin, &query).await;
    let time = crate::server::LocalTime::of(&control);
    Ok(BudgetsList {
        budgets: budgets.map_err(crate::server::refuse)?,
        day_ends: time.minute(control.resets_at(BudgetPeriod::Daily)),
        month_ends: time.minute(control.resets_at(BudgetPeriod::Monthly)),
        time_zone: control.time_zone_name().to_owned(),
    })
}

/// One budget with what was spent in its past days and months.
#[server(prefix = "/_fn", endpoint = "admin/budgets/history")]
pub async fn get_budget_history(of: String) -> Result<BudgetHistory, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    let scope = scope_of(&of)?;
    let history = control.budget_history(&admin, scope).await;
    history.map_err(crate::server::refuse)
}

/// Sets a budget and the sums at which to warn; an empty one is no limit.
#[server(prefix = "/_fn", endpoint = "admin/budgets/set")]
pub async fn set_budget(
    of: String,
    #[server(flatten)] budget: BudgetText,
) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let typed = [vec![("of", of.as_str())], budget.typed()].concat();
    let scope = scope_of(&of)?;
    let limits = budget
        .read()
        .map_err(|e| crate::server::refuse_with(crate::error::Cause::Invalid(e)).keep(&typed))?;
    let changed = control.set_budget(&admin, scope, limits).await;
    changed.map_err(|error| crate::server::refuse(error).keep(&typed))?;
    Ok(None)
}

/// Takes all limits and warnings away.
#[server(prefix = "/_fn", endpoint = "admin/budgets/clear")]
pub async fn clear_budget(of: String) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let scope = scope_of(&of)?;
    let cleared = control.set_budget(&admin, scope, domain::BudgetLimits::default());
    let cleared = cleared.await;
    cleared.map_err(|error| crate::server::refuse(error).keep(&[("of", &of)]))?;
    Ok(None)
}

/// Forgives what was spent in the present `daily` or `monthly` period.
#[server(prefix = "/_fn", endpoint = "admin/budgets/reset")]
pub async fn reset_budget(of: String, period: String) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let scope = scope_of(&of)?;
    let period = domain::budget::BudgetPeriod::parse(&period)
        .ok_or_else(|| crate::server::refuse_with(crate::error::Cause::NotFound))?;
    let reset = control.reset_budget(&admin, scope, period).await;
    reset.map_err(|error| crate::server::refuse(error).keep(&[("of", &of)]))?;
    Ok(None)
}

#[cfg(feature = "ssr")]
fn scope_of(word: &str) -> Result<domain::BudgetScope, AppError> {
    domain::BudgetScope::from_word(word)
        .ok_or_else(|| crate::server::refuse_with(crate::error::Cause::NotFound))
}
