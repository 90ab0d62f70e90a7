//! `GET /v1/models` and `/v1/models/{id}`: the names that a caller may ask for, in the shape that its
//! dialect has. Names that nothing can serve or that have no price are not offered.

use std::sync::Arc;

use domain::{Dialect, NanoUsd, Timestamp, routing::OfferedModel};
use serde_json::{Value, json};

use crate::{
    authenticate::Caller,
    headers::{Family, family},
    route::{Deployment, Routes, resolve::deployments},
};

/// A name that can be asked for, and what stands behind it first.
#[derive(Debug)]
pub struct ModelEntry<'a> {
    pub name: &'a str,
    pub deployment: Arc<Deployment>,
}

/// Every name that `caller` may use.
pub fn available<'a>(
    routes: &'a Routes,
    caller: &'a Caller,
) -> impl Iterator<Item = ModelEntry<'a>> {
    routes
        .names()
        .filter(|name| caller.may_use(name))
        .filter_map(|name| {
            Some(ModelEntry {
                name,
                deployment: offered(routes, caller, name)?,
            })
        })
}

/// What stands behind `name` first, of what the caller may reach and can be billed.
fn offered(routes: &Routes, caller: &Caller, name: &str) -> Option<Arc<Deployment>> {
    deployments(routes, name, caller)
        .find(|d| d.usable())
        .map(Arc::clone)
}

/// One name, if `caller` may use it. `backend/model` is found here too, though not listed.
#[must_use]
pub fn find<'a>(routes: &Routes, caller: &Caller, name: &'a str) -> Option<ModelEntry<'a>> {
    if !caller.may_use(name) {
        return None;
    }
    Some(ModelEntry {
        name,
        deployment: offered(routes, caller, name)?,
    })
}

/// Dollars per million tokens, as the forerunners' scripts read them.
fn dollars(price: Option<NanoUsd>) -> Value {
    price.map_or(Value::Null, |p| json!(p.to_usd_f64_for_display()))
}

impl ModelEntry<'_> {
    /// What the dashboards tell of it.
    #[must_use]
    pub fn offer(&self, routes: &Routes, now: Timestamp) -> OfferedModel {
        let deployment = &self.deployment;
        let members = routes
            .group(self.name)
            .map(|group| u32::try_from(group.members.len()).unwrap_or(u32::MAX));
        let dated = deployment.prices.at(now);
        OfferedModel {
            name: self.name.to_owned(),
            backend: deployment.backend.name().to_owned(),
            model: deployment.model.clone(),
            members,
            rates: dated.map(|dated| dated.price.standard.clone()),
            max_output_tokens: deployment.max_output_tokens,
            chats: deployment.serves(Dialect::OpenaiChat, false),
        }
    }

    /// In the dialect of the client; `since` is when this server began to offer it.
    #[must_use]
    pub fn render(&self, dialect: Dialect, since: Timestamp, now: Timestamp) -> Value {
        let rates = self
            .deployment
            .prices
            .at(now)
            .map(|dated| dated.price.standard.rates);
        match family(dialect) {
            Family::Openai | Family::Bedrock => json!({
                "id": self.name,
                "object": "model",
                "created": since.0 / 1000,
                "owned_by": self.deployment.backend.name(),
                "bedrock_id": self.deployment.model,
                "input_price": dollars(rates.map(|r| r.input)),
                "output_price": dollars(rates.map(|r| r.output)),
            }),
            Family::Anthropic => json!({
                "type": "model",
                "id": self.name,
                "display_name": self.name,
                "created_at": jiff::Timestamp::from_second(since.0 / 1000).unwrap_or_default().to_string(),
            }),
        }
    }
}

/// The whole list in the dialect of the client. It is never cut into pages: both APIs allow that.
#[must_use]
pub fn list(
    routes: &Routes,
    caller: &Caller,
    dialect: Dialect,
    since: Timestamp,
    now: Timestamp,
) -> Value {
    let entries: Vec<Value> = available(routes, caller)
        .map(|entry| entry.render(dialect, since, now))
        .collect();
    match family(dialect) {
        Family::Openai | Family::Bedrock => json!({"object": "list", "data": entries}),
        Family::Anthropic => json!({
            "first_id": entries.first().map(|e| &e["id"]),
            "last_id": entries.last().map(|e| &e["id"]),
            "has_more": false,
            "data": entries,
        }),
    }
}
