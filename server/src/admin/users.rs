//! `/admin/users`

use std::time::Duration;

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};
use control::{Control, KeyQuery, NewKeyInput, NewUserInput, ProfileInput};
use domain::{
    BudgetLimits, BudgetScope, RateLimits, Role, UserId,
    account::{KeyStatus, UserQuery, UserSummary},
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

/// `GET /{id}`
pub async fn show(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(render(&control.get_user(&admin, UserId(id)).await?)))
}

#[derive(Debug, Deserialize)]
pub struct UserChange {
    name: Option<String>,
    /// Null: none.
    #[serde(default, deserialize_with = "super::body::there")]
    email: Option<Option<String>>,
    #[serde(alias = "is_active")]
    active: Option<bool>,
    #[serde(flatten)]
    resets: Resets,
}

/// `PUT /{id}`: as `PATCH`, and answers with the user, as a forerunner does.
pub async fn replace(
    caller: AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
    body: Result<Json<Both<UserChange, TermsBody>>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let admin = caller.0.clone();
    let Json(_) = update(caller, State(control.clone()), Path(id), body).await?;
    Ok(Json(render(&control.get_user(&admin, UserId(id)).await?)))
}

/// `POST /{id}/regenerate-api-key`: the user's oldest key that works gets a new secret, and the old one ends
/// at once; who has none gets a key.
pub async fn regenerate_key(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
) -> Result<Json<Value>, ApiError> {
    let id = UserId(id);
    control.get_user(&admin, id).await?;
    let query = KeyQuery {
        user_id: Some(id),
        per_page: PAGE,
        ..KeyQuery::default()
    };
    let keys = control.list_keys(&admin, &query).await?.rows.into_iter();
    let works = keys.filter(|key| key.status == KeyStatus::Active);
    let oldest = works.min_by_key(|key| key.key.created_at);
    let made = match oldest {
        Some(key) => {
            control
                .rotate_key(&admin, key.key.id, Duration::ZERO)
                .await?
        }
        None => {
            let input = NewKeyInput {
                label: "default".to_owned(),
                ..NewKeyInput::default()
            };
            control.create_key(&admin, id, input).await?
        }
    };
    Ok(Json(json!({
        "id": id,
        "key_id": made.key.id,
        "api_key": made.secret.reveal(),
    })))
}

/// `PATCH /{id}`: name, e-mail, budgets, activity, resets.
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
        && change.name.is_none()
        && change.email.is_none()
        && change.resets.periods().is_empty();
    if nothing {
        return Err(ApiError::BadRequest("Nothing to update".to_owned()));
    }
    if change.name.is_some() || change.email.is_some() {
        let input = ProfileInput {
            name: change.name.unwrap_or(present.name),
            email: change.email.unwrap_or(present.email),
            role: present.role,
        };
        control.update_profile(&admin, id, input).await?;
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
