//! What a call costs. The only place where money is multiplied, and the only place where it is
//! rounded: half up, once per call, to a nano-dollar.
//!
//! A [`Price`] is everything that a provider's price list says of one model; a [`PriceSchedule`] is
//! which price holds when. Where prices come from is for others to say.

use serde::{Deserialize, Serialize};

use crate::{NanoUsd, PriceId, Timestamp, TokenUsage, request_log::PriceLine};

/// Prices are quoted per million tokens, per thousand searches, per image and per minute of audio;
/// costs are summed in the smallest unit that divides all of them, so that they are rounded once.
const UNITS: i128 = 3_000_000;
const PER_TOKEN: i128 = UNITS / 1_000_000;
const PER_SEARCH: i128 = UNITS / 1_000;
const PER_IMAGE: i128 = UNITS;
const PER_AUDIO_MS: i128 = UNITS / 60_000;

/// What tokens cost, in nano-USD per million of them: `$2.50` per million is 2,500,000,000. A price
/// that a provider does not list falls back to `input` when it is read, never to zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    pub input: NanoUsd,
    pub cache_read: NanoUsd,
    pub cache_write_5m: NanoUsd,
    pub cache_write_1h: NanoUsd,
    pub output: NanoUsd,
}

impl Rates {
    fn is_valid(&self) -> bool {
        [
            self.input,
            self.cache_read,
            self.cache_write_5m,
            self.cache_write_1h,
            self.output,
        ]
        .iter()
        .all(|rate| *rate >= NanoUsd::ZERO)
    }
}

/// How fast, or how patiently, the provider was asked to answer; some sell each at a price of its own.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ServiceTier {
    #[default]
    Standard,
    /// Answered within hours.
    Batch,
    /// Answered when there is room.
    Flex,
    /// Answered before others.
    Priority,
}

impl ServiceTier {
    pub const ALL: [Self; 4] = [Self::Standard, Self::Batch, Self::Flex, Self::Priority];

    /// The name used in the ledger and in price tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Batch => "batch",
            Self::Flex => "flex",
            Self::Priority => "priority",
        }
    }

    /// Reads what [`ServiceTier::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.as_str() == text)
    }
}

/// Rates that hold for a whole request whose input, cached or not, is longer than `above` tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextTier {
    pub above: u64,
    pub rates: Rates,
}

/// Rates of one service tier, by the length of the input.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierRates {
    pub rates: Rates,
    /// In ascending order of `above`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub long_context: Vec<ContextTier>,
}

impl TierRates {
    fn of(&self, input_tokens: u64) -> &Rates {
        self.long_context
            .iter()
            .rev()
            .find(|tier| input_tokens > tier.above)
            .map_or(&self.rates, |tier| &tier.rates)
    }
}

/// The price of a service tier other than the standard one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicePrice {
    pub tier: ServiceTier,
    #[serde(flatten)]
    pub rates: TierRates,
}

/// Everything that is charged for one model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    pub standard: TierRates,
    /// At most one for each tier. A tier that is not sold at a price of its own costs as the standard one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub service: Vec<ServicePrice>,
    /// Per image that was made.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub image: NanoUsd,
    /// Per minute of audio that was heard.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub audio_minute: NanoUsd,
    /// Per thousand searches of the web.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub search_thousand: NanoUsd,
}

// In the browser's half a reference is no larger than the limit of the lint.
#[cfg_attr(
    target_pointer_width = "64",
    expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "what serde calls takes a reference"
    )
)]
fn is_zero(amount: &NanoUsd) -> bool {
    *amount == NanoUsd::ZERO
}

impl From<Rates> for Price {
    fn from(rates: Rates) -> Self {
        Self {
            standard: TierRates {
                rates,
                long_context: Vec::new(),
            },
            ..Self::default()
        }
    }
}

impl Price {
    /// What `usage` costs in `tier`, rounded half up to a nano-dollar.
    #[must_use]
    pub fn cost(&self, usage: &TokenUsage, tier: ServiceTier) -> NanoUsd {
        let rates = self.rates(tier).of(usage.total_input());
        let parts = [
            (rates.input, PER_TOKEN, usage.input),
            (rates.cache_read, PER_TOKEN, usage.cache_read),
            (rates.cache_write_5m, PER_TOKEN, usage.cache_write_5m),
            (rates.cache_write_1h, PER_TOKEN, usage.cache_write_1h),
            (rates.output, PER_TOKEN, usage.output),
            (self.search_thousand, PER_SEARCH, usage.searches),
            (self.image, PER_IMAGE, usage.images),
            (self.audio_minute, PER_AUDIO_MS, usage.audio_ms),
        ];
        // What 128 bits do not hold is beyond all money; it is saturated rather than wrapped.
        let sum = parts.iter().fold(0i128, |sum, (price, unit, count)| {
            let part = i128::from(price.0).saturating_mul(i128::from(*count));
            sum.saturating_add(part.saturating_mul(*unit))
        });
        let rounded = sum.saturating_add(UNITS / 2).div_euclid(UNITS);
        NanoUsd(i64::try_from(rounded).unwrap_or(i64::MAX))
    }

    /// How [`Self::cost`] comes about, line by line; what was not used is missing. Each line is rounded by
    /// itself, so that their sum may differ from the cost by some nano-dollars.
    #[must_use]
    pub fn lines(&self, usage: &TokenUsage, tier: ServiceTier) -> Vec<PriceLine> {
        let rates = self.rates(tier).of(usage.total_input());
        let tokens = "million tokens";
        let parts = [
            ("Input", rates.input, PER_TOKEN, usage.input, tokens),
            (
                "Input read from the cache",
                rates.cache_read,
                PER_TOKEN,
                usage.cache_read,
                tokens,
            ),
            (
                "Input written to the cache for 5 minutes",
                rates.cache_write_5m,
                PER_TOKEN,
                usage.cache_write_5m,
                tokens,
            ),
            (
                "Input written to the cache for 1 hour",
                rates.cache_write_1h,
                PER_TOKEN,
                usage.cache_write_1h,
                tokens,
            ),
            ("Output", rates.output, PER_TOKEN, usage.output, tokens),
            (
                "Searches of the web",
                self.search_thousand,
                PER_SEARCH,
                usage.searches,
                "thousand searches",
            ),
            ("Images", self.image, PER_IMAGE, usage.images, "image"),
            (
                "Milliseconds of audio",
                self.audio_minute,
                PER_AUDIO_MS,
                usage.audio_ms,
                "minute",
            ),
        ];
        let used = parts.into_iter().filter(|(_, _, _, count, _)| *count > 0);
        used.map(|(what, rate, unit, count, per)| {
            let amount = i128::from(rate.0)
                .saturating_mul(i128::from(count))
                .saturating_mul(unit);
            let rounded = amount.saturating_add(UNITS / 2).div_euclid(UNITS);
            PriceLine {
                what: what.to_owned(),
                count,
                rate,
                per: per.to_owned(),
                amount: NanoUsd(i64::try_from(rounded).unwrap_or(i64::MAX)),
            }
        })
        .collect()
    }

    /// What `usage` may cost at most: in the dearest of the tiers, since which one answers is known
    /// only afterwards.
    #[must_use]
    pub fn highest_cost(&self, usage: &TokenUsage) -> NanoUsd {
        self.service
            .iter()
            .map(|service| service.tier)
            .chain([ServiceTier::Standard])
            .map(|tier| self.cost(usage, tier))
            .max()
            .unwrap_or_default()
    }

    /// Whether no amount is negative, tiers ascend, and each service tier has one price.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let tiers = || self.service.iter().map(|service| &service.rates);
        let fine = |rates: &TierRates| {
            let long = rates.long_context.iter();
            long.clone().map(|tier| &tier.rates).all(Rates::is_valid)
                && rates.rates.is_valid()
                && long.is_sorted_by(|a, b| a.above < b.above)
        };
        let once = |service: &ServicePrice| {
            service.tier != ServiceTier::Standard
                && self
                    .service
                    .iter()
                    .filter(|s| s.tier == service.tier)
                    .count()
                    == 1
        };
        fine(&self.standard)
            && tiers().all(fine)
            && self.service.iter().all(once)
            && [self.image, self.audio_minute, self.search_thousand]
                .iter()
                .all(|fee| *fee >= NanoUsd::ZERO)
    }

    fn rates(&self, tier: ServiceTier) -> &TierRates {
        self.service
            .iter()
            .find(|service| service.tier == tier)
            .map_or(&self.standard, |service| &service.rates)
    }
}

/// A price, and from when on it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatedPrice {
    pub id: PriceId,
    pub effective_from: Timestamp,
    pub price: Price,
}

/// Which price of a deployment holds when: each until the next begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceSchedule(Vec<DatedPrice>);

impl PriceSchedule {
    #[must_use]
    pub fn new(mut prices: Vec<DatedPrice>) -> Self {
        prices.sort_by_key(|dated| dated.effective_from);
        Self(prices)
    }

    /// The price at `at`; before the first one begins, the first.
    #[must_use]
    pub fn at(&self, at: Timestamp) -> Option<&DatedPrice> {
        self.0
            .iter()
            .rev()
            .find(|dated| dated.effective_from <= at)
            .or(self.0.first())
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STANDARD: ServiceTier = ServiceTier::Standard;

    fn rates(input: i64, output: i64) -> Rates {
        Rates {
            input: NanoUsd(input),
            cache_read: NanoUsd(input / 10),
            cache_write_5m: NanoUsd(input + input / 4),
            cache_write_1h: NanoUsd(2 * input),
            output: NanoUsd(output),
        }
    }

    fn price(input: i64, output: i64) -> Price {
        rates(input, output).into()
    }

    #[test]
    fn a_call_costs_what_the_provider_would_bill() {
        // $3 in, $15 out, cache reads at a tenth, writes at 1.25 and 2 times the input price.
        let usage = TokenUsage {
            input: 10,
            cache_read: 1_000,
            cache_write_5m: 200,
            cache_write_1h: 40,
            output: 7,
            reasoning: 3,
            ..TokenUsage::default()
        };
        // 10×3 + 1000×0.3 + 200×3.75 + 40×6 + 7×15 = 1425 micro-dollars
        assert_eq!(
            price(3_000_000_000, 15_000_000_000).cost(&usage, STANDARD),
            NanoUsd(1_425_000)
        );
    }

    #[test]
    fn rounding_is_half_up_and_only_once() {
        let tiny = Price::from(Rates {
            input: NanoUsd(250_000),
            output: NanoUsd(250_000),
            ..Rates::default()
        });
        let one = TokenUsage {
            input: 1,
            ..TokenUsage::default()
        };
        let both = TokenUsage {
            input: 1,
            output: 1,
            ..TokenUsage::default()
        };
        assert_eq!(tiny.cost(&one, STANDARD), NanoUsd(0));
        assert_eq!(
            tiny.cost(&both, STANDARD),
            NanoUsd(1),
            "0.25 + 0.25 rounds up; each alone would be lost"
        );
    }

    #[test]
    fn a_long_input_is_dearer_from_its_first_token_on() {
        let mut long = price(3_000_000_000, 15_000_000_000);
        long.standard.long_context = vec![ContextTier {
            above: 200_000,
            rates: rates(6_000_000_000, 22_500_000_000),
        }];
        let usage = |input, cache_read| TokenUsage {
            input,
            cache_read,
            output: 1_000,
            ..TokenUsage::default()
        };
        let short = long.cost(&usage(100_000, 100_000), STANDARD);
        assert_eq!(short, NanoUsd(300_000_000 + 30_000_000 + 15_000_000));
        // One more token, read from the cache: all of the request is in the other tier.
        let over = long.cost(&usage(100_000, 100_001), STANDARD);
        assert_eq!(over, NanoUsd(600_000_000 + 60_000_000 + 600 + 22_500_000));
    }

    #[test]
    fn tiers_have_their_price_or_the_standard_one() {
        let mut price = price(2_000_000_000, 8_000_000_000);
        price.service = vec![ServicePrice {
            tier: ServiceTier::Flex,
            rates: TierRates {
                rates: rates(1_000_000_000, 4_000_000_000),
                long_context: Vec::new(),
            },
        }];
        let usage = TokenUsage {
            input: 1_000_000,
            output: 1_000_000,
            ..TokenUsage::default()
        };
        let dollars = |tier| price.cost(&usage, tier).to_string();
        assert_eq!(dollars(STANDARD), "$10.00");
        assert_eq!(dollars(ServiceTier::Flex), "$5.00");
        assert_eq!(dollars(ServiceTier::Priority), "$10.00");
        assert_eq!(price.highest_cost(&usage).to_string(), "$10.00");
    }

    #[test]
    fn searches_images_and_minutes_are_charged_beside_tokens() {
        let price = Price {
            image: NanoUsd(40_000_000),
            audio_minute: NanoUsd(6_000_000),
            search_thousand: NanoUsd(10_000_000_000),
            ..price(1_000_000_000, 1_000_000_000)
        };
        let usage = TokenUsage {
            input: 1_000,
            searches: 3,
            images: 2,
            audio_ms: 90_500,
            ..TokenUsage::default()
        };
        // $0.001 + 3 × $0.01 + 2 × $0.04 + 90.5 s × $0.0001
        assert_eq!(price.cost(&usage, STANDARD), NanoUsd(120_050_000));
    }

    #[test]
    fn a_price_holds_until_the_next_begins() {
        let dated = |id, from| DatedPrice {
            id: PriceId(id),
            effective_from: Timestamp(from),
            price: price(id, id),
        };
        let schedule = PriceSchedule::new(vec![dated(2, 200), dated(1, 100)]);
        let at = |t| schedule.at(Timestamp(t)).map(|dated| dated.id.0);
        assert_eq!(at(99), Some(1), "nothing is free because it came early");
        assert_eq!(at(100), Some(1));
        assert_eq!(at(199), Some(1));
        assert_eq!(at(200), Some(2));
        assert_eq!(PriceSchedule::default().at(Timestamp(0)), None);
    }

    proptest! {
        #[test]
        fn cost_never_falls_when_usage_grows(
            input in 0i64..100_000_000_000, output in 0i64..100_000_000_000,
            a in 0u64..10_000_000, b in 0u64..10_000_000, more in 0u64..1_000,
        ) {
            let p = price(input, output);
            let small = TokenUsage { input: a, output: b, ..TokenUsage::default() };
            let large = TokenUsage { input: a + more, output: b + more, searches: more, ..small };
            prop_assert!(p.cost(&small, STANDARD) <= p.cost(&large, STANDARD));
            prop_assert!(p.cost(&small, STANDARD) >= NanoUsd::ZERO);
        }

        #[test]
        fn many_calls_differ_from_their_sum_by_rounding_only(
            input in 0i64..100_000_000_000, calls in prop::collection::vec(0u64..100_000, 1..50),
        ) {
            let p = price(input, input);
            let usage = |input| TokenUsage { input, ..TokenUsage::default() };
            let each: NanoUsd = calls.iter().map(|n| p.cost(&usage(*n), STANDARD)).sum();
            let together = p.cost(&usage(calls.iter().sum()), STANDARD);
            let half_units = i64::try_from(calls.len()).unwrap_or(i64::MAX);
            prop_assert!((each.0 - together.0).abs() <= half_units);
        }

        #[test]
        fn a_price_reads_what_it_writes(input in 0i64..1_000_000, above in 1u64..1_000_000) {
            let mut p = price(input, input);
            p.service.push(ServicePrice {
                tier: ServiceTier::Batch,
                rates: TierRates {
                    rates: rates(input / 2, input / 2),
                    long_context: vec![ContextTier { above, rates: rates(input, input) }],
                },
            });
            p.image = NanoUsd(input);
            let json = serde_json::to_string(&p).expect("a price in JSON");
            prop_assert_eq!(serde_json::from_str::<Price>(&json).expect("a price"), p);
        }
    }
}
