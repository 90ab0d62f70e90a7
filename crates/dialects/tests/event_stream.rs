//! Amazon's event stream framing against vectors made by hand and against every way to cut or damage a
//! stream.
#![expect(
    clippy::expect_used,
    reason = "a test that cannot go on should stop where it is"
)]

use bytes::Bytes;
use dialects::event_stream::{
    Carried, EventStream, EventStreamError, EventStreamSplitter, Message, MessageKind,
};
use proptest::prelude::*;

/// A message as a service sends it: string headers, a payload and both checksums.
fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut table = Vec::new();
    for (name, value) in headers {
        table.push(u8::try_from(name.len()).expect("a short name"));
        table.extend_from_slice(name.as_bytes());
        table.push(7);
        table.extend_from_slice(&u16::try_from(value.len()).expect("short").to_be_bytes());
        table.extend_from_slice(value.as_bytes());
    }
    let total = u32::try_from(16 + table.len() + payload.len()).expect("short");
    let mut out = total.to_be_bytes().to_vec();
    out.extend_from_slice(&u32::try_from(table.len()).expect("short").to_be_bytes());
    out.extend_from_slice(&crc32(&out).to_be_bytes());
    out.extend_from_slice(&table);
    out.extend_from_slice(payload);
    out.extend_from_slice(&crc32(&out).to_be_bytes());
    out
}

/// CRC-32 of IEEE 802.3, bit by bit, so that the tests do not trust the crate that is under test.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |mut crc, byte| {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xedb8_8320
            } else {
                crc >> 1
            };
        }
        crc
    })
}

fn event(kind: &str, payload: &str) -> Vec<u8> {
    let headers = [
        (":event-type", kind),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ];
    frame(&headers, payload.as_bytes())
}

fn exception(kind: &str, payload: &str) -> Vec<u8> {
    let headers = [(":exception-type", kind), (":message-type", "exception")];
    frame(&headers, payload.as_bytes())
}

fn messages(bytes: &[u8]) -> Result<Vec<Message>, EventStreamError> {
    let mut splitter = EventStreamSplitter::default();
    splitter.push(bytes)?;
    let mut found = Vec::new();
    while let Some(message) = splitter.next_message()? {
        found.push(message);
    }
    Ok(found)
}

fn sse(carried: Carried, bytes: &[u8]) -> Result<Vec<String>, EventStreamError> {
    let mut stream = EventStream::new(carried);
    stream.push(bytes)?;
    let mut found = Vec::new();
    while let Some(event) = stream.next_event()? {
        found.push(String::from_utf8(event.to_vec()).expect("UTF-8"));
    }
    Ok(found)
}

#[test]
fn the_specification_s_smallest_messages_are_read() {
    // No headers, no payload; then the payload {"foo":"bar"}: the published test vectors of the format.
    let empty = [
        0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff,
    ];
    assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    assert_eq!(frame(&[], b""), empty);
    // Whole, but it does not say what it is.
    assert!(matches!(
        messages(&empty),
        Err(EventStreamError::Malformed(_))
    ));
}

#[test]
fn events_exceptions_and_errors_are_told_apart() {
    let mut bytes = event("messageStart", r#"{"role":"assistant"}"#);
    bytes.extend(exception("throttlingException", r#"{"message":"slow"}"#));
    let headers = [
        (":message-type", "error"),
        (":error-code", "InternalError"),
        (":error-message", "gone"),
    ];
    bytes.extend(frame(&headers, b""));
    let found = messages(&bytes).expect("whole");
    assert_eq!(
        found[0],
        Message {
            kind: MessageKind::Event {
                event_type: "messageStart".to_owned()
            },
            payload: Bytes::from_static(br#"{"role":"assistant"}"#),
        }
    );
    assert_eq!(
        found[1].kind,
        MessageKind::Exception {
            exception_type: "throttlingException".to_owned()
        }
    );
    assert_eq!(
        found[2].kind,
        MessageKind::Error {
            code: "InternalError".to_owned(),
            message: "gone".to_owned()
        }
    );
}

#[test]
fn lengths_are_bounded_before_anything_is_waited_for() {
    let prelude = |total: u32, headers: u32| {
        let mut out = total.to_be_bytes().to_vec();
        out.extend_from_slice(&headers.to_be_bytes());
        out.extend_from_slice(&crc32(&out).to_be_bytes());
        out
    };
    assert_eq!(
        messages(&prelude(u32::MAX, 0)),
        Err(EventStreamError::TooLarge)
    );
    assert_eq!(
        messages(&prelude(1 << 20, 1 << 18)),
        Err(EventStreamError::TooLarge)
    );
    assert!(matches!(
        messages(&prelude(16, 1)),
        Err(EventStreamError::Malformed(_))
    ));
    assert!(matches!(
        messages(&prelude(3, 0)),
        Err(EventStreamError::Malformed(_))
    ));
    assert_eq!(messages(&prelude(1 << 20, 0)), Ok(vec![]));
}

#[test]
fn a_broken_stream_stays_broken_and_a_cut_off_one_is_known() {
    let good = event("contentBlockDelta", "{}");
    let mut bad = good.clone();
    *bad.last_mut().expect("not empty") ^= 1;
    let mut splitter = EventStreamSplitter::default();
    splitter.push(&bad).expect("taken");
    assert_eq!(splitter.next_message(), Err(EventStreamError::Checksum));
    assert_eq!(splitter.push(&good), Err(EventStreamError::Checksum));
    assert_eq!(splitter.next_message(), Err(EventStreamError::Checksum));
    assert!(!splitter.is_between_messages());

    let mut splitter = EventStreamSplitter::default();
    assert!(splitter.is_between_messages());
    splitter.push(&good[..good.len() - 1]).expect("taken");
    assert_eq!(splitter.next_message(), Ok(None));
    assert!(!splitter.is_between_messages());
}

#[test]
fn converse_events_keep_name_and_payload() {
    let mut bytes = event("contentBlockDelta", "{\"delta\":{\"text\":\"a\u{2028}b\"}}");
    bytes.extend(event("odd\nname", "{\n}"));
    bytes.extend(exception(
        "modelStreamErrorException",
        r#"{"message":"broke"}"#,
    ));
    bytes.extend(exception("Weird", r#"{"message":"broke"}"#));
    bytes.extend(frame(
        &[(":message-type", "error"), (":error-code", "E")],
        b"",
    ));
    assert_eq!(
        sse(Carried::Converse, &bytes).expect("whole"),
        [
            "event: contentBlockDelta\ndata: {\"delta\":{\"text\":\"a\u{2028}b\"}}\n\n",
            "event: oddname\ndata: {\ndata: }\n\n",
            "event: modelStreamErrorException\ndata: {\"message\":\"broke\"}\n\n",
            "event: internalServerException\ndata: {\"message\":\"broke\"}\n\n",
            "event: internalServerException\ndata: {\"message\":\"E\"}\n\n",
        ]
    );
}

#[test]
fn invoke_chunks_are_anthropic_s_own_events() {
    use base64::Engine as _;
    let chunk = |json: &str| {
        let bytes = base64::engine::general_purpose::STANDARD.encode(json);
        event("chunk", &format!(r#"{{"bytes":"{bytes}","p":"abcd"}}"#))
    };
    let start = "{\"type\":\"message_start\",\"message\":{\"x\": 1.50,\"y\":\"\u{2028}\"}}";
    let mut bytes = chunk(start);
    bytes.extend(event("initial-response", "{}"));
    bytes.extend(exception(
        "throttlingException",
        r#"{"message":"slow down"}"#,
    ));
    bytes.extend(exception("modelTimeoutException", r#"{"message":"late"}"#));
    bytes.extend(exception("validationException", r#"{"message":"no"}"#));
    bytes.extend(exception(
        "serviceUnavailableException",
        r#"{"message":"busy"}"#,
    ));
    bytes.extend(exception(
        "modelStreamErrorException",
        r#"{"message":"oh"}"#,
    ));
    let error = |kind: &str, message: &str| {
        format!(
            "event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"{kind}\",\"message\":\"{message}\"}}}}\n\n"
        )
    };
    assert_eq!(
        sse(Carried::Invoke, &bytes).expect("whole"),
        [
            format!("event: message_start\ndata: {start}\n\n"),
            error("rate_limit_error", "slow down"),
            error("timeout_error", "late"),
            error("invalid_request_error", "no"),
            error("overloaded_error", "busy"),
            error("api_error", "oh"),
        ]
    );
    for broken in ["{oops", "", "{\"a\":1}", "[]"] {
        let got = sse(Carried::Invoke, &chunk(broken));
        assert!(matches!(got, Err(EventStreamError::Payload(_))), "{broken}");
    }
    let not_base64 = event("chunk", r#"{"bytes":"???"}"#);
    assert!(matches!(
        sse(Carried::Invoke, &not_base64),
        Err(EventStreamError::Payload(_))
    ));
}

fn framed() -> impl Strategy<Value = (Vec<u8>, Vec<(String, String)>)> {
    let one = ("[a-zA-Z]{1,20}", "[ -~é\u{2028}]{0,60}");
    prop::collection::vec(one, 1..6).prop_map(|all| {
        let bytes = all
            .iter()
            .flat_map(|(kind, payload)| event(kind, payload))
            .collect();
        (bytes, all)
    })
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_messages((bytes, expected) in framed(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let mut splitter = EventStreamSplitter::default();
        let mut got = Vec::new();
        for piece in at.windows(2) {
            splitter.push(&bytes[piece[0]..piece[1]]).expect("taken");
            while let Some(message) = splitter.next_message().expect("whole") {
                let MessageKind::Event { event_type } = message.kind else { panic!("an event") };
                got.push((event_type, String::from_utf8(message.payload.to_vec()).expect("UTF-8")));
            }
        }
        prop_assert!(splitter.is_between_messages());
        prop_assert_eq!(got, expected);
    }

    /// Damage is noticed; what is handed out before it is what was sent.
    #[test]
    fn a_flipped_bit_is_never_content((bytes, _) in framed(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let whole = messages(&bytes).expect("whole");
        let mut damaged = bytes.clone();
        damaged[at.index(bytes.len())] ^= 1 << bit;
        let mut splitter = EventStreamSplitter::default();
        splitter.push(&damaged).expect("taken");
        let mut good = 0;
        let error = loop {
            match splitter.next_message() {
                Ok(Some(message)) => {
                    prop_assert_eq!(&message, &whole[good]);
                    good += 1;
                }
                Ok(None) => prop_assert!(false, "the damage went unnoticed"),
                Err(error) => break error,
            }
        };
        prop_assert_eq!(error, EventStreamError::Checksum);
    }

    #[test]
    fn no_bytes_make_it_panic(junk in prop::collection::vec(any::<u8>(), 0..200), headers in prop::collection::vec(any::<u8>(), 0..40), payload in prop::collection::vec(any::<u8>(), 0..60)) {
        for carried in [Carried::Converse, Carried::Invoke] {
            let mut stream = EventStream::new(carried);
            let _ = stream.push(&junk);
            while let Ok(Some(_)) = stream.next_event() {}
        }
        // Well framed nonsense.
        let mut out = u32::try_from(16 + headers.len() + payload.len()).expect("short").to_be_bytes().to_vec();
        out.extend_from_slice(&u32::try_from(headers.len()).expect("short").to_be_bytes());
        out.extend_from_slice(&crc32(&out).to_be_bytes());
        out.extend_from_slice(&headers);
        out.extend_from_slice(&payload);
        out.extend_from_slice(&crc32(&out).to_be_bytes());
        let _ = messages(&out);
        let text = String::from_utf8_lossy(&payload).into_owned();
        let _ = sse(Carried::Invoke, &event("chunk", &text));
        let _ = sse(Carried::Converse, &exception("xException", &text));
    }
}
