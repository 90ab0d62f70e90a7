//! All keys, for admins.

use domain::page::Page;
use leptos::prelude::*;

use crate::{
    components::{
        key_form::KeyText,
        key_list::KeyRow,
        post_form::Next,
        terms_form::{BudgetText, LimitText},
    },
    error::AppError,
};

/// One page of the keys whose label, tag, owner, beginning or end is like `search`, in one state and
/// order, of everyone or of one team.
#[server(prefix = "/_fn", endpoint = "admin/keys/list")]
pub async fn list_keys(
    search: String,
    show: String,
    sort: String,
    team: Option<i64>,
    page: u32,
) -> Result<Page<KeyRow>, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    let query = domain::account::KeyQuery {
        search,
        filter: domain::account::KeyFilter::read(&show),
        sort: domain::account::KeySort::read(&sort),
        team_id: team.map(domain::TeamId),
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
    let key = control.key_summary(&admin, domain::KeyId(id)).await;
    let key = key.map_err(crate::server::refuse)?;
    Ok(crate::server::LocalTime::of(&control).key_row(key))
}

/// Who can be given a key: users, the caller first, and teams, as `user-3` and `team-5`.
#[server(prefix = "/_fn", endpoint = "admin/keys/owners")]
pub async fn key_owners() -> Result<Vec<(String, String)>, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::principal().await?;
    let admin = principal.admin().map_err(crate::server::refuse)?;
    let query = domain::account::UserQuery {
        per_page: domain::page::MAX_PER_PAGE,
        ..Default::default()
    };
    let users = control.list_users(&admin, &query).await;
    let users = users.map_err(crate::server::refuse)?.rows.into_iter();
    let mut users: Vec<_> = users
        .map(|summary| summary.user)
        .filter(|user| user.active)
        .collect();
    users.sort_by_key(|user| Some(user.id) != principal.user_id());
    let teams = control.list_teams(&principal).await;
    let teams = teams.map_err(crate::server::refuse)?.into_iter();
    let teams = teams
        .map(|summary| summary.team)
        .filter(|team| team.active)
        .map(|team| {
            let whose = domain::BudgetScope::Team(team.id);
            (whose.word(), format!("Team {}", team.name))
        });
    let users = users
        .into_iter()
        .map(|user| (domain::BudgetScope::User(user.id).word(), user.name));
    Ok(users.chain(teams).collect())
}

/// Makes a key for `owner`, `user-3` or `team-5`; the answer is the page that shows it once.
#[server(prefix = "/_fn", endpoint = "admin/keys/create")]
pub async fn create_key(
    owner: String,
    #[server(flatten)] key: KeyText,
    #[server(flatten)] budget: BudgetText,
    #[server(flatten)] limits: LimitText,
) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let typed = [
        vec![("owner", owner.as_str())],
        key.typed(),
        budget.typed(),
        limits.typed(),
    ]
    .concat();
    let input = crate::components::key_form::read(&key, &budget, &limits, None, control.now())
        .map_err(|e| crate::server::refuse_with(crate::error::Cause::Invalid(e)).keep(&typed))?;
    let shown = match domain::BudgetScope::from_word(&owner) {
        Some(domain::BudgetScope::User(id)) => control.create_key(&admin, id, input).await,
        Some(domain::BudgetScope::Team(id)) => {
            let principal = admin.principal();
            control.create_team_key(&principal, id, input).await
        }
        _ => Err(control::ControlError::NotFound),
    };
    let shown = shown.map_err(|error| crate::server::refuse(error).keep(&typed))?;
    crate::server::reveal_key(shown, "/admin-ui")
}

/// Changes what is chosen about a key.
#[server(prefix = "/_fn", endpoint = "admin/keys/update")]
pub async fn update_key(
    id: i64,
    #[server(flatten)] key: KeyText,
    #[server(flatten)] budget: BudgetText,
    #[server(flatten)] limits: LimitText,
) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let id = domain::KeyId(id);
    let present = control.get_key(&admin, id).await;
    let present = present.map_err(crate::server::refuse)?.expires_at;
    let typed = [key.typed(), budget.typed(), limits.typed()].concat();
    let input = crate::components::key_form::read(&key, &budget, &limits, present, control.now())
        .map_err(|e| {
        crate::server::refuse_with(crate::error::Cause::Invalid(e)).keep(&typed)
    })?;
    let changed = control.update_key(&admin, id, input).await;
    changed.map_err(|error| crate::server::refuse(error).keep(&typed))?;
    Ok(None)
}

/// Gives a key a new secret, shown once; the present one goes on working for `grace` seconds.
#[server(prefix = "/_fn", endpoint = "admin/keys/rotate")]
pub async fn rotate_key(id: i64, grace: u32) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let overlap = std::time::Duration::from_secs(u64::from(grace));
    let shown = control.rotate_key(&admin, domain::KeyId(id), overlap).await;
    crate::server::reveal_key(shown.map_err(crate::server::refuse)?, "/admin-ui")
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

/// Ends a key for good; it stays in the list.
#[server(prefix = "/_fn", endpoint = "admin/keys/revoke")]
pub async fn revoke_key(id: i64) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let revoked = control.revoke_key(&admin, domain::KeyId(id)).await;
    revoked.map_err(crate::server::refuse)?;
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
