//! The Messages dialect over its fixtures, and over whatever else it may meet.

#![expect(
    clippy::expect_used,
    reason = "in a test a broken assumption is a failure, and the message says which"
)]

#[path = "anthropic_messages/conversations.rs"]
mod conversations;
#[path = "anthropic_messages/events.rs"]
mod events;
#[path = "anthropic_messages/generate.rs"]
mod generate;
#[path = "grammar/anthropic_messages.rs"]
mod grammar;
#[path = "anthropic_messages/grammar_holds.rs"]
mod grammar_holds;
#[path = "anthropic_messages/order.rs"]
mod order;
#[path = "anthropic_messages/stream.rs"]
mod stream;

use std::{fs, path::Path};

use dialects::{
    anthropic_messages::{request, response},
    translate::{Quirks, Target},
};
use domain::Dialect;
use proptest::prelude::*;

/// The files of a folder of fixtures with their names, in order.
fn fixtures(folder: &str) -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/anthropic_messages")
        .join(folder);
    let mut files: Vec<_> = fs::read_dir(path)
        .expect("the folder is there")
        .map(|file| file.expect("readable").path())
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy();
            let text = fs::read_to_string(&path).expect("UTF-8");
            (name.into_owned(), text)
        })
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn target<'t>(model: &'t str, quirks: &'t Quirks) -> Target<'t> {
    Target {
        model,
        stream: false,
        quirks,
        default_max_output_tokens: 4096,
    }
}

#[test]
fn requests_are_read_and_written() {
    for (name, text) in fixtures("requests") {
        let mut decoded = request::decode(text.as_bytes()).expect("a request");
        insta::assert_snapshot!(format!("request_{name}"), format!("{decoded:#?}"));
        let quirks = Quirks::default();
        let target = target("claude-sonnet-4-5", &quirks);
        let mut written = String::new();
        for source in [Dialect::AnthropicMessages, Dialect::OpenaiChat] {
            decoded.source = source;
            written.push_str(&format!("from {source:?}\n"));
            match request::encode(&decoded, &target) {
                Ok(encoded) => {
                    let body = String::from_utf8(encoded.body).expect("UTF-8");
                    let losses = encoded.losses.names();
                    written.push_str(&format!("lost: {losses}\n{body}\n\n"));
                }
                Err(refused) => written.push_str(&format!("refused: {refused}\n\n")),
            }
        }
        insta::assert_snapshot!(format!("request_{name}_written"), written);
    }
}

#[test]
fn answers_are_read_and_written() {
    for (name, text) in fixtures("responses") {
        let decoded = response::decode(text.as_bytes()).expect("an answer");
        insta::assert_snapshot!(format!("response_{name}"), format!("{decoded:#?}"));
        let written = response::encode(&decoded, &stream::client());
        let written = String::from_utf8(written).expect("UTF-8");
        insta::assert_snapshot!(format!("response_{name}_written"), written);
    }
}

#[test]
fn streams_are_read_and_written() {
    for (name, text) in fixtures("streams") {
        let (events, complete) = stream::decode(&text);
        let lines: Vec<_> = events.iter().map(|event| format!("{event:?}")).collect();
        let told = format!("complete: {complete}\n{}", lines.join("\n"));
        insta::assert_snapshot!(format!("stream_{name}"), told);
        let written = stream::encode(events);
        assert_eq!(grammar::check(&written), Ok(()), "{name}");
        insta::assert_snapshot!(format!("stream_{name}_written"), written);
    }
}

#[test]
fn a_stream_adds_up_to_the_whole_answer() {
    let read = |folder: &str, name: &str| {
        let found = fixtures(folder).into_iter().find(|(n, _)| n == name);
        found.expect("a fixture").1
    };
    for name in ["everything", "stop_sequence"] {
        let (events, complete) = stream::decode(&read("streams", name));
        assert!(complete);
        let whole = response::decode(read("responses", name).as_bytes()).expect("an answer");
        let told = |answer| -> serde_json::Value {
            let body = response::encode(answer, &stream::client());
            serde_json::from_slice(&body).expect("JSON")
        };
        assert_eq!(told(&stream::collect(&events)), told(&whole));
    }
}

#[test]
fn a_stream_cut_off_is_no_answer() {
    let (_, text) = fixtures("streams")
        .into_iter()
        .find(|(name, _)| name == "everything")
        .expect("a fixture");
    let ends: Vec<_> = text.match_indices("\n\n").map(|(at, _)| at + 2).collect();
    let whole = ends.len();
    for (n, end) in ends.into_iter().enumerate() {
        let (events, complete) = stream::decode(&text[..end]);
        // With message_delta all is said; message_stop adds nothing.
        assert_eq!(complete, n + 2 >= whole, "after event {n}");
        let ends = events
            .iter()
            .filter(|event| matches!(event, dialects::ir::Event::End));
        assert_eq!(ends.count(), usize::from(complete));
    }
}

#[test]
fn what_cannot_be_understood_is_refused_by_name() {
    let cases = [
        (
            "[]",
            "the request body is not valid JSON: expected a JSON object",
        ),
        (r#"{"messages":7}"#, "messages: expected an array"),
        (
            r#"{"messages":[{"role":"tool","content":"x"}]}"#,
            "messages[0].role: expected \"user\", \"assistant\" or \"system\"",
        ),
        (
            r#"{"messages":[{"role":"user","content":[{"type":"text"}]}]}"#,
            "messages[0].content[0].text: expected a value; this field is required",
        ),
        (
            r#"{"messages":[{"role":"user","content":7}]}"#,
            "messages[0].content: expected a string or an array of content blocks",
        ),
        (
            r#"{"messages":[],"max_tokens":"many"}"#,
            "max_tokens: expected a whole number",
        ),
        (
            r#"{"messages":[],"tools":[{"input_schema":{}}]}"#,
            "tools[0]: expected a tool with a name",
        ),
        (
            r#"{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"b","input":"{}"}]}]}"#,
            "messages[0].content[0].input: expected an object",
        ),
    ];
    for (body, message) in cases {
        let error = request::decode(body.as_bytes()).expect_err(body);
        assert_eq!(error.to_string(), message);
    }
    for body in ["", "{", "null", "\"x\""] {
        assert!(request::decode(body.as_bytes()).is_err(), "{body}");
        assert!(response::decode(body.as_bytes()).is_err(), "{body}");
    }
    let reported = br#"{"type":"error","error":{"type":"api_error","message":"broke"}}"#;
    assert_eq!(
        response::decode(reported).map_err(|e| e.to_string()),
        Err("it reported an error: broke".to_owned())
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_request_comes_back_as_it_was(given in generate::request()) {
        let quirks = Quirks::default();
        let encoded = request::encode(&given, &target("claude-sonnet-4-6", &quirks)).expect("not refused");
        prop_assert_eq!(encoded.losses.names(), "");
        let got = request::decode(&encoded.body).expect("a request");
        prop_assert_eq!(got, given);
    }

    #[test]
    fn an_answer_comes_back_as_it_was(given in generate::response()) {
        let written = response::encode(&given, &stream::client());
        prop_assert_eq!(response::decode(&written).expect("an answer"), given);
    }

    #[test]
    fn a_stream_comes_back_as_it_was(given in generate::response(), piece in 1..9usize) {
        let written = stream::encode(stream::spoken(&given, piece));
        prop_assert_eq!(grammar::check(&written), Ok(()));
        let (events, complete) = stream::decode(&written);
        prop_assert!(complete);
        prop_assert_eq!(stream::collect(&events), given);
    }

    #[test]
    fn no_bytes_make_it_panic(junk in any::<Vec<u8>>(), fixture in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut files = fixtures("requests");
        files.extend(fixtures("responses"));
        files.extend(fixtures("streams"));
        let (_, text) = &files[fixture.index(files.len())];
        let mut bytes = text.clone().into_bytes();
        let at = at.index(bytes.len());
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] = byte;
        }
        for input in [&junk, &bytes] {
            if let Ok(request) = request::decode(input) {
                let quirks = Quirks::default();
                let _ = request::encode(&request, &target("claude-opus-4-8", &quirks));
            }
            if let Ok(answer) = response::decode(input) {
                let _ = response::encode(&answer, &stream::client());
            }
            let mut decoder = dialects::anthropic_messages::stream::Decoder::new();
            let mut events = Vec::new();
            for line in input.split(|b| *b == b'\n') {
                let data = line.strip_prefix(b"data: ").unwrap_or(line);
                let _ = decoder.event(None, data, &mut events);
            }
            decoder.end(&mut events);
        }
    }
}
