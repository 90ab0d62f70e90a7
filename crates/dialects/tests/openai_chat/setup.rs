//! What the tests share: fixtures, clients, targets, and events put together to an answer.

use std::{collections::BTreeMap, fs, path::PathBuf, sync::Arc};

use bytes::Bytes;
use dialects::{
    ir::{Candidate, Delta, Event, Part, PartAt, PartStart, Request, Response, ToolCallKind},
    node::Json,
    openai_chat::stream::{Decoder, Encoder},
    sequence::Sequencer,
    sse,
    translate::{ClientContext, MaxTokensField, Quirks, ReasoningField, Target},
};
use domain::Dialect;

pub fn fixtures(kind: &str) -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/openai_chat")
        .join(kind);
    let mut found: Vec<_> = fs::read_dir(folder)
        .expect("a folder of fixtures")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            let name = path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            (name, fs::read_to_string(path).expect("a text"))
        })
        .collect();
    found.sort();
    found
}

pub fn client_of(request: Request, body: &str) -> ClientContext {
    ClientContext {
        model: "asked".to_owned(),
        request_id: "req_1".to_owned(),
        created: 1_700_000_009,
        wants_usage: true,
        request: Arc::new(request),
        body: Bytes::from(body.to_owned()),
    }
}

pub fn client() -> ClientContext {
    client_of(Request::new(Dialect::OpenaiChat), "{}")
}

pub fn openai() -> Quirks {
    Quirks {
        max_tokens: MaxTokensField::Completion,
        reasoning: ReasoningField::None,
        ..Quirks::default()
    }
}

pub fn target<'a>(quirks: &'a Quirks, model: &'a str) -> Target<'a> {
    Target {
        model,
        stream: false,
        quirks,
        default_max_output_tokens: 4096,
    }
}

/// The events of a stream, one part after the other, and whether it was complete.
pub fn events(text: &str) -> (Vec<Event>, bool) {
    let mut decoder = Decoder::new();
    let mut decoded = Vec::new();
    let mut splitter = sse::EventSplitter::default();
    splitter.push(Bytes::from(text.to_owned())).expect("small");
    while let Some(event) = splitter.next_event() {
        if let Some(data) = sse::data(&event) {
            decoder
                .event(None, data.text(), &mut decoded)
                .expect("readable");
        }
    }
    let complete = decoder.end(&mut decoded);
    (in_sequence(decoded), complete)
}

pub fn in_sequence(events: Vec<Event>) -> Vec<Event> {
    let mut sequencer = Sequencer::default();
    let mut out = Vec::new();
    for event in events {
        sequencer.event(event, &mut out).expect("little is held");
    }
    out
}

pub fn encode_stream(events: &[Event], client: ClientContext) -> String {
    let mut encoder = Encoder::new(Arc::new(client));
    let mut out = Vec::new();
    for event in events {
        encoder.event(event, &mut out);
    }
    String::from_utf8(out).expect("UTF-8")
}

/// The answer that events add up to.
pub fn assemble(events: &[Event]) -> Response {
    let mut response = Response::default();
    let mut parts = BTreeMap::<PartAt, Part>::new();
    let mut logprobs = BTreeMap::<u32, Vec<Json>>::new();
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
            Event::PartStart { at, part } => {
                parts.insert(*at, begin(part));
            }
            Event::Delta {
                at,
                delta: Delta::Logprobs(json),
            } => logprobs.entry(at.candidate).or_default().push(json.clone()),
            Event::Delta { at, delta } => grow(parts.get_mut(at).expect("a part"), delta),
            Event::Stop { candidate, stop } => response.candidates.push(Candidate {
                parts: parts
                    .iter()
                    .filter(|(at, _)| at.candidate == *candidate)
                    .map(|(_, part)| part.clone())
                    .collect(),
                stop: stop.clone(),
                logprobs: logprobs.remove(candidate).and_then(|mut l| l.pop()),
            }),
            Event::Usage { usage, .. } => response.usage = Some(usage.clone()),
            Event::PartEnd { .. } | Event::Ping | Event::Error(_) | Event::End => {}
        }
    }
    response
}

fn begin(part: &PartStart) -> Part {
    match part {
        PartStart::Text => Part::text(""),
        PartStart::Thinking => Part::Thinking {
            text: String::new(),
            proof: None,
        },
        PartStart::Refusal => Part::Refusal(String::new()),
        PartStart::ToolCall { id, name, kind, .. } => Part::ToolCall {
            id: id.clone(),
            name: name.clone(),
            arguments: String::new(),
            kind: *kind,
            item_id: None,
            cache: None,
        },
        PartStart::Opaque {
            family,
            kind,
            value,
        } => Part::Opaque {
            family: *family,
            kind: kind.clone(),
            value: value.clone(),
        },
    }
}

fn grow(part: &mut Part, delta: &Delta) {
    match (part, delta) {
        (Part::Text { text, .. }, Delta::Text(more))
        | (Part::Thinking { text, .. }, Delta::Thinking(more))
        | (Part::Refusal(text), Delta::Refusal(more))
        | (
            Part::ToolCall {
                arguments: text, ..
            },
            Delta::Arguments(more),
        ) => text.push_str(more),
        (Part::Thinking { proof, .. }, Delta::Proof(new)) => *proof = Some(new.clone()),
        (Part::Text { citations, .. }, Delta::Citation(json)) => citations.push(json.clone()),
        (part, delta) => panic!("{delta:?} does not belong to {part:?}"),
    }
}

/// The events that say an answer, its texts cut into pieces of `piece` characters.
pub fn disassemble(response: &Response, piece: usize) -> Vec<Event> {
    let mut out = vec![Event::Start {
        id: response.id.clone(),
        created: response.created,
        service_tier: response.service_tier,
    }];
    for (candidate, answer) in (0..).zip(&response.candidates) {
        for (part, said) in (0..).zip(&answer.parts) {
            let at = PartAt { candidate, part };
            let mut say = |part, text: &str, delta: fn(String) -> Delta| {
                out.push(Event::PartStart { at, part });
                let characters: Vec<char> = text.chars().collect();
                for chunk in characters.chunks(piece) {
                    let delta = delta(chunk.iter().collect());
                    out.push(Event::Delta { at, delta });
                }
            };
            match said {
                Part::Text { text, .. } => say(PartStart::Text, text, Delta::Text),
                Part::Refusal(text) => say(PartStart::Refusal, text, Delta::Refusal),
                Part::Thinking { text, proof } => {
                    say(PartStart::Thinking, text, Delta::Thinking);
                    if let Some(proof) = proof {
                        let delta = Delta::Proof(proof.clone());
                        out.push(Event::Delta { at, delta });
                    }
                }
                Part::ToolCall {
                    id,
                    name,
                    arguments,
                    kind,
                    ..
                } => {
                    let start = PartStart::ToolCall {
                        id: id.clone(),
                        name: name.clone(),
                        kind: *kind,
                        item_id: None,
                    };
                    say(start, arguments, Delta::Arguments);
                }
                other => panic!("no stream has {other:?}"),
            }
            out.push(Event::PartEnd { at });
        }
        out.push(Event::Stop {
            candidate,
            stop: answer.stop.clone(),
        });
    }
    if let Some(usage) = &response.usage {
        out.push(Event::Usage {
            usage: usage.clone(),
            total: true,
        });
    }
    out.push(Event::End);
    out
}

pub fn call(id: &str, name: &str, arguments: &str) -> Part {
    Part::ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
        kind: ToolCallKind::Function,
        item_id: None,
        cache: None,
    }
}

pub fn result(id: &str, parts: Vec<Part>, is_error: bool) -> Part {
    Part::ToolResult {
        id: id.to_owned(),
        parts,
        is_error,
        kind: ToolCallKind::Function,
        cache: None,
    }
}
