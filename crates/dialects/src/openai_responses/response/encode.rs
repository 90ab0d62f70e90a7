//! Writes an answer for a client. One answer is all that the dialect has room for.

use domain::Dialect;

use crate::{
    ir::{Candidate, Part, Response, Stop},
    node::Json,
    openai_responses::{
        annotation, item,
        shell::{Shell, Status},
        tool_index::{self, ToolIndex},
        write_item,
    },
    translate::ClientContext,
};

/// Writes `response` as the client reads it.
#[must_use]
pub fn encode(response: &Response, client: &ClientContext) -> Vec<u8> {
    let mut shell = Shell::new(client);
    shell.adopt(
        response.id.as_deref(),
        response.created,
        response.service_tier,
    );
    let ended = Stop::End;
    let candidate = response.candidates.first();
    let stop = candidate.map_or(&ended, |c| &c.stop);
    let status = Status::Ended(stop);
    let mut items = Items {
        shell: &shell,
        tools: ToolIndex::of(&client.request),
        out: Vec::new(),
        count: 0,
        content: Vec::new(),
    };
    if let Some(candidate) = candidate {
        items.write(candidate);
        items.flush(status.word());
    }
    let output = items.out;
    let mut out = Vec::with_capacity(output.len() + 1024);
    shell.write(&mut out, status, &output, response.usage.as_ref());
    out
}

struct Items<'a> {
    shell: &'a Shell,
    tools: ToolIndex,
    out: Vec<u8>,
    count: u32,
    /// The parts of the message that is being gathered.
    content: Vec<u8>,
}

impl Items<'_> {
    fn write(&mut self, candidate: &Candidate) {
        let mut logprobs = candidate.logprobs.as_ref().and_then(item::listed_logprobs);
        for part in &candidate.parts {
            match part {
                Part::Text {
                    text, citations, ..
                } => {
                    let shown: Vec<Json> = citations.iter().filter_map(annotation::shown).collect();
                    let logprobs = logprobs.take();
                    let logprobs = logprobs.as_ref().map_or("", |l| inside(l.as_str()));
                    let shown = Json::of(&shown);
                    self.part();
                    write_item::text_part(
                        &mut self.content,
                        text,
                        inside(shown.as_str()).as_bytes(),
                        logprobs.as_bytes(),
                    );
                }
                Part::Refusal(words) => {
                    self.part();
                    write_item::refusal_part(&mut self.content, words);
                }
                Part::Thinking { text, proof } => {
                    if text.is_empty() && proof.is_none() {
                        continue;
                    }
                    let id = match proof {
                        Some(crate::ir::Proof::Encrypted { item_id, .. }) => item_id.as_deref(),
                        _ => None,
                    };
                    let (at, id) = self.item("rs", id);
                    write_item::reasoning(&mut self.out, &id, text, proof.as_ref());
                    self.count = at + 1;
                }
                Part::ToolCall {
                    id,
                    name,
                    arguments,
                    kind,
                    item_id,
                    ..
                } => {
                    let prefix = match self.tools.look_up(name, *kind).kind {
                        crate::ir::ToolCallKind::Function => "fc",
                        crate::ir::ToolCallKind::Custom => "ctc",
                    };
                    let (at, item_id) = self.item(prefix, item_id.as_deref());
                    let called = self.tools.look_up(name, *kind);
                    let input = called.wrapped.then(|| tool_index::unwrapped(arguments));
                    let arguments = input.as_deref().unwrap_or(arguments);
                    write_item::call(&mut self.out, &item_id, id, &called, arguments, "completed");
                    self.count = at + 1;
                }
                Part::Opaque { family, value, .. } if *family == Dialect::OpenaiResponses => {
                    let (at, _) = self.item("", None);
                    self.out.extend_from_slice(value.as_str().as_bytes());
                    self.count = at + 1;
                }
                // Blocks of other providers, and media that no upstream answers with.
                Part::Opaque { .. }
                | Part::Image(_)
                | Part::Document(_)
                | Part::Audio(_)
                | Part::Video(_)
                | Part::ToolResult { .. } => {}
            }
        }
    }

    fn part(&mut self) {
        if !self.content.is_empty() {
            self.content.push(b',');
        }
    }

    /// Begins an item: its index and id.
    fn item(&mut self, prefix: &str, given: Option<&str>) -> (u32, String) {
        self.flush("completed");
        self.separate();
        (self.count, self.shell.item_id(prefix, self.count, given))
    }

    fn separate(&mut self) {
        if !self.out.is_empty() {
            self.out.push(b',');
        }
    }

    /// Ends the message that is being gathered.
    fn flush(&mut self, status: &str) {
        if self.content.is_empty() {
            return;
        }
        self.separate();
        let id = self.shell.item_id("msg", self.count, None);
        let content = std::mem::take(&mut self.content);
        write_item::message(&mut self.out, &id, status, &content);
        self.count += 1;
    }
}

/// The elements of an array, with their commas.
fn inside(array: &str) -> &str {
    array
        .strip_prefix('[')
        .and_then(|a| a.strip_suffix(']'))
        .unwrap_or_default()
}
