//! The usage report of everyone, and of oneself. The argument is the query string of the page.

use leptos::prelude::*;

use super::UsagePage;
use crate::error::AppError;

/// Everyone's.
#[server(prefix = "/_fn", endpoint = "admin/usage")]
pub async fn admin_usage(query: String) -> Result<UsagePage, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    let url = super::UsageUrl::parse(&query);
    let report = control.usage_report(&admin, &url.query).await;
    let report = report.map_err(crate::server::refuse)?;
    Ok(crate::charts::usage_page(report, url.measure))
}

/// One's own.
#[server(prefix = "/_fn", endpoint = "me/usage")]
pub async fn my_usage(query: String) -> Result<UsagePage, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::principal().await?;
    let url = super::UsageUrl::parse(&query);
    let report = control.my_usage_report(&principal, &url.query).await;
    let report = report.map_err(crate::server::refuse)?;
    Ok(crate::charts::usage_page(report, url.measure))
}
