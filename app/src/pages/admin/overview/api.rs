//! The figures of the whole router.

use leptos::prelude::*;

use super::{Measure, OverviewPage};
use crate::error::AppError;

/// Today, this month, the latest requests; and the chart of today by `measure`.
#[server(prefix = "/_fn", endpoint = "admin/overview")]
pub async fn admin_overview(measure: Measure) -> Result<OverviewPage, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let overview = control.overview(&admin).await;
    Ok(crate::charts::overview_page(
        overview.map_err(crate::server::refuse)?,
        measure,
    ))
}
