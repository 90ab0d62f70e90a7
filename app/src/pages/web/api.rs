//! What the status page shows. It is for everybody where `dashboard.public_status` says so, else for whoever
//! is signed in.

use domain::status::RouterStatus;
use leptos::prelude::*;

use super::{Activity, StatusMeasure};
use crate::error::AppError;

/// How the router and its backends are.
#[server(prefix = "/_fn", endpoint = "status")]
pub async fn get_router_status() -> Result<RouterStatus, AppError> {
    let control = crate::server::control()?;
    let visitor = visitor(&control).await?;
    let status = control.router_status(visitor.as_ref());
    status.map_err(|error| refuse(error, visitor.as_ref()))
}

/// What happened in the last `hours`, in stretches of a length that suits them, and a chart of it.
#[server(prefix = "/_fn", endpoint = "status/activity")]
pub async fn get_activity(hours: u32, measure: StatusMeasure) -> Result<Activity, AppError> {
    let control = crate::server::control()?;
    let visitor = visitor(&control).await?;
    let lines = control.recent_activity(visitor.as_ref(), hours).await;
    let lines = lines.map_err(|error| refuse(error, visitor.as_ref()))?;
    Ok(Activity {
        chart: crate::charts::activity(&lines, measure),
        time_zone: control.time_zone_name().to_owned(),
        lines,
    })
}

#[cfg(feature = "ssr")]
async fn visitor(control: &control::Control) -> Result<Option<control::Principal>, AppError> {
    let session = crate::server::session()?;
    let visitor = crate::server::visitor(control, &session).await;
    visitor.map_err(crate::server::refuse)
}

/// A stranger can sign in, which is another thing than not being allowed.
#[cfg(feature = "ssr")]
fn refuse(error: control::ControlError, visitor: Option<&control::Principal>) -> AppError {
    match (error, visitor) {
        (control::ControlError::Forbidden, None) => {
            crate::server::refuse_with(crate::error::Cause::SignedOut)
        }
        (error, _) => crate::server::refuse(error),
    }
}
