//! The log of everyone, and of oneself. The argument of the lists is the query string of the page. Another
//! user's request does not exist here.

use domain::request_log::{RequestDetail, RequestLog};
use leptos::prelude::*;

use crate::error::AppError;

/// A page of everyone's requests.
#[server(prefix = "/_fn", endpoint = "admin/logs/list")]
pub async fn admin_logs(query: String) -> Result<RequestLog, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    let access = control::LogAccess::from(&admin);
    let log = control.log(access, &super::parse(&query)).await;
    log.map_err(crate::server::refuse)
}

/// A page of one's own requests.
#[server(prefix = "/_fn", endpoint = "me/logs/list")]
pub async fn my_logs(query: String) -> Result<RequestLog, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::principal().await?;
    let access = control::LogAccess::own(&principal).map_err(crate::server::refuse)?;
    let log = control.log(access, &super::parse(&query)).await;
    log.map_err(crate::server::refuse)
}

/// One request of anybody.
#[server(prefix = "/_fn", endpoint = "admin/logs/get")]
pub async fn admin_request(id: String) -> Result<RequestDetail, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    let access = control::LogAccess::from(&admin);
    let request = control.logged_request(access, read_id(&id)?).await;
    request.map_err(crate::server::refuse)
}

/// One of one's own requests.
#[server(prefix = "/_fn", endpoint = "me/logs/get")]
pub async fn my_request(id: String) -> Result<RequestDetail, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::principal().await?;
    let access = control::LogAccess::own(&principal).map_err(crate::server::refuse)?;
    let request = control.logged_request(access, read_id(&id)?).await;
    request.map_err(crate::server::refuse)
}

#[cfg(feature = "ssr")]
fn read_id(text: &str) -> Result<domain::RequestId, AppError> {
    let id = domain::RequestId::parse(text);
    id.ok_or_else(|| crate::server::refuse_with(crate::error::Cause::NotFound))
}
