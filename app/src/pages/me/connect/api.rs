//! What to paste into clients, for one of one's keys and a model.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{components::snippets::Snippet, error::AppError};

/// What can be chosen, what is, and the texts for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectPage {
    /// One's own keys that work: id and what they are called.
    pub keys: Vec<(i64, String)>,
    pub key: Option<i64>,
    pub models: Vec<String>,
    pub model: String,
    pub base_url: String,
    /// Stands in the texts where the key belongs.
    pub placeholder: String,
    pub snippets: Vec<Snippet>,
}

/// The texts. A key that is not one's own counts as none.
#[server(prefix = "/_fn", endpoint = "me/connect")]
pub async fn connect(key: Option<i64>, model: String) -> Result<ConnectPage, AppError> {
    use crate::server::snippets::{Connection, PLACEHOLDER, all};

    let control = crate::server::control()?;
    let principal = crate::server::signed_in().await?;
    let query = domain::account::KeyQuery {
        filter: domain::account::KeyFilter::Active,
        per_page: domain::page::MAX_PER_PAGE,
        ..Default::default()
    };
    let mine = control.list_my_keys(&principal, &query).await;
    let mine = mine.map_err(crate::server::refuse)?.rows;
    let chosen = mine.iter().find(|one| Some(one.key.id.0) == key);
    let allowed = chosen.map(|one| one.key.access.models.clone());
    let allowed = allowed.unwrap_or_default();
    let offers = crate::server::models_of(&principal)?;
    let models: Vec<String> = offers
        .into_iter()
        .filter(|offer| offer.chats)
        .map(|offer| offer.name)
        .filter(|name| allowed.is_empty() || allowed.contains(name))
        .collect();
    let usual = crate::server::info().openai_model;
    let model = [Some(model), usual]
        .into_iter()
        .flatten()
        .find(|name| models.contains(name))
        .or_else(|| models.first().cloned())
        .unwrap_or_default();
    let base_url = crate::server::base_url();
    let snippets = all(Connection {
        base_url: &base_url,
        key: PLACEHOLDER,
        model: &model,
    });
    Ok(ConnectPage {
        key: chosen.map(|one| one.key.id.0),
        keys: mine
            .iter()
            .map(|one| {
                let key = &one.key;
                let name = format!("{} ({}…{})", key.label, key.prefix, key.last4);
                (key.id.0, name)
            })
            .collect(),
        models,
        model,
        base_url,
        placeholder: PLACEHOLDER.to_owned(),
        snippets,
    })
}
