//! The signed-in user's own keys. Another user's key does not exist here.

use domain::page::Page;
use leptos::prelude::*;

use crate::{
    components::{key_list::KeyRow, post_form::Next},
    error::AppError,
};

/// One page of one's own keys.
#[server(prefix = "/_fn", endpoint = "me/keys/list")]
pub async fn list_my_keys(page: u32) -> Result<Page<KeyRow>, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::principal().await?;
    let query = domain::account::KeyQuery {
        page,
        ..Default::default()
    };
    let keys = control.list_my_keys(&principal, &query).await;
    let time = crate::server::LocalTime::of(&control);
    let keys = keys.map_err(crate::server::refuse)?;
    Ok(keys.map(|summary| time.key_row(summary)))
}

/// One of one's own keys.
#[server(prefix = "/_fn", endpoint = "me/keys/get")]
pub async fn get_my_key(id: i64) -> Result<KeyRow, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::principal().await?;
    let mut query = domain::account::KeyQuery {
        page: 1,
        per_page: domain::page::MAX_PER_PAGE,
        ..Default::default()
    };
    loop {
        let keys = control.list_my_keys(&principal, &query).await;
        let keys = keys.map_err(crate::server::refuse)?;
        let last = keys.page >= keys.pages();
        if let Some(found) = keys.rows.into_iter().find(|key| key.key.id.0 == id) {
            return Ok(crate::server::LocalTime::of(&control).key_row(found));
        }
        if last {
            return Err(crate::server::refuse_with(crate::error::Cause::NotFound));
        }
        query.page += 1;
    }
}

/// Makes a key; the answer is the page that shows it once.
#[server(prefix = "/_fn", endpoint = "me/keys/create")]
pub async fn create_my_key(
    label: String,
    expires_in_days: String,
    requests_per_minute: String,
    allowed_models: String,
) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::principal().await?;
    let typed = [
        ("label", label.as_str()),
        ("expires_in_days", expires_in_days.as_str()),
        ("requests_per_minute", requests_per_minute.as_str()),
        ("allowed_models", allowed_models.as_str()),
    ];
    let input = crate::components::key_form::read(
        label.clone(),
        &expires_in_days,
        &requests_per_minute,
        &allowed_models,
        control.now(),
    )
    .map_err(|error| {
        crate::server::refuse_with(crate::error::Cause::Invalid(error)).keep(&typed)
    })?;
    let shown = control.create_my_key(&principal, input).await;
    let shown = shown.map_err(|error| crate::server::refuse(error).keep(&typed))?;
    let token = crate::server::keep_secret(control::RevealedSecret {
        title: shown.key.label.clone(),
        secret: shown.secret,
        key: Some(shown.key),
        user: None,
    })?;
    let page = format!("/user-ui/reveal/{token}");
    crate::server::follow(&page);
    Ok(Some(page))
}

/// Lets one of one's own keys be used, or not.
#[server(prefix = "/_fn", endpoint = "me/keys/set-active")]
pub async fn set_my_key_active(id: i64, active: bool) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::principal().await?;
    let changed = control.set_my_key_active(&principal, domain::KeyId(id), active);
    changed.await.map_err(crate::server::refuse)?;
    Ok(None)
}

/// Deletes one of one's own keys for good.
#[server(prefix = "/_fn", endpoint = "me/keys/delete")]
pub async fn delete_my_key(id: i64) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::principal().await?;
    let deleted = control.delete_my_key(&principal, domain::KeyId(id)).await;
    deleted.map_err(crate::server::refuse)?;
    leptos_axum::redirect("/user-ui/keys?done=key-deleted");
    Ok(None)
}
