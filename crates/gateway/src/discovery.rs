//! Asks backends for their own list of models, which every provider gives away for free. A backend
//! whose models the configuration names is never asked.

use secrecy::ExposeSecret as _;
use serde::Deserialize;

use crate::{
    headers::{ANTHROPIC_VERSION, X_API_KEY},
    settings::{BackendKind, BackendSettings},
};

/// Models that are taken over from one backend; the largest catalogues have some hundreds.
const MAX_MODELS: usize = 5_000;

/// Why a backend's list could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    #[error("it cannot be asked: {0}")]
    Request(#[from] reqwest::Error),
    #[error("it answered {0}")]
    Status(reqwest::StatusCode),
}

#[derive(Deserialize)]
struct List {
    data: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
}

/// The names of the models that the backend says it serves.
///
/// # Errors
/// See [`DiscoveryError`].
pub async fn models_of(
    client: &reqwest::Client,
    backend: &BackendSettings,
) -> Result<Vec<String>, DiscoveryError> {
    let base = backend.base_url.trim_end_matches('/');
    let key = backend.api_keys.first().map(|key| key.expose_secret());
    let request = match backend.kind {
        // Bedrock's runtime has no list of models.
        BackendKind::Demo | BackendKind::Bedrock => return Ok(Vec::new()),
        BackendKind::Openai | BackendKind::OpenaiCompatible => {
            let request = client.get(format!("{base}/models"));
            match key {
                Some(key) => request.bearer_auth(key),
                None => request,
            }
        }
        BackendKind::Anthropic => {
            let base = base.trim_end_matches("/v1");
            let request = client
                .get(format!("{base}/v1/models?limit=1000"))
                .header(ANTHROPIC_VERSION, "2023-06-01");
            match key {
                Some(key) => request.header(X_API_KEY, key),
                None => request,
            }
        }
    };
    let response = request.headers(backend.headers.clone()).send().await?;
    if !response.status().is_success() {
        return Err(DiscoveryError::Status(response.status()));
    }
    let list: List = response.json().await?;
    Ok(list
        .data
        .into_iter()
        .take(MAX_MODELS)
        .map(|entry| entry.id)
        .filter(|id| !id.is_empty())
        .collect())
}
