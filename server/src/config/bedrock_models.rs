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

/// The name of the backend that the variable makes where there is none.
const NAME: &str = "bedrock";

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
