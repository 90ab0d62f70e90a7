//! `/admin/permissions`: which backends a user's keys may use. A user without any may use all, or none if
//! `auth.deny_unpermitted` says so.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use control::Control;
use domain::{BackendId, UserId, permission::Permission};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    AdminCaller, ApiError,
    extract::{Path, Query},
};
use crate::status::backends::iso;

#[derive(Debug, Deserialize)]
pub struct Pair {
    user_id: i64,
    backend_id: i64,
}

fn shown(permission: &Permission) -> Value {
    json!({
        "id": permission.id,
        "user_id": permission.user_id,
        "backend_id": permission.backend_id,
        "created_at": iso(permission.created_at),
    })
}

/// `GET /admin/permissions`
pub async fn list(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let all = control.permissions(&admin).await?;
    Ok(Json(all.iter().map(shown).collect()))
}

/// `GET /admin/permissions/user/{id}`
pub async fn of_user(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let all = control.permissions(&admin).await?;
    let found = all.iter().filter(|p| p.user_id == UserId(id));
    Ok(Json(found.map(shown).collect()))
}

/// `GET /admin/permissions/backend/{id}`
pub async fn of_backend(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let all = control.permissions(&admin).await?;
    let found = all.iter().filter(|p| p.backend_id == BackendId(id));
    Ok(Json(found.map(shown).collect()))
}

/// `POST /admin/permissions`
pub async fn grant(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    body: Result<Json<Pair>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let Json(pair) = body?;
    let (user, backend) = (UserId(pair.user_id), BackendId(pair.backend_id));
    let granted = control.grant_permission(&admin, user, backend).await?;
    Ok((StatusCode::CREATED, Json(shown(&granted))))
}

/// `DELETE /admin/permissions?user_id=&backend_id=`
pub async fn revoke(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Query(pair): Query<Pair>,
) -> Result<Json<Value>, ApiError> {
    let (user, backend) = (UserId(pair.user_id), BackendId(pair.backend_id));
    control.revoke_permission(&admin, user, backend).await?;
    Ok(Json(json!({"ok": true})))
}
