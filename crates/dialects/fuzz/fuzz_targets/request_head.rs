//! The head of a request and the body that is passed through: what is sent on is JSON when what came
//! was, says what it should say, and has every other member as it came.

#![no_main]

use bytes::Bytes;
use dialects::{RequestHead, translate::Quirks};
use dialects_fuzz::{mutation, property::Members};
use domain::Dialect;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

/// With something to escape, and longer than most names.
const UPSTREAM_MODEL: &str = "eu.vendor/\"model\" \u{2028}-v1:0";
const UNSUPPORTED: [&str; 4] = ["temperature", "store", "stream_options", "tools"];

fuzz_target!(|body: &[u8]| {
    let body = Bytes::copy_from_slice(body);
    for dialect in Dialect::ALL {
        if let Ok(head) = RequestHead::read(dialect, &body) {
            plain(dialect, &head, &body);
            quirky(dialect, &head, &body);
        }
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutation::json(data, size, max_size, seed)
});

fn plain(dialect: Dialect, head: &RequestHead, body: &Bytes) {
    assert!(!head.model.is_empty());
    let sent = head
        .forward(body, UPSTREAM_MODEL, &Quirks::default())
        .into_bytes();
    let again = RequestHead::read(dialect, &sent).expect("still a request");
    assert_eq!(again.model, UPSTREAM_MODEL);
    assert_eq!(again.stream, head.stream);
    assert_eq!(again.max_output_tokens, head.max_output_tokens);
    assert!(
        !head.stream || again.wants_usage_chunk,
        "the usage is asked for"
    );
    if again.wants_usage_chunk == head.wants_usage_chunk {
        let same = head.forward(body, &head.model, &Quirks::default());
        assert_eq!(same.into_bytes(), body);
    }

    let Some(came) = Members::read(body) else {
        return;
    };
    let went = Members::read(&sent).expect("JSON became none");
    if head.stream && matches!(dialect, Dialect::OpenaiChat | Dialect::OpenaiCompletions) {
        let options = went.last("stream_options").expect("options");
        let options = Members::read(options.as_bytes()).expect("an object");
        assert_eq!(options.last("include_usage"), Some("true"));
    }
    let changed = ["model", "stream_options"];
    assert_eq!(went.without(&changed), came.without(&changed));
}

/// To a server that does not take all there is.
fn quirky(dialect: Dialect, head: &RequestHead, body: &Bytes) {
    let quirks = Quirks {
        role_rewrites: vec![("developer".to_owned(), "system".to_owned())],
        unsupported_params: UNSUPPORTED.map(str::to_owned).to_vec(),
        ..Quirks::default()
    };
    let sent = head.forward(body, UPSTREAM_MODEL, &quirks).into_bytes();
    let again = RequestHead::read(dialect, &sent).expect("still a request");
    assert_eq!((&*again.model, again.stream), (UPSTREAM_MODEL, head.stream));

    let Some(came) = Members::read(body) else {
        return;
    };
    let went = Members::read(&sent).expect("JSON became none");
    assert_eq!(went.without(&UNSUPPORTED).len(), went.0.len());
    let changed = [&UNSUPPORTED[..], &["model", "messages"]].concat();
    assert_eq!(went.without(&changed), came.without(&changed));
}
