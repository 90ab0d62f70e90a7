//! Which backends users may use, for admins. A user and a backend travel as `3-5`.

use domain::{page::Page, routing::OfferedModel};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{components::post_form::Next, error::AppError};

/// Users, backends, and who may use which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matrix {
    /// In the order in which they are tried.
    pub backends: Vec<(i64, String)>,
    pub users: Page<PermittedUser>,
    /// Users to whom nothing was permitted may use nothing, and not all.
    pub deny_unpermitted: bool,
}

/// A user with the backends that were permitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermittedUser {
    pub id: i64,
    pub name: String,
    pub active: bool,
    /// None: nothing is said about the user.
    pub backends: Vec<i64>,
}

/// What a user's keys can ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    pub user: PermittedUser,
    pub deny_unpermitted: bool,
    pub models: Vec<OfferedModel>,
}

/// One page of users whose name is like `search`, and all backends.
#[server(prefix = "/_fn", endpoint = "admin/permissions/list")]
pub async fn list_permissions(search: String, page: u32) -> Result<Matrix, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    let query = control::UserQuery {
        search,
        page,
        ..Default::default()
    };
    let users = control.list_users(&admin, &query).await;
    let users = users.map_err(crate::server::refuse)?;
    let permissions = control.permissions(&admin).await;
    let permissions = permissions.map_err(crate::server::refuse)?;
    let routing = control.routing(&admin).await;
    let mut backends = routing.map_err(crate::server::refuse)?.backends;
    backends.sort_by_key(|backend| backend.priority);
    let backends = backends.into_iter();
    Ok(Matrix {
        backends: backends
            .filter_map(|backend| Some((backend.id?.0, backend.name)))
            .collect(),
        users: users.map(|summary| permitted(&summary.user, &permissions)),
        deny_unpermitted: crate::server::info().deny_unpermitted,
    })
}

/// What one user's keys can ask for, and by which rule.
#[server(prefix = "/_fn", endpoint = "admin/permissions/reach")]
pub async fn get_reach(user: i64) -> Result<Reach, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    let id = domain::UserId(user);
    let user = control.get_user(&admin, id).await;
    let user = user.map_err(crate::server::refuse)?.user;
    let permissions = control.permissions(&admin).await;
    let permissions = permissions.map_err(crate::server::refuse)?;
    Ok(Reach {
        user: permitted(&user, &permissions),
        deny_unpermitted: crate::server::info().deny_unpermitted,
        models: crate::server::models()?.offers(id),
    })
}

/// Permits what was ticked and takes back what was ticked before and is not any more. `every` is a column's
/// button: that backend for all users that are shown. What others have changed meanwhile stays.
#[server(prefix = "/_fn", endpoint = "admin/permissions/save")]
pub async fn save_permissions(
    #[server(default)] users: Vec<i64>,
    #[server(default)] before: Vec<String>,
    #[server(default)] permit: Vec<String>,
    #[server(default)] every: String,
) -> Result<Next, AppError> {
    use std::collections::{BTreeMap, BTreeSet};

    use domain::{BackendId, UserId};

    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let pairs = |texts: &[String]| -> BTreeSet<(UserId, BackendId)> {
        texts.iter().filter_map(|text| pair(text)).collect()
    };
    let (before, mut permit) = (pairs(&before), pairs(&permit));
    if let Ok(backend) = every.parse() {
        permit.extend(users.iter().map(|user| (UserId(*user), BackendId(backend))));
    }
    let mut changes: BTreeMap<UserId, [Vec<BackendId>; 2]> = BTreeMap::new();
    for (user, backend) in permit.difference(&before) {
        changes.entry(*user).or_default()[0].push(*backend);
    }
    for (user, backend) in before.difference(&permit) {
        changes.entry(*user).or_default()[1].push(*backend);
    }
    for (user, [add, remove]) in changes {
        let changed = control.change_permissions(&admin, user, add, remove).await;
        changed.map_err(crate::server::refuse)?;
    }
    Ok(None)
}

#[cfg(feature = "ssr")]
fn pair(text: &str) -> Option<(domain::UserId, domain::BackendId)> {
    let (user, backend) = text.split_once('-')?;
    let (user, backend) = (user.parse().ok()?, backend.parse().ok()?);
    Some((domain::UserId(user), domain::BackendId(backend)))
}

#[cfg(feature = "ssr")]
fn permitted(user: &domain::User, all: &[domain::permission::Permission]) -> PermittedUser {
    let own = all
        .iter()
        .filter(|permission| permission.user_id == user.id);
    PermittedUser {
        id: user.id.0,
        name: user.name.clone(),
        active: user.active,
        backends: own.map(|permission| permission.backend_id.0).collect(),
    }
}
