//! `/admin/users/{id}/keys` and `/admin/keys/{key}`. A key is named by its id; the full key is
//! accepted too, as the forerunners' scripts send it, and is never logged.

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
};
use control::{Admin, Control, ControlError, KeyQuery, NewKeyInput};
use domain::{KeyId, UserId, VirtualKey};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AdminCaller, ApiError};

fn render(key: &VirtualKey) -> Value {
    json!({
        "id": key.id,
        "key": format!("{}…{}", key.prefix, key.last4),
        "label": key.label,
        "active": key.active,
        "is_active": key.active,
        "expires_at": key.expires_at,
        "requests_per_minute": key.requests_per_minute,
        "allowed_models": key.allowed_models,
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
    })
}

/// `GET`: a user's keys, masked.
pub async fn list(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(user): Path<i64>,
) -> Result<Json<Vec<Value>>, ApiError> {
    // An unknown user is an error and not an empty list.
    control.get_user(&admin, UserId(user)).await?;
    let mut keys = Vec::new();
    for page in 1.. {
        let query = KeyQuery {
            user_id: Some(UserId(user)),
            page,
            per_page: 200,
            ..KeyQuery::default()
        };
        let found = control.list_keys(&admin, &query).await?;
        keys.extend(found.rows.iter().map(|summary| render(&summary.key)));
        if page >= found.pages() {
            break;
        }
    }
    Ok(Json(keys))
}

/// `POST`: another key, shown this once.
pub async fn create(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(user): Path<i64>,
    body: Result<Json<NewKeyInput>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(mut input) = body?;
    if input.label.trim().is_empty() {
        input.label = "key".to_owned();
    }
    let created = control.create_key(&admin, UserId(user), input).await?;
    Ok(Json(json!({
        "id": created.key.id,
        "key": created.secret.reveal(),
        "label": created.key.label,
    })))
}

#[derive(Debug, Deserialize)]
pub struct KeyChange {
    #[serde(alias = "is_active")]
    active: Option<bool>,
    label: Option<String>,
    requests_per_minute: Option<u32>,
    allowed_models: Option<Vec<String>>,
}

/// `PATCH /admin/keys/{key}`
pub async fn update(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(key): Path<String>,
    body: Result<Json<KeyChange>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(change) = body?;
    let key = find(&control, &admin, &key).await?;
    let edits = change.label.is_some()
        || change.requests_per_minute.is_some()
        || change.allowed_models.is_some();
    if change.active.is_none() && !edits {
        return Err(ApiError::BadRequest("Nothing to update".to_owned()));
    }
    if edits {
        let input = NewKeyInput {
            label: change.label.unwrap_or(key.label),
            expires_at: key.expires_at,
            requests_per_minute: change
                .requests_per_minute
                .unwrap_or(key.requests_per_minute),
            allowed_models: change.allowed_models.unwrap_or(key.allowed_models),
        };
        control.update_key(&admin, key.id, input).await?;
    }
    if let Some(active) = change.active {
        control.set_key_active(&admin, key.id, active).await?;
    }
    Ok(Json(json!({"ok": true})))
}

/// `DELETE /admin/keys/{key}`
pub async fn delete(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(key): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let key = find(&control, &admin, &key).await?;
    control.delete_key(&admin, key.id).await?;
    Ok(Json(json!({"ok": true})))
}

async fn find(control: &Control, admin: &Admin, key: &str) -> Result<VirtualKey, ApiError> {
    if let Ok(id) = key.parse() {
        return Ok(control.get_key(admin, KeyId(id)).await?);
    }
    let found = control.find_key_by_secret(admin, key).await?;
    Ok(found.ok_or(ControlError::NotFound)?)
}
