//! `/admin/teams`

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};
use control::{Control, KeyQuery};
use domain::{
    BudgetLimits, BudgetScope, RateLimits, TeamId, UserId,
    team::{TeamInput, TeamRole, TeamSummary},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    AdminCaller, ApiError,
    body::Both,
    extract::Path,
    keys::{self, KeyBody},
    terms,
    terms::{Resets, TermsBody},
    usd,
};

fn render(summary: &TeamSummary) -> Value {
    let team = &summary.team;
    let mut json = json!({
        "id": team.id,
        "name": team.name,
        "active": team.active,
        "is_active": team.active,
        "members": summary.members,
        "keys": summary.keys,
        "monthly_spend": usd(summary.spent_this_month),
        "daily_spend": usd(summary.spent_today),
        "created_at": team.created_at,
    });
    terms::render(&mut json, &team.budget, &team.limits);
    json
}

/// `GET`: all teams.
pub async fn list(
    caller: AdminCaller,
    State(control): State<Control>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let teams = control.list_teams(&caller.principal()).await?;
    Ok(Json(teams.iter().map(render).collect()))
}

#[derive(Debug, Deserialize)]
pub struct TeamBody {
    name: Option<String>,
    #[serde(alias = "is_active")]
    active: Option<bool>,
    #[serde(flatten)]
    resets: Resets,
}

/// `POST`: a team, without members and keys.
pub async fn create(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    body: Result<Json<Both<TeamBody, TermsBody>>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(Both(new, terms)) = body?;
    let input = TeamInput {
        budget: terms.budget(BudgetLimits::default())?.unwrap_or_default(),
        limits: terms.limits(RateLimits::default()).unwrap_or_default(),
        name: new.name.unwrap_or_default(),
        active: new.active.unwrap_or(true),
    };
    let team = control.create_team(&admin, input).await?;
    Ok(Json(json!({"id": team.id, "name": team.name})))
}

/// `GET /{id}`
pub async fn show(
    caller: AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
) -> Result<Json<Value>, ApiError> {
    let team = control.get_team(&caller.principal(), TeamId(id)).await?;
    Ok(Json(render(&team)))
}

/// `PATCH /{id}`: name, activity, budgets, limits, resets.
pub async fn update(
    caller: AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
    body: Result<Json<Both<TeamBody, TermsBody>>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(Both(change, terms)) = body?;
    let id = TeamId(id);
    let team = control.get_team(&caller.principal(), id).await?.team;
    let budget = terms.budget(team.budget)?;
    let limits = terms.limits(team.limits);
    let edited =
        change.name.is_some() || change.active.is_some() || budget.is_some() || limits.is_some();
    if !edited && change.resets.periods().is_empty() {
        return Err(ApiError::BadRequest("Nothing to update".to_owned()));
    }
    let AdminCaller(admin) = caller;
    if edited {
        let input = TeamInput {
            name: change.name.unwrap_or(team.name),
            active: change.active.unwrap_or(team.active),
            budget: budget.unwrap_or(team.budget),
            limits: limits.unwrap_or(team.limits),
        };
        control.update_team(&admin, id, input).await?;
    }
    for period in change.resets.periods() {
        let whose = BudgetScope::Team(id);
        control.reset_budget(&admin, whose, period).await?;
    }
    Ok(Json(json!({"ok": true})))
}

/// `DELETE /{id}`: the team and its keys. The ledger keeps what they spent.
pub async fn delete(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
) -> Result<Json<Value>, ApiError> {
    control.delete_team(&admin, TeamId(id)).await?;
    Ok(Json(json!({"ok": true})))
}

/// `GET /{id}/members`
pub async fn members(
    caller: AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
) -> Result<Json<Value>, ApiError> {
    let members = control
        .team_members(&caller.principal(), TeamId(id))
        .await?;
    Ok(Json(json!(members)))
}

#[derive(Debug, Deserialize)]
pub struct MemberBody {
    user_id: i64,
    #[serde(default)]
    role: TeamRole,
}

/// `POST /{id}/members`: adds a member, or changes their role.
pub async fn set_member(
    caller: AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
    body: Result<Json<MemberBody>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(MemberBody { user_id, role }) = body?;
    control
        .set_team_member(&caller.principal(), TeamId(id), UserId(user_id), role)
        .await?;
    Ok(Json(json!({"ok": true})))
}

/// `DELETE /{id}/members/{user}`
pub async fn remove_member(
    caller: AdminCaller,
    State(control): State<Control>,
    Path((id, user)): Path<(i64, i64)>,
) -> Result<Json<Value>, ApiError> {
    control
        .remove_team_member(&caller.principal(), TeamId(id), UserId(user))
        .await?;
    Ok(Json(json!({"ok": true})))
}

/// `GET /{id}/keys`: the team's keys, masked.
pub async fn list_keys(
    caller: AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let principal = caller.principal();
    keys::all(|query: KeyQuery| {
        let (control, principal) = (&control, &principal);
        async move { control.list_team_keys(principal, TeamId(id), &query).await }
    })
    .await
}

/// `POST /{id}/keys`: a key of the team, shown this once.
pub async fn create_key(
    caller: AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
    body: Result<Json<KeyBody>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(body) = body?;
    let input = body.new_key()?;
    let created = control
        .create_team_key(&caller.principal(), TeamId(id), input)
        .await?;
    Ok(keys::shown(&created))
}
