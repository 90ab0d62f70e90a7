//! Scripts, for admins. What was typed travels as text; long texts come back by notes where a form is
//! refused, since they fit into no URL.

use domain::notes::DiffLine;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{components::post_form::Next, error::AppError};

/// What the form of a script holds, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScriptText {
    pub name: String,
    pub script_type: String,
    /// A user's name.
    pub target_user: String,
    /// A key's number.
    pub target_key: String,
    /// A backend's name.
    pub target_backend: String,
    pub on_error: String,
    pub position: String,
    pub code: String,
    /// What it is tried with, as JSON.
    pub request: String,
    pub response: String,
    pub chunks: String,
}

/// How a script is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScriptState {
    Active,
    Inactive,
    /// It failed again and again: when, and how last.
    Suspended(String, String),
    /// It cannot be read: why.
    Broken(String),
}

/// A script of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptRow {
    pub id: i64,
    pub name: String,
    pub script_type: String,
    /// Whose requests it takes part in; empty: all.
    pub target: String,
    pub on_error: String,
    pub position: i32,
    pub version: u32,
    pub active: bool,
    pub state: ScriptState,
    /// Since it was loaded.
    pub calls: u64,
    pub failures: u64,
    pub last_error: Option<String>,
}

/// A value that scripts get by `secrets.get`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretRow {
    pub name: String,
    pub updated: String,
}

/// All scripts, in the order in which requests pass them, and the names of secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scripts {
    pub rows: Vec<ScriptRow>,
    pub secrets: Vec<SecretRow>,
}

/// A save of a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionRow {
    pub version: u32,
    pub created: String,
    pub author: String,
    /// From the version before.
    pub changes: Vec<DiffLine>,
}

/// One script, or what a new one begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneScript {
    /// `None`: it is a new one.
    pub row: Option<ScriptRow>,
    pub text: ScriptText,
    /// The newest first.
    pub versions: Vec<VersionRow>,
    /// Names of backends.
    pub backends: Vec<String>,
    /// Ready-made scripts: their names and what they do.
    pub examples: Vec<(String, String)>,
    /// Until when requests are recorded; `None`: they are not.
    pub recording: Option<String>,
    /// The newest first.
    pub recorded: Vec<RecordedRow>,
}

/// A request that can be tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedRow {
    pub id: String,
    pub at: String,
    pub model: String,
}

/// All scripts and secrets.
#[server(prefix = "/_fn", endpoint = "admin/scripts/list")]
pub async fn list_scripts() -> Result<Scripts, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    let scripts = control.list_scripts(&admin).await;
    let scripts = scripts.map_err(crate::server::refuse)?;
    let names = super::words::Names::of(&control, &admin).await?;
    let time = crate::server::LocalTime::of(&control);
    let secrets = control.script_secrets(&admin).await;
    let secrets = secrets.map_err(crate::server::refuse)?.into_iter();
    Ok(Scripts {
        rows: super::words::rows(&control, &admin, &names, &scripts).await?,
        secrets: secrets
            .map(|secret| SecretRow {
                updated: time.minute(secret.updated_at),
                name: secret.name,
            })
            .collect(),
    })
}

/// One script with its versions; without an id a new one, from an example where one is named. `recorded`
/// is the request to try it with.
#[server(prefix = "/_fn", endpoint = "admin/scripts/get")]
pub async fn get_script(
    #[server(default)] id: Option<i64>,
    #[server(default)] example: String,
    #[server(default)] recorded: String,
) -> Result<OneScript, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    let names = super::words::Names::of(&control, &admin).await?;
    let Some(id) = id else {
        let one = super::words::new_one(names, &example);
        return super::words::with_recorded(&control, &admin, one, &recorded);
    };
    let id = domain::script::ScriptId(id);
    let script = control.get_script(&admin, id).await;
    let script = script.map_err(crate::server::refuse)?;
    let versions = control.script_versions(&admin, id).await;
    let versions = versions.map_err(crate::server::refuse)?;
    let rows = super::words::rows(&control, &admin, &names, std::slice::from_ref(&script)).await?;
    let time = crate::server::LocalTime::of(&control);
    let text = super::words::text_of(&control, &admin, &names, &script).await?;
    let one = OneScript {
        row: rows.into_iter().next(),
        text,
        versions: super::words::versions(&time, &versions),
        backends: names.backends(),
        examples: Vec::new(),
        recording: None,
        recorded: Vec::new(),
    };
    super::words::with_recorded(&control, &admin, one, &recorded)
}

/// Records what clients send for ten minutes; or stops, and forgets it.
#[server(prefix = "/_fn", endpoint = "admin/scripts/record")]
pub async fn record_requests(on: bool) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let recorded = control.record_requests(&admin, on).await;
    recorded.map_err(crate::server::refuse)?;
    Ok(None)
}

/// Makes or changes a script, or, with `act` being `test`, tries out what was typed.
#[server(prefix = "/_fn", endpoint = "admin/scripts/save")]
pub async fn save_script(
    #[server(default)] entry: Option<i64>,
    #[server(flatten)] text: ScriptText,
    #[server(default)] act: String,
) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let refuse = |error| super::words::refuse(error, &text);
    if act == "test" {
        let trial = super::words::trial(&text).map_err(refuse)?;
        let report = control.try_code(&admin, text.name.trim(), trial).await;
        let notes = super::words::told(&report.map_err(refuse)?, &text);
        let token = crate::server::keep_notes(notes)?;
        return Err(crate::server::refuse_with(crate::error::Cause::Tried {
            token,
        }));
    }
    let input = super::words::input(&control, &admin, &text).await;
    let input = input.map_err(refuse)?;
    match entry {
        Some(id) => {
            let id = domain::script::ScriptId(id);
            let before = control.get_script(&admin, id).await;
            let active = before.map_err(refuse)?.input.active;
            let input = domain::script::ScriptInput { active, ..input };
            control
                .update_script(&admin, id, input)
                .await
                .map_err(refuse)?;
        }
        None => {
            let made = control.create_script(&admin, input).await;
            let id = made.map_err(refuse)?.id;
            leptos_axum::redirect(&format!("{}?open={}&done=script-saved", super::PATH, id.0));
        }
    }
    Ok(None)
}

/// Switches a script on or off.
#[server(prefix = "/_fn", endpoint = "admin/scripts/set-active")]
pub async fn set_script_active(id: i64, active: bool) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let id = domain::script::ScriptId(id);
    let set = control.set_script_active(&admin, id, active).await;
    set.map_err(crate::server::refuse)?;
    Ok(None)
}

/// Puts an older version's code into force again, as a new version.
#[server(prefix = "/_fn", endpoint = "admin/scripts/roll-back")]
pub async fn roll_back_script(id: i64, version: u32) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let id = domain::script::ScriptId(id);
    let rolled = control.roll_back_script(&admin, id, version).await;
    rolled.map_err(crate::server::refuse)?;
    Ok(None)
}

/// Deletes a script, if `confirm` is its name.
#[server(prefix = "/_fn", endpoint = "admin/scripts/delete")]
pub async fn delete_script(id: i64, confirm: String) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let id = domain::script::ScriptId(id);
    let script = control.get_script(&admin, id).await;
    if script.map_err(crate::server::refuse)?.input.name != confirm.trim() {
        let refused = crate::server::refuse_with(crate::error::Cause::NotConfirmed);
        return Err(refused.keep(&[("confirm", &confirm)]));
    }
    let deleted = control.delete_script(&admin, id).await;
    deleted.map_err(crate::server::refuse)?;
    leptos_axum::redirect(&format!("{}?done=script-deleted", super::PATH));
    Ok(None)
}

/// Stores a value that scripts get by `secrets.get(name)`.
#[server(prefix = "/_fn", endpoint = "admin/scripts/set-secret")]
pub async fn set_secret(name: String, value: String) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let set = control.set_script_secret(&admin, &name, value.into()).await;
    set.map_err(|error| crate::server::refuse(error).keep(&[("name", &name)]))?;
    Ok(None)
}

/// Forgets such a value.
#[server(prefix = "/_fn", endpoint = "admin/scripts/delete-secret")]
pub async fn delete_secret(name: String) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let deleted = control.delete_script_secret(&admin, &name).await;
    deleted.map_err(crate::server::refuse)?;
    Ok(None)
}
