//! `/admin/scripts`: the operator's scripts, their versions and trials, and `/admin/script-secrets`: what
//! they get by `secrets.get`.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use control::{Control, ControlError, ScriptReport, ScriptTrial};
use domain::{
    BackendId, KeyId, UserId,
    script::{OnScriptError, Script, ScriptId, ScriptInput, ScriptType, ScriptVersion},
    validation::{Field, FieldError, Problem},
};
use gateway::Gateway;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AdminCaller, ApiError, extract::Path};

fn render(script: &Script, gateway: &Gateway) -> Value {
    let input = &script.input;
    let status = gateway.script_status(script.id);
    json!({
        "id": script.id,
        "name": input.name,
        "script_type": input.script_type,
        "target_user_id": input.target_user,
        "target_key_id": input.target_key,
        "target_backend_id": input.target_backend,
        "script_code": input.code,
        "is_active": input.active,
        "on_error": input.on_error,
        "position": input.position,
        "version": script.version,
        "suspended_at": script.suspended.as_ref().map(|s| s.at),
        "suspended_reason": script.suspended.as_ref().map(|s| &s.reason),
        "broken": status.as_ref().and_then(|s| s.broken.as_ref()),
        "calls": status.as_ref().map(|s| s.calls),
        "failures": status.as_ref().map(|s| s.failures),
        "last_error": status.as_ref().and_then(|s| s.last_error.as_ref()),
        "created_at": script.created_at,
        "updated_at": script.updated_at,
    })
}

async fn those(
    admin: &control::Admin,
    control: &Control,
    gateway: &Gateway,
    wanted: impl Fn(&Script) -> bool,
) -> Result<Json<Vec<Value>>, ApiError> {
    let scripts = control.list_scripts(admin).await?;
    let wanted = scripts.iter().filter(|script| wanted(script));
    Ok(Json(wanted.map(|script| render(script, gateway)).collect()))
}

/// `GET`: all, in the order in which requests pass them.
pub async fn list(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    State(gateway): State<Gateway>,
) -> Result<Json<Vec<Value>>, ApiError> {
    those(&admin, &control, &gateway, |_| true).await
}

/// `GET /active`: those that are run.
pub async fn active(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    State(gateway): State<Gateway>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let is_run = |script: &Script| script.input.active && script.suspended.is_none();
    those(&admin, &control, &gateway, is_run).await
}

/// `GET /type/{type}`
pub async fn of_type(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    State(gateway): State<Gateway>,
    Path(script_type): Path<String>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let wanted = type_of(&script_type)?;
    those(&admin, &control, &gateway, |script| {
        script.input.script_type == wanted
    })
    .await
}

/// `GET /{id}`
pub async fn show(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    State(gateway): State<Gateway>,
    Path(id): Path<i64>,
) -> Result<Json<Value>, ApiError> {
    let script = control.get_script(&admin, ScriptId(id)).await?;
    Ok(Json(render(&script, &gateway)))
}

#[derive(Debug, Deserialize)]
pub struct ScriptBody {
    name: Option<String>,
    script_type: Option<String>,
    #[serde(default, deserialize_with = "super::body::there")]
    target_user_id: Option<Option<i64>>,
    #[serde(default, deserialize_with = "super::body::there")]
    target_key_id: Option<Option<i64>>,
    #[serde(default, deserialize_with = "super::body::there")]
    target_backend_id: Option<Option<i64>>,
    script_code: Option<String>,
    on_error: Option<OnScriptError>,
    position: Option<i32>,
    #[serde(alias = "active")]
    is_active: Option<Loose>,
}

/// Older scripts write 0 and 1.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
enum Loose {
    Bool(bool),
    Number(i64),
}

fn type_of(text: &str) -> Result<ScriptType, ApiError> {
    ScriptType::parse(text).ok_or_else(|| {
        let types = ScriptType::ALL.map(ScriptType::as_str).join(", ");
        ApiError::BadRequest(format!("script_type must be one of {types}"))
    })
}

impl ScriptBody {
    /// What is not named stays as `before` has it.
    fn over(self, before: ScriptInput) -> Result<ScriptInput, ApiError> {
        Ok(ScriptInput {
            name: self.name.unwrap_or(before.name),
            script_type: match self.script_type {
                Some(text) => type_of(&text)?,
                None => before.script_type,
            },
            target_user: match self.target_user_id {
                Some(id) => id.map(UserId),
                None => before.target_user,
            },
            target_key: match self.target_key_id {
                Some(id) => id.map(KeyId),
                None => before.target_key,
            },
            target_backend: match self.target_backend_id {
                Some(id) => id.map(BackendId),
                None => before.target_backend,
            },
            code: self.script_code.unwrap_or(before.code),
            on_error: self.on_error.unwrap_or(before.on_error),
            position: self.position.unwrap_or(before.position),
            active: match self.is_active {
                Some(Loose::Bool(active)) => active,
                Some(Loose::Number(number)) => number != 0,
                None => before.active,
            },
        })
    }
}

/// `POST`: a new script. What is broken is stored, and fails when it is run.
pub async fn create(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    State(gateway): State<Gateway>,
    body: Result<Json<ScriptBody>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let Json(body) = body?;
    if body.script_type.is_none() {
        type_of("")?;
    }
    let new = ScriptInput {
        active: true,
        ..ScriptInput::default()
    };
    let script = control.create_script(&admin, body.over(new)?).await?;
    Ok((StatusCode::CREATED, Json(render(&script, &gateway))))
}

/// `PUT /{id}`: changes what is named; other code is a new version.
pub async fn update(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    State(gateway): State<Gateway>,
    Path(id): Path<i64>,
    body: Result<Json<ScriptBody>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(body) = body?;
    let id = ScriptId(id);
    let before = control.get_script(&admin, id).await?;
    let script = control
        .update_script(&admin, id, body.over(before.input)?)
        .await?;
    Ok(Json(render(&script, &gateway)))
}

/// `DELETE /{id}`
pub async fn delete(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
) -> Result<StatusCode, ApiError> {
    control.delete_script(&admin, ScriptId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /{id}/activate`: ends a suspension too.
pub async fn activate(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    State(gateway): State<Gateway>,
    Path(id): Path<i64>,
) -> Result<Json<Value>, ApiError> {
    let script = control
        .set_script_active(&admin, ScriptId(id), true)
        .await?;
    Ok(Json(render(&script, &gateway)))
}

/// `POST /{id}/deactivate`
pub async fn deactivate(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    State(gateway): State<Gateway>,
    Path(id): Path<i64>,
) -> Result<Json<Value>, ApiError> {
    let script = control
        .set_script_active(&admin, ScriptId(id), false)
        .await?;
    Ok(Json(render(&script, &gateway)))
}

#[derive(Debug, Deserialize)]
pub struct TrialBody {
    #[serde(default)]
    request: Value,
    response: Option<Value>,
    #[serde(default)]
    chunks: Vec<Value>,
    user: Option<Value>,
    backend: Option<Value>,
    /// Other code than what is stored.
    script_code: Option<String>,
}

/// `POST /{id}/test`: what the script makes of a request, an answer or events. Nothing is sent.
pub async fn test(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
    body: Result<Json<TrialBody>, JsonRejection>,
) -> Result<Json<ScriptReport>, ApiError> {
    let Json(body) = body?;
    if !body.request.is_object() {
        return Err(ApiError::BadRequest("request must be an object".to_owned()));
    }
    let trial = ScriptTrial {
        request: body.request,
        response: body.response,
        chunks: body.chunks,
        user: body.user,
        backend: body.backend,
        code: body.script_code,
    };
    Ok(Json(control.try_script(&admin, ScriptId(id), trial).await?))
}

fn render_version(version: &ScriptVersion) -> Value {
    json!({
        "version": version.version,
        "script_code": version.code,
        "author": version.author,
        "created_at": version.created_at,
    })
}

/// `GET /{id}/versions`: the newest first.
pub async fn versions(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let versions = control.script_versions(&admin, ScriptId(id)).await?;
    Ok(Json(versions.iter().map(render_version).collect()))
}

#[derive(Debug, Deserialize)]
pub struct RollBackBody {
    version: u32,
}

/// `POST /{id}/rollback {version}`: that code again, as a new version.
pub async fn roll_back(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    State(gateway): State<Gateway>,
    Path(id): Path<i64>,
    body: Result<Json<RollBackBody>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(RollBackBody { version }) = body?;
    let script = control
        .roll_back_script(&admin, ScriptId(id), version)
        .await?;
    Ok(Json(render(&script, &gateway)))
}

/// `GET /admin/script-secrets`: their names.
pub async fn secrets(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let secrets = control.script_secrets(&admin).await?;
    let secrets = secrets
        .iter()
        .map(|secret| json!({"name": secret.name, "updated_at": secret.updated_at}));
    Ok(Json(secrets.collect()))
}

#[derive(Debug, Deserialize)]
pub struct SecretBody {
    value: Option<secrecy::SecretString>,
}

/// `PUT /admin/script-secrets/{name} {value}`
pub async fn set_secret(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(name): Path<String>,
    body: Result<Json<SecretBody>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(SecretBody { value }) = body?;
    let missing = || ControlError::Invalid(FieldError::new(Field::SecretValue, Problem::Empty));
    let value = value.ok_or_else(missing)?;
    control.set_script_secret(&admin, &name, value).await?;
    Ok(Json(json!({"ok": true})))
}

/// `DELETE /admin/script-secrets/{name}`
pub async fn delete_secret(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    control.delete_script_secret(&admin, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
