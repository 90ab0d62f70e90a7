//! A form with a recording or a picture beside the model's name: the name is replaced, and every other
//! byte passes.

#![no_main]

use bytes::Bytes;
use dialects::{RequestHead, form, translate::Quirks};
use libfuzzer_sys::fuzz_target;

const BOUNDARY: &str = "form-boundary-7";
const UPSTREAM_MODEL: &str = "upstream-model";

fuzz_target!(|body: &[u8]| {
    let kind = String::from_utf8_lossy(&body[..body.len().min(200)]);
    assert!(form::boundary(&kind).is_none_or(|boundary| kind.contains(&boundary)));

    let body = Bytes::copy_from_slice(body);
    let Ok(head) = RequestHead::read_form(BOUNDARY, &body) else {
        return;
    };
    let same = head.forward(&body, &head.model, &Quirks::default());
    assert_eq!(same.into_bytes(), body);
    let sent = head
        .forward(&body, UPSTREAM_MODEL, &Quirks::default())
        .into_bytes();
    let again = RequestHead::read_form(BOUNDARY, &sent).expect("still a form");
    assert_eq!(again.model, UPSTREAM_MODEL);
    let part = format!("\r\n\r\n{UPSTREAM_MODEL}\r\n--{BOUNDARY}");
    assert!(
        String::from_utf8_lossy(&sent).contains(&part),
        "not the whole of the field"
    );
    assert_eq!(
        again
            .forward(&sent, &head.model, &Quirks::default())
            .into_bytes(),
        body
    );
});
