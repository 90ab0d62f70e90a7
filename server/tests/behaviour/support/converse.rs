//! Backends of kind `bedrock` and what Converse and InvokeModel answer: events in AWS's binary framing.

use base64::Engine as _;
use serde_json::{Value, json};

/// A line of `backends`, priced as those of [`super::backend`].
pub fn converse_backend(name: &str, url: &str, more: &str) -> String {
    format!(
        "  - {{ name: {name}, kind: bedrock, region: eu-west-3, endpoint_url: {url:?}, {more}\
         models: [{{ model: up-{name}, via: converse, price: {{ input: 2.50, cache_read: 1.25, \
         output: 10.00 }} }}] }}\n"
    )
}

/// The same by InvokeModel.
pub fn invoke_backend(name: &str, url: &str, more: &str) -> String {
    converse_backend(name, url, more).replace("via: converse", "via: invoke")
}

/// Anthropic's own events as InvokeModelWithResponseStream frames them.
pub fn invoke_event(event: &Value) -> Vec<u8> {
    let bytes = base64::engine::general_purpose::STANDARD.encode(event.to_string());
    frame("chunk", &json!({"bytes": bytes}))
}

/// The events of ConverseStream that say `texts`. The last one is the usage.
pub fn converse_events(texts: &[&str], usage: &Value) -> Vec<Vec<u8>> {
    let mut events = vec![frame("messageStart", &json!({"role": "assistant"}))];
    for text in texts {
        let delta = json!({"contentBlockIndex": 0, "delta": {"text": text}});
        events.push(frame("contentBlockDelta", &delta));
    }
    events.push(frame("contentBlockStop", &json!({"contentBlockIndex": 0})));
    events.push(frame("messageStop", &json!({"stopReason": "end_turn"})));
    let metadata = json!({"usage": usage, "metrics": {"latencyMs": 1}});
    events.push(frame("metadata", &metadata));
    events
}

/// One message: lengths and their checksum, headers, payload, checksum of all.
fn frame(event: &str, payload: &Value) -> Vec<u8> {
    let mut headers = Vec::new();
    for (name, value) in [
        (":event-type", event),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ] {
        headers.push(u8::try_from(name.len()).expect("a short name"));
        headers.extend_from_slice(name.as_bytes());
        // The type of a text.
        headers.push(7);
        let length = u16::try_from(value.len()).expect("a short value");
        headers.extend_from_slice(&length.to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let payload = payload.to_string().into_bytes();
    let length = |bytes: usize| u32::try_from(bytes).expect("a short message").to_be_bytes();
    let mut message = Vec::new();
    message.extend_from_slice(&length(16 + headers.len() + payload.len()));
    message.extend_from_slice(&length(headers.len()));
    message.extend_from_slice(&crc32(&message).to_be_bytes());
    message.extend_from_slice(&headers);
    message.extend_from_slice(&payload);
    message.extend_from_slice(&crc32(&message).to_be_bytes());
    message
}

/// The checksum of zip files and of this framing.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (0xEDB8_8320 & (sum & 1).wrapping_neg())
        })
    })
}
