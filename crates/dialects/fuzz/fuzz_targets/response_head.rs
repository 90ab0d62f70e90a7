//! The head of a whole answer and the body that is passed through: only the model's name changes.

#![no_main]

use bytes::Bytes;
use dialects::ResponseHead;
use dialects_fuzz::{mutation, property};
use domain::Dialect;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

const ASKED_MODEL: &str = "the \"one\" that was asked for";

fuzz_target!(|body: &[u8]| {
    let body = Bytes::copy_from_slice(body);
    for dialect in Dialect::ALL {
        let Ok(head) = ResponseHead::read(dialect, &body) else {
            continue;
        };
        // A sum that does not fit would stop here.
        let _ = head.usage.map(|usage| usage.total());
        let sent = head.forward(&body, ASKED_MODEL).into_bytes();
        let again = ResponseHead::read(dialect, &sent).expect("still an answer");
        assert_eq!(again.usage, head.usage);

        let Some(came) = property::Members::read(&body) else {
            continue;
        };
        let went = property::Members::read(&sent).expect("JSON became none");
        assert_eq!(went.without(&["model"]), came.without(&["model"]));
        let model = went.last("model").map(serde_json::from_str::<String>);
        assert!(model.is_none_or(|model| model.is_ok_and(|model| model == ASKED_MODEL)));
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutation::json(data, size, max_size, seed)
});
