//! `/admin/users/{id}/sessions` and `/admin/users/{id}/link`: where a user is signed in, and one-time links by
//! which they choose a password.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};
use control::Control;
use domain::{
    UserId,
    access::{LinkKind, SessionInfo},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AdminCaller, ApiError, extract::Path};
use crate::state::AppState;

/// `GET …/sessions`: the last used first.
pub async fn sessions(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
) -> Result<Json<Vec<SessionInfo>>, ApiError> {
    Ok(Json(control.sessions_of(&admin, UserId(id)).await?))
}

/// `DELETE …/sessions`: all of them, and the tokens of `/user/login` and `/admin/login`.
pub async fn end_all(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
) -> Result<Json<Value>, ApiError> {
    control.sign_out_everywhere(&admin, UserId(id)).await?;
    Ok(Json(json!({"ok": true})))
}

/// `DELETE …/sessions/{handle}`: one of them.
pub async fn end(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path((id, handle)): Path<(i64, String)>,
) -> Result<Json<Value>, ApiError> {
    control.end_session_of(&admin, UserId(id), handle).await?;
    Ok(Json(json!({"ok": true})))
}

#[derive(Debug, Deserialize)]
pub struct NewLink {
    kind: LinkKind,
}

/// `POST …/link`: `{kind: "invite" or "reset"}`; the link is in this answer only. Where `server.public_url` is
/// not set, it begins with its path.
pub async fn link(
    AdminCaller(admin): AdminCaller,
    State(state): State<AppState>,
    Path(id): Path<i64>,
    body: Result<Json<NewLink>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(NewLink { kind }) = body?;
    let link = state.control.create_link(&admin, UserId(id), kind).await?;
    let base = state.site.public_url.as_deref().unwrap_or_default();
    Ok(Json(json!({
        "kind": link.kind,
        "user": link.user,
        "expires_at": link.expires_at,
        "url": link.url(base).reveal(),
    })))
}
