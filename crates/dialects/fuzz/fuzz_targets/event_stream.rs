//! Amazon's event stream framing: the same messages however the stream is cut, nothing out of a frame
//! whose checksum does not fit, and one server-sent event for each message.

#![no_main]

use bytes::Bytes;
use dialects::event_stream::{Carried, EventStream, EventStreamError};
use dialects_fuzz::{chunks, frames};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|text: &[u8]| {
    for carried in [Carried::Converse, Carried::Invoke] {
        let [whole, others @ ..] = chunks::ways(text);
        let expected = read(carried, &whole);
        for chunks in &others {
            assert_eq!(read(carried, chunks), expected);
        }
        assert!(
            expected.events.len() <= frames::whole(text),
            "more events than whole frames"
        );
        for event in expected.events {
            let (events, rest) = chunks::events(std::slice::from_ref(&event));
            assert_eq!((events, rest), (vec![event], Bytes::new()));
        }
    }
});

// With checksums that fit, every other time; no mutation would get past them otherwise.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let size = fuzzer_mutate(data, size, max_size);
    if seed.is_multiple_of(2) {
        frames::sign(&mut data[..size]);
    }
    size
});

#[derive(Debug, PartialEq)]
struct Read {
    events: Vec<Bytes>,
    broken: Option<EventStreamError>,
    between: bool,
}

fn read(carried: Carried, chunks: &[Bytes]) -> Read {
    let mut stream = EventStream::new(carried);
    let mut events = Vec::new();
    let mut broken = None;
    for chunk in chunks {
        let all = stream.push(chunk).and_then(|()| {
            while let Some(event) = stream.next_event()? {
                events.push(event);
            }
            Ok(())
        });
        if let Err(error) = all {
            broken = Some(error);
            break;
        }
    }
    let between = broken.is_none() && stream.is_between_messages();
    Read {
        events,
        broken,
        between,
    }
}
