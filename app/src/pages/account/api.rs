//! Changing one's own password.

use leptos::prelude::*;

use crate::{components::post_form::Next, error::AppError};

/// Ends all other sessions of the user and keeps this one.
#[server(prefix = "/_fn", endpoint = "account/password")]
pub async fn change_password(
    current: String,
    password: String,
    repeat: String,
) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::principal().await?;
    if password != repeat {
        return Err(crate::server::refuse_with(
            crate::error::Cause::RepeatDiffers,
        ));
    }
    let changed = control.change_password(&principal, current.into(), password.into());
    let version = changed.await.map_err(crate::server::refuse)?;
    crate::server::continue_session(version).await?;
    leptos_axum::redirect("/account?done=password-changed");
    Ok(None)
}
