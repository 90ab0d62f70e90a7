//! The models that a backend lists, with their prices.

use std::num::NonZeroU32;

use domain::{NanoUsd, pricing::Price};

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
    /// `price` in USD per million tokens. `None`: the built-in list price, or else not known, which is
    /// not the same as free.
    pub price: Option<Price>,
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
            price: read_price(section),
        };
        if model.via.is_some() && kind.is_some_and(|kind| kind != BackendKind::Bedrock) {
            section.report("via", "belongs to kind bedrock only; remove it");
        }
        section.deny_unknown_keys();
        model
    }
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
    let (input, output) = (price.field("input"), price.field("output"));
    let cache_read = price.field("cache_read").optional();
    let cache_write_5m = price.field("cache_write_5m").optional();
    let cache_write_1h = price.field("cache_write_1h").optional();
    price.deny_unknown_keys();
    if !given {
        return None;
    }
    let (input, output): (Option<NanoUsd>, Option<NanoUsd>) = (input.required(), output.required());
    let (input, output) = (input?, output?);
    Some(Price {
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
