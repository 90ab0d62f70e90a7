//! The figures of the signed-in user.

use leptos::prelude::*;

use super::MyOverviewPage;
use crate::{error::AppError, pages::admin::overview::Measure};

/// Today, this month, the latest requests and the budgets of the caller.
#[server(prefix = "/_fn", endpoint = "me/overview")]
pub async fn my_overview(measure: Measure) -> Result<MyOverviewPage, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::principal().await?;
    let mine = control.my_overview(&principal).await;
    let mine = mine.map_err(crate::server::refuse)?;
    let alerts = control.my_budget_alerts(&principal).await;
    Ok(MyOverviewPage {
        page: crate::charts::overview_page(mine.overview, measure),
        budget: mine.budget,
        alerts: alerts.map_err(crate::server::refuse)?,
    })
}
