//! A stream that is passed through: cut anywhere, handed on byte for byte but for the model's name, and
//! its figures never beyond what a number can hold.

#![no_main]

use bytes::Bytes;
use dialects::{Observed, StreamReader, sse};
use dialects_fuzz::{chunks, mutation, property};
use domain::Dialect;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

const ASKED_MODEL: &str = "the \"one\" that was asked for";

fuzz_target!(|text: &[u8]| {
    let [whole, .., pieces] = chunks::ways(text);
    let (events, _) = chunks::events(&pieces);
    assert_eq!(events, chunks::events(&whole).0);
    for dialect in Dialect::ALL {
        for wants_usage in [true, false] {
            read(dialect, wants_usage, &events);
        }
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutation::stream(data, size, max_size, seed)
});

/// Up to the first event that cannot be read; the router gives up there.
fn read(dialect: Dialect, wants_usage: bool, events: &[Bytes]) {
    let mut reader = StreamReader::new(dialect, ASKED_MODEL, wants_usage);
    for event in events {
        let Ok(observed) = reader.event(event.clone()) else {
            break;
        };
        check(event, &observed, wants_usage);
    }
    let used = reader.usage(7);
    assert!(
        !used.estimated || used.tokens.total_input() > 0,
        "the estimate stands in for what is not known"
    );
    // A sum that does not fit would stop here.
    let _ = used.tokens.total();
}

fn check(event: &Bytes, observed: &Observed, wants_usage: bool) {
    let Some(forward) = &observed.forward else {
        assert!(
            !wants_usage,
            "a client that wants the usage gets every event"
        );
        return;
    };
    if forward == event {
        return;
    }
    let (Some(came), Some(went)) = (sse::data(event), sse::data(forward)) else {
        panic!("an event without data was changed");
    };
    if !property::is_json(came.text()) {
        return;
    }
    let came = String::from_utf8_lossy(came.text()).into_owned();
    let went = std::str::from_utf8(went.text()).expect("UTF-8");
    assert!(property::is_json(went.as_bytes()), "JSON became none");
    let asked = dialects::json::encode_string(ASKED_MODEL);
    let (before, after) = went
        .split_once(&asked)
        .expect("the name that was asked for");
    assert!(
        came.starts_with(before) && came.ends_with(after),
        "more than the name was changed"
    );
}
