//! `/admin/users`

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};
use control::{Control, NewUserInput};
use domain::{
    BudgetLimits, BudgetScope, RateLimits, Role, UserId,
    account::{UserQuery, UserSummary},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    AdminCaller, ApiError,
    body::Both,
    extract::Path,
    terms,
    terms::{Resets, TermsBody},
    usd,
};

/// Users fetched at a time while all are listed.
const PAGE: u32 = 200;

/// A user as the forerunners' scripts know one.
fn render(summary: &UserSummary) -> Value {
    let user = &summary.user;
    let mut json = json!({
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "role": user.role,
        "active": user.active,
        "is_active": user.active,
        "max_budget": usd(user.budget.monthly),
        "spend": usd(summary.spent_this_month),
        "monthly_spend": usd(summary.spent_this_month),
        "daily_spend": usd(summary.spent_today),
        "keys": summary.keys,
        "created_at": user.created_at,
    });
    terms::render(&mut json, &user.budget, &user.limits);
    json
}

/// `GET`: all users.
pub async fn list(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let mut users = Vec::new();
    for page in 1.. {
        let query = UserQuery {
            page,
            per_page: PAGE,
            ..UserQuery::default()
        };
        let found = control.list_users(&admin, &query).await?;
        users.extend(found.rows.iter().map(render));
        if page >= found.pages() {
            break;
        }
    }
    Ok(Json(users))
}

#[derive(Debug, Deserialize)]
pub struct NewUser {
    name: String,
    email: Option<String>,
}

/// `POST`: a user with a first key, which is shown this once.
pub async fn create(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    body: Result<Json<Both<NewUser, TermsBody>>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(Both(new, terms)) = body?;
    let budget = terms.budget(BudgetLimits::default())?;
    let limits = terms.limits(RateLimits::default());
    let input = NewUserInput {
        name: new.name,
        email: new.email,
        role: Role::User,
        password: None,
        budget: budget.unwrap_or_default(),
        limits: limits.unwrap_or_default(),
        with_key: true,
    };
    let created = control.create_user(&admin, input).await?;
    Ok(Json(json!({
        "id": created.user.id,
        "name": created.user.name,
        "monthly_budget": usd(created.user.budget.monthly),
        "daily_budget": usd(created.user.budget.daily),
        "api_key": created.key.as_ref().map(|key| key.secret.reveal()),
        "password": created.generated_password.as_ref().map(|password| password.reveal()),
    })))
}

#[derive(Debug, Deserialize)]
pub struct UserChange {
    #[serde(alias = "is_active")]
    active: Option<bool>,
    #[serde(flatten)]
    resets: Resets,
}

/// `PATCH /{id}`: budgets, activity, resets.
pub async fn update(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
    body: Result<Json<Both<UserChange, TermsBody>>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(Both(change, terms)) = body?;
    let id = UserId(id);
    let present = control.get_user(&admin, id).await?.user;
    let budget = terms.budget(present.budget)?;
    let limits = terms.limits(present.limits);
    let nothing = budget.is_none()
        && limits.is_none()
        && change.active.is_none()
        && change.resets.periods().is_empty();
    if nothing {
        return Err(ApiError::BadRequest("Nothing to update".to_owned()));
    }
    if let Some(budget) = budget {
        control.update_budget(&admin, id, budget).await?;
    }
    if let Some(limits) = limits {
        control.update_user_limits(&admin, id, limits).await?;
    }
    if let Some(active) = change.active {
        control.set_user_active(&admin, id, active).await?;
    }
    for period in change.resets.periods() {
        let whose = BudgetScope::User(id);
        control.reset_budget(&admin, whose, period).await?;
    }
    Ok(Json(json!({"ok": true})))
}

/// `DELETE /{id}`: the user and their keys. The ledger keeps what they spent.
pub async fn delete(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
) -> Result<Json<Value>, ApiError> {
    control.delete_user(&admin, UserId(id)).await?;
    Ok(Json(json!({"ok": true})))
}
