//! List prices of widely used models, for backends whose configuration names none. A configured price
//! comes before these, and a model that is in neither is unpriced and so refused, unless its backend
//! allows that.
//!
//! USD per million tokens as published on the providers' pages "OpenAI API pricing" and "Anthropic:
//! Pricing". Dated ids (`gpt-4o-2024-08-06`, `claude-sonnet-4-5-20250929`) have the price of the
//! model they are a version of.

use domain::{NanoUsd, Price};

/// Name, input, cached input, output: nano-USD per thousand tokens, which is micro-dollars per
/// million, so that every published price is a whole number here.
const OPENAI: &[(&str, i64, i64, i64)] = &[
    ("gpt-5", 1_250_000, 125_000, 10_000_000),
    ("gpt-5-mini", 250_000, 25_000, 2_000_000),
    ("gpt-5-nano", 50_000, 5_000, 400_000),
    ("gpt-4.1", 2_000_000, 500_000, 8_000_000),
    ("gpt-4.1-mini", 400_000, 100_000, 1_600_000),
    ("gpt-4.1-nano", 100_000, 25_000, 400_000),
    ("gpt-4o", 2_500_000, 1_250_000, 10_000_000),
    ("gpt-4o-mini", 150_000, 75_000, 600_000),
    ("o3", 2_000_000, 500_000, 8_000_000),
    ("o4-mini", 1_100_000, 275_000, 4_400_000),
    ("gpt-3.5-turbo", 500_000, 500_000, 1_500_000),
];

/// Name, input, output; cache reads cost a tenth of the input, writes 1.25 and 2 times as much.
const ANTHROPIC: &[(&str, i64, i64)] = &[
    ("claude-opus-4-6", 5_000_000, 25_000_000),
    ("claude-opus-4-5", 5_000_000, 25_000_000),
    ("claude-opus-4-1", 15_000_000, 75_000_000),
    ("claude-opus-4", 15_000_000, 75_000_000),
    ("claude-sonnet-4-6", 3_000_000, 15_000_000),
    ("claude-sonnet-4-5", 3_000_000, 15_000_000),
    ("claude-sonnet-4", 3_000_000, 15_000_000),
    ("claude-3-7-sonnet", 3_000_000, 15_000_000),
    ("claude-haiku-4-5", 1_000_000, 5_000_000),
    ("claude-3-5-haiku", 800_000, 4_000_000),
];

const PER_MILLION: i64 = 1_000;

/// The list price of a model by the name that its provider gives it.
#[must_use]
pub fn of(model: &str) -> Option<Price> {
    let is = |name: &str| {
        model
            .strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || is_date(rest))
    };
    let nano = |price: i64| NanoUsd(price * PER_MILLION);
    if let Some((_, input, cached, output)) = OPENAI.iter().find(|(name, ..)| is(name)) {
        return Some(Price {
            input: nano(*input),
            cache_read: nano(*cached),
            // OpenAI does not charge for writing to its cache beyond the input price.
            cache_write_5m: nano(*input),
            cache_write_1h: nano(*input),
            output: nano(*output),
        });
    }
    ANTHROPIC
        .iter()
        .find(|(name, ..)| is(name))
        .map(|(_, input, output)| Price {
            input: nano(*input),
            cache_read: nano(input / 10),
            cache_write_5m: nano(input + input / 4),
            cache_write_1h: nano(input * 2),
            output: nano(*output),
        })
}

/// `-20250929` or `-2024-08-06`.
fn is_date(suffix: &str) -> bool {
    let digits = suffix.bytes().filter(u8::is_ascii_digit).count();
    digits == 8
        && suffix.starts_with('-')
        && suffix.bytes().all(|b| b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_their_models_price_and_strangers_have_none() {
        let dollars = |model| {
            of(model).map(|p| {
                (
                    p.input.to_string(),
                    p.cache_read.to_string(),
                    p.output.to_string(),
                )
            })
        };
        let text = |a: &str, b: &str, c: &str| Some((a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(dollars("gpt-4o"), text("$2.50", "$1.25", "$10.00"));
        assert_eq!(dollars("gpt-4o-2024-08-06"), dollars("gpt-4o"));
        assert_eq!(dollars("gpt-4o-mini"), text("$0.15", "$0.075", "$0.60"));
        assert_eq!(
            dollars("claude-sonnet-4-5-20250929"),
            text("$3.00", "$0.30", "$15.00")
        );
        for stranger in [
            "gpt-4o-audio-preview",
            "claude-opus-4-7",
            "gpt-6",
            "",
            "gpt-4o-",
        ] {
            assert_eq!(of(stranger), None, "{stranger}");
        }
    }
}
