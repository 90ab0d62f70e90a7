//! The way of a new secret to the one page that shows it. A server function's answer is lost
//! without JavaScript and kept by the browser with it; so the secret waits in `control`'s vault,
//! bound to this session, and only a token travels.

use control::{RevealedSecret, ShownKey};
use leptos::prelude::use_context;

use crate::{
    components::post_form::Next,
    error::{AppError, Cause},
};

/// Puts the secret into the vault; the answer is the token of the page that shows it.
///
/// # Errors
/// Nobody is signed in, or the vault is full.
pub fn keep_secret(secret: RevealedSecret) -> Result<String, AppError> {
    let control = super::control()?;
    let owner = owner()?;
    control.vault().put(&owner, secret).map_err(super::refuse)
}

/// Leads to the page of `house` that shows a new key once.
///
/// # Errors
/// As [`keep_secret`].
pub fn reveal_key(shown: ShownKey, house: &str) -> Result<Next, AppError> {
    let token = keep_secret(RevealedSecret {
        title: shown.key.label.clone(),
        secret: shown.secret,
        key: Some(shown.key),
        user: None,
    })?;
    let page = format!("{house}/reveal/{token}");
    follow(&page);
    Ok(Some(page))
}

/// Takes the secret out of the vault. A second time there is none.
///
/// # Errors
/// Nobody is signed in.
pub fn take_secret(token: &str) -> Result<Option<RevealedSecret>, AppError> {
    let control = super::control()?;
    Ok(control.vault().take(&owner()?, token))
}

/// Sends a browser without JavaScript on to `path`. With JavaScript nothing happens here: the page
/// loads `path` as a whole document, because a secret must not pass through the browser's half.
pub fn follow(path: &str) {
    let is_form =
        use_context::<http::request::Parts>().is_some_and(|parts| super::accepts_html(&parts));
    if is_form {
        leptos_axum::redirect(path);
    }
}

fn owner() -> Result<String, AppError> {
    let id = super::session()?.id();
    id.map(|id| id.to_string())
        .ok_or_else(|| super::refuse_with(Cause::SignedOut))
}
