//! Rate limit headers from one family's words into the other's. OpenAI says
//! `x-ratelimit-remaining-tokens` and tells resets as durations (`6m0s`); Anthropic says
//! `anthropic-ratelimit-tokens-remaining` and tells them as times (RFC 3339). Sources: OpenAI, "Rate
//! limits"; Anthropic, "Rate limits".

use std::time::Duration;

use domain::Dialect;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Family, family};
use crate::counters::rates::RatesLeft;

/// A rate limit header of either family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'n> {
    /// `requests`, `tokens`, `input-tokens`, `output-tokens`.
    what: &'n str,
    /// `limit`, `remaining`, `reset`.
    figure: &'n str,
    anthropic: bool,
}

impl<'n> Header<'n> {
    /// Reads a header's name; `None` where it is about something else.
    #[must_use]
    pub fn parse(name: &'n str) -> Option<Self> {
        let (what, figure, anthropic) =
            if let Some(rest) = name.strip_prefix("anthropic-ratelimit-") {
                let (what, figure) = rest.rsplit_once('-')?;
                (what, figure, true)
            } else {
                let (figure, what) = name.strip_prefix("x-ratelimit-")?.split_once('-')?;
                (what, figure, false)
            };
        let known = matches!(figure, "limit" | "remaining" | "reset")
            && matches!(
                what,
                "requests" | "tokens" | "input-tokens" | "output-tokens"
            );
        known.then_some(Self {
            what,
            figure,
            anthropic,
        })
    }

    /// As OpenAI's clients know it. Input and output apart are unknown to them.
    #[must_use]
    pub fn for_openai(self, value: &HeaderValue, now: i64) -> Option<(HeaderName, HeaderValue)> {
        if !matches!(self.what, "requests" | "tokens") {
            return None;
        }
        let name = format!("x-ratelimit-{}-{}", self.figure, self.what);
        let value = match self.figure {
            "reset" if self.anthropic => {
                let at: jiff::Timestamp = value.to_str().ok()?.parse().ok()?;
                let wait = at.as_millisecond().saturating_sub(now).max(0);
                let seconds = Duration::from_millis(u64::try_from(wait).ok()?).as_secs_f64();
                HeaderValue::try_from(format!("{seconds}s")).ok()?
            }
            _ => value.clone(),
        };
        Some((HeaderName::try_from(name).ok()?, value))
    }

    /// As Anthropic's clients know it.
    #[must_use]
    pub fn for_anthropic(self, value: &HeaderValue, now: i64) -> Option<(HeaderName, HeaderValue)> {
        let name = format!("anthropic-ratelimit-{}-{}", self.what, self.figure);
        let value = match self.figure {
            "reset" if !self.anthropic => {
                let wait = i64::try_from(duration(value.to_str().ok()?)?.as_millis()).ok()?;
                let at = jiff::Timestamp::from_millisecond(now.checked_add(wait)?).ok()?;
                let at = at.round(jiff::Unit::Second).ok()?;
                HeaderValue::try_from(at.to_string()).ok()?
            }
            _ => value.clone(),
        };
        Some((HeaderName::try_from(name).ok()?, value))
    }
}

/// What is left of the caller's own limits, for a client of `dialect`. `now` is in milliseconds since
/// 1970. What it does not limit is left to what the upstream says.
#[must_use]
pub fn of_caller(left: &RatesLeft, dialect: Dialect, now: i64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (what, left) in [("requests", left.requests), ("tokens", left.tokens)] {
        let Some(left) = left else { continue };
        let seconds = format!("{}s", left.reset.as_millis() as f64 / 1000.0);
        let figures = [
            ("limit", left.limit.to_string()),
            ("remaining", left.remaining.to_string()),
            ("reset", seconds),
        ];
        for (figure, value) in figures {
            let header = Header {
                what,
                figure,
                anthropic: false,
            };
            let Ok(value) = HeaderValue::try_from(value) else {
                continue;
            };
            let header = match family(dialect) {
                Family::Anthropic => header.for_anthropic(&value, now),
                Family::Openai | Family::Bedrock => header.for_openai(&value, now),
            };
            if let Some((name, value)) = header {
                headers.insert(name, value);
            }
        }
    }
    headers
}

/// Reads `1h2m3.5s`, `20ms`, or a bare number of seconds.
fn duration(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest.get(..digits)?.parse().ok()?;
        let unit = rest.get(digits..)?;
        let (scale, length) = match unit.as_bytes() {
            [b'm', b's', ..] => (0.001, 2),
            [b'h', ..] => (3600.0, 1),
            [b'm', ..] => (60.0, 1),
            [b's', ..] => (1.0, 1),
            _ => return None,
        };
        total += number * scale;
        rest = unit.get(length..)?;
    }
    Duration::try_from_secs_f64(total).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to_anthropic(name: &str, value: &str) -> Option<(String, String)> {
        let value = HeaderValue::from_str(value).expect("a value");
        let (name, value) = Header::parse(name)?.for_anthropic(&value, 1_000)?;
        Some((name.to_string(), value.to_str().expect("text").to_owned()))
    }

    fn to_openai(name: &str, value: &str) -> Option<(String, String)> {
        let value = HeaderValue::from_str(value).expect("a value");
        let (name, value) = Header::parse(name)?.for_openai(&value, 1_000)?;
        Some((name.to_string(), value.to_str().expect("text").to_owned()))
    }

    fn pair(name: &str, value: &str) -> Option<(String, String)> {
        Some((name.to_owned(), value.to_owned()))
    }

    #[test]
    fn each_family_reads_the_others_limits() {
        assert_eq!(
            to_anthropic("x-ratelimit-remaining-tokens", "149984"),
            pair("anthropic-ratelimit-tokens-remaining", "149984")
        );
        assert_eq!(
            to_anthropic("x-ratelimit-reset-requests", "1m1.5s"),
            pair("anthropic-ratelimit-requests-reset", "1970-01-01T00:01:03Z")
        );
        assert_eq!(
            to_openai("anthropic-ratelimit-requests-reset", "1970-01-01T00:01:01Z"),
            pair("x-ratelimit-reset-requests", "60s")
        );
        assert_eq!(
            to_openai("anthropic-ratelimit-input-tokens-limit", "5"),
            None
        );
        assert_eq!(to_openai("x-ratelimit-policy", "5"), None);
        assert_eq!(to_anthropic("x-ratelimit-reset-requests", "soon"), None);
    }

    #[test]
    fn durations_are_read_as_openai_writes_them() {
        let cases = [
            ("20ms", 20),
            ("1s", 1_000),
            ("6m0s", 360_000),
            ("1h2m3s", 3_723_000),
            ("2", 2_000),
        ];
        for (text, millis) in cases {
            assert_eq!(
                duration(text),
                Some(Duration::from_millis(millis)),
                "{text}"
            );
        }
        for text in ["", "s", "1x", "1.2.3s"] {
            assert!(duration(text).is_none_or(|d| d.is_zero()), "{text}");
        }
    }
}
