//! How the values of a configuration are written: numbers, durations, sizes, addresses, secrets and
//! choices between names. Each says what it expects, so that messages can.

use std::{
    net::{IpAddr, Ipv4Addr},
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

use domain::NanoUsd;
use http::{HeaderName, HeaderValue};
use jiff::{SignedDuration, tz::TimeZone};
use secrecy::SecretString;

use super::{
    document::is_number,
    suggest::{nearest, suggestion},
};

/// Whether a value has to stand in quotes where the format knows quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// A text: a bare number or truth value is a mistake.
    Text,
    /// A number or truth value: in quotes it is a mistake.
    Plain,
    /// Both `30` and `"30s"`.
    Either,
}

/// A type that a scalar can be read as.
pub(super) trait FromText: Sized {
    /// Completes "expected …".
    const EXPECTED: &'static str;
    const WRITTEN: Written = Written::Text;
    /// Whether messages must not quote the text.
    const SECRET: bool = false;

    /// The value, or a message that says what is wrong and what would be right.
    fn from_text(text: &str) -> Result<Self, String>;

    /// From an environment variable, where people write more loosely.
    fn from_variable(text: &str) -> Result<Self, String> {
        Self::from_text(text.trim())
    }
}

/// A closed set of names, for `kind`, `strategy` and the like.
pub(super) trait Choice: Sized + Copy + 'static {
    /// What is chosen, such as "kind".
    const NOUN: &'static str;
    /// Completes "expected …", with all names.
    const EXPECTED: &'static str;
    const NAMES: &'static [(&'static str, Self)];
    /// Names that are reserved for what this version cannot do.
    const NOT_YET: &'static [&'static str] = &[];
}

impl<C: Choice> FromText for C {
    const EXPECTED: &'static str = C::EXPECTED;

    fn from_text(text: &str) -> Result<Self, String> {
        if let Some((_, choice)) = C::NAMES.iter().find(|(name, _)| *name == text) {
            return Ok(*choice);
        }
        let names = C::NAMES.iter().map(|(name, _)| *name);
        if C::NOT_YET.contains(&text) {
            return Err(format!(
                "{} {text:?} is not available yet; use {}",
                C::NOUN,
                C::EXPECTED
            ));
        }
        let near = suggestion(text, names, "use one of");
        Err(format!("unknown {} {text:?}{near}", C::NOUN))
    }
}

impl FromText for String {
    const EXPECTED: &'static str = "a text";

    fn from_text(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("must not be empty".to_owned());
        }
        Ok(text.to_owned())
    }
}

impl FromText for SecretString {
    const EXPECTED: &'static str = "a secret text";
    const SECRET: bool = true;

    fn from_text(text: &str) -> Result<Self, String> {
        if text.trim() != text || text.is_empty() {
            return Err("a secret must not be empty or have spaces around it".to_owned());
        }
        Ok(text.into())
    }
}

impl FromText for bool {
    const EXPECTED: &'static str = "true or false";
    const WRITTEN: Written = Written::Plain;

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "true" | "True" | "TRUE" => Ok(true),
            "false" | "False" | "FALSE" => Ok(false),
            _ => Err(format!("expected true or false, found {text:?}")),
        }
    }

    fn from_variable(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(format!("expected true or false, found {text:?}")),
        }
    }
}

macro_rules! whole_numbers {
    ($($type:ty: $expected:literal),* $(,)?) => {$(
        impl FromText for $type {
            const EXPECTED: &'static str = $expected;
            const WRITTEN: Written = Written::Plain;

            fn from_text(text: &str) -> Result<Self, String> {
                text.parse()
                    .map_err(|_| format!("expected {}, found {text:?}", Self::EXPECTED))
            }
        }
    )*};
}

whole_numbers! {
    u16: "a whole number from 0 to 65535",
    u32: "a whole number from 0 to 4294967295",
    NonZeroU32: "a whole number from 1 to 4294967295",
    NonZeroUsize: "a whole number of at least 1",
}

/// A price in USD, read digit by digit.
impl FromText for NanoUsd {
    const EXPECTED: &'static str = "US dollars per million tokens, such as 2.50";
    const WRITTEN: Written = Written::Either;

    fn from_text(text: &str) -> Result<Self, String> {
        match Self::parse_usd(text) {
            Ok(price) if price < Self::ZERO => Err(format!("a price cannot be negative: {text}")),
            Ok(price) => Ok(price),
            Err(error) => Err(format!(
                "{text:?} is not a price: {error}; expected {}",
                Self::EXPECTED
            )),
        }
    }
}

impl FromText for Duration {
    const EXPECTED: &'static str =
        "a duration such as 500ms, 30s or 2m (a plain number is seconds)";
    const WRITTEN: Written = Written::Either;

    fn from_text(text: &str) -> Result<Self, String> {
        let with_unit = if is_number(text) {
            format!("{text}s")
        } else {
            text.to_owned()
        };
        let parsed = with_unit.parse::<SignedDuration>().ok();
        parsed
            .and_then(|duration| Self::try_from(duration).ok())
            .ok_or_else(|| format!("expected {}, found {text:?}", Self::EXPECTED))
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bytes(pub usize);

impl FromText for Bytes {
    const EXPECTED: &'static str = "a size such as 512KiB or 64MiB (a plain number is bytes)";
    const WRITTEN: Written = Written::Either;

    fn from_text(text: &str) -> Result<Self, String> {
        let size = text.parse::<bytesize::ByteSize>().ok();
        size.and_then(|size| usize::try_from(size.as_u64()).ok())
            .filter(|bytes| *bytes > 0)
            .map(Self)
            .ok_or_else(|| format!("expected {}, found {text:?}", Self::EXPECTED))
    }
}

impl FromText for IpAddr {
    const EXPECTED: &'static str = "an IP address to listen on, such as 127.0.0.1, 0.0.0.0 or ::";

    fn from_text(text: &str) -> Result<Self, String> {
        if text == "localhost" {
            return Ok(Ipv4Addr::LOCALHOST.into());
        }
        let bare = text
            .strip_prefix('[')
            .and_then(|t| t.strip_suffix(']'))
            .unwrap_or(text);
        bare.parse()
            .map_err(|_| format!("expected {}, found {text:?}", Self::EXPECTED))
    }
}

impl FromText for TimeZone {
    const EXPECTED: &'static str = "a time zone such as UTC or Europe/Paris";

    fn from_text(text: &str) -> Result<Self, String> {
        Self::get(text).map_err(|_| {
            let database = jiff::tz::db();
            let names: Vec<String> = database
                .available()
                .map(|n| n.as_str().to_owned())
                .collect();
            match nearest(text, names.iter().map(String::as_str)) {
                Some(near) => format!("unknown time zone {text:?}; did you mean {near:?}?"),
                None => format!("unknown time zone {text:?}; expected {}", Self::EXPECTED),
            }
        })
    }
}

impl FromText for HeaderName {
    const EXPECTED: &'static str = "the name of an HTTP header";

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|_| format!("expected {}, found {text:?}", Self::EXPECTED))
    }
}

/// The value of an extra header, which may well be a credential.
impl FromText for SecretHeader {
    const EXPECTED: &'static str = "the value of an HTTP header";
    const SECRET: bool = true;

    fn from_text(text: &str) -> Result<Self, String> {
        let mut value = HeaderValue::from_str(text)
            .map_err(|_| "contains characters that no HTTP header may have".to_owned())?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

/// A header value that prints as `Sensitive`.
pub(super) struct SecretHeader(pub HeaderValue);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let cases = [
            ("500ms", 500),
            ("30s", 30_000),
            ("2m", 120_000),
            ("1h30m", 5_400_000),
            ("45", 45_000),
            ("1.5", 1_500),
            ("0", 0),
        ];
        for (text, milliseconds) in cases {
            assert_eq!(
                Duration::from_text(text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
        for text in ["", "30 bananas", "-1s", "-1", "s", "1y"] {
            assert!(Duration::from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes() {
        let cases = [
            ("64MiB", 64 << 20),
            ("1 KiB", 1024),
            ("2kB", 2000),
            ("77", 77),
        ];
        for (text, bytes) in cases {
            assert_eq!(Bytes::from_text(text), Ok(Bytes(bytes)), "{text}");
        }
        for text in ["", "64 bananas", "-1", "0"] {
            assert!(Bytes::from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn prices_are_exact_and_never_rounded() {
        assert_eq!(NanoUsd::from_text("2.50"), Ok(NanoUsd(2_500_000_000)));
        assert_eq!(NanoUsd::from_text("0.000000001"), Ok(NanoUsd(1)));
        assert!(NanoUsd::from_text("0.0000000001").is_err_and(|e| e.contains("nine decimals")));
        assert!(NanoUsd::from_text("-1").is_err_and(|e| e.contains("negative")));
        assert!(NanoUsd::from_text("free").is_err());
    }

    #[test]
    fn a_truth_value_is_written_loosely_only_in_the_environment() {
        assert_eq!(bool::from_variable("Yes"), Ok(true));
        assert_eq!(bool::from_variable("0"), Ok(false));
        assert!(bool::from_text("yes").is_err());
        assert!(bool::from_variable("maybe").is_err());
    }

    #[test]
    fn time_zones_come_from_the_bundled_database() {
        assert!(TimeZone::from_text("Europe/Paris").is_ok());
        let error = TimeZone::from_text("Europe/Pariss").unwrap_err();
        assert_eq!(
            error,
            "unknown time zone \"Europe/Pariss\"; did you mean \"Europe/Paris\"?"
        );
        let error = TimeZone::from_text("qq").unwrap_err();
        assert!(
            error.contains("expected a time zone such as UTC"),
            "{error}"
        );
    }
}
