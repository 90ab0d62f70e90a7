//! The grammar checker notices what it is there to notice.

use crate::{fixtures, grammar::check, stream};

fn written() -> String {
    let (_, text) = fixtures("streams")
        .into_iter()
        .find(|(name, _)| name == "everything")
        .expect("a fixture");
    stream::encode(stream::decode(&text).0)
}

/// The stream with its `n`th event of this name changed.
fn changed(name: &str, n: usize, change: impl Fn(&str) -> String) -> String {
    let mut seen = 0;
    let events = written();
    let mut out = String::new();
    for event in events.split_inclusive("\n\n") {
        if event.starts_with(&format!("event: {name}\n")) {
            seen += 1;
            if seen == n + 1 {
                out.push_str(&change(event));
                continue;
            }
        }
        out.push_str(event);
    }
    assert!(seen > n, "there is no such event");
    out
}

#[test]
fn every_broken_rule_is_noticed() {
    assert_eq!(check(&written()), Ok(()));
    let gone = |_: &str| String::new();
    let twice = |event: &str| event.repeat(2);
    let nameless = |event: &str| event.split_once('\n').expect("two lines").1.to_owned();
    let with = |from: &'static str, to: &'static str| move |event: &str| event.replace(from, to);
    let cases = [
        ("no message_start", changed("message_start", 0, gone)),
        ("two message_starts", changed("message_start", 0, twice)),
        ("no name", changed("content_block_delta", 0, nameless)),
        ("no stop of a block", changed("content_block_stop", 1, gone)),
        (
            "no start of a block",
            changed("content_block_start", 1, gone),
        ),
        ("two starts", changed("content_block_start", 1, twice)),
        ("no message_delta", changed("message_delta", 0, gone)),
        ("two message_deltas", changed("message_delta", 0, twice)),
        ("no message_stop", changed("message_stop", 0, gone)),
        ("more behind the end", changed("message_stop", 0, twice)),
        (
            "another index",
            changed("content_block_delta", 0, with("\"index\":0", "\"index\":1")),
        ),
        (
            "a delta of another kind",
            changed(
                "content_block_delta",
                0,
                with("thinking_delta", "text_delta"),
            ),
        ),
        (
            "an unknown reason",
            changed("message_delta", 0, with("tool_use\"", "tool_calls\"")),
        ),
        (
            "calls that end the turn",
            changed("message_delta", 0, with("tool_use\"", "end_turn\"")),
        ),
        (
            "no stop_sequence",
            changed("message_delta", 0, with(",\"stop_sequence\":null", "")),
        ),
        (
            "no input_tokens",
            changed("message_delta", 0, with("\"input_tokens\"", "\"input\"")),
        ),
        ("no JSON", changed("ping", 0, with("}", ""))),
        (
            "another type",
            changed("ping", 0, with("\"ping\"", "\"pong\"")),
        ),
        (
            "half an input",
            changed("content_block_delta", 9, with("1.50}", "1.50")),
        ),
        (
            "an id that nobody takes",
            changed("content_block_start", 5, with("toolu_1", "toolu.1")),
        ),
        (
            "one id for two calls",
            changed("content_block_start", 5, with("toolu_1", "toolu_2")),
        ),
        ("two signatures", changed("content_block_delta", 2, twice)),
    ];
    for (what, sse) in cases {
        assert!(check(&sse).is_err(), "{what}:\n{sse}");
    }
}
