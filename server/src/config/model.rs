//! The models that a backend lists, with their prices.

use std::num::NonZeroU32;

use domain::{
    NanoUsd, RateLimits, ServiceTier,
    pricing::{ContextTier, Price, Rates, ServicePrice, TierRates},
};

use super::{
    from_text::{Choice, FromText},
    reader::Section,
    upstream::BackendKind,
};

/// One model that a backend serves.
#[derive(Clone, Debug)]
pub struct ModelConfig {
    /// `model`: what the backend calls it.
    pub model: String,
    /// `aliases`: what else clients may call it.
    pub aliases: Vec<String>,
    /// `via`, for kind bedrock. Default: what suits the model.
    pub via: Option<Via>,
    /// `max_output_tokens`: the model's own cap. Default: not known.
    pub max_output_tokens: Option<NonZeroU32>,
    /// `requests_per_minute`, `tokens_per_minute`, `max_concurrent`: of this model on this backend.
    /// Default none.
    pub limits: RateLimits,
    /// `price` in USD per million tokens. `None`: the built-in list price, or else not known, which is
    /// not the same as free.
    pub price: Option<Price>,
    /// `LLM_ROUTER_MODELS` has said it, and not the file.
    pub price_from_environment: bool,
}

/// Which of Bedrock's two APIs serves a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// The model's native body.
    Invoke,
    /// Bedrock's common dialect.
    Converse,
}

impl Choice for Via {
    const NOUN: &'static str = "way";
    const EXPECTED: &'static str = "invoke or converse";
    const NAMES: &'static [(&'static str, Self)] =
        &[("invoke", Self::Invoke), ("converse", Self::Converse)];
}

impl ModelConfig {
    /// One entry of `models`. `kind` is the backend's, where that is known.
    pub(super) fn read(section: &Section<'_>, kind: Option<BackendKind>) -> Self {
        let model = Self {
            model: read_name(section, "model"),
            aliases: section
                .field("aliases")
                .list()
                .into_iter()
                .map(|ModelName(name)| name)
                .collect(),
            via: section.field("via").optional(),
            max_output_tokens: section.field("max_output_tokens").optional(),
            limits: RateLimits {
                requests_per_minute: limit(section, "requests_per_minute"),
                tokens_per_minute: u64::from(limit(section, "tokens_per_minute")),
                parallel: limit(section, "max_concurrent"),
            },
            price: read_price(section),
            price_from_environment: false,
        };
        if model.via.is_some() && kind.is_some_and(|kind| kind != BackendKind::Bedrock) {
            section.report("via", "belongs to kind bedrock only; remove it");
        }
        section.deny_unknown_keys();
        model
    }
}

/// A limit; 0 where there is none.
pub(super) fn limit(section: &Section<'_>, key: &'static str) -> u32 {
    section.field(key).optional().map_or(0, NonZeroU32::get)
}

/// A required name of a model or group; empty when it is wrong, which has then been reported.
pub(super) fn read_name(section: &Section<'_>, key: &'static str) -> String {
    section
        .field(key)
        .required()
        .map_or_else(String::new, |ModelName(name)| name)
}

/// Input and output are never guessed; what a provider does not list costs as much as input.
fn read_price(section: &Section<'_>) -> Option<Price> {
    let field = section.field("price");
    let given = field.is_given();
    let price = field.section();
    let standard = read_tier(&price, given);
    let mut service: Vec<ServicePrice> = Vec::new();
    for section in price.field("service_tiers").sections() {
        let tier = section.field("tier").required();
        let rates = read_tier(&section, true);
        section.deny_unknown_keys();
        let (Some(TierName(tier)), Some(rates)) = (tier, rates) else {
            continue;
        };
        if service.iter().any(|other| other.tier == tier) {
            section.report("tier", "has a price already");
            continue;
        }
        service.push(ServicePrice { tier, rates });
    }
    let fee = |key| price.field(key).optional().unwrap_or_default();
    let (image, audio_minute, search_thousand) =
        (fee("image"), fee("audio_minute"), fee("search_thousand"));
    price.deny_unknown_keys();
    Some(Price {
        standard: standard?,
        service,
        image,
        audio_minute,
        search_thousand,
    })
}

/// A service tier that can have a price of its own.
#[derive(Clone, Copy)]
struct TierName(ServiceTier);

impl Choice for TierName {
    const NOUN: &'static str = "tier";
    const EXPECTED: &'static str = "batch, flex or priority";
    const NAMES: &'static [(&'static str, Self)] = &[
        ("batch", Self(ServiceTier::Batch)),
        ("flex", Self(ServiceTier::Flex)),
        ("priority", Self(ServiceTier::Priority)),
    ];
}

/// Rates and what they are for long inputs; `given`: whether there is anything to read.
fn read_tier(section: &Section<'_>, given: bool) -> Option<TierRates> {
    let rates = read_rates(section, given);
    let mut long_context: Vec<ContextTier> = Vec::new();
    for tier in section.field("long_context").sections() {
        let above: Option<NonZeroU32> = tier.field("above").required();
        let rates = read_rates(&tier, true);
        tier.deny_unknown_keys();
        if let (Some(above), Some(rates)) = (above, rates) {
            long_context.push(ContextTier {
                above: u64::from(above.get()),
                rates,
            });
        }
    }
    long_context.sort_by_key(|tier| tier.above);
    Some(TierRates {
        rates: rates?,
        long_context,
    })
}

fn read_rates(section: &Section<'_>, given: bool) -> Option<Rates> {
    let input = section.field("input");
    let output = section.field("output");
    let [cache_read, cache_write_5m, cache_write_1h] =
        ["cache_read", "cache_write_5m", "cache_write_1h"].map(|key| section.field(key).optional());
    if !given {
        return None;
    }
    let (input, output): (Option<NanoUsd>, Option<NanoUsd>) = (input.required(), output.required());
    let (input, output) = (input?, output?);
    Some(Rates {
        input,
        cache_read: cache_read.unwrap_or(input),
        cache_write_5m: cache_write_5m.unwrap_or(input),
        cache_write_1h: cache_write_1h.unwrap_or(input),
        output,
    })
}

/// What a client may write as `model`: `|` separates alternatives there.
pub(super) struct ModelName(pub String);

impl FromText for ModelName {
    const EXPECTED: &'static str = "a model's name, without `|` and without spaces around it";

    fn from_text(text: &str) -> Result<Self, String> {
        let wrong = |c: char| c == '|' || c.is_control();
        if text.is_empty() || text.trim() != text || text.contains(wrong) {
            return Err(format!("expected {}, found {text:?}", Self::EXPECTED));
        }
        Ok(Self(text.to_owned()))
    }
}
