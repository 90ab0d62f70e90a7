//! What works and yet may not be what was meant. None of it keeps the server from starting.

use super::{BackendConfig, BackendKind, Config, Unpriced};
use crate::settings;

pub(super) fn of(config: &Config) -> Vec<String> {
    let mut warnings: Vec<String> = config.backends.iter().flat_map(of_backend).collect();
    if config.backends.is_empty() && !config.demo.enabled {
        warnings.push(
            "there is no backend: name one under `backends`, or set a provider's key such as OPENAI_API_KEY"
                .to_owned(),
        );
    }
    if !config.auth.enabled && !config.server.host.is_loopback() {
        warnings.push(format!(
            "authentication is off and {} is not a loopback address: everyone who reaches it can use it",
            config.server.host
        ));
    }
    if let Some(oidc) = &config.auth.oidc
        && !oidc.issuer.is_private()
    {
        warnings.push(format!(
            "auth.oidc.issuer: {} is not encrypted: whoever is on the way there can sign in as anybody",
            oidc.issuer.as_str()
        ));
    }
    warnings
}

fn of_backend(backend: &BackendConfig) -> Vec<String> {
    let name = &backend.name;
    let kind = backend.upstream.kind();
    if backend.unpriced == Unpriced::Allow || kind == BackendKind::Demo {
        return Vec::new();
    }
    if backend.models.is_empty() {
        // The catalogue knows the models of OpenAI and Anthropic, and of others the most used.
        return match kind {
            // Its runtime has no list of models.
            BackendKind::Bedrock => vec![format!(
                "backend {name}: kind bedrock serves the models that are listed, and none is"
            )],
            BackendKind::OpenAiCompatible => vec![format!(
                "backend {name}: models without a known price are refused; list them with prices, or set `unpriced: allow`"
            )],
            _ => Vec::new(),
        };
    }
    backend
        .models
        .iter()
        .filter(|model| {
            model.price.is_none() && !settings::is_listed(&backend.upstream, &model.model)
        })
        .map(|model| {
            format!(
                "backend {name}: model {} has no price and is refused; give it one, or set `unpriced: allow`",
                model.model
            )
        })
        .collect()
}
