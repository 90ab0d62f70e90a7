//! Streams: `text_completion` objects with more of the text, the finish reason, `[DONE]`.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    ir::{Delta, Event, Usage},
    json::ScanError,
    node::Json,
    openai_chat::{
        error,
        response::completion_id,
        stream::{Chunks, error_event, read},
        vocabulary,
    },
    stream::EventFacts,
    translate::ClientContext,
};

/// What the byte pass-through needs of one event's data.
///
/// # Errors
/// The data is not a JSON object.
pub fn read_event(data: &[u8]) -> Result<EventFacts, ScanError> {
    read(data, &[br#""text""#])
}

/// Writes one stream.
#[derive(Debug)]
pub struct Encoder {
    client: Arc<ClientContext>,
    chunks: Chunks,
    candidates: BTreeMap<u32, Candidate>,
    usage: Option<Usage>,
    over: bool,
}

#[derive(Debug, Default)]
struct Candidate {
    /// Characters of text so far.
    characters: usize,
    refused: bool,
    logprobs: Option<Json>,
}

impl Encoder {
    #[must_use]
    pub fn new(client: Arc<ClientContext>) -> Self {
        Self {
            chunks: Chunks::new(&client),
            client,
            candidates: BTreeMap::new(),
            usage: None,
            over: false,
        }
    }

    /// Appends what the client gets of `event`.
    pub fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        match event {
            Event::Start { id, created, .. } => self.start(id.as_deref(), *created),
            Event::Delta { at, delta } => self.delta(at.candidate, delta, out),
            Event::Stop { candidate, stop } => {
                let state = self.candidates.entry(*candidate).or_default();
                let reason = vocabulary::finish_reason(stop, false, state.refused);
                self.chunk(*candidate, "", Some(reason), out);
            }
            Event::Usage { usage, .. } => self.usage = Some(usage.clone()),
            Event::PartStart { .. } | Event::PartEnd { .. } => {}
            Event::Ping => out.extend_from_slice(b": ping\n\n"),
            Event::Error(failure) => {
                self.over = true;
                out.extend_from_slice(&error_event(&error::of_stream(
                    failure,
                    &self.client.request_id,
                )));
            }
            Event::End => self.end(out),
        }
    }

    fn start(&mut self, id: Option<&str>, created: Option<i64>) {
        let client = &self.client;
        self.chunks.begin(|o| {
            o.put("id", &completion_id("cmpl-", id, client));
            o.put("object", "text_completion");
            o.put("created", &created.unwrap_or(client.created));
            o.put("model", &client.model);
        });
    }

    fn delta(&mut self, candidate: u32, delta: &Delta, out: &mut Vec<u8>) {
        let state = self.candidates.entry(candidate).or_default();
        match delta {
            Delta::Logprobs(logprobs) => {
                state.logprobs = super::logprobs::columns(logprobs, state.characters);
            }
            Delta::Text(text) | Delta::Refusal(text) => {
                state.characters += text.chars().count();
                state.refused |= matches!(delta, Delta::Refusal(_));
                self.chunk(candidate, text, None, out);
            }
            _ => {}
        }
    }

    fn chunk(&mut self, candidate: u32, text: &str, finish: Option<&str>, out: &mut Vec<u8>) {
        self.start(None, None);
        let logprobs = self
            .candidates
            .get_mut(&candidate)
            .and_then(|state| state.logprobs.take());
        self.chunks.choice(out, |o| {
            o.put("text", text);
            o.put("index", &candidate);
            match &logprobs {
                Some(logprobs) => o.raw("logprobs", logprobs),
                None => o.null("logprobs"),
            }
            o.put("finish_reason", &finish);
        });
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.over = true;
        self.start(None, None);
        let usage = self.usage.as_ref().map(|usage| &usage.tokens);
        self.chunks.end(usage, out);
    }
}
