//! A case is a file; see the folder `fixtures/openai_chat`.

use dialects::{
    ir::{Delta, Event},
    openai_chat::{request, response, stream},
    translate::{Quirks, ReasoningField},
};
use serde_json::Value;

use crate::{grammar, setup};

fn pretty(json: &[u8]) -> String {
    let value: Value = serde_json::from_slice(json).expect("JSON");
    serde_json::to_string_pretty(&value).expect("serialises")
}

#[test]
fn requests_are_read_and_written() {
    // A server that takes all that there is to send.
    let quirks = Quirks {
        reasoning: ReasoningField::Reasoning,
        ..Quirks::default()
    };
    for (name, body) in setup::fixtures("requests") {
        let decoded = request::decode(body.as_bytes()).expect(&name);
        let same = request::encode(&decoded, &setup::target(&quirks, "up")).expect(&name);
        let text = format!("{decoded:#?}\n\n{}", pretty(&same.body));
        insta::assert_snapshot!(format!("request_{name}"), text);
        assert!(same.losses.is_empty(), "{name}: {}", same.losses.names());
        let again = request::decode(&same.body).expect(&name);
        let written = request::encode(&again, &setup::target(&quirks, "up")).expect(&name);
        assert_eq!(pretty(&written.body), pretty(&same.body), "{name}");
    }
}

#[test]
fn answers_are_read_and_written() {
    for (name, body) in setup::fixtures("responses") {
        let decoded = response::decode(body.as_bytes()).expect(&name);
        let encoded = response::encode(&decoded, &setup::client());
        let text = format!("{decoded:#?}\n\n{}", pretty(&encoded));
        insta::assert_snapshot!(format!("response_{name}"), text);
    }
}

#[test]
fn streams_are_read_and_written() {
    for (name, text) in setup::fixtures("streams") {
        let (events, complete) = setup::events(&text);
        let failed = matches!(events.last(), Some(Event::Error(_)));
        let ended = matches!(events.last(), Some(Event::End));
        assert_eq!(complete, ended, "{name}");
        let shown: Vec<String> = events.iter().map(|event| format!("{event:?}")).collect();
        let mut written = setup::encode_stream(&events, setup::client());
        if complete {
            grammar::check(&written).expect(&name);
            let (again, _) = setup::events(&written);
            // What a stream says besides its parts is not said a second time in the same way.
            let plain = |events: &[Event]| {
                let mut answer = setup::assemble(events);
                answer.id = None;
                answer.usage = None;
                for part in answer.candidates.iter_mut().flat_map(|c| &mut c.parts) {
                    if let dialects::ir::Part::Text { citations, .. } = part {
                        citations.clear();
                    }
                }
                answer
            };
            assert_eq!(plain(&again), plain(&events), "{name}");
        } else {
            assert!(failed || name == "cut_off", "{name}");
            written.push_str("(incomplete)\n");
        }
        insta::assert_snapshot!(
            format!("stream_{name}"),
            format!("{}\n\n{written}", shown.join("\n"))
        );
    }
}

/// With calls that grow at once, those behind a whole one need not wait for the end.
#[test]
fn a_call_ends_as_soon_as_it_is_whole() {
    let text = include_str!("../fixtures/openai_chat/streams/parallel_interleaved.sse");
    let mut decoder = stream::Decoder::new();
    let mut events = Vec::new();
    for data in text.lines().filter_map(|line| line.strip_prefix("data: ")) {
        decoder
            .event(None, data.as_bytes(), &mut events)
            .expect("readable");
    }
    let first_ends = events
        .iter()
        .position(|event| matches!(event, Event::PartEnd { at } if at.part == 0));
    let second_grows = events
        .iter()
        .rposition(|event| matches!(event, Event::Delta { at, .. } if at.part == 1));
    assert!(first_ends < second_grows, "{events:#?}");
}

#[test]
fn a_long_stream_needs_no_more_memory_than_a_short_one() {
    let chunk = |text: &str| {
        format!(
            "data: {{\"id\":\"1\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}]}}"
        )
    };
    let mut decoder = stream::Decoder::new();
    let mut encoder = stream::Encoder::new(setup::client().into());
    let mut events = Vec::new();
    let mut out = Vec::new();
    let mut sizes = Vec::new();
    for n in 0..50_000 {
        let chunk = chunk("w ");
        decoder
            .event(None, &chunk.as_bytes()[6..], &mut events)
            .expect("readable");
        for event in events.drain(..) {
            assert!(
                n == 0
                    || matches!(
                        event,
                        Event::Delta {
                            delta: Delta::Text(_),
                            ..
                        }
                    )
            );
            encoder.event(&event, &mut out);
        }
        out.clear();
        if n == 10 || n == 49_999 {
            sizes.push(format!("{decoder:?}{encoder:?}").len());
        }
    }
    // Only the number of characters has grown.
    assert!(sizes[1] - sizes[0] < 16, "{sizes:?}");
}
