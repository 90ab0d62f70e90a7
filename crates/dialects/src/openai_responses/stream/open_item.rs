//! The items of an answer while they grow: a message with its parts, a thought, a call. Each keeps what
//! the API repeats when it is done.

use super::writer::{EventWriter, Place};
use crate::{
    ir::{Proof, ToolCallKind},
    node::Json,
    openai_responses::{item, tool_index::Called, write_item},
    write::ObjectWriter,
};

#[derive(Debug)]
pub(super) struct Message {
    pub place: Place,
    /// Parts that are done, with their commas.
    pub content: Vec<u8>,
    pub content_index: u32,
    pub part: Option<Words>,
}

/// A part of a message.
#[derive(Debug)]
pub(super) struct Words {
    pub refusal: bool,
    pub text: String,
    pub annotations: Vec<u8>,
    pub annotation_count: u32,
    pub logprobs: Vec<u8>,
    /// Log probabilities that wait for their text.
    pub pending: Option<Json>,
}

#[derive(Debug)]
pub(super) struct Thinking {
    /// Where it is shown; `None` until there is something to show.
    pub place: Option<Place>,
    pub text: String,
    pub proof: Option<Proof>,
}

#[derive(Debug)]
pub(super) struct Call {
    pub place: Place,
    pub call_id: String,
    pub name: String,
    pub kind: ToolCallKind,
    pub arguments: String,
}

impl Words {
    pub fn new(refusal: bool) -> Self {
        Self {
            refusal,
            text: String::new(),
            annotations: Vec::new(),
            annotation_count: 0,
            logprobs: Vec::new(),
            pending: None,
        }
    }
}

impl Message {
    pub fn event(
        &self,
        writer: &mut EventWriter,
        kind: &str,
        out: &mut Vec<u8>,
        fill: impl FnOnce(&mut ObjectWriter<'_>),
    ) {
        writer.event(out, kind, |o| {
            self.place.write(o);
            o.put("content_index", &self.content_index);
            fill(o);
        });
    }

    pub fn more(&mut self, text: &str, writer: &mut EventWriter, out: &mut Vec<u8>) {
        let Some(part) = &mut self.part else { return };
        if text.is_empty() {
            return;
        }
        part.text.push_str(text);
        let logprobs = part.pending.take();
        if let Some(list) = &logprobs {
            extend(&mut part.logprobs, list);
        }
        if part.refusal {
            self.event(writer, "response.refusal.delta", out, |o| {
                o.put("delta", text)
            });
        } else {
            self.event(writer, "response.output_text.delta", out, |o| {
                o.put("delta", text);
                match &logprobs {
                    Some(list) => o.raw("logprobs", list),
                    None => o.bytes("logprobs", b"[]"),
                }
            });
        }
    }

    pub fn logprobs(&mut self, json: &Json) {
        let Some(part) = &mut self.part else { return };
        // What had no text yet is not lost; it is told when the part is done.
        if let Some(earlier) = part.pending.take() {
            extend(&mut part.logprobs, &earlier);
        }
        part.pending = item::listed_logprobs(json);
    }

    pub fn annotate(&mut self, annotation: &Json, writer: &mut EventWriter, out: &mut Vec<u8>) {
        let Some(part) = self.part.as_mut().filter(|part| !part.refusal) else {
            return;
        };
        if part.annotation_count > 0 {
            part.annotations.push(b',');
        }
        part.annotations
            .extend_from_slice(annotation.as_str().as_bytes());
        let index = part.annotation_count;
        part.annotation_count += 1;
        self.event(writer, "response.output_text.annotation.added", out, |o| {
            o.put("annotation_index", &index);
            o.raw("annotation", annotation);
        });
    }

    pub fn close_part(&mut self, writer: &mut EventWriter, out: &mut Vec<u8>) {
        let Some(mut words) = self.part.take() else {
            return;
        };
        if let Some(list) = words.pending.take() {
            extend(&mut words.logprobs, &list);
        }
        let mut part = Vec::new();
        if words.refusal {
            write_item::refusal_part(&mut part, &words.text);
            self.event(writer, "response.refusal.done", out, |o| {
                o.put("refusal", &words.text);
            });
        } else {
            let (text, logprobs) = (&words.text, &words.logprobs);
            write_item::text_part(&mut part, text, &words.annotations, logprobs);
            self.event(writer, "response.output_text.done", out, |o| {
                o.put("text", text);
                o.list("logprobs", logprobs);
            });
        }
        self.event(writer, "response.content_part.done", out, |o| {
            o.bytes("part", &part);
        });
        if !self.content.is_empty() {
            self.content.push(b',');
        }
        self.content.append(&mut part);
        self.content_index += 1;
    }
}

/// Adds the elements of a list to others.
fn extend(out: &mut Vec<u8>, list: &Json) {
    let inside = list.as_str().strip_prefix('[');
    let inside = inside.and_then(|t| t.strip_suffix(']')).map(str::trim);
    let Some(elements) = inside.filter(|elements| !elements.is_empty()) else {
        return;
    };
    if !out.is_empty() {
        out.push(b',');
    }
    out.extend_from_slice(elements.as_bytes());
}

impl Thinking {
    pub fn close(&self, place: &Place, writer: &mut EventWriter, out: &mut Vec<u8>) {
        let mut part = Vec::new();
        write_item::summary_part(&mut part, &self.text);
        writer.event(out, "response.reasoning_summary_text.done", |o| {
            place.write(o);
            o.put("summary_index", &0);
            o.put("text", &self.text);
        });
        writer.event(out, "response.reasoning_summary_part.done", |o| {
            place.write(o);
            o.put("summary_index", &0);
            o.bytes("part", &part);
        });
    }
}

impl Call {
    pub fn delta(
        &self,
        called: &Called<'_>,
        text: &str,
        writer: &mut EventWriter,
        out: &mut Vec<u8>,
    ) {
        let kind = match called.kind {
            ToolCallKind::Function => "response.function_call_arguments.delta",
            ToolCallKind::Custom => "response.custom_tool_call_input.delta",
        };
        writer.event(out, kind, |o| {
            self.place.write(o);
            o.put("delta", text);
        });
    }

    pub fn done(&self, called: &Called<'_>, writer: &mut EventWriter, out: &mut Vec<u8>) {
        match called.kind {
            ToolCallKind::Function => {
                writer.event(out, "response.function_call_arguments.done", |o| {
                    self.place.write(o);
                    o.put("name", called.name);
                    o.put("arguments", &self.arguments);
                });
            }
            ToolCallKind::Custom => {
                writer.event(out, "response.custom_tool_call_input.done", |o| {
                    self.place.write(o);
                    o.put("input", &self.arguments);
                });
            }
        }
    }
}
