//! The figures of the whole router.

use leptos::prelude::*;

use super::{AdminOverviewPage, Measure};
use crate::error::AppError;

/// Today, this month, the latest requests, what was told about budgets; and the chart of today by `measure`.
#[server(prefix = "/_fn", endpoint = "admin/overview")]
pub async fn admin_overview(measure: Measure) -> Result<AdminOverviewPage, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    let overview = control.overview(&admin).await;
    let overview = overview.map_err(crate::server::refuse)?;
    let alerts = control.budget_alerts(&admin).await;
    let near = control.budgets_near_their_limit(&admin).await;
    let routing = control.routing(&admin).await;
    let mut backends = routing.map_err(crate::server::refuse)?.backends;
    backends.sort_by_key(|backend| backend.priority);
    let backends = backends.into_iter().map(|backend| super::BackendLine {
        id: backend.id,
        name: backend.name,
        kind: backend.kind,
        health: backend.health,
    });
    Ok(AdminOverviewPage {
        page: crate::charts::overview_page(overview, measure),
        alerts: alerts.map_err(crate::server::refuse)?,
        near: near.map_err(crate::server::refuse)?,
        backends: backends.collect(),
    })
}
