//! What the URL of the usage page says, and how it is written. The page, its server function and the CSV
//! file read the same words, so that they show the same.

use domain::{
    Timestamp,
    usage_report::{BucketSize, RangeChoice, UsageGroup, UsageQuery},
};

use crate::url::encode;

/// The values of a query string by name.
#[must_use]
pub fn pairs(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.trim_start_matches('?').as_bytes())
        .into_owned()
        .collect()
}

/// A reader of [`pairs`].
pub fn reader(pairs: &[(String, String)]) -> impl Fn(&str) -> Option<String> + '_ {
    |name| {
        let found = pairs
            .iter()
            .find(|(key, value)| key == name && !value.is_empty());
        found.map(|(_, value)| value.clone())
    }
}

/// `path` with those of `pairs` that say something.
#[must_use]
pub fn href(path: &str, pairs: &[(&str, String)]) -> String {
    let said = pairs.iter().filter(|(_, value)| !value.is_empty());
    let query: Vec<String> = said
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    match query.is_empty() {
        true => path.to_owned(),
        false => format!("{path}?{}", query.join("&")),
    }
}

/// Reads the stretch of time.
pub fn read_range(get: impl Fn(&str) -> Option<String>) -> RangeChoice {
    let moment = |name| get(name)?.parse().ok().map(Timestamp);
    let named = get("range");
    let known = |name: &String| RangeChoice::NAMED.iter().any(|(word, _)| word == name);
    RangeChoice {
        named: named.filter(known),
        from: get("from"),
        to: get("to"),
        since: moment("since"),
        until: moment("until"),
    }
}

/// Writes the stretch of time.
#[must_use]
pub fn range_pairs(range: &RangeChoice) -> Vec<(&'static str, String)> {
    let moment = |at: Option<Timestamp>| at.map(|at| at.0.to_string()).unwrap_or_default();
    vec![
        ("range", range.named.clone().unwrap_or_default()),
        ("from", range.from.clone().unwrap_or_default()),
        ("to", range.to.clone().unwrap_or_default()),
        ("since", moment(range.since)),
        ("until", moment(range.until)),
    ]
}

/// What the chart shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageMeasure {
    #[default]
    Spend,
    Requests,
    Tokens,
    Errors,
    Latency,
    FirstChunk,
}

impl UsageMeasure {
    /// All of them with their word in the URL and their title.
    pub const ALL: [(Self, &'static str, &'static str); 6] = [
        (Self::Spend, "spend", "Spend"),
        (Self::Requests, "requests", "Requests"),
        (Self::Tokens, "tokens", "Tokens"),
        (Self::Errors, "errors", "Errors"),
        (Self::Latency, "latency", "Duration"),
        (Self::FirstChunk, "first", "First chunk"),
    ];

    fn parse(text: Option<String>) -> Self {
        let text = text.as_deref();
        let found = Self::ALL.iter().find(|(_, word, _)| Some(*word) == text);
        found.map_or(Self::Spend, |(measure, ..)| *measure)
    }

    /// As it stands in a URL; nothing for the first.
    #[must_use]
    pub fn word(self) -> &'static str {
        let found = Self::ALL.iter().skip(1).find(|(one, ..)| *one == self);
        found.map_or("", |(_, word, _)| word)
    }

    /// As a heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        let found = Self::ALL.iter().find(|(one, ..)| *one == self);
        found.map_or("Spend", |(.., title)| title)
    }
}

/// All that the URL says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageUrl {
    pub query: UsageQuery,
    pub measure: UsageMeasure,
}

impl UsageUrl {
    /// Reads a query string; what makes no sense counts as not said.
    #[must_use]
    pub fn parse(query: &str) -> Self {
        let pairs = pairs(query);
        let get = reader(&pairs);
        Self {
            query: UsageQuery {
                range: read_range(&get),
                bucket: get("bucket").and_then(|text| BucketSize::parse(&text)),
                group: get("group")
                    .and_then(|text| UsageGroup::parse(&text))
                    .unwrap_or_default(),
                user: get("user").and_then(|id| id.parse().ok()),
            },
            measure: UsageMeasure::parse(get("chart")),
        }
    }

    /// The URL of this state.
    #[must_use]
    pub fn href(&self, path: &str) -> String {
        let query = &self.query;
        let mut pairs = range_pairs(&query.range);
        pairs.push((
            "bucket",
            query.bucket.map_or("", BucketSize::as_str).to_owned(),
        ));
        let group = match query.group {
            UsageGroup::Model => "",
            group => group.as_str(),
        };
        pairs.push(("group", group.to_owned()));
        pairs.push((
            "user",
            query.user.map(|id| id.to_string()).unwrap_or_default(),
        ));
        pairs.push(("chart", self.measure.word().to_owned()));
        href(path, &pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_reads_what_it_writes_and_nonsense_counts_as_not_said() {
        let url = UsageUrl {
            query: UsageQuery {
                range: RangeChoice {
                    since: Some(Timestamp(5)),
                    until: Some(Timestamp(9)),
                    ..RangeChoice::default()
                },
                bucket: Some(BucketSize::Hour),
                group: UsageGroup::Backend,
                user: Some(7),
            },
            measure: UsageMeasure::FirstChunk,
        };
        let written = url.href("/u");
        assert_eq!(
            written,
            "/u?since=5&until=9&bucket=hour&group=backend&user=7&chart=first"
        );
        assert_eq!(UsageUrl::parse(written.trim_start_matches("/u")), url);
        let nonsense = UsageUrl::parse("?range=<x>&bucket=1&group=&user=me&chart=%3Cscript%3E");
        assert_eq!(nonsense, UsageUrl::default());
        assert_eq!(UsageUrl::default().href("/u"), "/u");
    }
}
