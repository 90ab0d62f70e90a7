//! The splitter of server-sent events: the same events however the stream is cut, no byte lost or
//! made up, and the data of each event as a second, simpler reader finds it.

#![no_main]

use dialects::sse;
use dialects_fuzz::chunks;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let [whole, others @ ..] = chunks::ways(text);
    let (events, rest) = chunks::events(&whole);
    for chunks in &others {
        let (cut, cut_rest) = chunks::events(chunks);
        assert_eq!((&cut, &cut_rest), (&events, &rest));
    }
    assert_eq!([events.concat(), rest.to_vec()].concat(), text);

    for event in &events {
        let lines: Vec<&[u8]> = event
            .split(|byte| *byte == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
            .collect();
        let [before @ .., b"", b""] = lines.as_slice() else {
            panic!("an event ends with an empty line");
        };
        assert!(
            before.iter().all(|line| !line.is_empty()),
            "and has no other"
        );
        let values: Vec<&[u8]> = before
            .iter()
            .filter_map(|line| line.strip_prefix(b"data:"))
            .map(|value| value.strip_prefix(b" ").unwrap_or(value))
            .collect();
        let data = sse::data(event);
        assert_eq!(
            data.as_ref().map(|data| data.text().to_vec()),
            (!values.is_empty()).then(|| values.join(&b'\n')),
        );
        if let Some(sse::Data::Line { at, text }) = data {
            assert_eq!(&event[at..at + text.len()], text);
        }
    }
});
