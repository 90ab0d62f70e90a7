//! What the URL of the log says. The page, its server function, the CSV file and the live tail read the same
//! words, so that they show the same requests.

use domain::request_log::{LogCursor, LogQuery, LogResult};

use crate::pages::usage::{href, pairs, range_pairs, read_range, reader};

/// Reads a query string; what makes no sense counts as not said.
#[must_use]
pub fn parse(query: &str) -> LogQuery {
    let pairs = pairs(query);
    let get = reader(&pairs);
    let id = |name| get(name)?.parse().ok();
    let text = |name| {
        let text: String = get(name)?.trim().to_owned();
        (!text.is_empty()).then_some(text)
    };
    LogQuery {
        range: read_range(&get),
        user: id("user"),
        key: id("key"),
        team: id("team"),
        model: text("model"),
        backend: id("backend"),
        result: get("result")
            .map(|text| LogResult::parse(&text))
            .unwrap_or_default(),
        stream: match get("stream").as_deref() {
            Some("yes") => Some(true),
            Some("no") => Some(false),
            _ => None,
        },
        search: text("q"),
        before: get("before").and_then(|text| LogCursor::parse(&text)),
    }
}

/// The URL of this state.
#[must_use]
pub fn log_href(query: &LogQuery, path: &str) -> String {
    let id = |id: Option<i64>| id.map(|id| id.to_string()).unwrap_or_default();
    let mut pairs = range_pairs(&query.range);
    pairs.extend([
        ("user", id(query.user)),
        ("key", id(query.key)),
        ("team", id(query.team)),
        ("model", query.model.clone().unwrap_or_default()),
        ("backend", id(query.backend)),
        ("result", query.result.word()),
        (
            "stream",
            match query.stream {
                Some(true) => "yes",
                Some(false) => "no",
                None => "",
            }
            .to_owned(),
        ),
        ("q", query.search.clone().unwrap_or_default()),
        (
            "before",
            query.before.map(LogCursor::word).unwrap_or_default(),
        ),
    ]);
    href(path, &pairs)
}

#[cfg(test)]
mod tests {
    use domain::{Outcome, Timestamp};

    use super::*;

    #[test]
    fn a_url_reads_what_it_writes_and_nonsense_counts_as_not_said() {
        let query = LogQuery {
            user: Some(1),
            key: Some(2),
            team: Some(3),
            model: Some("a/b c&d".to_owned()),
            backend: Some(4),
            result: LogResult::Outcome(Outcome::StreamBroken),
            stream: Some(false),
            search: Some("50%".to_owned()),
            before: Some(LogCursor {
                started_at: Timestamp(7),
                row: 8,
            }),
            ..LogQuery::default()
        };
        let written = log_href(&query, "/l");
        assert_eq!(parse(written.trim_start_matches("/l")), query);
        assert_eq!(
            parse("?user=x&stream=1&result=?&before=9&q=+"),
            LogQuery::default()
        );
        assert_eq!(log_href(&LogQuery::default(), "/l"), "/l");
    }
}
