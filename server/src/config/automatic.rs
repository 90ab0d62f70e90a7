//! Backends from the environment alone, for a configuration that names none: one for each provider
//! whose key is there, or those of `ROUTER_SERVICES`, a JSON list that a forerunner's users have.

use std::{num::NonZeroU32, time::Duration};

use secrecy::SecretString;

use super::{
    backend::{BackendConfig, BackendDefaults, BackendName, RateLimit, Unpriced},
    bedrock_models,
    context::Context,
    document::Format,
    reader::Section,
    references::unique_backends,
    suggest::nearest,
    upstream::{ANTHROPIC, BackendKind, OPENAI, Upstream},
    url::BaseUrl,
};

/// The variable with a whole list of backends.
const SERVICES: &str = "ROUTER_SERVICES";

/// A provider that one variable is enough for.
struct Provider {
    name: &'static str,
    /// The variable with its key, or with its address where it asks for none.
    variable: &'static str,
    kind: BackendKind,
    /// From the provider's own documentation. `None`: the variable says it.
    base_url: Option<&'static str>,
}

const fn compatible(
    name: &'static str,
    variable: &'static str,
    base_url: &'static str,
) -> Provider {
    Provider {
        name,
        variable,
        kind: BackendKind::OpenAiCompatible,
        base_url: Some(base_url),
    }
}

const PROVIDERS: [Provider; 11] = [
    Provider {
        name: "openai",
        variable: "OPENAI_API_KEY",
        kind: BackendKind::OpenAi,
        base_url: Some(OPENAI),
    },
    Provider {
        name: "anthropic",
        variable: "ANTHROPIC_API_KEY",
        kind: BackendKind::Anthropic,
        base_url: Some(ANTHROPIC),
    },
    compatible("cerebras", "CEREBRAS_API_KEY", "https://api.cerebras.ai/v1"),
    compatible(
        "deepinfra",
        "DEEPINFRA_TOKEN",
        "https://api.deepinfra.com/v1/openai",
    ),
    Provider {
        name: "ollama",
        variable: "OLLAMA_BASE_URL",
        kind: BackendKind::OpenAiCompatible,
        base_url: None,
    },
    compatible(
        "openrouter",
        "OPENROUTER_API_KEY",
        "https://openrouter.ai/api/v1",
    ),
    compatible("groq", "GROQ_API_KEY", "https://api.groq.com/openai/v1"),
    compatible("mistral", "MISTRAL_API_KEY", "https://api.mistral.ai/v1"),
    compatible(
        "deepseek",
        "DEEPSEEK_API_KEY",
        "https://api.deepseek.com/v1",
    ),
    compatible(
        "together",
        "TOGETHER_API_KEY",
        "https://api.together.xyz/v1",
    ),
    compatible(
        "gemini",
        "GEMINI_API_KEY",
        "https://generativelanguage.googleapis.com/v1beta/openai",
    ),
];

/// The backends that the environment describes. To be asked only when the file has none.
pub(super) fn backends(context: &Context<'_>, defaults: &BackendDefaults) -> Vec<BackendConfig> {
    if let Some(text) = services(context) {
        let services = Context::of_variable(SERVICES, text, Format::Yaml, context.environment());
        let backends = read_services(&services, defaults);
        context.absorb(services);
        return backends;
    }
    PROVIDERS
        .iter()
        .filter_map(|provider| provider.backend(context, defaults))
        .chain(bedrock_models::automatic(context, defaults))
        .collect()
}

/// Says so when a file makes `ROUTER_SERVICES` meaningless: other keys may be there for other
/// programs, but this one can only have been meant for us.
pub(super) fn warn_if_ignored(context: &Context<'_>) {
    if services(context).is_some() {
        context.warn(format!(
            "{SERVICES} is ignored, because {} has backends",
            context.name()
        ));
    }
}

fn services<'a>(context: &Context<'a>) -> Option<&'a str> {
    #[cfg(test)]
    context.vocabulary.borrow_mut().variables.insert(SERVICES);
    context.environment().get(SERVICES)
}

impl Provider {
    fn backend(&self, context: &Context<'_>, defaults: &BackendDefaults) -> Option<BackendConfig> {
        let Some(base_url) = self.base_url else {
            let base_url = context.variable(self.variable)?;
            return Some(self.with(base_url, defaults));
        };
        let key: SecretString = context.variable(self.variable)?;
        let mut backend = self.with(BaseUrl::built_in(base_url), defaults);
        backend.api_keys.push(key);
        Some(backend)
    }

    fn with(&self, base_url: BaseUrl, defaults: &BackendDefaults) -> BackendConfig {
        let upstream = match self.kind {
            BackendKind::OpenAi => Upstream::OpenAi { base_url },
            BackendKind::Anthropic => Upstream::Anthropic { base_url },
            _ => Upstream::OpenAiCompatible { base_url },
        };
        let mut backend = BackendConfig::new(self.name.to_owned(), upstream, defaults);
        if self.base_url.is_none() {
            // It runs on the operator's own machine: there is nothing to pay.
            backend.unpriced = Unpriced::Allow;
        }
        backend
    }
}

fn read_services(context: &Context<'_>, defaults: &BackendDefaults) -> Vec<BackendConfig> {
    let list = context.root_list();
    let backends: Vec<BackendConfig> = list
        .iter()
        .map(|service| read_service(service, defaults))
        .collect();
    unique_backends(context, "", &backends);
    backends
}

fn read_service(section: &Section<'_>, defaults: &BackendDefaults) -> BackendConfig {
    let name = section
        .field("name")
        .required()
        .map_or_else(String::new, |BackendName(name)| name);
    let kind: String = section
        .field("backend_type")
        .or("openai_compatible".to_owned());
    let given = section.field("base_url").optional();
    let provider = PROVIDERS.iter().find(|provider| provider.name == kind);
    let base_url = given.or_else(|| provider.and_then(|p| p.base_url).map(BaseUrl::built_in));
    if base_url.is_none() && !section.has("base_url") {
        let names = PROVIDERS.iter().map(|provider| provider.name);
        let near = nearest(&kind, names).filter(|near| *near != kind);
        let near = near.map_or_else(String::new, |near| {
            format!("; did you mean the backend_type {near:?}?")
        });
        section.report(
            "base_url",
            format!("missing; backend_type {kind:?} has no address of its own{near}"),
        );
    }
    let base_url = base_url.unwrap_or_else(|| BaseUrl::built_in(OPENAI));
    let upstream = match provider.map(|provider| provider.kind) {
        Some(BackendKind::OpenAi) => Upstream::OpenAi { base_url },
        Some(BackendKind::Anthropic) => Upstream::Anthropic { base_url },
        _ => Upstream::OpenAiCompatible { base_url },
    };
    let mut backend = BackendConfig::new(name, upstream, defaults);
    // The list has no place for prices, and its router served whatever was asked.
    backend.unpriced = Unpriced::Allow;
    backend.priority = section.field("priority").or(backend.priority);
    backend.api_keys = section.field("api_key").optional().into_iter().collect();
    let window = section
        .field("rate_limit_window")
        .or(Duration::from_mins(1));
    // None or 0 means off in that list, unlike in our own file.
    let requests = NonZeroU32::new(section.field("rate_limit_requests").or(0));
    backend.rate_limit = requests.map(|requests| RateLimit { requests, window });
    if provider.is_some_and(|provider| provider.base_url.is_none()) {
        backend.unpriced = Unpriced::Allow;
    }
    section.deny_unknown_keys();
    backend
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::from_text::FromText;

    #[test]
    fn every_built_in_address_is_one_that_a_file_could_name() {
        for base_url in PROVIDERS.iter().filter_map(|provider| provider.base_url) {
            let parsed = BaseUrl::from_text(base_url).expect("a base URL");
            assert_eq!(parsed.as_str(), base_url);
        }
    }
}
