//! Drives the decoder and the encoder as the router does.

use std::sync::Arc;

use bytes::Bytes;
use dialects::{
    ir::Event,
    openai_responses::{
        request,
        stream::{Decoder, Encoder},
    },
    sequence::Sequencer,
    sse::{self, EventSplitter},
    translate::ClientContext,
};
use serde_json::Value;

/// A client that sent `body`.
pub fn client_of(body: &[u8]) -> Arc<ClientContext> {
    Arc::new(ClientContext {
        model: "asked-for".to_owned(),
        request_id: "req_0123abc".to_owned(),
        created: 1_770_000_001,
        wants_usage: true,
        request: Arc::new(request::decode(body).expect("a request")),
        body: Bytes::copy_from_slice(body),
    })
}

/// A client that asked for nothing in particular.
pub fn plain_client() -> Arc<ClientContext> {
    client_of(br#"{"model":"m","input":"hi"}"#)
}

/// The events of an upstream's stream, and whether it was complete.
pub fn read_stream(sse: &str) -> (Vec<Event>, bool) {
    let mut splitter = EventSplitter::default();
    splitter.push(Bytes::from(sse.to_owned())).expect("small");
    let mut decoder = Decoder::new();
    let mut events = Vec::new();
    while let Some(event) = splitter.next_event() {
        let Some(data) = sse::data(&event) else {
            continue;
        };
        let text = std::str::from_utf8(&event).expect("UTF-8");
        let name = text
            .lines()
            .find_map(|line| line.strip_prefix("event: "))
            .map(str::trim);
        decoder
            .event(name, data.text(), &mut events)
            .expect("a readable event");
    }
    let complete = decoder.end(&mut events);
    (events, complete)
}

/// What the client gets for `events`.
pub fn encode_stream(events: &[Event], client: &Arc<ClientContext>) -> String {
    let mut sequencer = Sequencer::default();
    let mut ordered = Vec::new();
    for event in events {
        sequencer
            .event(event.clone(), &mut ordered)
            .expect("little is held");
    }
    let mut encoder = Encoder::new(Arc::clone(client));
    let mut out = Vec::new();
    for event in &ordered {
        encoder.event(event, &mut out);
    }
    String::from_utf8(out).expect("UTF-8")
}

/// The `response` of the last event.
pub fn last_response(sse: &str) -> Value {
    let data = sse
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .next_back()
        .expect("an event");
    let mut event: Value = serde_json::from_str(data).expect("JSON");
    event["response"].take()
}

/// One event a line.
pub fn lines(events: &[Event]) -> String {
    let lines: Vec<String> = events.iter().map(|e| format!("{e:?}")).collect();
    lines.join("\n")
}
