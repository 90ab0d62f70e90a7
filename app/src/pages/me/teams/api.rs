//! The teams that the signed-in user is in. Others do not exist here.

use domain::team::TeamSummary;
use leptos::prelude::*;

use crate::{
    components::{post_form::Next, team_panel::TeamDetail},
    error::AppError,
};

/// All of them, by name.
#[server(prefix = "/_fn", endpoint = "me/teams/list")]
pub async fn list_my_teams() -> Result<Vec<TeamSummary>, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::principal().await?;
    let teams = control.my_teams(&principal).await;
    teams.map_err(crate::server::refuse)
}

/// One of them with its members.
#[server(prefix = "/_fn", endpoint = "me/teams/get")]
pub async fn get_my_team(id: i64) -> Result<TeamDetail, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::principal().await?;
    crate::server::team_detail(&control, &principal, id).await
}

/// Makes somebody a member or an owner, by their name. For owners.
#[server(prefix = "/_fn", endpoint = "me/teams/set-member")]
pub async fn set_my_team_member(team: i64, member: String, role: String) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::principal().await?;
    crate::server::set_team_member(&control, &principal, team, &member, &role).await
}

/// Takes somebody out. For owners, and for members who leave.
#[server(prefix = "/_fn", endpoint = "me/teams/remove-member")]
pub async fn remove_my_team_member(team: i64, user: i64) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::principal().await?;
    let (team, user) = (domain::TeamId(team), domain::UserId(user));
    let removed = control.remove_team_member(&principal, team, user).await;
    removed.map_err(crate::server::refuse)?;
    if principal.user_id() == Some(user) {
        leptos_axum::redirect("/user-ui/teams");
    }
    Ok(None)
}
