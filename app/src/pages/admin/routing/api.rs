//! Groups, rewrites and explanations, for admins.

use domain::{
    configured::{GroupView, RewriteView},
    routing::RouteExplanation,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{components::post_form::Next, error::AppError};

/// Groups and rewrites.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routing {
    pub groups: Vec<GroupView>,
    pub rewrites: Vec<RewriteView>,
}

/// A group with what can be its member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneGroup {
    /// `None`: it is a new one.
    pub group: Option<GroupView>,
    /// `backend/model`.
    pub targets: Vec<String>,
}

/// What a form for a group holds, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupForm {
    pub name: String,
    pub strategy: String,
    #[serde(default)]
    pub members: Vec<MemberForm>,
    #[serde(default)]
    pub continue_streams: String,
    #[serde(default)]
    pub hedge_share: String,
    #[serde(default)]
    pub hedge_after: String,
    #[serde(default)]
    pub note: String,
}

/// A member of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberForm {
    /// `backend/model`; empty: none.
    #[serde(default)]
    pub target: String,
    #[serde(default)]
    pub weight: String,
    #[serde(default)]
    pub priority: String,
    /// Conditions in the words of the file.
    #[serde(default)]
    pub when: String,
}

/// What a member's input is kept by when its form is refused.
pub(super) fn kept_as(number: usize, field: &str) -> String {
    format!("{field}-{number}")
}

/// A request that nobody has made, as its form says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supposed {
    pub model: String,
    pub key_id: String,
    pub dialect: String,
    pub input_tokens: String,
    pub stream: bool,
    pub tools: bool,
    pub images: bool,
}

/// How many members are offered; a list for typing is no catalogue.
#[cfg(feature = "ssr")]
const MAX_TARGETS: usize = 2_000;

/// Groups and rewrites.
#[server(prefix = "/_fn", endpoint = "admin/routing/list")]
pub async fn list_routing() -> Result<Routing, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    let routing = control
        .routing(&admin)
        .await
        .map_err(crate::server::refuse)?;
    Ok(Routing {
        groups: routing.groups,
        rewrites: routing.rewrites,
    })
}

/// One group, or what a new one may have as members.
#[server(prefix = "/_fn", endpoint = "admin/routing/group")]
pub async fn get_group(id: Option<i64>) -> Result<OneGroup, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    let routing = control
        .routing(&admin)
        .await
        .map_err(crate::server::refuse)?;
    let group = match id {
        None => None,
        Some(id) => {
            let found = routing.groups.into_iter().find(|g| g.id == Some(id));
            let missing = || crate::server::refuse_with(crate::error::Cause::NotFound);
            Some(found.ok_or_else(missing)?)
        }
    };
    let targets = routing.backends.iter().flat_map(|backend| {
        let models = backend.models.iter();
        models.map(|model| format!("{}/{model}", backend.name))
    });
    Ok(OneGroup {
        group,
        targets: targets.take(MAX_TARGETS).collect(),
    })
}

/// Makes or changes a group.
#[server(prefix = "/_fn", endpoint = "admin/routing/save-group")]
pub async fn save_group(
    #[server(default)] entry: Option<i64>,
    form: GroupForm,
) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let members = form
        .members
        .iter()
        .enumerate()
        .flat_map(|(number, member)| {
            let inputs = [
                ("target", member.target.as_str()),
                ("weight", &member.weight),
                ("priority", &member.priority),
                ("when", &member.when),
            ];
            inputs.map(|(field, value)| (kept_as(number, field), value))
        });
    let members: Vec<(String, &str)> = members.collect();
    let mut typed = vec![
        ("name", form.name.as_str()),
        ("strategy", &form.strategy),
        ("hedge_share", &form.hedge_share),
        ("hedge_after", &form.hedge_after),
        ("note", &form.note),
    ];
    typed.extend(members.iter().map(|(name, value)| (name.as_str(), *value)));
    let refuse = |error| crate::server::refuse(error).keep(&typed);
    let value = super::words::group_value(&form, |text| control.parse_settings(&admin, text));
    let value = value.map_err(refuse)?;
    let section = control::RouteSection::Group;
    let note = form.note.trim().to_owned();
    let saved = control
        .save_route_entry(&admin, section, entry, value, note)
        .await;
    saved.map_err(refuse)?;
    if entry.is_none() {
        leptos_axum::redirect("/admin-ui/routing?done=group-saved");
    }
    Ok(None)
}

/// Deletes a group.
#[server(prefix = "/_fn", endpoint = "admin/routing/delete-group")]
pub async fn delete_group(entry: i64) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let section = control::RouteSection::Group;
    let deleted = control.delete_route_entry(&admin, section, entry).await;
    deleted.map_err(crate::server::refuse)?;
    leptos_axum::redirect("/admin-ui/routing?done=group-deleted");
    Ok(None)
}

/// Makes a rewrite.
#[server(prefix = "/_fn", endpoint = "admin/routing/create-rewrite")]
pub async fn create_rewrite(
    source: String,
    target: String,
    #[server(default)] force: String,
    #[server(default)] note: String,
) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let typed = [
        ("source", source.as_str()),
        ("target", &target),
        ("note", &note),
    ];
    let value = leptos::serde_json::json!({
        "source": source.trim(),
        "target": target.trim(),
        "force": !force.is_empty(),
    });
    let section = control::RouteSection::Rewrite;
    let note = note.trim().to_owned();
    let created = control.create_route_entry(&admin, section, value, note);
    created
        .await
        .map_err(|error| crate::server::refuse(error).keep(&typed))?;
    leptos_axum::redirect("/admin-ui/routing?done=rewrite-saved");
    Ok(None)
}

/// Deletes a rewrite.
#[server(prefix = "/_fn", endpoint = "admin/routing/delete-rewrite")]
pub async fn delete_rewrite(entry: i64) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let section = control::RouteSection::Rewrite;
    let deleted = control.delete_route_entry(&admin, section, entry).await;
    deleted.map_err(crate::server::refuse)?;
    leptos_axum::redirect("/admin-ui/routing?done=rewrite-deleted");
    Ok(None)
}

/// What would become of a request; `None`: no model was named.
#[server(prefix = "/_fn", endpoint = "admin/routing/explain")]
pub async fn explain(supposed: Supposed) -> Result<Option<RouteExplanation>, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    if supposed.model.trim().is_empty() {
        return Ok(None);
    }
    let input = control::ExplainInput {
        model: supposed.model.trim().to_owned(),
        key_id: supposed.key_id.trim().parse().ok().map(domain::KeyId),
        dialect: supposed.dialect,
        stream: supposed.stream,
        images: supposed.images,
        tools: supposed.tools,
        input_tokens: supposed.input_tokens.trim().parse().unwrap_or(1_000),
        max_output_tokens: None,
    };
    let explained = control.explain_route(&admin, &input);
    explained.map(Some).map_err(crate::server::refuse)
}
