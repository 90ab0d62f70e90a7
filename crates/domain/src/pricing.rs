//! What tokens cost. The only place where money is multiplied, and the only place where it is
//! rounded: half up, once per call, to a nano-dollar.

use serde::{Deserialize, Serialize};

use crate::{NanoUsd, TokenUsage};

/// Tokens in the unit that providers quote their prices for.
const TOKENS_PER_UNIT: i128 = 1_000_000;

/// Prices of one deployment, each in nano-USD per million tokens: `$2.50` per million is
/// 2,500,000,000. A price that a provider does not list falls back to `input` when read from
/// configuration, never to zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    pub input: NanoUsd,
    pub cache_read: NanoUsd,
    pub cache_write_5m: NanoUsd,
    pub cache_write_1h: NanoUsd,
    pub output: NanoUsd,
}

impl Price {
    /// What `usage` costs, rounded half up to a nano-dollar.
    #[must_use]
    pub fn cost(&self, usage: &TokenUsage) -> NanoUsd {
        let parts = [
            (self.input, usage.input),
            (self.cache_read, usage.cache_read),
            (self.cache_write_5m, usage.cache_write_5m),
            (self.cache_write_1h, usage.cache_write_1h),
            (self.output, usage.output),
        ];
        // At most 5 × 2⁶³ × 2⁶⁴, which 128 bits do not hold; prices beyond 2⁵⁸ nano-dollars per
        // million tokens (288 million dollars) are therefore saturated rather than wrapped.
        let mut sum: i128 = 0;
        for (price, tokens) in parts {
            sum = sum.saturating_add(i128::from(price.0).saturating_mul(i128::from(tokens)));
        }
        let rounded = sum
            .saturating_add(TOKENS_PER_UNIT / 2)
            .div_euclid(TOKENS_PER_UNIT);
        NanoUsd(i64::try_from(rounded).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn price(input: i64, output: i64) -> Price {
        Price {
            input: NanoUsd(input),
            cache_read: NanoUsd(input / 10),
            cache_write_5m: NanoUsd(input + input / 4),
            cache_write_1h: NanoUsd(2 * input),
            output: NanoUsd(output),
        }
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
        };
        // 10×3 + 1000×0.3 + 200×3.75 + 40×6 + 7×15 = 1425 micro-dollars
        assert_eq!(
            price(3_000_000_000, 15_000_000_000).cost(&usage),
            NanoUsd(1_425_000)
        );
    }

    #[test]
    fn rounding_is_half_up_and_only_once() {
        let tiny = Price {
            input: NanoUsd(250_000),
            output: NanoUsd(250_000),
            ..Price::default()
        };
        let one = TokenUsage {
            input: 1,
            ..TokenUsage::default()
        };
        let both = TokenUsage {
            input: 1,
            output: 1,
            ..TokenUsage::default()
        };
        assert_eq!(tiny.cost(&one), NanoUsd(0));
        assert_eq!(
            tiny.cost(&both),
            NanoUsd(1),
            "0.25 + 0.25 rounds up; each alone would be lost"
        );
    }

    proptest! {
        #[test]
        fn cost_never_falls_when_usage_grows(
            input in 0i64..100_000_000_000, output in 0i64..100_000_000_000,
            a in 0u64..10_000_000, b in 0u64..10_000_000, more in 0u64..1_000,
        ) {
            let p = price(input, output);
            let small = TokenUsage { input: a, output: b, ..TokenUsage::default() };
            let large = TokenUsage { input: a + more, output: b + more, ..small };
            prop_assert!(p.cost(&small) <= p.cost(&large));
            prop_assert!(p.cost(&small) >= NanoUsd::ZERO);
        }

        #[test]
        fn many_calls_differ_from_their_sum_by_rounding_only(
            input in 0i64..100_000_000_000, calls in prop::collection::vec(0u64..100_000, 1..50),
        ) {
            let p = price(input, input);
            let usage = |input| TokenUsage { input, ..TokenUsage::default() };
            let each: NanoUsd = calls.iter().map(|n| p.cost(&usage(*n))).sum();
            let together = p.cost(&usage(calls.iter().sum()));
            let half_units = i64::try_from(calls.len()).unwrap_or(i64::MAX);
            prop_assert!((each.0 - together.0).abs() <= half_units);
        }
    }
}
