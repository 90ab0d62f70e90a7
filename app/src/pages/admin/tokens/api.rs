//! Tokens of the admin API.

use leptos::prelude::*;

use super::TokenRow;
use crate::{components::post_form::Next, error::AppError};

/// All tokens, the newest first.
#[server(prefix = "/_fn", endpoint = "admin/tokens/list")]
pub async fn list_tokens() -> Result<Vec<TokenRow>, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    let tokens = control.list_tokens(&admin).await;
    let tokens = tokens.map_err(crate::server::refuse)?;
    let (time, now) = (crate::server::LocalTime::of(&control), control.now());
    let rows = tokens.into_iter().map(|token| TokenRow {
        created: time.day(token.created_at),
        expires: token.expires_at.map(|at| time.minute(at)),
        last_used: token.last_used_at.map(|at| time.minute(at)),
        valid: token.is_valid(now),
        token,
    });
    Ok(rows.collect())
}

/// Makes a token; the answer is the page that shows it once.
#[server(prefix = "/_fn", endpoint = "admin/tokens/create")]
pub async fn create_token(
    name: String,
    scope: String,
    expires_in_days: String,
) -> Result<Next, AppError> {
    use domain::{
        access::TokenScope,
        validation::{Field, count},
    };
    const DAY_MS: i64 = 86_400_000;

    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let typed = [
        ("name", name.as_str()),
        ("scope", scope.as_str()),
        ("expires_in_days", expires_in_days.as_str()),
    ];
    let days = count(Field::ExpiresAt, &expires_in_days).map_err(|error| {
        crate::server::refuse_with(crate::error::Cause::Invalid(error)).keep(&typed)
    })?;
    let now = control.now();
    let input = control::NewTokenInput {
        name: name.clone(),
        // Anything that is not "admin" opens less.
        scope: TokenScope::parse(&scope).unwrap_or_default(),
        expires_at: (days > 0)
            .then(|| domain::Timestamp(now.0.saturating_add(i64::from(days) * DAY_MS))),
    };
    let made = control.create_token(&admin, input).await;
    let made = made.map_err(|error| crate::server::refuse(error).keep(&typed))?;
    let page = crate::server::keep_secret(control::RevealedSecret {
        title: made.token.name,
        secret: made.secret,
        key: None,
        user: None,
    })?;
    let page = format!("/admin-ui/reveal/{page}");
    crate::server::follow(&page);
    Ok(Some(page))
}

/// Ends a token for good.
#[server(prefix = "/_fn", endpoint = "admin/tokens/revoke")]
pub async fn revoke_token(id: i64) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let revoked = control.revoke_token(&admin, domain::TokenId(id)).await;
    revoked.map_err(crate::server::refuse)?;
    Ok(None)
}
