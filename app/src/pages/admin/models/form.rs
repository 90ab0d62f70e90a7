//! The form for a price. Amounts are dollars: per million tokens, per image, per minute of audio and per
//! thousand searches.

use domain::{
    NanoUsd, Price,
    pricing::{ContextTier, Rates, TierRates},
    validation::{Field, FieldError, Problem, budget, large_count},
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::components::form_field::{FormFailure, TextField};

/// What was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PriceText {
    pub input: String,
    pub output: String,
    pub cache_read: String,
    pub cache_write_5m: String,
    pub cache_write_1h: String,
    pub long_above: String,
    pub long_input: String,
    pub long_output: String,
    pub long_cache_read: String,
    pub image: String,
    pub audio_minute: String,
    pub search_thousand: String,
}

impl PriceText {
    /// The form of a price that is in force.
    #[must_use]
    pub fn of(price: &Price) -> Self {
        let rates = price.standard.rates;
        let long = price.standard.long_context.first();
        let of_long = |rate: fn(&Rates) -> NanoUsd| {
            long.map_or_else(String::new, |tier| rate(&tier.rates).to_usd_string())
        };
        let fee = |fee: NanoUsd| match fee {
            NanoUsd::ZERO => String::new(),
            fee => fee.to_usd_string(),
        };
        Self {
            input: rates.input.to_usd_string(),
            output: rates.output.to_usd_string(),
            cache_read: rates.cache_read.to_usd_string(),
            cache_write_5m: rates.cache_write_5m.to_usd_string(),
            cache_write_1h: rates.cache_write_1h.to_usd_string(),
            long_above: long.map_or_else(String::new, |tier| tier.above.to_string()),
            long_input: of_long(|rates| rates.input),
            long_output: of_long(|rates| rates.output),
            long_cache_read: of_long(|rates| rates.cache_read),
            image: fee(price.image),
            audio_minute: fee(price.audio_minute),
            search_thousand: fee(price.search_thousand),
        }
    }

    /// By name, to fill the form again.
    #[must_use]
    pub fn typed(&self) -> Vec<(&str, &str)> {
        vec![
            ("input", &self.input),
            ("output", &self.output),
            ("cache_read", &self.cache_read),
            ("cache_write_5m", &self.cache_write_5m),
            ("cache_write_1h", &self.cache_write_1h),
            ("long_above", &self.long_above),
            ("long_input", &self.long_input),
            ("long_output", &self.long_output),
            ("long_cache_read", &self.long_cache_read),
            ("image", &self.image),
            ("audio_minute", &self.audio_minute),
            ("search_thousand", &self.search_thousand),
        ]
    }

    /// The price. What the form has no input for (service tiers, further tiers of long inputs) stays as it
    /// is in `present`.
    ///
    /// # Errors
    /// Names the first input that cannot be read.
    pub fn read(&self, present: Option<&Price>) -> Result<Price, FieldError> {
        let input = required(Field::InputPrice, &self.input)?;
        let or_input = |field, text: &str| match text.trim() {
            "" => Ok(input),
            text => budget(field, text),
        };
        let rates = Rates {
            input,
            output: required(Field::OutputPrice, &self.output)?,
            cache_read: or_input(Field::CacheReadPrice, &self.cache_read)?,
            cache_write_5m: or_input(Field::CacheWritePrice, &self.cache_write_5m)?,
            cache_write_1h: or_input(Field::CacheWriteHourPrice, &self.cache_write_1h)?,
        };
        let mut price = present.cloned().unwrap_or_default();
        let further = price.standard.long_context.drain(..).skip(1);
        let mut long_context: Vec<ContextTier> = further.collect();
        if let Some(long) = self.read_long(rates)? {
            long_context.retain(|tier| tier.above != long.above);
            long_context.push(long);
            long_context.sort_by_key(|tier| tier.above);
        }
        price.standard = TierRates {
            rates,
            long_context,
        };
        price.image = budget(Field::ImagePrice, &self.image)?;
        price.audio_minute = budget(Field::AudioPrice, &self.audio_minute)?;
        price.search_thousand = budget(Field::SearchPrice, &self.search_thousand)?;
        Ok(price)
    }

    /// What holds for long inputs. A cache is written at the same ratio to input as for short ones.
    fn read_long(&self, short: Rates) -> Result<Option<ContextTier>, FieldError> {
        let above = large_count(Field::LongAbove, &self.long_above)?;
        let said = [&self.long_input, &self.long_output, &self.long_cache_read];
        if above == 0 {
            return match said.iter().all(|text| text.trim().is_empty()) {
                true => Ok(None),
                false => Err(FieldError::new(Field::LongAbove, Problem::Empty)),
            };
        }
        let input = required(Field::LongInputPrice, &self.long_input)?;
        let scaled = |rate: NanoUsd| match short.input.0 {
            0 => input,
            whole => {
                let scaled = i128::from(rate.0) * i128::from(input.0) / i128::from(whole);
                NanoUsd(i64::try_from(scaled).unwrap_or(i64::MAX))
            }
        };
        Ok(Some(ContextTier {
            above,
            rates: Rates {
                input,
                output: required(Field::LongOutputPrice, &self.long_output)?,
                cache_read: match self.long_cache_read.trim() {
                    "" => scaled(short.cache_read),
                    text => budget(Field::LongCacheReadPrice, text)?,
                },
                cache_write_5m: scaled(short.cache_write_5m),
                cache_write_1h: scaled(short.cache_write_1h),
            },
        }))
    }
}

fn required(field: Field, text: &str) -> Result<NanoUsd, FieldError> {
    match text.trim() {
        // What costs nothing says so: an empty input is more likely forgotten.
        "" => Err(FieldError::new(field, Problem::Empty)),
        text => budget(field, text),
    }
}

#[component]
pub fn PriceFields(failure: FormFailure, price: PriceText) -> impl IntoView {
    let more = [
        &price.long_above,
        &price.image,
        &price.audio_minute,
        &price.search_thousand,
    ];
    let open = more.iter().any(|text| !text.is_empty()) || failure.get_untracked().is_some();
    let field = move |name: &'static str, label: &'static str, value: String| {
        view! {
            <TextField form="price" name label failure value inputmode="decimal"/>
        }
    };
    view! {
        <p class="quiet">"Dollars per million tokens."</p>
        <div class="form-row">
            {field("input", "Input", price.input)} {field("output", "Output", price.output)}
        </div>
        <div class="form-row">
            {field("cache_read", "Input from the cache", price.cache_read)}
            {field("cache_write_5m", "Written to the cache", price.cache_write_5m)}
            {field("cache_write_1h", "Written for an hour", price.cache_write_1h)}
        </div>
        <p class="quiet">"What is empty of these costs as much as input."</p>
        <details class="more" open=open>
            <summary>"Long inputs, images, audio, searches"</summary>
            <div class="form">
                <div class="form-row">
                    <TextField
                        form="price"
                        name="long_above"
                        label="Above so many tokens"
                        failure
                        value=price.long_above
                        inputmode="numeric"
                    />
                    {field("long_input", "Input", price.long_input)}
                    {field("long_output", "Output", price.long_output)}
                    {field("long_cache_read", "From the cache", price.long_cache_read)}
                </div>
                <div class="form-row">
                    {field("image", "Each image, $", price.image)}
                    {field("audio_minute", "Minute of audio, $", price.audio_minute)}
                    {field("search_thousand", "1,000 searches, $", price.search_thousand)}
                </div>
            </div>
        </details>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use domain::{ServiceTier, pricing::ServicePrice};

    use super::*;

    fn rates(input: i64, output: i64) -> Rates {
        Rates {
            input: NanoUsd(input),
            cache_read: NanoUsd(input / 10),
            cache_write_5m: NanoUsd(input * 5 / 4),
            cache_write_1h: NanoUsd(input * 2),
            output: NanoUsd(output),
        }
    }

    fn full() -> Price {
        let tier = |above, input| ContextTier {
            above,
            rates: rates(input, 5 * input),
        };
        Price {
            standard: TierRates {
                rates: rates(3_000_000_000, 15_000_000_000),
                long_context: vec![tier(200_000, 6_000_000_000), tier(500_000, 9_000_000_000)],
            },
            service: vec![ServicePrice {
                tier: ServiceTier::Batch,
                rates: TierRates {
                    rates: rates(1_500_000_000, 7_500_000_000),
                    long_context: Vec::new(),
                },
            }],
            search_thousand: NanoUsd(10_000_000_000),
            ..Price::default()
        }
    }

    #[test]
    fn a_form_that_is_sent_as_it_came_changes_nothing() {
        let price = full();
        assert_eq!(PriceText::of(&price).read(Some(&price)), Ok(price));
    }

    #[test]
    fn what_is_left_empty_costs_as_input_does() {
        let typed = PriceText {
            input: "2.5".to_owned(),
            output: "10".to_owned(),
            ..PriceText::default()
        };
        let price = typed.read(None).expect("a price");
        let rates = price.standard.rates;
        assert_eq!(rates.cache_read, NanoUsd(2_500_000_000));
        assert_eq!(rates.cache_write_1h, NanoUsd(2_500_000_000));
        assert_eq!(rates.output, NanoUsd(10_000_000_000));
        assert!(price.standard.long_context.is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let refused = |change: fn(&mut PriceText)| {
            let mut typed = PriceText::of(&full());
            change(&mut typed);
            typed.read(None).expect_err("a refusal").field
        };
        assert_eq!(refused(|p| p.input.clear()), Field::InputPrice);
        assert_eq!(refused(|p| p.output = "-1".to_owned()), Field::OutputPrice);
        assert_eq!(
            refused(|p| p.cache_read = "x".to_owned()),
            Field::CacheReadPrice
        );
        assert_eq!(refused(|p| p.long_above.clear()), Field::LongAbove);
        assert_eq!(refused(|p| p.long_output.clear()), Field::LongOutputPrice);
        assert_eq!(
            refused(|p| p.image = "0.0000000001".to_owned()),
            Field::ImagePrice
        );
    }
}
