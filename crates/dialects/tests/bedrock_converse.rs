//! What Converse and ConverseStream answer, decoded. Each fixture is an answer of the service or the
//! events of a stream; adding a case means adding one.
#![expect(
    clippy::expect_used,
    reason = "a test that cannot go on should stop where it is"
)]

use std::{fs, path::Path};

use dialects::{
    ResponseError,
    bedrock_converse::{response, stream::Decoder},
    ir::{Delta, Event, Part, PartStart, Proof, Stop, ToolCallKind},
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn fixtures(kind: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/bedrock_converse")
        .join(kind);
    let mut found: Vec<(String, String)> = fs::read_dir(folder)
        .expect("the folder of fixtures")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            (name, fs::read_to_string(&path).expect("a fixture"))
        })
        .collect();
    found.sort();
    assert!(!found.is_empty());
    found
}

/// The events of a stream, and whether it was complete.
fn decode(events: &[(String, Value)]) -> (Vec<Event>, bool) {
    let mut decoder = Decoder::new();
    let mut out = Vec::new();
    for (name, data) in events {
        decoder
            .event(Some(name), data.to_string().as_bytes(), &mut out)
            .expect("an event that can be read");
    }
    let complete = decoder.end(&mut out);
    (out, complete)
}

#[test]
fn answers() {
    for (name, body) in fixtures("responses") {
        let answer = response::decode(body.as_bytes()).expect("an answer");
        insta::assert_snapshot!(format!("response_{name}"), format!("{answer:#?}"));
    }
}

#[test]
fn streams() {
    for (name, body) in fixtures("streams") {
        let events: Vec<(String, Value)> = serde_json::from_str(&body).expect("pairs");
        let (events, complete) = decode(&events);
        let lines: Vec<String> = events.iter().map(|event| format!("{event:?}")).collect();
        let text = format!("complete: {complete}\n{}", lines.join("\n"));
        insta::assert_snapshot!(format!("stream_{name}"), text);
    }
}

#[test]
fn what_is_no_answer_is_told_apart_from_a_reported_error() {
    for body in [
        "",
        "<html>",
        "[]",
        "null",
        "{}",
        r#"{"output":{"message":{"role":"assi"#,
    ] {
        let got = response::decode(body.as_bytes());
        assert!(
            matches!(got, Err(ResponseError::Malformed(_))),
            "{body}: {got:?}"
        );
    }
    let got = response::decode(br#"{"Message":"not today"}"#);
    assert_eq!(got, Err(ResponseError::Reported("not today".to_owned())));
}

#[test]
fn every_stop_reason_has_a_meaning() {
    let cases = [
        ("end_turn", Stop::End),
        ("tool_use", Stop::ToolUse),
        ("max_tokens", Stop::MaxTokens),
        ("stop_sequence", Stop::Sequence(None)),
        ("guardrail_intervened", Stop::ContentFilter),
        ("content_filtered", Stop::ContentFilter),
        ("model_context_window_exceeded", Stop::ContextWindow),
        (
            "malformed_tool_use",
            Stop::Other("malformed_tool_use".to_owned()),
        ),
    ];
    for (reason, stop) in cases {
        let body = json!({"output": {"message": {"content": []}}, "stopReason": reason});
        let answer = response::decode(body.to_string().as_bytes()).expect("an answer");
        assert_eq!(answer.candidates[0].stop, stop, "{reason}");
        let (events, complete) =
            decode(&[("messageStop".to_owned(), json!({"stopReason": reason}))]);
        assert!(
            events.contains(&Event::Stop { candidate: 0, stop }),
            "{reason}"
        );
        assert!(complete && events.last() == Some(&Event::End));
    }
}

#[test]
fn exceptions_have_the_status_that_they_would_have_had_as_answers() {
    let cases = [
        ("throttlingException", 429),
        ("validationException", 400),
        ("serviceUnavailableException", 503),
        ("modelStreamErrorException", 500),
        ("internalServerException", 500),
        ("modelTimeoutException", 408),
    ];
    for (name, expected) in cases {
        let (events, complete) = decode(&[(name.to_owned(), json!({"message": "why"}))]);
        let [Event::Error(error)] = events.as_slice() else {
            panic!("{events:?}");
        };
        assert_eq!((error.status, error.message.as_str()), (expected, "why"));
        assert!(!complete);
    }
}

#[test]
fn deltas_say_what_a_block_is_where_its_start_does_not() {
    let starts = [
        json!({"start": {}}),
        json!({"start": {"text": {}}}),
        json!({"start": {"image": {"format": "png"}}}),
        json!({"start": null}),
        json!({}),
    ];
    for mut start in starts {
        start["contentBlockIndex"] = json!(0);
        let delta = |delta: Value| {
            let data = json!({"contentBlockIndex": 0, "delta": delta});
            ("contentBlockDelta".to_owned(), data)
        };
        let (events, complete) = decode(&[
            ("contentBlockStart".to_owned(), start.clone()),
            delta(json!({"image": {"source": {"bytes": "YQ=="}}})),
            delta(json!({"toolUse": {"input": "{}"}})),
            delta(json!({"text": "said"})),
            delta(json!({"text": " too"})),
            (
                "contentBlockStop".to_owned(),
                json!({"contentBlockIndex": 0}),
            ),
            ("messageStop".to_owned(), json!({"stopReason": "end_turn"})),
        ]);
        let said: Vec<&Event> = events
            .iter()
            .filter(|event| !matches!(event, Event::Start { .. }))
            .collect();
        assert!(complete);
        assert!(
            matches!(
                said.as_slice(),
                [
                    Event::PartStart { part: PartStart::Text, .. },
                    Event::Delta { delta: Delta::Text(one), .. },
                    Event::Delta { delta: Delta::Text(two), .. },
                    Event::PartEnd { .. },
                    Event::Stop { .. },
                    Event::End,
                ] if one == "said" && two == " too"
            ),
            "{start}: {events:?}"
        );
    }
}

#[test]
fn input_without_a_start_and_broken_json_are_errors() {
    let mut out = Vec::new();
    let mut event = |name, data: &str| Decoder::new().event(Some(name), data.as_bytes(), &mut out);
    assert!(
        event(
            "contentBlockDelta",
            r#"{"contentBlockIndex":0,"delta":{"toolUse":{"input":"{"}}}"#
        )
        .is_err()
    );
    assert!(event("contentBlockDelta", r#"{"contentBlockIndex":0,"de"#).is_err());
    assert!(event("contentBlockDelta", r#"{"contentBlockIndex":0}"#).is_err());
    assert!(
        event(
            "contentBlockStart",
            r#"{"contentBlockIndex":0,"start":{"toolUse":{"name":"x"}}}"#
        )
        .is_err()
    );
    assert!(event("messageStop", "[]").is_err());
}

#[test]
fn fifty_thousand_deltas_leave_nothing_behind() {
    let mut decoder = Decoder::new();
    let mut out = Vec::new();
    let mut heard = 0;
    for n in 0..50_000 {
        let data =
            format!(r#"{{"contentBlockIndex":0,"delta":{{"text":"w{n} "}},"p":"abcdefgh"}}"#);
        decoder
            .event(Some("contentBlockDelta"), data.as_bytes(), &mut out)
            .expect("an event");
        heard += out
            .drain(..)
            .filter(|event| matches!(event, Event::Delta { .. }))
            .count();
    }
    assert_eq!(heard, 50_000);
    // Open blocks are all that it keeps.
    assert!(format!("{decoder:?}").len() < 500);
}

/// A block as both the whole answer and the stream tell it.
#[derive(Clone, Debug)]
enum Said {
    Text(String),
    Thought(String, String),
    Redacted,
    Call(Value),
}

fn said() -> impl Strategy<Value = Said> {
    let words = "[a-zé\u{2028}\"\\\\ ]{1,20}";
    let arguments = prop::collection::btree_map("[a-z]{1,3}", any::<u32>(), 0..3);
    prop_oneof![
        3 => words.prop_map(Said::Text),
        1 => (words, "[a-zA-Z0-9+/]{0,12}").prop_map(|(text, signature)| Said::Thought(text, signature)),
        1 => Just(Said::Redacted),
        2 => arguments.prop_map(|arguments| Said::Call(json!(arguments))),
    ]
}

fn cut(text: &str, size: usize) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    chars
        .chunks(size)
        .map(|piece| piece.iter().collect())
        .collect()
}

fn whole(all: &[Said]) -> Value {
    let blocks: Vec<Value> = all
        .iter()
        .enumerate()
        .map(|(n, said)| match said {
            Said::Text(text) => json!({"text": text}),
            Said::Thought(text, signature) => {
                json!({"reasoningContent": {"reasoningText": {"text": text, "signature": signature}}})
            }
            Said::Redacted => json!({"reasoningContent": {"redactedContent": "cmVk"}}),
            Said::Call(input) => {
                json!({"toolUse": {"toolUseId": format!("t{n}"), "name": "f", "input": input}})
            }
        })
        .collect();
    json!({"output": {"message": {"role": "assistant", "content": blocks}}, "stopReason": "end_turn", "usage": {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7}})
}

fn streamed(all: &[Said], size: usize) -> Vec<(String, Value)> {
    let mut events = vec![("messageStart".to_owned(), json!({"role": "assistant"}))];
    let mut push = |name: &str, data: Value| events.push((name.to_owned(), data));
    for (n, said) in all.iter().enumerate() {
        let mut delta = |delta: Value| {
            push(
                "contentBlockDelta",
                json!({"contentBlockIndex": n, "delta": delta}),
            )
        };
        match said {
            Said::Text(text) => cut(text, size)
                .iter()
                .for_each(|text| delta(json!({"text": text}))),
            Said::Thought(text, signature) => {
                for text in cut(text, size) {
                    delta(json!({"reasoningContent": {"text": text}}));
                }
                for more in cut(signature, size) {
                    delta(json!({"reasoningContent": {"signature": more}}));
                }
            }
            Said::Redacted => delta(json!({"reasoningContent": {"redactedContent": "cmVk"}})),
            Said::Call(input) => {
                push(
                    "contentBlockStart",
                    json!({"contentBlockIndex": n, "start": {"toolUse": {"toolUseId": format!("t{n}"), "name": "f"}}}),
                );
                for input in cut(&input.to_string(), size) {
                    push(
                        "contentBlockDelta",
                        json!({"contentBlockIndex": n, "delta": {"toolUse": {"input": input}}}),
                    );
                }
            }
        }
        push("contentBlockStop", json!({"contentBlockIndex": n}));
    }
    push("messageStop", json!({"stopReason": "end_turn"}));
    push(
        "metadata",
        json!({"usage": {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7}}),
    );
    events
}

/// The parts that a stream adds up to. Checks the grammar of events on the way.
fn collected(events: &[Event]) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut open = None;
    for event in events {
        match event {
            Event::PartStart { at, part } => {
                assert_eq!((open, at.part as usize), (None, parts.len()));
                open = Some(*at);
                parts.push(match part {
                    PartStart::Text => Part::text(""),
                    PartStart::Thinking => Part::Thinking {
                        text: String::new(),
                        proof: None,
                    },
                    PartStart::ToolCall { id, name, .. } => Part::ToolCall {
                        id: id.clone(),
                        name: name.clone(),
                        arguments: String::new(),
                        kind: ToolCallKind::Function,
                        item_id: None,
                        cache: None,
                    },
                    other => panic!("{other:?}"),
                });
            }
            Event::Delta { at, delta } => {
                assert_eq!(open, Some(*at));
                match (parts.last_mut().expect("a part"), delta) {
                    (Part::Text { text, .. }, Delta::Text(more))
                    | (Part::Thinking { text, .. }, Delta::Thinking(more)) => text.push_str(more),
                    (Part::Thinking { proof, .. }, Delta::Proof(whole)) => {
                        assert_eq!(proof.replace(whole.clone()), None);
                    }
                    (Part::ToolCall { arguments, .. }, Delta::Arguments(more)) => {
                        arguments.push_str(more)
                    }
                    other => panic!("{other:?}"),
                }
            }
            Event::PartEnd { at } => assert_eq!(open.take(), Some(*at)),
            _ => {}
        }
    }
    assert_eq!(open, None);
    parts
}

proptest! {
    #[test]
    fn a_stream_adds_up_to_the_whole_answer(all in prop::collection::vec(said(), 0..5), size in 1usize..8) {
        let answer = response::decode(whole(&all).to_string().as_bytes()).expect("an answer");
        let (events, complete) = decode(&streamed(&all, size));
        prop_assert!(complete);
        let candidate = &answer.candidates[0];
        prop_assert_eq!(&collected(&events), &candidate.parts);
        let stop = Event::Stop { candidate: 0, stop: candidate.stop.clone() };
        prop_assert!(events.contains(&stop));
        let usage = Event::Usage { usage: answer.usage.clone().expect("usage"), total: true };
        prop_assert!(events.contains(&usage));
        prop_assert_eq!(events.iter().filter(|event| **event == Event::End).count(), 1);
        prop_assert_eq!(events.last(), Some(&Event::End));
        // An empty signature proves nothing.
        let empty = Some(Proof::Signature(String::new()));
        let proves_nothing = |part: &Part| matches!(part, Part::Thinking { proof, .. } if *proof == empty);
        let found = candidate.parts.iter().any(proves_nothing);
        prop_assert!(!found);
    }

    #[test]
    fn nothing_makes_the_decoders_panic(junk in prop::collection::vec(any::<u8>(), 0..80), at in any::<prop::sample::Index>(), byte in any::<u8>(), order in prop::collection::vec(any::<prop::sample::Index>(), 0..20)) {
        let _ = response::decode(&junk);
        for (_, body) in fixtures("responses") {
            let mut body = body.into_bytes();
            let at = at.index(body.len());
            body[at] = byte;
            let _ = response::decode(&body);
            let _ = response::decode(&body[..at]);
        }
        // Events in any order, one of them damaged.
        let mut all: Vec<(String, Value)> = Vec::new();
        for (_, body) in fixtures("streams") {
            all.extend(serde_json::from_str::<Vec<(String, Value)>>(&body).expect("pairs"));
        }
        let mut decoder = Decoder::new();
        let mut out = Vec::new();
        for (n, pick) in order.iter().enumerate() {
            let (name, data) = &all[pick.index(all.len())];
            let mut data = data.to_string().into_bytes();
            if n == 3 {
                let at = at.index(data.len());
                data[at] = byte;
            }
            let _ = decoder.event(Some(name), &data, &mut out);
        }
        let _ = decoder.event(None, &junk, &mut out);
        decoder.end(&mut out);
        prop_assert!(out.iter().filter(|event| **event == Event::End).count() <= 1);
    }
}
