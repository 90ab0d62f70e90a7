//! All keys, for admins.

use domain::page::Page;
use leptos::prelude::*;

use crate::{
    components::{key_list::KeyRow, post_form::Next},
    error::AppError,
};

/// One page of the keys whose label, owner, beginning or end is like `search`.
#[server(prefix = "/_fn", endpoint = "admin/keys/list")]
pub async fn list_keys(search: String, page: u32) -> Result<Page<KeyRow>, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    let query = domain::account::KeyQuery {
        search,
        page,
        ..Default::default()
    };
    let keys = control.list_keys(&admin, &query).await;
    let time = crate::server::LocalTime::of(&control);
    let keys = keys.map_err(crate::server::refuse)?;
    Ok(keys.map(|summary| time.key_row(summary)))
}

/// One key.
#[server(prefix = "/_fn", endpoint = "admin/keys/get")]
pub async fn get_key(id: i64) -> Result<KeyRow, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    let key = control.get_key(&admin, domain::KeyId(id)).await;
    let key = key.map_err(crate::server::refuse)?;
    let query = domain::account::KeyQuery {
        per_page: domain::page::MAX_PER_PAGE,
        search: key.last4,
        ..Default::default()
    };
    let keys = control.list_keys(&admin, &query).await;
    let keys = keys.map_err(crate::server::refuse)?.rows;
    let found = keys.into_iter().find(|summary| summary.key.id.0 == id);
    let found = found.ok_or_else(|| crate::server::refuse_with(crate::error::Cause::NotFound))?;
    Ok(crate::server::LocalTime::of(&control).key_row(found))
}

/// Who can be given a key, the caller first.
#[server(prefix = "/_fn", endpoint = "admin/keys/owners")]
pub async fn key_owners() -> Result<Vec<(i64, String)>, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::principal().await?;
    let admin = principal.admin().map_err(crate::server::refuse)?;
    let query = domain::account::UserQuery {
        per_page: domain::page::MAX_PER_PAGE,
        ..Default::default()
    };
    let users = control.list_users(&admin, &query).await;
    let users = users.map_err(crate::server::refuse)?.rows.into_iter();
    let mut owners: Vec<_> = users
        .map(|summary| summary.user)
        .filter(|user| user.active)
        .map(|user| (user.id.0, user.name))
        .collect();
    let me = principal.user_id().map(|id| id.0);
    owners.sort_by_key(|(id, _)| Some(*id) != me);
    Ok(owners)
}

/// Makes a key for `owner`; the answer is the page that shows it once.
#[server(prefix = "/_fn", endpoint = "admin/keys/create")]
pub async fn create_key(
    owner: i64,
    label: String,
    expires_in_days: String,
    requests_per_minute: String,
    allowed_models: String,
) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let owner_text = owner.to_string();
    let typed = [
        ("owner", owner_text.as_str()),
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
    let shown = control.create_key(&admin, domain::UserId(owner), input);
    let shown = shown
        .await
        .map_err(|error| crate::server::refuse(error).keep(&typed))?;
    let token = crate::server::keep_secret(control::RevealedSecret {
        title: shown.key.label.clone(),
        secret: shown.secret,
        key: Some(shown.key),
        user: None,
    })?;
    let page = format!("/admin-ui/reveal/{token}");
    crate::server::follow(&page);
    Ok(Some(page))
}

/// Lets a key be used, or not.
#[server(prefix = "/_fn", endpoint = "admin/keys/set-active")]
pub async fn set_key_active(id: i64, active: bool) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let changed = control.set_key_active(&admin, domain::KeyId(id), active);
    changed.await.map_err(crate::server::refuse)?;
    Ok(None)
}

/// Deletes a key for good.
#[server(prefix = "/_fn", endpoint = "admin/keys/delete")]
pub async fn delete_key(id: i64) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let deleted = control.delete_key(&admin, domain::KeyId(id)).await;
    deleted.map_err(crate::server::refuse)?;
    leptos_axum::redirect("/admin-ui/keys?done=key-deleted");
    Ok(None)
}
