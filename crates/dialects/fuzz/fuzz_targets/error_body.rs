//! The body of an upstream's error, whatever it is: its words reach the client in every dialect's shape.

#![no_main]

use dialects::{ErrorKind, WireError, error::UpstreamError};
use dialects_fuzz::{mutation, property};
use domain::Dialect;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|body: &[u8]| {
    let upstream = UpstreamError::read(body);
    for dialect in Dialect::ALL {
        let words = upstream.words(dialect);
        assert_eq!(words.is_some(), upstream.message.is_some());
        let rendered = WireError {
            status: 429,
            kind: ErrorKind::Upstream,
            message: words.unwrap_or_default(),
            param: upstream.param.clone().map(Into::into),
            code: upstream.code.clone().map(Into::into),
            request_id: "req_1".to_owned(),
        }
        .render(dialect);
        let error = property::object(&rendered);
        let error = property::object(error.last("error").expect("an error").as_bytes());
        let message = error.string("message").expect("a message");
        assert!(
            upstream
                .message
                .as_ref()
                .is_none_or(|words| message.contains(words))
        );
        assert!(error.string("type").is_some());
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutation::json(data, size, max_size, seed)
});
