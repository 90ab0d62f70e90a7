//! `/admin/users`

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
};
use control::{Control, NewUserInput};
use domain::{
    BudgetLimits, Role, UserId,
    account::{UserQuery, UserSummary},
    budget::BudgetPeriod,
    validation::Field,
};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::{AdminCaller, ApiError, dollars, usd};

/// Users fetched at a time while all are listed.
const PAGE: u32 = 200;

/// A user as the forerunners' scripts know one.
fn render(summary: &UserSummary) -> Value {
    let user = &summary.user;
    json!({
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "role": user.role,
        "active": user.active,
        "is_active": user.active,
        "monthly_budget": usd(user.budget.monthly),
        "max_budget": usd(user.budget.monthly),
        "daily_budget": usd(user.budget.daily),
        "spend": usd(summary.spent_this_month),
        "monthly_spend": usd(summary.spent_this_month),
        "daily_spend": usd(summary.spent_today),
        "keys": summary.keys,
        "created_at": user.created_at,
    })
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
    #[serde(default)]
    monthly_budget: Option<Box<RawValue>>,
    #[serde(default)]
    daily_budget: Option<Box<RawValue>>,
}

/// `POST`: a user with a first key, which is shown this once.
pub async fn create(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    body: Result<Json<NewUser>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(new) = body?;
    let monthly = dollars(Field::MonthlyBudget, new.monthly_budget.as_deref())?;
    let daily = dollars(Field::DailyBudget, new.daily_budget.as_deref())?;
    let input = NewUserInput {
        name: new.name,
        email: new.email,
        role: Role::User,
        password: None,
        daily_budget: daily.unwrap_or_default(),
        monthly_budget: monthly.unwrap_or_default(),
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
    #[serde(default)]
    monthly_budget: Option<Box<RawValue>>,
    /// The older name of `monthly_budget`.
    #[serde(default)]
    max_budget: Option<Box<RawValue>>,
    #[serde(default)]
    daily_budget: Option<Box<RawValue>>,
    #[serde(alias = "is_active")]
    active: Option<bool>,
    #[serde(default)]
    reset_spend: bool,
    #[serde(default)]
    reset_daily_spend: bool,
}

/// `PATCH /{id}`: budgets, activity, resets.
pub async fn update(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
    body: Result<Json<UserChange>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(change) = body?;
    let id = UserId(id);
    let monthly = change.monthly_budget.or(change.max_budget);
    let monthly = dollars(Field::MonthlyBudget, monthly.as_deref())?;
    let daily = dollars(Field::DailyBudget, change.daily_budget.as_deref())?;
    let nothing = monthly.is_none()
        && daily.is_none()
        && change.active.is_none()
        && !change.reset_spend
        && !change.reset_daily_spend;
    if nothing {
        return Err(ApiError::BadRequest("Nothing to update".to_owned()));
    }
    if monthly.is_some() || daily.is_some() {
        let now = control.get_user(&admin, id).await?.user.budget;
        let budget = BudgetLimits {
            daily: daily.unwrap_or(now.daily),
            monthly: monthly.unwrap_or(now.monthly),
        };
        control.update_budget(&admin, id, budget).await?;
    }
    if let Some(active) = change.active {
        control.set_user_active(&admin, id, active).await?;
    }
    if change.reset_spend {
        control
            .reset_spend(&admin, id, BudgetPeriod::Monthly)
            .await?;
    }
    if change.reset_daily_spend {
        control.reset_spend(&admin, id, BudgetPeriod::Daily).await?;
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
