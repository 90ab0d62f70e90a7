//! The built-in price catalogue: list prices of widely used models, with the date from which each
//! holds, for backends whose configuration names none. The table is `prices.csv`, which says for each
//! row where it comes from. A configured price comes before these, and so does an admin's; a model that
//! is in none of them is unpriced and so refused, unless its backend allows that.

use std::{collections::HashMap, sync::OnceLock};

use domain::{
    NanoUsd, ServiceTier, Timestamp,
    pricing::{ContextTier, Price, Rates, ServicePrice, TierRates},
};
use gateway::{layout::ModelFacts, settings::BackendKind};
use serde::Deserialize;
use storage::{ConfiguredPrice, PriceSource};

const TABLE: &str = include_str!("../prices.csv");

/// One row of the table: what a model costs from a day on, in one service tier and from one length of
/// the input on. Amounts are in US dollars: per million tokens, per image, per minute of audio, per
/// thousand searches.
#[derive(Debug, Deserialize)]
struct Row {
    kind: String,
    model: String,
    from: String,
    /// Empty: standard.
    tier: String,
    /// Tokens of input.
    above: u64,
    input: String,
    cache_read: String,
    cache_write_5m: String,
    cache_write_1h: String,
    output: String,
    image: String,
    audio_minute: String,
    search_thousand: String,
    max_output: Option<u64>,
    /// The title of the page that says so.
    source: String,
}

/// Why the table cannot be used; a mistake in the repository.
#[derive(Debug, thiserror::Error)]
enum TableError {
    #[error("{0}")]
    Csv(#[from] csv::Error),
    #[error("line {line}: {what}")]
    Row { line: u64, what: String },
}

type Catalogue = HashMap<String, HashMap<String, ModelFacts>>;

/// The catalogue by kind, or provider, and model.
fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| {
        // A test reads the same table; it cannot be wrong here and right there.
        read(TABLE).unwrap_or_else(|error| {
            tracing::error!(error = %error, "the built-in price catalogue cannot be read");
            Catalogue::new()
        })
    })
}

fn read(table: &str) -> Result<Catalogue, TableError> {
    let mut catalogue = Catalogue::new();
    let mut reader = csv::ReaderBuilder::new()
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(table.as_bytes());
    let headers = reader.headers()?.clone();
    for record in reader.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        let row: Row = record.deserialize(Some(&headers))?;
        let wrong = |what: String| TableError::Row { line, what };
        if row.source.is_empty() {
            return Err(wrong("no source".to_owned()));
        }
        let facts = catalogue
            .entry(row.kind.clone())
            .or_default()
            .entry(row.model.clone())
            .or_default();
        facts.max_output_tokens = row.max_output.or(facts.max_output_tokens);
        add(facts, &row).map_err(wrong)?;
    }
    for facts in catalogue.values_mut().flat_map(HashMap::values_mut) {
        facts.prices.sort_by_key(|price| price.effective_from);
        for dated in &mut facts.prices {
            let tiers = dated.price.service.iter_mut().map(|s| &mut s.rates);
            for tier in tiers.chain([&mut dated.price.standard]) {
                tier.long_context.sort_by_key(|tier| tier.above);
            }
        }
    }
    Ok(catalogue)
}

/// Adds a row to what is known of its model.
fn add(facts: &mut ModelFacts, row: &Row) -> Result<(), String> {
    let day: jiff::civil::Date = row.from.parse().map_err(|e: jiff::Error| e.to_string())?;
    let from = day
        .to_zoned(jiff::tz::TimeZone::UTC)
        .map_err(|error| error.to_string())?;
    let from = Timestamp(from.timestamp().as_millisecond());
    let tier = match row.tier.as_str() {
        "" => ServiceTier::Standard,
        name => ServiceTier::parse(name).ok_or_else(|| format!("no service tier {name:?}"))?,
    };
    let amount = |text: &str| NanoUsd::parse_usd(text).map_err(|e| format!("{text:?} is {e}"));
    let or = |text: &str, default: NanoUsd| match text {
        "" => Ok(default),
        text => amount(text),
    };
    let input = or(&row.input, NanoUsd::ZERO)?;
    let rates = Rates {
        input,
        cache_read: or(&row.cache_read, input)?,
        cache_write_5m: or(&row.cache_write_5m, input)?,
        cache_write_1h: or(&row.cache_write_1h, input)?,
        output: or(&row.output, NanoUsd::ZERO)?,
    };
    let known = facts
        .prices
        .iter()
        .position(|price| price.effective_from == Some(from));
    let at = known.unwrap_or_else(|| {
        facts.prices.push(ConfiguredPrice {
            source: PriceSource::Catalogue,
            effective_from: Some(from),
            price: Price::default(),
        });
        facts.prices.len() - 1
    });
    let Some(ConfiguredPrice { price, .. }) = facts.prices.get_mut(at) else {
        return Err("no place for it".to_owned());
    };
    let rates_of_tier = match tier {
        ServiceTier::Standard => {
            price.image = or(&row.image, price.image)?;
            price.audio_minute = or(&row.audio_minute, price.audio_minute)?;
            price.search_thousand = or(&row.search_thousand, price.search_thousand)?;
            &mut price.standard
        }
        tier => {
            let known = price.service.iter().position(|s| s.tier == tier);
            let at = known.unwrap_or_else(|| {
                price.service.push(ServicePrice {
                    tier,
                    rates: TierRates::default(),
                });
                price.service.len() - 1
            });
            &mut price.service[at].rates
        }
    };
    match row.above {
        0 => rates_of_tier.rates = rates,
        above => rates_of_tier
            .long_context
            .push(ContextTier { above, rates }),
    }
    Ok(())
}

/// Providers of OpenAI's dialect by a part of their address, as the table calls them.
const PROVIDERS: [(&str, &str); 9] = [
    ("deepseek.com", "deepseek"),
    ("groq.com", "groq"),
    ("mistral.ai", "mistral"),
    ("googleapis.com", "gemini"),
    ("x.ai", "xai"),
    ("cerebras.ai", "cerebras"),
    ("deepinfra.com", "deepinfra"),
    ("together.xyz", "together"),
    ("openrouter.ai", "openrouter"),
];

/// What is known of `model`, by the name that its provider gives it, on a backend of this kind and at
/// this address.
#[must_use]
pub fn of(kind: BackendKind, base_url: &str, model: &str) -> ModelFacts {
    let host = base_url
        .parse::<url::Url>()
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_default();
    let provider = PROVIDERS
        .iter()
        .find(|(part, _)| host == *part || host.ends_with(&format!(".{part}")))
        .map(|(_, name)| *name);
    // Servers of a dialect that are nobody known, such as Azure or another gateway, serve the models of
    // those who are, under their names.
    let kinds: &[&str] = match (kind, provider) {
        (BackendKind::Bedrock, _) => &["bedrock"],
        (BackendKind::Anthropic, _) => &["anthropic", "openai"],
        (BackendKind::OpenaiCompatible, Some(provider)) => &[provider],
        (BackendKind::Openai, _) | (BackendKind::OpenaiCompatible, None) => {
            &["openai", "anthropic"]
        }
        (BackendKind::Demo, _) => &[],
    };
    kinds
        .iter()
        .filter_map(|kind| find(catalogue().get(*kind)?, model))
        .next()
        .unwrap_or_default()
}

fn find(models: &HashMap<String, ModelFacts>, model: &str) -> Option<ModelFacts> {
    // An ARN ends with the id of the model or the inference profile.
    let model = model
        .rsplit('/')
        .next()
        .filter(|_| model.starts_with("arn:"))
        .unwrap_or(model);
    let mut names = vec![model];
    if let Some(global) = model.strip_prefix("global.") {
        names.push(global);
    } else if let Some(rest) = GEOGRAPHIES.iter().find_map(|g| model.strip_prefix(g)) {
        names.push(rest);
    }
    names
        .into_iter()
        .flat_map(|name| {
            [
                name,
                without_version(name),
                without_date(without_version(name)),
            ]
        })
        .find_map(|name| models.get(name))
        .cloned()
}

/// Bedrock's inference profiles within a geography cost as the model itself in one of its regions.
const GEOGRAPHIES: [&str; 8] = ["us.", "eu.", "apac.", "jp.", "au.", "ca.", "sa.", "us-gov."];

/// `…-v1:0` or `…-v1`, as Bedrock ends its ids.
fn without_version(model: &str) -> &str {
    let Some((name, version)) = model.rsplit_once("-v") else {
        return model;
    };
    let number = !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit() || b == b':');
    if number { name } else { model }
}

/// `…-20250929` or `…-2024-08-06`.
fn without_date(model: &str) -> &str {
    for length in ["-20250929".len(), "-2024-08-06".len()] {
        let Some(at) = model.len().checked_sub(length) else {
            continue;
        };
        let Some((name, date)) = model.split_at_checked(at) else {
            continue;
        };
        let digits = date.bytes().filter(u8::is_ascii_digit).count();
        let dashes = date.bytes().filter(|b| *b == b'-').count();
        if date.starts_with("-20") && digits == 8 && digits + dashes == date.len() {
            return name;
        }
    }
    model
}

#[cfg(test)]
mod tests;
