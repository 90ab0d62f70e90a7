//! `LLM_ROUTER_MODELS`, which users of a forerunner have: models of Bedrock by the names that clients
//! use, with their prices, as JSON: `{alias: {bedrock_id, input_price, output_price}}`, prices in USD
//! per million tokens. It comes before the file's models of the same id.

use domain::{NanoUsd, RateLimits, pricing::Rates};

use super::{
    backend::{BackendConfig, BackendDefaults},
    context::Context,
    document::Format,
    model::{ModelConfig, ModelName},
    upstream::Upstream,
};

const VARIABLE: &str = "LLM_ROUTER_MODELS";

/// Any of these says that there are credentials for AWS; its own chain finds more.
const CREDENTIALS: [&str; 6] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/// Where a forerunner's users are, if they do not say otherwise.
const REGION: &str = "eu-west-3";

/// What is offered where only credentials are there: the forerunner's names and models, at the catalogue's
/// prices.
const MODELS: [(&str, &[&str]); 4] = [
    (
        "anthropic.claude-opus-4-6-v1",
        &["claude-opus", "claude-opus-4-6"],
    ),
    ("anthropic.claude-sonnet-4-6", &["claude-sonnet-4-6"]),
    (
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        &["claude-sonnet-4-5-20250929"],
    ),
    (
        "anthropic.claude-haiku-4-5-20251001-v1:0",
        &["claude-haiku-4-5-20251001"],
    ),
];

/// The name of the backend that the variable makes where there is none.
const NAME: &str = "bedrock";

/// The backend that AWS's credentials in the environment make; `None` where there are none, or where
/// [`VARIABLE`] says which models there are.
pub(super) fn automatic(
    context: &Context<'_>,
    defaults: &BackendDefaults,
) -> Option<BackendConfig> {
    #[cfg(test)]
    context
        .vocabulary
        .borrow_mut()
        .variables
        .extend(CREDENTIALS);
    let is_set = |name: &&str| context.environment().get(name).is_some();
    if is_set(&VARIABLE) || !CREDENTIALS.iter().any(is_set) {
        return None;
    }
    let region = defaults.region.clone().unwrap_or_else(|| REGION.to_owned());
    // Models of these generations are called through a profile: that of the region's part of the world, where
    // there is one for all of them.
    let part = match region.split('-').collect::<Vec<_>>()[..] {
        ["us", "gov", ..] => "us-gov",
        ["us", ..] => "us",
        ["eu", ..] => "eu",
        _ => "global",
    };
    let upstream = Upstream::Bedrock {
        region: Some(region),
        endpoint_url: None,
        profile: defaults.profile.clone(),
    };
    let mut backend = BackendConfig::new(NAME.to_owned(), upstream, defaults);
    let models = MODELS.iter().map(|(model, aliases)| ModelConfig {
        model: format!("{part}.{model}"),
        aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        via: None,
        max_output_tokens: None,
        limits: RateLimits::default(),
        price: None,
        price_from_environment: false,
    });
    backend.models = models.collect();
    Some(backend)
}

/// The backends with what the variable says of Bedrock's models: those of the first backend of kind
/// bedrock, or of one that is made for them.
pub(super) fn with_variable(
    context: &Context<'_>,
    mut backends: Vec<BackendConfig>,
    defaults: &BackendDefaults,
) -> Vec<BackendConfig> {
    #[cfg(test)]
    context.vocabulary.borrow_mut().variables.insert(VARIABLE);
    let Some(text) = context.environment().get(VARIABLE) else {
        return backends;
    };
    // JSON is YAML.
    let named = Context::of_variable(VARIABLE, text, Format::Yaml, context.environment());
    let models = read(&named);
    context.absorb(named);
    let is_bedrock =
        |backend: &&mut BackendConfig| matches!(backend.upstream, Upstream::Bedrock { .. });
    match backends.iter_mut().find(is_bedrock) {
        Some(backend) => {
            for model in models {
                match backend.models.iter_mut().find(|m| m.model == model.model) {
                    Some(known) => {
                        known.aliases.extend(model.aliases);
                        known.aliases.sort();
                        known.aliases.dedup();
                        known.price = model.price;
                        known.price_from_environment = true;
                    }
                    None => backend.models.push(model),
                }
            }
        }
        None => {
            let upstream = Upstream::Bedrock {
                region: defaults.region.clone(),
                endpoint_url: None,
                profile: defaults.profile.clone(),
            };
            let mut backend = BackendConfig::new(NAME.to_owned(), upstream, defaults);
            backend.models = models;
            backends.push(backend);
        }
    }
    backends
}

/// Several aliases may stand for one model.
fn read(context: &Context<'_>) -> Vec<ModelConfig> {
    let mut models: Vec<ModelConfig> = Vec::new();
    for (alias, section) in context.root().into_sections() {
        let bedrock_id = section.field("bedrock_id").required();
        let input: Option<NanoUsd> = section.field("input_price").required();
        let output: Option<NanoUsd> = section.field("output_price").required();
        section.deny_unknown_keys();
        let (Some(ModelName(model)), Some(input), Some(output)) = (bedrock_id, input, output)
        else {
            continue;
        };
        if let Some(known) = models.iter_mut().find(|known| known.model == model) {
            known.aliases.push(alias);
            continue;
        }
        let rates = if model.contains("anthropic.claude") {
            claude(input, output)
        } else {
            Rates {
                input,
                cache_read: input,
                cache_write_5m: input,
                cache_write_1h: input,
                output,
            }
        };
        models.push(ModelConfig {
            model,
            aliases: vec![alias],
            via: None,
            max_output_tokens: None,
            limits: RateLimits::default(),
            price: Some(rates.into()),
            price_from_environment: true,
        });
    }
    models
}

/// Anthropic's own ratios, which the variable has no room for: reading from the cache costs a tenth of
/// the input, writing to it 1.25 and 2 times as much ("Prompt caching", Anthropic's documentation).
fn claude(input: NanoUsd, output: NanoUsd) -> Rates {
    Rates {
        input,
        cache_read: NanoUsd(input.0 / 10),
        cache_write_5m: NanoUsd(input.0.saturating_add(input.0 / 4)),
        cache_write_1h: NanoUsd(input.0.saturating_mul(2)),
        output,
    }
}
