//! The user's JSON API under `/user`, with the paths and members that scripts of a forerunner use. One signs in
//! by name and password and shows the token with every other request.

use axum::{
    Json,
    extract::{FromRequestParts, State, rejection::JsonRejection},
    http::{HeaderName, request::Parts},
};
use control::{Control, KeyQuery, Principal};
use domain::{
    budget::BudgetPeriod,
    page::MAX_PER_PAGE,
    report::{NamedTotals, PeriodSpend},
};
use gateway::headers::{bearer, text};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    admin::{ApiError, keys, usd},
    state::AppState,
    token::Audience,
};

const X_USER_TOKEN: HeaderName = HeaderName::from_static("x-user-token");

/// Somebody who has signed in. No handler of this API can be written without one.
#[derive(Debug)]
pub struct UserCaller(pub Principal);

impl FromRequestParts<AppState> for UserCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let token = text(&parts.headers, &X_USER_TOKEN)
            .or_else(|| bearer(&parts.headers))
            .ok_or(ApiError::NoToken)?;
        let principal = state.resume(token, Audience::User).await?;
        Ok(Self(principal.ok_or(ApiError::NoToken)?))
    }
}

#[derive(Debug, Deserialize)]
pub struct Credentials {
    username: String,
    password: SecretString,
}

/// `POST /user/login`
pub async fn login(
    State(state): State<AppState>,
    body: Result<Json<Credentials>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(Credentials { username, password }) = body?;
    let signed_in = state.control.sign_in(&username, password).await?;
    let principal = &signed_in.principal;
    let Some(id) = principal.user_id() else {
        return Err(ApiError::NoToken);
    };
    let version = signed_in.credential_version;
    Ok(Json(json!({
        "ok": true,
        "token": state.tokens.issue(id, version, Audience::User, state.gateway.now()),
        "user_id": id,
        "name": principal.name(),
        "must_change_password": principal.must_change_password(),
    })))
}

/// `POST /admin/login`: a token that `/admin/*` takes in place of the master key, which stays here.
pub async fn admin_login(
    State(state): State<AppState>,
    body: Result<Json<Credentials>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(Credentials { username, password }) = body?;
    let signed_in = state.control.sign_in(&username, password).await?;
    signed_in.principal.viewer()?;
    let Some(id) = signed_in.principal.user_id() else {
        return Err(ApiError::Unauthorized);
    };
    let version = signed_in.credential_version;
    let token = state
        .tokens
        .issue(id, version, Audience::Admin, state.gateway.now());
    Ok(Json(json!({"ok": true, "token": token})))
}

#[derive(Debug, Deserialize)]
pub struct NewPassword {
    current_password: SecretString,
    new_password: SecretString,
}

/// `POST /user/change-password`: ends all tokens and sessions of the user; the new token goes on.
pub async fn change_password(
    UserCaller(principal): UserCaller,
    State(state): State<AppState>,
    body: Result<Json<NewPassword>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(NewPassword {
        current_password,
        new_password,
    }) = body?;
    let control = &state.control;
    let version = control.change_password(&principal, current_password, new_password);
    let version = version.await?;
    let id = principal.user_id().ok_or(ApiError::NoToken)?;
    let token = state
        .tokens
        .issue(id, version, Audience::User, state.gateway.now());
    Ok(Json(json!({"ok": true, "token": token})))
}

/// `GET /user/me`
pub async fn me(
    UserCaller(principal): UserCaller,
    State(control): State<Control>,
) -> Result<Json<Value>, ApiError> {
    let user = control.my_account(&principal).await?;
    let budget = control.my_budget(&principal).await?;
    let left = |amount: Option<domain::NanoUsd>| amount.map_or(Value::Null, usd);
    Ok(Json(json!({
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "active": user.active,
        "is_active": user.active,
        "monthly_budget": usd(budget.monthly_budget),
        "monthly_spend": usd(budget.monthly_spend),
        "monthly_remaining": left(budget.monthly_remaining),
        "monthly_ends_at": budget.monthly_ends_at_local,
        "monthly_resets_at": budget.monthly_resets_at_local,
        "daily_budget": usd(budget.daily_budget),
        "daily_spend": usd(budget.daily_spend),
        "daily_remaining": left(budget.daily_remaining),
        "daily_ends_at": budget.daily_ends_at_local,
        "daily_resets_at": budget.daily_resets_at_local,
        "created_at": user.created_at,
    })))
}

/// `GET /user/keys`: one's own, masked.
pub async fn my_keys(
    UserCaller(principal): UserCaller,
    State(control): State<Control>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let mut rows = Vec::new();
    for page in 1.. {
        let query = KeyQuery {
            page,
            per_page: MAX_PER_PAGE,
            ..KeyQuery::default()
        };
        let found = control.list_my_keys(&principal, &query).await?;
        rows.extend(found.rows.iter().map(keys::render));
        if page >= found.pages() {
            break;
        }
    }
    Ok(Json(rows))
}

/// `GET /user/usage/daily`: today, by model.
pub async fn usage_today(
    UserCaller(principal): UserCaller,
    State(control): State<Control>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let rows = control.my_usage(&principal, BudgetPeriod::Daily).await?;
    Ok(Json(by_model(&rows)))
}

/// `GET /user/usage/monthly`: this month, by model.
pub async fn usage_this_month(
    UserCaller(principal): UserCaller,
    State(control): State<Control>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let rows = control.my_usage(&principal, BudgetPeriod::Monthly).await?;
    Ok(Json(by_model(&rows)))
}

fn by_model(rows: &[NamedTotals]) -> Vec<Value> {
    let rows = rows.iter().map(|row| {
        json!({
            "model": row.name,
            "requests": row.totals.requests,
            "input_tokens": row.totals.usage.total_input(),
            "output_tokens": row.totals.usage.output,
            "cost": usd(row.totals.cost),
        })
    });
    rows.collect()
}

/// `GET /user/history`: months, the present one first.
pub async fn history(
    UserCaller(principal): UserCaller,
    State(control): State<Control>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let rows = control.my_monthly_history(&principal).await?;
    Ok(Json(periods("month", &rows)))
}

/// `GET /user/daily-history`: days, today first.
pub async fn daily_history(
    UserCaller(principal): UserCaller,
    State(control): State<Control>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let rows = control.my_daily_history(&principal).await?;
    Ok(Json(periods("day", &rows)))
}

fn periods(name: &str, rows: &[PeriodSpend]) -> Vec<Value> {
    let rows = rows
        .iter()
        .map(|row| json!({name: row.label, "budget": usd(row.budget), "spend": usd(row.spend)}));
    rows.collect()
}
