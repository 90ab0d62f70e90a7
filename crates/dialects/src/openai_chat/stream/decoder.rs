//! Chunks into events. A candidate ends with its finish reason, the answer with `[DONE]`, or, as some
//! servers have it, with the end of the stream after all candidates have ended.

use std::collections::BTreeMap;

use domain::TokenUsage;

use super::{
    part::{Parts, Spoken},
    tool_calls::ToolCalls,
};
use crate::{
    ir::{Event, Part, Usage, event::StreamError},
    node::{Json, Kind, Mismatch, Node, Object},
    openai_chat::{
        content, reasoning,
        response::{error_of, matched_text, service_tier},
        usage::usage,
        vocabulary,
    },
    stream::BrokenEvent,
};

/// Reads one stream.
#[derive(Debug, Default)]
pub struct Decoder {
    started: bool,
    over: Option<Over>,
    id: Option<String>,
    candidates: BTreeMap<u32, Candidate>,
    usage: Option<(TokenUsage, bool)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    Complete,
    Failed,
}

#[derive(Debug)]
struct Candidate {
    parts: Parts,
    calls: ToolCalls,
    stopped: bool,
}

impl Decoder {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one event and appends to `out` what it tells.
    ///
    /// # Errors
    /// See [`BrokenEvent`].
    pub fn event(
        &mut self,
        name: Option<&str>,
        data: &[u8],
        out: &mut Vec<Event>,
    ) -> Result<(), BrokenEvent> {
        let data = data.trim_ascii();
        if self.over.is_some() || data.is_empty() {
            return Ok(());
        }
        if data == b"[DONE]" {
            self.done(out);
            return Ok(());
        }
        let node = Node::parse(data).map_err(BrokenEvent)?;
        let mut chunk = node.object()?;
        let said_to_fail = name == Some("error")
            || chunk.string("object").ok().flatten().as_deref() == Some("error");
        if let Some(error) = chunk.take("error") {
            self.fail(error_of(&error), out);
        } else if said_to_fail {
            self.fail(error_of(&node), out);
        } else {
            self.chunk(chunk, out)?;
        }
        Ok(())
    }

    /// The upstream has closed the stream. Whether the answer was complete; what was missing of its end
    /// is appended then.
    pub fn end(&mut self, out: &mut Vec<Event>) -> bool {
        if let Some(over) = self.over {
            return over == Over::Complete;
        }
        let complete = !self.candidates.is_empty() && self.candidates.values().all(|c| c.stopped);
        if complete {
            self.done(out);
        }
        complete
    }

    fn fail(&mut self, (status, message): (u16, String), out: &mut Vec<Event>) {
        self.over = Some(Over::Failed);
        out.push(Event::Error(StreamError { status, message }));
    }

    fn done(&mut self, out: &mut Vec<Event>) {
        if self.candidates.is_empty() {
            let message = "its stream ended without an answer".to_owned();
            return self.fail((502, message), out);
        }
        for candidate in self.candidates.values_mut() {
            candidate.stop(None, None, self.id.as_deref(), out);
        }
        if let Some((tokens, false)) = self.usage {
            out.push(usage_event(tokens, true));
        }
        self.over = Some(Over::Complete);
        out.push(Event::End);
    }

    fn chunk(&mut self, mut chunk: Object<'_>, out: &mut Vec<Event>) -> Result<(), Mismatch> {
        let choices = chunk.array("choices")?;
        let tokens = chunk
            .take("usage")
            .or_else(|| chunk.object("x_groq").ok().flatten()?.take("usage"))
            .and_then(|node| usage(node.text().as_bytes()));
        // Azure opens with a chunk that is about the prompt, without id or choices.
        if choices.is_empty() && tokens.is_none() {
            return Ok(());
        }
        self.start(&mut chunk, out)?;
        let alone = choices.is_empty();
        let mut of_choice = None;
        for choice in choices {
            let mut choice = choice.object()?;
            // Moonshot's place.
            let node = choice.take("usage");
            of_choice = of_choice.or(node.and_then(|node| usage(node.text().as_bytes())));
            if let Some(error) = choice.take("error") {
                self.fail(error_of(&error), out);
                return Ok(());
            }
            self.choice(choice, out)?;
        }
        if let Some(tokens) = tokens.or(of_choice) {
            let total = alone || self.candidates.values().all(|c| c.stopped);
            if self.usage != Some((tokens, total)) {
                self.usage = Some((tokens, total));
                out.push(usage_event(tokens, total));
            }
        }
        Ok(())
    }

    fn start(&mut self, chunk: &mut Object<'_>, out: &mut Vec<Event>) -> Result<(), Mismatch> {
        if self.started {
            return Ok(());
        }
        self.started = true;
        self.id = chunk.string("id")?.filter(|id| !id.is_empty());
        let created = chunk.take("created").and_then(|node| node.i64().ok());
        out.push(Event::Start {
            id: self.id.clone(),
            created: created.filter(|created| *created > 0),
            service_tier: service_tier(chunk),
        });
        Ok(())
    }

    fn choice(&mut self, mut choice: Object<'_>, out: &mut Vec<Event>) -> Result<(), Mismatch> {
        let index = choice.take("index").and_then(|index| index.u64().ok());
        let index = index.and_then(|i| u32::try_from(i).ok()).unwrap_or(0);
        let candidate = self
            .candidates
            .entry(index)
            .or_insert_with(|| Candidate::new(index));
        if candidate.stopped {
            return Ok(());
        }
        let answer = self.id.as_deref();
        let logprobs = choice
            .take("logprobs")
            .filter(|node| node.kind() == Kind::Object)
            .map(|node| node.json());
        // Some servers put a whole answer into one chunk, as a message.
        let message = choice.object("message")?;
        let delta = match choice.object("delta")? {
            None if candidate.parts.none() => message,
            delta => delta,
        };
        if let Some(delta) = delta {
            candidate.delta(delta, logprobs, answer, out)?;
        }
        let matched = matched_text(&mut choice);
        if let Some(reason) = choice.string("finish_reason")?
            && !reason.is_empty()
        {
            candidate.stop(Some(&reason), matched, answer, out);
        }
        Ok(())
    }
}

fn usage_event(tokens: TokenUsage, total: bool) -> Event {
    Event::Usage {
        usage: Usage {
            tokens,
            server_tools: None,
            tier: None,
        },
        total,
    }
}

impl Candidate {
    fn new(index: u32) -> Self {
        Self {
            parts: Parts::new(index),
            calls: ToolCalls::default(),
            stopped: false,
        }
    }

    fn delta(
        &mut self,
        mut delta: Object<'_>,
        logprobs: Option<Json>,
        answer: Option<&str>,
        out: &mut Vec<Event>,
    ) -> Result<(), Mismatch> {
        self.thinking(&mut delta, answer, out)?;
        match delta.take("content") {
            Some(node) if node.kind() == Kind::Array => {
                for part in content::read(&node)? {
                    match part {
                        Part::Text { text, .. } => self.say(Spoken::Text, text, None, answer, out),
                        Part::Thinking { text, .. } => {
                            self.say(Spoken::Thinking, text, None, answer, out);
                        }
                        _ => {}
                    }
                }
            }
            Some(node) => self.say(Spoken::Text, node.owned()?, logprobs.clone(), answer, out),
            None => {}
        }
        for annotation in delta.array("annotations")? {
            self.parts.cite(annotation.json(), out);
        }
        if let Some(text) = delta.string("refusal")? {
            self.say(Spoken::Refusal, text, logprobs, answer, out);
        }
        for call in delta.array("tool_calls")? {
            self.calls.delta(&call, answer, &mut self.parts, out)?;
        }
        if let Some(call) = delta.object("function_call")? {
            self.calls
                .function_call(call, answer, &mut self.parts, out)?;
        }
        Ok(())
    }

    /// Empty deltas open nothing, and log probabilities without a text need one that is open.
    fn say(
        &mut self,
        kind: Spoken,
        text: String,
        logprobs: Option<Json>,
        answer: Option<&str>,
        out: &mut Vec<Event>,
    ) {
        let open = self.parts.is_open(kind);
        if text.is_empty() && !(open && logprobs.is_some()) {
            return;
        }
        if !open {
            self.calls.end_whole(answer, &mut self.parts, out);
        }
        self.parts.say(kind, text, logprobs, out);
    }

    fn thinking(
        &mut self,
        delta: &mut Object<'_>,
        answer: Option<&str>,
        out: &mut Vec<Event>,
    ) -> Result<(), Mismatch> {
        let plain = [delta.take("reasoning_content"), delta.take("reasoning")];
        let details: Vec<_> = delta
            .array("reasoning_details")?
            .iter()
            .filter_map(reasoning::Detail::read)
            .collect();
        // The same text stands in both places where a server has both.
        if details.iter().all(|detail| detail.text.is_empty()) {
            let text = plain
                .iter()
                .flatten()
                .filter(|node| node.kind() == Kind::String)
                .map(|node| node.owned())
                .find(|text| !matches!(text, Ok(text) if text.is_empty()));
            if let Some(text) = text {
                self.say(Spoken::Thinking, text?, None, answer, out);
            }
        }
        for detail in details {
            self.calls.end_whole(answer, &mut self.parts, out);
            self.parts.detail(detail, out);
        }
        Ok(())
    }

    fn stop(
        &mut self,
        reason: Option<&str>,
        matched: Option<String>,
        answer: Option<&str>,
        out: &mut Vec<Event>,
    ) {
        if std::mem::replace(&mut self.stopped, true) {
            return;
        }
        self.parts.close(out);
        self.calls.finish(answer, &mut self.parts, out);
        let stop = vocabulary::stop_of(reason, matched, self.parts.calls, self.parts.refused);
        out.push(Event::Stop {
            candidate: self.parts.candidate(),
            stop,
        });
    }
}
