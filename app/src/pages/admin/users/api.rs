//! Users, for admins. What was typed travels as text and is read here, so that a wrong amount is an
//! error at its field and not a form that cannot be sent.

use domain::page::Page;
use leptos::prelude::*;

use super::{UserDetail, UserRow};
use crate::{
    components::{
        post_form::Next,
        terms_form::{BudgetText, LimitText},
    },
    error::AppError,
};

/// One page of the users whose name or e-mail address contains `search`.
#[server(prefix = "/_fn", endpoint = "admin/users/list")]
pub async fn list_users(search: String, page: u32) -> Result<Page<UserRow>, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    let query = domain::account::UserQuery {
        search,
        page,
        ..Default::default()
    };
    let users = control.list_users(&admin, &query).await;
    let time = crate::server::LocalTime::of(&control);
    Ok(users
        .map_err(crate::server::refuse)?
        .map(|summary| UserRow {
            created: time.day(summary.user.created_at),
            summary,
        }))
}

/// One user, with what would go with them.
#[server(prefix = "/_fn", endpoint = "admin/users/get")]
pub async fn get_user(id: i64) -> Result<UserDetail, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    let id = domain::UserId(id);
    let user = control.get_user(&admin, id).await;
    let summary = user.map_err(crate::server::refuse)?;
    let goes = control.what_goes_with(&admin, id).await;
    let (keys, teams) = goes.map_err(crate::server::refuse)?;
    Ok(UserDetail {
        row: UserRow {
            created: crate::server::LocalTime::of(&control).minute(summary.user.created_at),
            summary,
        },
        keys: keys.rows.into_iter().map(|key| key.key.label).collect(),
        teams,
    })
}

/// Makes a user. Where a password was generated, the answer is the page that shows it once.
#[server(prefix = "/_fn", endpoint = "admin/users/create")]
pub async fn create_user(
    name: String,
    email: String,
    role: String,
    password: String,
    #[server(flatten)] budget: BudgetText,
    #[server(flatten)] limits: LimitText,
) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let typed = [
        vec![
            ("name", name.as_str()),
            ("email", email.as_str()),
            ("role", role.as_str()),
        ],
        budget.typed(),
        limits.typed(),
    ]
    .concat();
    let invalid = |e| crate::server::refuse_with(crate::error::Cause::Invalid(e)).keep(&typed);
    let input = control::NewUserInput {
        name: name.clone(),
        email: Some(email.clone()).filter(|email| !email.trim().is_empty()),
        // Anything that is not "admin" gets the lesser role.
        role: domain::Role::parse(&role).unwrap_or(domain::Role::User),
        password: Some(password)
            .filter(|password| !password.is_empty())
            .map(Into::into),
        limits: limits.read().map_err(invalid)?,
        budget: budget.read().map_err(invalid)?,
        with_key: false,
    };
    let created = control.create_user(&admin, input).await;
    let created = created.map_err(|error| crate::server::refuse(error).keep(&typed))?;
    let Some(secret) = created.generated_password else {
        leptos_axum::redirect("/admin-ui/users?done=user-created");
        return Ok(None);
    };
    let token = crate::server::keep_secret(control::RevealedSecret {
        title: created.user.name.clone(),
        secret,
        key: None,
        user: Some(created.user),
    })?;
    let page = format!("/admin-ui/reveal/{token}");
    crate::server::follow(&page);
    Ok(Some(page))
}

/// Lets a user in, or keeps them and their keys out.
#[server(prefix = "/_fn", endpoint = "admin/users/set-active")]
pub async fn set_user_active(id: i64, active: bool) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let changed = control.set_user_active(&admin, domain::UserId(id), active);
    changed.await.map_err(crate::server::refuse)?;
    Ok(None)
}

/// Sets the budgets and the sums at which to warn; an empty one is no limit.
#[server(prefix = "/_fn", endpoint = "admin/users/budget")]
pub async fn update_budget(
    id: i64,
    #[server(flatten)] budget: BudgetText,
) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let limits = budget.read().map_err(|e| {
        crate::server::refuse_with(crate::error::Cause::Invalid(e)).keep(&budget.typed())
    })?;
    let changed = control.update_budget(&admin, domain::UserId(id), limits);
    changed.await.map_err(crate::server::refuse)?;
    Ok(None)
}

/// Sets how much may be asked for at once and in a minute; an empty one is no limit.
#[server(prefix = "/_fn", endpoint = "admin/users/limits")]
pub async fn update_limits(
    id: i64,
    #[server(flatten)] limits: LimitText,
) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let typed = limits.typed();
    let read = limits
        .read()
        .map_err(|e| crate::server::refuse_with(crate::error::Cause::Invalid(e)).keep(&typed))?;
    let changed = control.update_user_limits(&admin, domain::UserId(id), read);
    changed.await.map_err(crate::server::refuse)?;
    Ok(None)
}

/// Forgives what was spent in the present `daily` or `monthly` period.
#[server(prefix = "/_fn", endpoint = "admin/users/reset-spend")]
pub async fn reset_spend(id: i64, period: String) -> Result<Next, AppError> {
    use domain::budget::BudgetPeriod;

    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let period = BudgetPeriod::parse(&period)
        .ok_or_else(|| crate::server::refuse_with(crate::error::Cause::NotFound))?;
    let reset = control.reset_budget(
        &admin,
        domain::BudgetScope::User(domain::UserId(id)),
        period,
    );
    reset.await.map_err(crate::server::refuse)?;
    Ok(None)
}

/// Sets a new password; the answer is the page that shows it once.
#[server(prefix = "/_fn", endpoint = "admin/users/reset-password")]
pub async fn reset_password(id: i64) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let id = domain::UserId(id);
    let user = control.get_user(&admin, id).await;
    let user = user.map_err(crate::server::refuse)?.user;
    let secret = control.reset_password(&admin, id).await;
    let token = crate::server::keep_secret(control::RevealedSecret {
        title: user.name.clone(),
        secret: secret.map_err(crate::server::refuse)?,
        key: None,
        user: Some(user),
    })?;
    let page = format!("/admin-ui/reveal/{token}");
    crate::server::follow(&page);
    Ok(Some(page))
}

/// Deletes a user and their keys, if `confirm` is the user's name.
#[server(prefix = "/_fn", endpoint = "admin/users/delete")]
pub async fn delete_user(id: i64, confirm: String) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let id = domain::UserId(id);
    let user = control.get_user(&admin, id).await;
    let user = user.map_err(crate::server::refuse)?.user;
    if confirm.trim() != user.name {
        let refused = crate::server::refuse_with(crate::error::Cause::NotConfirmed);
        return Err(refused.keep(&[("confirm", &confirm)]));
    }
    let deleted = control.delete_user(&admin, id).await;
    deleted.map_err(crate::server::refuse)?;
    leptos_axum::redirect("/admin-ui/users?done=user-deleted");
    Ok(None)
}
