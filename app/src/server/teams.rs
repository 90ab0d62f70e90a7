//! What the pages of teams have in common for admins and for everybody else.

use control::{Control, ControlError, Principal};
use domain::{TeamId, team::TeamRole};

use super::{LocalTime, refuse};
use crate::{
    components::{post_form::Next, team_panel::TeamDetail},
    error::AppError,
};

/// A team with its members, as `principal` may see it.
///
/// # Errors
/// [`crate::error::Cause::NotFound`] also for who is not in it.
pub async fn team_detail(
    control: &Control,
    principal: &Principal,
    id: i64,
) -> Result<TeamDetail, AppError> {
    let id = TeamId(id);
    let summary = control.get_team(principal, id).await.map_err(refuse)?;
    let members = control.team_members(principal, id).await.map_err(refuse)?;
    Ok(TeamDetail {
        created: LocalTime::of(control).day(summary.team.created_at),
        may_run: principal.is_admin() || summary.role == Some(TeamRole::Owner),
        summary,
        members,
    })
}

/// Makes somebody a member or an owner, by their name.
///
/// # Errors
/// [`crate::error::Cause::NoSuchUser`] at the field; and as the use case.
pub async fn set_team_member(
    control: &Control,
    principal: &Principal,
    team: i64,
    member: &str,
    role: &str,
) -> Result<Next, AppError> {
    let typed = [("member", member), ("role", role)];
    let id = TeamId(team);
    // Who may not see the team is told that, and not that there is no such user.
    control.get_team(principal, id).await.map_err(refuse)?;
    // Anything that is not "owner" gets the lesser role.
    let role = TeamRole::parse(role).unwrap_or(TeamRole::Member);
    let set = control.add_team_member(principal, id, member, role).await;
    set.map_err(|error| match error {
        ControlError::NotFound => super::refuse_with(crate::error::Cause::NoSuchUser),
        other => refuse(other),
    })
    .map_err(|error| error.keep(&typed))?;
    Ok(None)
}
