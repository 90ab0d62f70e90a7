//! Teams, for admins.

use domain::{page::Page, team::TeamSummary};
use leptos::prelude::*;

use crate::{
    components::{
        post_form::Next,
        team_panel::TeamDetail,
        terms_form::{BudgetText, LimitText},
    },
    error::AppError,
};

/// One page of the teams whose name contains `search`.
#[server(prefix = "/_fn", endpoint = "admin/teams/list")]
pub async fn list_teams(search: String, page: u32) -> Result<Page<TeamSummary>, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    let teams = control.find_teams(&admin, &search, page).await;
    teams.map_err(crate::server::refuse)
}

/// One team with its members.
#[server(prefix = "/_fn", endpoint = "admin/teams/get")]
pub async fn get_team(id: i64) -> Result<TeamDetail, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    crate::server::team_detail(&control, &admin.principal(), id).await
}

/// Makes a team.
#[server(prefix = "/_fn", endpoint = "admin/teams/create")]
pub async fn create_team(
    name: String,
    #[server(flatten)] budget: BudgetText,
    #[server(flatten)] limits: LimitText,
) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let typed = [
        vec![("name", name.as_str())],
        budget.typed(),
        limits.typed(),
    ]
    .concat();
    let invalid = |e| crate::server::refuse_with(crate::error::Cause::Invalid(e)).keep(&typed);
    let input = domain::team::TeamInput {
        name: name.clone(),
        active: true,
        budget: budget.read().map_err(invalid)?,
        limits: limits.read().map_err(invalid)?,
    };
    let team = control.create_team(&admin, input).await;
    let team = team.map_err(|error| crate::server::refuse(error).keep(&typed))?;
    leptos_axum::redirect(&format!(
        "/admin-ui/teams?open={}&done=team-created",
        team.id.0
    ));
    Ok(None)
}

/// Changes a team's name, budgets and limits.
#[server(prefix = "/_fn", endpoint = "admin/teams/update")]
pub async fn update_team(
    id: i64,
    name: String,
    #[server(flatten)] budget: BudgetText,
    #[server(flatten)] limits: LimitText,
) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let id = domain::TeamId(id);
    let present = control.get_team(&admin.principal(), id).await;
    let active = present.map_err(crate::server::refuse)?.team.active;
    let typed = [
        vec![("name", name.as_str())],
        budget.typed(),
        limits.typed(),
    ]
    .concat();
    let invalid = |e| crate::server::refuse_with(crate::error::Cause::Invalid(e)).keep(&typed);
    let input = domain::team::TeamInput {
        name: name.clone(),
        active,
        budget: budget.read().map_err(invalid)?,
        limits: limits.read().map_err(invalid)?,
    };
    let changed = control.update_team(&admin, id, input).await;
    changed.map_err(|error| crate::server::refuse(error).keep(&typed))?;
    Ok(None)
}

/// Lets a team's keys be used, or not.
#[server(prefix = "/_fn", endpoint = "admin/teams/set-active")]
pub async fn set_team_active(id: i64, active: bool) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let id = domain::TeamId(id);
    let present = control.get_team(&admin.principal(), id).await;
    let team = present.map_err(crate::server::refuse)?.team;
    let input = domain::team::TeamInput {
        name: team.name,
        active,
        budget: team.budget,
        limits: team.limits,
    };
    let changed = control.update_team(&admin, id, input).await;
    changed.map_err(crate::server::refuse)?;
    Ok(None)
}

/// Makes somebody a member or an owner of a team, by their name.
#[server(prefix = "/_fn", endpoint = "admin/teams/set-member")]
pub async fn set_team_member(team: i64, member: String, role: String) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    crate::server::set_team_member(&control, &admin.principal(), team, &member, &role).await
}

/// Takes somebody out of a team.
#[server(prefix = "/_fn", endpoint = "admin/teams/remove-member")]
pub async fn remove_team_member(team: i64, user: i64) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let (team, user) = (domain::TeamId(team), domain::UserId(user));
    let principal = admin.principal();
    let removed = control.remove_team_member(&principal, team, user).await;
    removed.map_err(crate::server::refuse)?;
    Ok(None)
}

/// Deletes a team and its keys, if `confirm` is the team's name.
#[server(prefix = "/_fn", endpoint = "admin/teams/delete")]
pub async fn delete_team(id: i64, confirm: String) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let id = domain::TeamId(id);
    let team = control.get_team(&admin.principal(), id).await;
    let team = team.map_err(crate::server::refuse)?.team;
    if confirm.trim() != team.name {
        let refused = crate::server::refuse_with(crate::error::Cause::NotConfirmed);
        return Err(refused.keep(&[("confirm", &confirm)]));
    }
    let deleted = control.delete_team(&admin, id).await;
    deleted.map_err(crate::server::refuse)?;
    leptos_axum::redirect("/admin-ui/teams?done=team-deleted");
    Ok(None)
}
