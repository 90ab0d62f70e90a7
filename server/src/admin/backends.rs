//! `/admin/backends`, `/admin/groups`, `/admin/rewrites`: what requests are sent by, in the words of the
//! configuration file. What comes from the file is listed and cannot be changed here. Backends also take
//! the members of a forerunner's API: `api_key`, `is_active`.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use control::Control;
use domain::{
    BackendId,
    configured::{BackendView, ConnectionTest, GroupView, HealthState, RewriteView},
};
use serde_json::{Map, Value, json};
use storage::{RouteEntryRecord, RouteSection};

use super::{AdminCaller, ApiError, extract::Path};
use crate::status::backends::iso;

type Body = Result<Json<Map<String, Value>>, JsonRejection>;

/// `GET /admin/backends`
pub async fn list(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let backends = control.routing(&admin).await?.backends;
    Ok(Json(backends.iter().map(backend).collect()))
}

/// `GET /admin/backends/{id}`
pub async fn show(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
) -> Result<Json<Value>, ApiError> {
    let backends = control.routing(&admin).await?.backends;
    let found = backends.iter().find(|b| b.id == Some(BackendId(id)));
    let found = found.ok_or(control::ControlError::NotFound)?;
    let entry = control.entry_of_backend(&admin, BackendId(id)).await?;
    let mut shown = backend(found);
    add_settings(&mut shown, entry.as_ref());
    Ok(Json(shown))
}

/// `POST /admin/backends`
pub async fn create(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    body: Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let Json(body) = body?;
    let (value, note) = settings_of(body, None);
    let section = RouteSection::Backend;
    let entry = control
        .create_route_entry(&admin, section, value, note.unwrap_or_default())
        .await?;
    let shown = shown_backend(&control, &admin, &entry).await?;
    Ok((StatusCode::CREATED, Json(shown)))
}

/// `PUT /admin/backends/{id}` replaces all but what is secret and not sent; `PATCH` changes what is sent.
pub async fn replace(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
    method: axum::http::Method,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    let Json(body) = body?;
    let entry = editable(&control, &admin, BackendId(id)).await?;
    // A forerunner's PUT sends some members only.
    let keeps = method == axum::http::Method::PATCH || !body.contains_key("kind");
    let before = keeps.then(|| members(&entry.value));
    let (value, note) = settings_of(body, before);
    let section = RouteSection::Backend;
    let entry = control
        .update_route_entry(&admin, section, entry.id, value, note)
        .await?;
    Ok(Json(shown_backend(&control, &admin, &entry).await?))
}

/// `DELETE /admin/backends/{id}`
pub async fn delete(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
) -> Result<Json<Value>, ApiError> {
    let entry = editable(&control, &admin, BackendId(id)).await?;
    let section = RouteSection::Backend;
    control
        .delete_route_entry(&admin, section, entry.id)
        .await?;
    Ok(Json(json!({"ok": true})))
}

/// `POST /admin/backends/test`: asks the backend that the body describes for its models.
pub async fn test(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    body: Body,
) -> Result<Json<ConnectionTest>, ApiError> {
    let Json(body) = body?;
    let (value, _) = settings_of(body, None);
    Ok(Json(control.test_backend(&admin, None, value).await?))
}

/// `POST /admin/backends/{id}/refresh-models`
pub async fn refresh_models(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
) -> Result<Json<Value>, ApiError> {
    known(&control, &admin, BackendId(id)).await?;
    let models = control.refresh_models(&admin, BackendId(id)).await?;
    Ok(Json(json!({"ok": true, "models": models})))
}

/// `POST /admin/backends/{id}/clear-cooldown`
pub async fn clear_cooldown(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
) -> Result<Json<Value>, ApiError> {
    control.end_rests(&admin, BackendId(id)).await?;
    Ok(Json(json!({"ok": true})))
}

async fn known(
    control: &Control,
    admin: &control::Admin,
    id: BackendId,
) -> Result<BackendView, ApiError> {
    let backends = control.routing(admin).await?.backends;
    let found = backends.into_iter().find(|b| b.id == Some(id));
    Ok(found.ok_or(control::ControlError::NotFound)?)
}

/// The stored entry of a backend; those of the file are not changed here.
async fn editable(
    control: &Control,
    admin: &control::Admin,
    id: BackendId,
) -> Result<RouteEntryRecord, ApiError> {
    let entry = control.entry_of_backend(admin, id).await?;
    match entry {
        Some(entry) => Ok(entry),
        // What is gone is not the file's either.
        None => {
            known(control, admin, id).await?;
            Err(of_file())
        }
    }
}

fn of_file() -> ApiError {
    let message = "it comes from the configuration file or the environment; change it there";
    control::ControlError::Unfitting(message.to_owned()).into()
}

async fn shown_backend(
    control: &Control,
    admin: &control::Admin,
    entry: &RouteEntryRecord,
) -> Result<Value, ApiError> {
    let backends = control.routing(admin).await?.backends;
    let found = backends.iter().find(|b| b.name == entry.name);
    let mut shown = found.map(backend).unwrap_or_default();
    add_settings(&mut shown, Some(entry));
    Ok(shown)
}

fn add_settings(shown: &mut Value, entry: Option<&RouteEntryRecord>) {
    if let (Some(entry), Some(shown)) = (entry, shown.as_object_mut()) {
        shown.insert("settings".to_owned(), Value::Object(members(&entry.value)));
        shown.insert("created_at".to_owned(), json!(iso(entry.created_at)));
        shown.insert("updated_at".to_owned(), json!(iso(entry.updated_at)));
    }
}

fn members(json: &str) -> Map<String, Value> {
    serde_json::from_str(json).unwrap_or_default()
}

/// The body of a request in the words of the configuration file, over what there was `before`.
fn settings_of(
    mut body: Map<String, Value>,
    before: Option<Map<String, Value>>,
) -> (Value, Option<String>) {
    let note = match body.remove("note") {
        Some(Value::String(note)) => Some(note),
        _ => None,
    };
    let is_new = before.is_none();
    if let Some(key) = body.remove("api_key") {
        let keys = match key {
            Value::Null => Vec::new(),
            Value::String(key) if key.is_empty() => Vec::new(),
            key => vec![key],
        };
        body.insert("api_keys".to_owned(), Value::Array(keys));
    }
    if let Some(active) = body.remove("is_active") {
        let active = match active {
            Value::Number(number) => Value::Bool(number.as_i64() != Some(0)),
            other => other,
        };
        body.insert("enabled".to_owned(), active);
    }
    // What a forerunner's clients send and what this router has no setting for.
    body.remove("detail_logging");
    body.remove("settings");
    // Its backends are servers of OpenAI's dialect, whose calls have no prices.
    if is_new && !body.contains_key("kind") {
        body.insert("kind".to_owned(), json!("openai_compatible"));
        body.entry("unpriced").or_insert_with(|| json!("allow"));
    }
    let mut settings = before.unwrap_or_default();
    settings.extend(body);
    // To unset something is to send null.
    settings.retain(|_, value| !value.is_null());
    (Value::Object(settings), note)
}

fn backend(view: &BackendView) -> Value {
    let health = &view.health;
    json!({
        "id": view.id,
        "name": view.name,
        "kind": view.kind,
        "base_url": view.base_url,
        "priority": view.priority,
        "is_active": view.enabled,
        "origin": view.origin,
        "editable": view.origin.is_editable(),
        "api_keys": view.credentials,
        "models": view.models,
        "cached_model_count": view.models.len(),
        "model_cache_state": match (view.enabled, health.state, view.models.is_empty()) {
            (false, ..) => "inactive",
            (_, HealthState::Broken, _) => "error",
            (.., true) => "uninitialized",
            (.., false) => "ready",
        },
        "last_model_sync_at": Value::Null,
        "detail_logging": false,
        "health": health,
        "problem": view.problem,
        "note": view.note,
    })
}

/// `GET /admin/groups`
pub async fn list_groups(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
) -> Result<Json<Vec<GroupView>>, ApiError> {
    Ok(Json(control.routing(&admin).await?.groups))
}

/// `POST /admin/groups`
pub async fn create_group(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    body: Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let entry = create_entry(&control, &admin, RouteSection::Group, body).await?;
    Ok((StatusCode::CREATED, Json(entry)))
}

/// `PUT /admin/groups/{id}`
pub async fn replace_group(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    let replaced = replace_entry(&control, &admin, RouteSection::Group, id, body);
    Ok(Json(replaced.await?))
}

/// `DELETE /admin/groups/{id}`
pub async fn delete_group(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
) -> Result<Json<Value>, ApiError> {
    let section = RouteSection::Group;
    control.delete_route_entry(&admin, section, id).await?;
    Ok(Json(json!({"ok": true})))
}

/// `GET /admin/rewrites`
pub async fn list_rewrites(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
) -> Result<Json<Vec<RewriteView>>, ApiError> {
    Ok(Json(control.routing(&admin).await?.rewrites))
}

/// `POST /admin/rewrites`
pub async fn create_rewrite(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    body: Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let entry = create_entry(&control, &admin, RouteSection::Rewrite, body).await?;
    Ok((StatusCode::CREATED, Json(entry)))
}

/// `PUT /admin/rewrites/{id}`
pub async fn replace_rewrite(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    let replaced = replace_entry(&control, &admin, RouteSection::Rewrite, id, body);
    Ok(Json(replaced.await?))
}

/// `DELETE /admin/rewrites/{id}`
pub async fn delete_rewrite(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(id): Path<i64>,
) -> Result<Json<Value>, ApiError> {
    let section = RouteSection::Rewrite;
    control.delete_route_entry(&admin, section, id).await?;
    Ok(Json(json!({"ok": true})))
}

async fn create_entry(
    control: &Control,
    admin: &control::Admin,
    section: RouteSection,
    body: Body,
) -> Result<Value, ApiError> {
    let Json(mut body) = body?;
    let note = taken_note(&mut body).unwrap_or_default();
    let value = Value::Object(body);
    let created = control.create_route_entry(admin, section, value, note);
    Ok(entry_json(&created.await?))
}

async fn replace_entry(
    control: &Control,
    admin: &control::Admin,
    section: RouteSection,
    id: i64,
    body: Body,
) -> Result<Value, ApiError> {
    let Json(mut body) = body?;
    let note = taken_note(&mut body);
    let value = Value::Object(body);
    let replaced = control.update_route_entry(admin, section, id, value, note);
    Ok(entry_json(&replaced.await?))
}

fn taken_note(body: &mut Map<String, Value>) -> Option<String> {
    match body.remove("note") {
        Some(Value::String(note)) => Some(note),
        _ => None,
    }
}

/// In the words of the file, with its id.
fn entry_json(entry: &RouteEntryRecord) -> Value {
    let mut shown = members(&entry.value);
    shown.insert("id".to_owned(), json!(entry.id));
    shown.insert("note".to_owned(), json!(entry.note));
    Value::Object(shown)
}
