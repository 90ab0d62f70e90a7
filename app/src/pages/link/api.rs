//! Opening a one-time link: what it is for, and the password that is chosen.

use domain::access::LinkKind;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{components::post_form::Next, error::AppError};

/// What a link opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    pub kind: LinkKind,
    /// The user's name.
    pub user: String,
    /// In the reporting zone.
    pub expires: String,
}

/// `None`: the link opens nothing, or nothing any more.
#[server(prefix = "/_fn", endpoint = "link/open")]
pub async fn open_link(token: String) -> Result<Option<Opened>, AppError> {
    let control = crate::server::control()?;
    let link = control.open_link(&token).await;
    let time = crate::server::LocalTime::of(&control);
    Ok(link.map_err(crate::server::refuse)?.map(|link| Opened {
        kind: link.kind,
        user: link.user,
        expires: time.minute(link.expires_at),
    }))
}

/// Sets the password, uses the link up and signs in.
#[server(prefix = "/_fn", endpoint = "link/use")]
pub async fn use_link(token: String, password: String, repeat: String) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    if password != repeat {
        return Err(crate::server::refuse_with(
            crate::error::Cause::RepeatDiffers,
        ));
    }
    let signed_in = control.use_link(&token, password.into()).await;
    let signed_in = signed_in.map_err(crate::server::refuse)?;
    let home = crate::server::begin(&signed_in).await?;
    leptos_axum::redirect(home);
    Ok(None)
}
