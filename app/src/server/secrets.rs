//! The way of a new secret to the one page that shows it. A server function's answer is lost
//! without JavaScript and kept by the browser with it; so the secret waits in `control`'s vault,
//! bound to this session, and only a token travels.

use control::RevealedSecret;
use leptos::prelude::use_context;

use crate::error::{AppError, Cause};

/// Puts the secret into the vault; the answer is the token of the page that shows it.
///
/// # Errors
/// Nobody is signed in, or the vault is full.
pub fn keep_secret(secret: RevealedSecret) -> Result<String, AppError> {
    let control = super::control()?;
    let owner = owner()?;
    control.vault().put(&owner, secret).map_err(super::refuse)
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
