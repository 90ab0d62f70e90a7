//! `/admin/tokens`: tokens that open the admin API as the master key does, or only to look.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};
use control::{Control, NewTokenInput};
use domain::{TokenId, access::ApiToken};
use serde_json::{Value, json};

use super::{AdminCaller, ApiError, extract::Path};

fn render(token: &ApiToken, control: &Control) -> Value {
    let mut json = json!(token);
    json["active"] = json!(token.is_valid(control.now()));
    json
}

/// `GET`: all tokens, the newest first; none with what it opens by.
pub async fn list(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let tokens = control.list_tokens(&admin).await?;
    let rows = tokens.iter().map(|token| render(token, &control));
    Ok(Json(rows.collect()))
}

/// `POST`: `{name, scope?: "read" or "admin", expires_at?}`; the token is in this answer only.
pub async fn create(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    body: Result<Json<NewTokenInput>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(input) = body?;
    let made = control.create_token(&admin, input).await?;
    let mut json = render(&made.token, &control);
    json["token"] = json!(made.secret.reveal());
    Ok(Json(json))
}

/// `DELETE /{id}`: it opens nothing from now on.
pub async fn revoke(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
) -> Result<Json<Value>, ApiError> {
    control.revoke_token(&admin, TokenId(id)).await?;
    Ok(Json(json!({"ok": true})))
}
