//! Signing in.

use leptos::prelude::*;

use crate::{components::post_form::Next, error::AppError};

/// Starts a session and leads to `next`, or to where the user's house is.
#[server(prefix = "/_fn", endpoint = "sign-in")]
pub async fn sign_in(name: String, password: String, next: String) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let signed_in = control.sign_in(&name, password.into()).await;
    let signed_in =
        signed_in.map_err(|error| crate::server::refuse(error).keep(&[("name", &name)]))?;
    let home = crate::server::begin(&signed_in).await?;
    let next = crate::url::local_path(&next).unwrap_or(home);
    leptos_axum::redirect(match signed_in.principal.must_change_password() {
        true => home,
        false => next,
    });
    Ok(None)
}

/// What the OpenID provider is called by which people can sign in as well; `None`: there is none.
#[server(prefix = "/_fn", endpoint = "sign-in/provider")]
pub async fn provider() -> Result<Option<String>, AppError> {
    Ok(crate::server::info().provider)
}
