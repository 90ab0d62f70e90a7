//! The signed-in user's own keys, and those of teams that they are in. Another's key does not exist
//! here.

use domain::{page::Page, team::TeamSummary};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    components::{
        key_form::KeyText,
        key_list::KeyRow,
        post_form::Next,
        terms_form::{BudgetText, LimitText},
    },
    error::AppError,
};

/// Keys with whose they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MyKeysList {
    pub keys: Page<KeyRow>,
    /// `None`: one's own.
    pub team: Option<TeamSummary>,
}

/// A key, and whether one may do something with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MyKey {
    pub key: KeyRow,
    pub may_change: bool,
}

/// One page of one's own keys, or of those of a team, whose label or tag contains `search`.
#[server(prefix = "/_fn", endpoint = "me/keys/list")]
pub async fn list_my_keys(
    search: String,
    show: String,
    sort: String,
    team: Option<i64>,
    page: u32,
) -> Result<MyKeysList, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::principal().await?;
    let query = domain::account::KeyQuery {
        search,
        filter: domain::account::KeyFilter::read(&show),
        sort: domain::account::KeySort::read(&sort),
        page,
        ..Default::default()
    };
    let time = crate::server::LocalTime::of(&control);
    let (keys, team) = match team {
        None => (control.list_my_keys(&principal, &query).await, None),
        Some(id) => {
            let id = domain::TeamId(id);
            let team = control.get_team(&principal, id).await;
            let team = team.map_err(crate::server::refuse)?;
            let keys = control.list_team_keys(&principal, id, &query).await;
            (keys, Some(team))
        }
    };
    let keys = keys.map_err(crate::server::refuse)?;
    Ok(MyKeysList {
        keys: keys.map(|summary| time.key_row(summary)),
        team,
    })
}

/// One of one's own keys, or of a team's.
#[server(prefix = "/_fn", endpoint = "me/keys/get")]
pub async fn get_my_key(id: i64) -> Result<MyKey, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::principal().await?;
    let found = control.my_key(&principal, domain::KeyId(id)).await;
    let found = found.map_err(crate::server::refuse)?;
    let may_change = match found.key.owner {
        domain::KeyOwner::User(_) => true,
        domain::KeyOwner::Team(team) => {
            let team = control.get_team(&principal, team).await;
            let role = team.map_err(crate::server::refuse)?.role;
            role == Some(domain::team::TeamRole::Owner) || principal.is_admin()
        }
    };
    Ok(MyKey {
        key: crate::server::LocalTime::of(&control).key_row(found),
        may_change,
    })
}

/// Makes a key of one's own, or of a team that one owns; the answer is the page that shows it once.
#[server(prefix = "/_fn", endpoint = "me/keys/create")]
pub async fn create_my_key(
    team: Option<i64>,
    #[server(flatten)] key: KeyText,
    #[server(flatten)] budget: BudgetText,
    #[server(flatten)] limits: LimitText,
) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::principal().await?;
    let typed = [key.typed(), budget.typed(), limits.typed()].concat();
    let mut input = crate::components::key_form::read(&key, &budget, &limits, None, control.now())
        .map_err(|e| crate::server::refuse_with(crate::error::Cause::Invalid(e)).keep(&typed))?;
    // Routes may depend on tags: they are for admins to set.
    input.tags.clear();
    let shown = match team {
        None => control.create_my_key(&principal, input).await,
        Some(team) => {
            let team = domain::TeamId(team);
            control.create_team_key(&principal, team, input).await
        }
    };
    let shown = shown.map_err(|error| crate::server::refuse(error).keep(&typed))?;
    crate::server::reveal_key(shown, "/user-ui")
}

/// Changes what is chosen about a key, but for its tags.
#[server(prefix = "/_fn", endpoint = "me/keys/update")]
pub async fn update_my_key(
    id: i64,
    #[server(flatten)] key: KeyText,
    #[server(flatten)] budget: BudgetText,
    #[server(flatten)] limits: LimitText,
) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::principal().await?;
    let id = domain::KeyId(id);
    let present = control.my_key(&principal, id).await;
    let present = present.map_err(crate::server::refuse)?.key.expires_at;
    let typed = [key.typed(), budget.typed(), limits.typed()].concat();
    let input = crate::components::key_form::read(&key, &budget, &limits, present, control.now())
        .map_err(|e| {
        crate::server::refuse_with(crate::error::Cause::Invalid(e)).keep(&typed)
    })?;
    let changed = control.update_my_key(&principal, id, input).await;
    changed.map_err(|error| crate::server::refuse(error).keep(&typed))?;
    Ok(None)
}

/// Gives a key a new secret, shown once; the present one goes on working for `grace` seconds.
#[server(prefix = "/_fn", endpoint = "me/keys/rotate")]
pub async fn rotate_my_key(id: i64, grace: u32) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::principal().await?;
    let overlap = std::time::Duration::from_secs(u64::from(grace));
    let shown = control.rotate_my_key(&principal, domain::KeyId(id), overlap);
    let shown = shown.await.map_err(crate::server::refuse)?;
    crate::server::reveal_key(shown, "/user-ui")
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

/// Ends a key for good; it stays in the list.
#[server(prefix = "/_fn", endpoint = "me/keys/revoke")]
pub async fn revoke_my_key(id: i64) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::principal().await?;
    let revoked = control.revoke_my_key(&principal, domain::KeyId(id)).await;
    revoked.map_err(crate::server::refuse)?;
    Ok(None)
}

/// Deletes one of one's own keys for good.
#[server(prefix = "/_fn", endpoint = "me/keys/delete")]
pub async fn delete_my_key(id: i64) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::principal().await?;
    let id = domain::KeyId(id);
    let key = control.my_key(&principal, id).await;
    let owner = key.map_err(crate::server::refuse)?.key.owner;
    let deleted = control.delete_my_key(&principal, id).await;
    deleted.map_err(crate::server::refuse)?;
    leptos_axum::redirect(&match owner {
        domain::KeyOwner::User(_) => "/user-ui/keys?done=key-deleted".to_owned(),
        domain::KeyOwner::Team(team) => {
            format!("/user-ui/keys?team={}&done=key-deleted", team.0)
        }
    });
    Ok(None)
}
