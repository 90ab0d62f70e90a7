//! Money as a whole number of nano-dollars. No floating point touches it: prices are read digit by
//! digit, costs are computed in 128 bits and rounded once, in [`crate::pricing`].

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign, Neg, Sub, SubAssign},
};

use serde::{Deserialize, Serialize};

/// An amount in nano-USD (10⁻⁹ US dollars). 64 bits reach nine billion dollars, so that sums
/// saturate only where the books are wrong anyway.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct NanoUsd(pub i64);

/// Why a text is not an amount of dollars.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseMoneyError {
    /// Something other than digits with at most one decimal point.
    #[error("not a decimal number of dollars")]
    NotADecimal,
    /// A digit smaller than a nano-dollar that is not zero: rounding it silently would falsify bills.
    #[error("more than nine decimals: a nano-dollar is the smallest amount")]
    TooPrecise,
    /// More than about nine billion dollars.
    #[error("too large")]
    TooLarge,
}

impl NanoUsd {
    pub const ZERO: Self = Self(0);
    /// Nano-dollars in one dollar.
    pub const PER_USD: i64 = 1_000_000_000;

    /// Reads a decimal number of dollars exactly, such as `2.50`, `0.000000001` or `1e-3`.
    ///
    /// # Errors
    /// See [`ParseMoneyError`].
    pub fn parse_usd(text: &str) -> Result<Self, ParseMoneyError> {
        let text = text.trim();
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (
                mantissa,
                exponent
                    .parse::<i32>()
                    .map_err(|_| ParseMoneyError::NotADecimal)?,
            ),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = || whole.bytes().chain(fraction.bytes());
        if digits().count() == 0 || !digits().all(|b| b.is_ascii_digit()) {
            return Err(ParseMoneyError::NotADecimal);
        }
        // The digits form an integer; the decimal point and the exponent say by which power of ten
        // it must be scaled to become nano-dollars.
        let fraction_len =
            i32::try_from(fraction.len()).map_err(|_| ParseMoneyError::TooPrecise)?;
        let scale = exponent
            .checked_sub(fraction_len)
            .and_then(|s| s.checked_add(9))
            .ok_or(ParseMoneyError::TooLarge)?;
        let mut value: i128 = 0;
        for digit in digits() {
            value = value
                .checked_mul(10)
                .and_then(|v| v.checked_add(i128::from(digit - b'0')))
                .ok_or(ParseMoneyError::TooLarge)?;
        }
        if value != 0 {
            for _ in 0..scale {
                value = value.checked_mul(10).ok_or(ParseMoneyError::TooLarge)?;
            }
            for _ in scale..0 {
                if value % 10 != 0 {
                    return Err(ParseMoneyError::TooPrecise);
                }
                value /= 10;
            }
        }
        let value = i64::try_from(value).map_err(|_| ParseMoneyError::TooLarge)?;
        Ok(Self(if negative { -value } else { value }))
    }

    /// Dollars with at least two decimals and no more than the amount needs: `0.000012`, `3.50`.
    #[must_use]
    pub fn to_usd_string(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let whole = self.0.unsigned_abs() / Self::PER_USD.unsigned_abs();
        let nano = self.0.unsigned_abs() % Self::PER_USD.unsigned_abs();
        let fraction = format!("{nano:09}");
        let kept = fraction.trim_end_matches('0').len().max(2);
        format!("{sign}{whole}.{}", &fraction[..kept])
    }

    /// Dollars as a floating-point number, for JSON of the forerunners' APIs and for charts only.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "for display; money is never computed from it"
    )]
    pub fn to_usd_f64_for_display(self) -> f64 {
        self.0 as f64 / Self::PER_USD as f64
    }
}

/// Writes `$0.000012`.
impl fmt::Display for NanoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.to_usd_string();
        match text.strip_prefix('-') {
            Some(rest) => write!(f, "-${rest}"),
            None => write!(f, "${text}"),
        }
    }
}

impl Add for NanoUsd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for NanoUsd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for NanoUsd {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl SubAssign for NanoUsd {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Neg for NanoUsd {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Sum for NanoUsd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dollars_are_read_exactly() {
        let cases = [
            ("2.50", Ok(2_500_000_000)),
            ("0.1", Ok(100_000_000)),
            ("3", Ok(3_000_000_000)),
            ("1e-3", Ok(1_000_000)),
            ("1.5E2", Ok(150_000_000_000)),
            ("0.000000001", Ok(1)),
            ("0.0000000010", Ok(1)),
            ("0.0000000001", Err(ParseMoneyError::TooPrecise)),
            ("-1", Ok(-1_000_000_000)),
            ("", Err(ParseMoneyError::NotADecimal)),
            (".", Err(ParseMoneyError::NotADecimal)),
            ("1,5", Err(ParseMoneyError::NotADecimal)),
            ("NaN", Err(ParseMoneyError::NotADecimal)),
            ("99999999999", Err(ParseMoneyError::TooLarge)),
            ("1e2147483647", Err(ParseMoneyError::TooLarge)),
        ];
        for (text, expected) in cases {
            assert_eq!(NanoUsd::parse_usd(text), expected.map(NanoUsd), "{text}");
        }
    }

    #[test]
    fn dollars_are_written_without_noise() {
        assert_eq!(NanoUsd(12_000).to_string(), "$0.000012");
        assert_eq!(NanoUsd(3_500_000_000).to_string(), "$3.50");
        assert_eq!(NanoUsd(-1).to_string(), "-$0.000000001");
        assert_eq!(NanoUsd::ZERO.to_string(), "$0.00");
    }

    proptest! {
        #[test]
        fn every_amount_reads_what_it_writes(nano in any::<i64>().prop_filter("negatable", |n| *n != i64::MIN)) {
            prop_assert_eq!(NanoUsd::parse_usd(&NanoUsd(nano).to_usd_string()), Ok(NanoUsd(nano)));
        }
    }
}
