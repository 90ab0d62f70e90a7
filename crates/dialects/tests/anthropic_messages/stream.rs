//! Streams for tests: SSE into events, events into the answer that they add up to, and back.

use std::sync::Arc;

use bytes::Bytes;
use dialects::{
    anthropic_messages::stream::{Decoder, Encoder},
    ir::{Candidate, Delta, Event, Part, PartAt, PartStart, Request, Response},
    sequence::Sequencer,
    translate::ClientContext,
};
use domain::Dialect;

/// A client that asked for the model `asked`.
pub fn client() -> Arc<ClientContext> {
    Arc::new(ClientContext {
        model: "asked".to_owned(),
        request_id: "req_1".to_owned(),
        created: 0,
        wants_usage: true,
        request: Arc::new(Request::new(Dialect::AnthropicMessages)),
        body: Bytes::new(),
    })
}

/// What a stream says, and whether it was complete.
pub fn decode(sse: &str) -> (Vec<Event>, bool) {
    let mut decoder = Decoder::new();
    let mut events = Vec::new();
    for block in sse.split("\n\n").filter(|block| !block.is_empty()) {
        let line = |prefix| block.lines().find_map(|line| line.strip_prefix(prefix));
        let Some(data) = line("data: ") else { continue };
        decoder
            .event(line("event: "), data.as_bytes(), &mut events)
            .expect("a readable event");
    }
    let complete = decoder.end(&mut events);
    (events, complete)
}

/// Events as an Anthropic client gets them.
pub fn encode(events: Vec<Event>) -> String {
    let mut sequencer = Sequencer::default();
    let mut ordered = Vec::new();
    for event in events {
        sequencer
            .event(event, &mut ordered)
            .expect("little is held");
    }
    let mut encoder = Encoder::new(client());
    let mut out = Vec::new();
    for event in &ordered {
        encoder.event(event, &mut out);
    }
    String::from_utf8(out).expect("UTF-8")
}

/// The answer that a stream adds up to.
pub fn collect(events: &[Event]) -> Response {
    let mut response = Response::default();
    let mut parts: Vec<(PartAt, Part)> = Vec::new();
    let mut stop = None;
    for event in events {
        match event {
            Event::Start {
                id,
                created,
                service_tier,
            } => {
                response.id.clone_from(id);
                response.created = *created;
                response.service_tier = *service_tier;
            }
            Event::PartStart { at, part } => parts.push((*at, begun(part))),
            Event::Delta { at, delta } => {
                let part = parts.iter_mut().find(|(of, _)| of == at);
                grow(&mut part.expect("it has begun").1, delta);
            }
            Event::Usage { usage, .. } => response.usage = Some(usage.clone()),
            Event::Stop { stop: why, .. } => stop = Some(why.clone()),
            Event::PartEnd { .. } | Event::Ping | Event::Error(_) | Event::End => {}
        }
    }
    let mut parts: Vec<Part> = parts.into_iter().map(|(_, part)| part).collect();
    for part in &mut parts {
        if let Part::ToolCall { arguments, .. } = part
            && arguments.is_empty()
        {
            arguments.push_str("{}");
        }
    }
    if let Some(stop) = stop {
        response.candidates.push(Candidate {
            parts,
            stop,
            logprobs: None,
        });
    }
    response
}

fn begun(part: &PartStart) -> Part {
    match part.clone() {
        PartStart::Text => Part::text(""),
        PartStart::Thinking => Part::Thinking {
            text: String::new(),
            proof: None,
        },
        PartStart::Refusal => Part::Refusal(String::new()),
        PartStart::ToolCall {
            id,
            name,
            kind,
            item_id,
        } => Part::ToolCall {
            id,
            name,
            arguments: String::new(),
            kind,
            item_id,
            cache: None,
        },
        PartStart::Opaque {
            family,
            kind,
            value,
        } => Part::Opaque {
            family,
            kind,
            value,
        },
    }
}

fn grow(part: &mut Part, delta: &Delta) {
    match (part, delta.clone()) {
        (Part::Text { text, .. }, Delta::Text(more)) => text.push_str(&more),
        (Part::Text { citations, .. }, Delta::Citation(citation)) => citations.push(citation),
        (Part::Thinking { text, .. }, Delta::Thinking(more)) => text.push_str(&more),
        (Part::Thinking { proof, .. }, Delta::Proof(of)) => *proof = Some(of),
        (Part::Refusal(text), Delta::Refusal(more)) => text.push_str(&more),
        (Part::ToolCall { arguments, .. }, Delta::Arguments(more)) => arguments.push_str(&more),
        (part, delta) => panic!("{delta:?} does not belong into {part:?}"),
    }
}

/// The stream that says what `response` does, with texts cut into pieces of `piece` characters.
pub fn spoken(response: &Response, piece: usize) -> Vec<Event> {
    let mut events = vec![Event::Start {
        id: response.id.clone(),
        created: response.created,
        service_tier: response.service_tier,
    }];
    let answer = response.candidates.first().expect("an answer");
    for (n, part) in answer.parts.iter().enumerate() {
        let at = PartAt {
            candidate: 0,
            part: u32::try_from(n).expect("few parts"),
        };
        let (start, deltas) = said(part, piece);
        events.push(Event::PartStart { at, part: start });
        events.extend(deltas.into_iter().map(|delta| Event::Delta { at, delta }));
        events.push(Event::PartEnd { at });
    }
    events.push(Event::Stop {
        candidate: 0,
        stop: answer.stop.clone(),
    });
    let usage = response.usage.clone().unwrap_or_default();
    events.push(Event::Usage { usage, total: true });
    events.push(Event::End);
    events
}

fn said(part: &Part, piece: usize) -> (PartStart, Vec<Delta>) {
    let pieces = |text: &str, delta: fn(String) -> Delta| -> Vec<Delta> {
        let chars: Vec<char> = text.chars().collect();
        let pieces = chars.chunks(piece.max(1));
        pieces.map(|chars| delta(chars.iter().collect())).collect()
    };
    match part.clone() {
        Part::Text {
            text, citations, ..
        } => {
            let mut deltas = pieces(&text, Delta::Text);
            deltas.extend(citations.into_iter().map(Delta::Citation));
            (PartStart::Text, deltas)
        }
        Part::Thinking { text, proof } => {
            let mut deltas = pieces(&text, Delta::Thinking);
            deltas.extend(proof.map(Delta::Proof));
            (PartStart::Thinking, deltas)
        }
        Part::Refusal(text) => (PartStart::Refusal, pieces(&text, Delta::Refusal)),
        Part::ToolCall {
            id,
            name,
            arguments,
            kind,
            item_id,
            ..
        } => {
            let start = PartStart::ToolCall {
                id,
                name,
                kind,
                item_id,
            };
            (start, pieces(&arguments, Delta::Arguments))
        }
        Part::Opaque {
            family,
            kind,
            value,
        } => {
            let start = PartStart::Opaque {
                family,
                kind,
                value,
            };
            (start, Vec::new())
        }
        part => panic!("no model answers with {part:?}"),
    }
}
