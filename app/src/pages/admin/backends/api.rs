//! Backends, for admins. What was typed travels as text, is put into the words of the configuration file
//! here, and is checked as the file would be.

use domain::configured::{BackendView, ConnectionTest};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{components::post_form::Next, error::AppError};

/// What a form for a backend holds, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendForm {
    pub kind: String,
    pub name: String,
    #[serde(default)]
    pub base_url: String,
    /// One on each line; nothing: they stay what they are.
    #[serde(default)]
    pub api_keys: String,
    #[serde(default)]
    pub region: String,
    #[serde(default)]
    pub profile: String,
    pub priority: String,
    /// `model = alias, alias` on each line.
    #[serde(default)]
    pub models: String,
    #[serde(default)]
    pub unpriced: String,
    #[serde(default)]
    pub max_concurrent: String,
    #[serde(default)]
    pub rate_requests: String,
    #[serde(default)]
    pub rate_window: String,
    #[serde(default)]
    pub timeout: String,
    #[serde(default)]
    pub max_retries: String,
    /// Everything else, in the words of the file.
    #[serde(default)]
    pub more: String,
    #[serde(default)]
    pub note: String,
    /// Ticked boxes send something.
    #[serde(default)]
    pub enabled: String,
    #[serde(default)]
    pub any_model: String,
}

impl BackendForm {
    /// What is typed and no secret, to fill the form again.
    #[must_use]
    pub fn typed(&self) -> Vec<(&'static str, &str)> {
        vec![
            ("name", &self.name),
            ("base_url", &self.base_url),
            ("region", &self.region),
            ("profile", &self.profile),
            ("priority", &self.priority),
            ("models", &self.models),
            ("unpriced", &self.unpriced),
            ("max_concurrent", &self.max_concurrent),
            ("rate_requests", &self.rate_requests),
            ("rate_window", &self.rate_window),
            ("timeout", &self.timeout),
            ("max_retries", &self.max_retries),
            ("more", &self.more),
            ("note", &self.note),
        ]
    }
}

/// A backend with what its form begins with; `None`: it is not changed here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneBackend {
    pub backend: BackendView,
    pub entry: Option<i64>,
    pub form: Option<BackendForm>,
}

/// All backends, the preferred ones first.
#[server(prefix = "/_fn", endpoint = "admin/backends/list")]
pub async fn list_backends() -> Result<Vec<BackendView>, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    let routing = control.routing(&admin).await;
    let mut backends = routing.map_err(crate::server::refuse)?.backends;
    backends.sort_by_key(|backend| backend.priority);
    Ok(backends)
}

/// One backend.
#[server(prefix = "/_fn", endpoint = "admin/backends/get")]
pub async fn get_backend(id: i64) -> Result<OneBackend, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    let routing = control.routing(&admin).await;
    let backends = routing.map_err(crate::server::refuse)?.backends;
    let id = domain::BackendId(id);
    let backend = backends.into_iter().find(|b| b.id == Some(id));
    let backend =
        backend.ok_or_else(|| crate::server::refuse_with(crate::error::Cause::NotFound))?;
    let entry = match backend.origin.is_editable() {
        true => control.entry_of_backend(&admin, id).await,
        false => Ok(None),
    };
    let entry = entry.map_err(crate::server::refuse)?;
    Ok(OneBackend {
        backend,
        entry: entry.as_ref().map(|entry| entry.id),
        form: entry.map(|entry| super::words::form_of(&entry.value, entry.note)),
    })
}

/// Makes or changes a backend, or, with `act` being `test`, only tries it out.
#[server(prefix = "/_fn", endpoint = "admin/backends/save")]
pub async fn save_backend(
    #[server(default)] entry: Option<i64>,
    form: BackendForm,
    act: String,
) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let typed = form.typed();
    let refuse = |error| crate::server::refuse(error).keep(&typed);
    let more = match form.more.trim() {
        "" => leptos::serde_json::Value::Null,
        more => control.parse_settings(&admin, more).map_err(refuse)?,
    };
    let value = super::words::value_of(&form, more);
    if act == "test" {
        let tested = control.test_backend(&admin, entry, value).await;
        let notes = super::words::told(&tested.map_err(refuse)?);
        let token = crate::server::keep_notes(notes)?;
        let tried = crate::error::Cause::Tried { token };
        return Err(crate::server::refuse_with(tried).keep(&typed));
    }
    let section = control::RouteSection::Backend;
    let note = form.note.trim().to_owned();
    let saved = control
        .save_route_entry(&admin, section, entry, value, note)
        .await;
    let saved = saved.map_err(refuse)?;
    if entry.is_none() {
        // It has its id by now.
        let routing = control.routing(&admin).await;
        let backends = routing.map_err(crate::server::refuse)?.backends;
        let id = backends
            .iter()
            .find(|b| b.name == saved.name)
            .and_then(|b| b.id);
        let open = id.map_or_else(String::new, |id| format!("&open={}", id.0));
        leptos_axum::redirect(&format!("/admin-ui/backends?done=backend-created{open}"));
    }
    Ok(None)
}

/// Switches a backend on or off.
#[server(prefix = "/_fn", endpoint = "admin/backends/enable")]
pub async fn enable_backend(entry: i64, enabled: bool) -> Result<Next, AppError> {
    super::words::edit(entry, |settings| {
        settings.insert("enabled".to_owned(), enabled.into());
    })
    .await?;
    Ok(None)
}

/// Moves a backend before (`up`) or behind its neighbour in the order in which they are tried.
#[server(prefix = "/_fn", endpoint = "admin/backends/move")]
pub async fn move_backend(entry: i64, up: bool) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let section = control::RouteSection::Backend;
    let stored = control.route_entry(&admin, section, entry).await;
    let name = stored.map_err(crate::server::refuse)?.name;
    let routing = control.routing(&admin).await;
    let mut backends = routing.map_err(crate::server::refuse)?.backends;
    backends.sort_by_key(|backend| backend.priority);
    if let Some(priority) = super::words::moved(&backends, &name, up) {
        super::words::edit(entry, |settings| {
            settings.insert("priority".to_owned(), priority.into());
        })
        .await?;
    }
    Ok(None)
}

/// Deletes a backend, if `confirm` is its name.
#[server(prefix = "/_fn", endpoint = "admin/backends/delete")]
pub async fn delete_backend(entry: i64, confirm: String) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let section = control::RouteSection::Backend;
    let stored = control.route_entry(&admin, section, entry).await;
    let name = stored.map_err(crate::server::refuse)?.name;
    if confirm.trim() != name {
        let refused = crate::server::refuse_with(crate::error::Cause::NotConfirmed);
        return Err(refused.keep(&[("confirm", &confirm)]));
    }
    let deleted = control.delete_route_entry(&admin, section, entry).await;
    deleted.map_err(crate::server::refuse)?;
    leptos_axum::redirect("/admin-ui/backends?done=backend-deleted");
    Ok(None)
}

/// Ends a backend's rests.
#[server(prefix = "/_fn", endpoint = "admin/backends/clear-cooldown")]
pub async fn clear_cooldown(id: i64) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let ended = control.end_rests(&admin, domain::BackendId(id)).await;
    ended.map_err(crate::server::refuse)?;
    Ok(None)
}

/// Asks a backend for its models and offers them.
#[server(prefix = "/_fn", endpoint = "admin/backends/refresh-models")]
pub async fn refresh_models(id: i64) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let refreshed = control.refresh_models(&admin, domain::BackendId(id)).await;
    refreshed.map_err(crate::server::refuse)?;
    Ok(None)
}

/// As [`ConnectionTest`] is told by notes.
#[must_use]
pub fn summary(test: &ConnectionTest) -> String {
    format!("{} ({} ms)", test.message, test.elapsed_ms)
}
