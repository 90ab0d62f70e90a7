//! How numbers read on a page. Integers only: what is shown of an amount is rounded from nano-USD
//! half up, and a page that rounds gives the exact amount as a tooltip.

use domain::{
    NanoUsd,
    budget::{NEAR_PERCENT, percent},
};

/// An amount as wide as it needs to be: cents from a dollar on, more digits below.
#[must_use]
pub fn money(amount: NanoUsd) -> String {
    let nano = amount.0.unsigned_abs();
    let decimals: u32 = match nano {
        0 | 1_000_000_000.. => 2,
        10_000_000.. => 4,
        1_000.. => 6,
        _ => 9,
    };
    let step = 10_u64.pow(9 - decimals);
    let rounded = (nano + step / 2) / step;
    let unit = 10_u64.pow(decimals);
    let width = usize::try_from(decimals).unwrap_or(0);
    let sign = if amount.0 < 0 { "-" } else { "" };
    let (whole, fraction) = (count(rounded / unit), rounded % unit);
    format!("{sign}${whole}.{fraction:0width$}")
}

/// `1234567` → `1,234,567`.
#[must_use]
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1234567` → `1.2M`, for where the exact number stands beside it or in a tooltip.
#[must_use]
pub fn short_count(n: u64) -> String {
    // The bound of each unit is where the smaller one would round up to a thousand of itself.
    let (unit, suffix) = match n {
        0..10_000 => return count(n),
        10_000..999_950 => (1_000, "k"),
        999_950..999_950_000 => (1_000_000, "M"),
        _ => (1_000_000_000, "B"),
    };
    let tenths = (n + unit / 20) / (unit / 10);
    format!("{}.{}{suffix}", count(tenths / 10), tenths % 10)
}

/// `<1 ms`, `830 ms`, `2.4 s`, `1 min 12 s`.
#[must_use]
pub fn duration(ms: u32) -> String {
    match ms {
        0 => "<1 ms".to_owned(),
        1..1_000 => format!("{ms} ms"),
        1_000..59_950 => {
            let tenths = (ms + 50) / 100;
            format!("{}.{} s", tenths / 10, tenths % 10)
        }
        _ => {
            let seconds = (ms + 500) / 1_000;
            format!("{} min {} s", seconds / 60, seconds % 60)
        }
    }
}

/// How near spending has come to its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// 0 to 100.
    pub percent: u32,
    pub tone: &'static str,
}

impl Share {
    /// `None` where there is no limit.
    #[must_use]
    pub fn of(spend: NanoUsd, limit: NanoUsd) -> Option<Self> {
        if limit <= NanoUsd::ZERO {
            return None;
        }
        let percent = percent(spend, limit).min(100);
        Some(Self {
            percent,
            tone: match percent {
                100.. => "bad",
                NEAR_PERCENT.. => "warn",
                _ => "good",
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_as_wide_as_they_need_to_be() {
        let cases = [
            (0, "$0.00"),
            (1, "$0.000000001"),
            (12_000, "$0.000012"),
            (999_999_999, "$1.0000"),
            (123_456_789, "$0.1235"),
            (120_000_000, "$0.1200"),
            (1_994_999_999, "$1.99"),
            (1_995_000_000, "$2.00"),
            (1_234_567_000_000_000, "$1,234,567.00"),
            (-2_500_000_000, "-$2.50"),
        ];
        for (nano, text) in cases {
            assert_eq!(money(NanoUsd(nano)), text, "{nano}");
        }
        assert!(money(NanoUsd(i64::MAX)).starts_with("$9,223,372,036"));
    }

    #[test]
    fn counts_are_grouped_or_shortened() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(short_count(9_999), "9,999");
        assert_eq!(short_count(12_345), "12.3k");
        assert_eq!(short_count(999_949), "999.9k");
        assert_eq!(short_count(999_950), "1.0M");
        assert_eq!(short_count(2_000_000_000), "2.0B");
    }

    #[test]
    fn durations_change_their_unit_without_a_gap() {
        assert_eq!(duration(0), "<1 ms");
        assert_eq!(duration(999), "999 ms");
        assert_eq!(duration(1_000), "1.0 s");
        assert_eq!(duration(59_949), "59.9 s");
        assert_eq!(duration(59_950), "1 min 0 s");
        assert_eq!(duration(72_400), "1 min 12 s");
    }

    #[test]
    fn a_share_warns_before_the_limit_and_never_exceeds_it() {
        let share = |spend, limit| Share::of(NanoUsd(spend), NanoUsd(limit));
        assert_eq!(share(5, 0), None);
        assert_eq!(share(79, 100).map(|s| s.tone), Some("good"));
        assert_eq!(share(80, 100).map(|s| s.tone), Some("warn"));
        let over = share(i64::MAX, 1);
        assert_eq!(over.map(|s| (s.percent, s.tone)), Some((100, "bad")));
        assert_eq!(share(-5, 100).map(|s| s.percent), Some(0));
    }
}
