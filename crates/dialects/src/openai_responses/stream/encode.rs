//! Writes a stream for a client. Kept is what the API itself repeats when a part, an item and the
//! answer are done, and nothing else.

use std::sync::Arc;

use domain::Dialect;

use super::{
    open_item::{Call, Message, Thinking, Words},
    writer::{EventWriter, Place},
};
use crate::{
    ir::{Delta, Event, PartStart, Stop, ToolCallKind, Usage, event::StreamError},
    openai_responses::{
        annotation, error,
        shell::{Shell, Status},
        tool_index::{self, ToolIndex},
        write_item,
    },
    translate::ClientContext,
};

/// Turns neutral events, whose parts do not overlap, into Responses events.
#[derive(Debug)]
pub struct Encoder {
    shell: Shell,
    tools: ToolIndex,
    writer: EventWriter,
    phase: Phase,
    open: Open,
    /// Items that are done, with their commas.
    output: Vec<u8>,
    /// How many items have begun.
    count: u32,
    usage: Option<Usage>,
    stop: Stop,
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    Before,
    Running,
    Over,
}

/// The item that is being written.
#[derive(Debug)]
enum Open {
    None,
    Message(Message),
    Thinking(Thinking),
    Call(Call),
}

impl Encoder {
    #[must_use]
    pub fn new(client: Arc<ClientContext>) -> Self {
        Self {
            shell: Shell::new(&client),
            tools: ToolIndex::of(&client.request),
            writer: EventWriter::default(),
            phase: Phase::Before,
            open: Open::None,
            output: Vec::new(),
            count: 0,
            usage: None,
            stop: Stop::End,
        }
    }

    /// Appends what the client gets for `event`.
    pub fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.phase == Phase::Over {
            return;
        }
        match event {
            Event::Ping => out.extend_from_slice(b": ping\n\n"),
            Event::Usage { usage, .. } => self.usage = Some(usage.clone()),
            Event::Start {
                id,
                created,
                service_tier,
            } => {
                if self.phase == Phase::Before {
                    self.shell.adopt(id.as_deref(), *created, *service_tier);
                    self.begin(out);
                }
            }
            // There is one answer.
            Event::PartStart { at, .. } | Event::Delta { at, .. } | Event::PartEnd { at }
                if at.candidate != 0 => {}
            Event::Stop { candidate, .. } if *candidate != 0 => {}
            Event::PartStart { part, .. } => {
                self.begin(out);
                self.part_start(part, out);
            }
            Event::Delta { delta, .. } => self.delta(delta, out),
            Event::PartEnd { .. } => self.part_end(out),
            Event::Stop { stop, .. } => self.stop = stop.clone(),
            Event::Error(failure) => {
                self.begin(out);
                self.fail(failure, out);
            }
            Event::End => {
                self.begin(out);
                self.end(out);
            }
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if self.phase != Phase::Before {
            return;
        }
        self.phase = Phase::Running;
        for kind in ["response.created", "response.in_progress"] {
            self.response(kind, Status::InProgress, out);
        }
    }

    fn response(&mut self, kind: &str, status: Status<'_>, out: &mut Vec<u8>) {
        let mut response = Vec::with_capacity(self.output.len() + 1024);
        let usage = self.usage.as_ref();
        let usage = usage.filter(|_| !matches!(status, Status::InProgress));
        self.shell.write(&mut response, status, &self.output, usage);
        self.writer
            .event(out, kind, |o| o.bytes("response", &response));
    }

    fn part_start(&mut self, part: &PartStart, out: &mut Vec<u8>) {
        match part {
            PartStart::Text => self.open_words(false, out),
            PartStart::Refusal => self.open_words(true, out),
            PartStart::Thinking => {
                self.close_item("completed", out);
                self.open = Open::Thinking(Thinking {
                    place: None,
                    text: String::new(),
                    proof: None,
                });
            }
            PartStart::ToolCall {
                id,
                name,
                kind,
                item_id,
            } => self.open_call(id, name, *kind, item_id.as_deref(), out),
            PartStart::Opaque { family, value, .. } => {
                if *family == Dialect::OpenaiResponses {
                    self.close_item("completed", out);
                    let index = self.next_index();
                    let item = value.as_str().as_bytes();
                    for kind in ["response.output_item.added", "response.output_item.done"] {
                        self.item_event(kind, index, item, out);
                    }
                    self.keep(item);
                }
            }
        }
    }

    fn next_index(&mut self) -> u32 {
        self.count += 1;
        self.count - 1
    }

    fn place(&mut self, prefix: &str, given: Option<&str>) -> Place {
        let index = self.next_index();
        Place {
            id: self.shell.item_id(prefix, index, given),
            index,
        }
    }

    fn item_event(&mut self, kind: &str, index: u32, item: &[u8], out: &mut Vec<u8>) {
        self.writer.event(out, kind, |o| {
            o.put("output_index", &index);
            o.bytes("item", item);
        });
    }

    fn keep(&mut self, item: &[u8]) {
        if !self.output.is_empty() {
            self.output.push(b',');
        }
        self.output.extend_from_slice(item);
    }

    /// Begins a text or a refusal, in the message that is open or in a new one.
    fn open_words(&mut self, refusal: bool, out: &mut Vec<u8>) {
        self.close_words(out);
        if !matches!(self.open, Open::Message(_)) {
            self.close_item("completed", out);
            let place = self.place("msg", None);
            let mut item = Vec::new();
            write_item::message(&mut item, &place.id, "in_progress", b"");
            self.item_event("response.output_item.added", place.index, &item, out);
            self.open = Open::Message(Message {
                place,
                content: Vec::new(),
                content_index: 0,
                part: None,
            });
        }
        let Open::Message(message) = &mut self.open else {
            return;
        };
        message.part = Some(Words::new(refusal));
        let mut part = Vec::new();
        if refusal {
            write_item::refusal_part(&mut part, "");
        } else {
            write_item::text_part(&mut part, "", b"", b"");
        }
        let kind = "response.content_part.added";
        message.event(&mut self.writer, kind, out, |o| o.bytes("part", &part));
    }

    fn open_call(
        &mut self,
        id: &str,
        name: &str,
        kind: ToolCallKind,
        item_id: Option<&str>,
        out: &mut Vec<u8>,
    ) {
        self.close_item("completed", out);
        let prefix = match self.tools.look_up(name, kind).kind {
            ToolCallKind::Function => "fc",
            ToolCallKind::Custom => "ctc",
        };
        let call = Call {
            place: self.place(prefix, item_id),
            call_id: id.to_owned(),
            name: name.to_owned(),
            kind,
            arguments: String::new(),
        };
        let mut item = Vec::new();
        let called = self.tools.look_up(name, kind);
        write_item::call(&mut item, &call.place.id, id, &called, "", "in_progress");
        self.item_event("response.output_item.added", call.place.index, &item, out);
        self.open = Open::Call(call);
    }

    fn delta(&mut self, delta: &Delta, out: &mut Vec<u8>) {
        match (delta, &mut self.open) {
            (Delta::Text(text) | Delta::Refusal(text), Open::Message(message)) => {
                message.more(text, &mut self.writer, out);
            }
            (Delta::Logprobs(json), Open::Message(message)) => message.logprobs(json),
            (Delta::Citation(citation), Open::Message(message)) => {
                if let Some(shown) = annotation::shown(citation) {
                    message.annotate(&shown, &mut self.writer, out);
                }
            }
            (Delta::Thinking(text), Open::Thinking(_)) if !text.is_empty() => {
                self.think(text, out);
            }
            (Delta::Proof(proof), Open::Thinking(_)) => {
                self.show_thinking(out);
                if let Open::Thinking(thinking) = &mut self.open {
                    thinking.proof = Some(proof.clone());
                }
            }
            (Delta::Arguments(more), Open::Call(call)) => {
                call.arguments.push_str(more);
                let called = self.tools.look_up(&call.name, call.kind);
                if !called.wrapped && !more.is_empty() {
                    call.delta(&called, more, &mut self.writer, out);
                }
            }
            _ => {}
        }
    }

    /// Begins the item, now that there is something in it.
    fn show_thinking(&mut self, out: &mut Vec<u8>) {
        if !matches!(&self.open, Open::Thinking(t) if t.place.is_none()) {
            return;
        }
        let place = self.place("rs", None);
        let mut item = Vec::new();
        write_item::reasoning(&mut item, &place.id, "", None);
        self.item_event("response.output_item.added", place.index, &item, out);
        if let Open::Thinking(thinking) = &mut self.open {
            thinking.place = Some(place);
        }
    }

    fn think(&mut self, text: &str, out: &mut Vec<u8>) {
        self.show_thinking(out);
        let Open::Thinking(thinking) = &mut self.open else {
            return;
        };
        let Some(place) = &thinking.place else { return };
        if thinking.text.is_empty() {
            let mut part = Vec::new();
            write_item::summary_part(&mut part, "");
            let kind = "response.reasoning_summary_part.added";
            self.writer.event(out, kind, |o| {
                place.write(o);
                o.put("summary_index", &0);
                o.bytes("part", &part);
            });
        }
        thinking.text.push_str(text);
        let kind = "response.reasoning_summary_text.delta";
        self.writer.event(out, kind, |o| {
            place.write(o);
            o.put("summary_index", &0);
            o.put("delta", text);
        });
    }

    fn part_end(&mut self, out: &mut Vec<u8>) {
        match &self.open {
            // The message stays open: more text may follow in it.
            Open::Message(_) => self.close_words(out),
            _ => self.close_item("completed", out),
        }
    }

    fn close_words(&mut self, out: &mut Vec<u8>) {
        if let Open::Message(message) = &mut self.open {
            message.close_part(&mut self.writer, out);
        }
    }

    /// Ends the item that is open.
    fn close_item(&mut self, status: &str, out: &mut Vec<u8>) {
        self.close_words(out);
        let mut item = Vec::new();
        let index = match std::mem::replace(&mut self.open, Open::None) {
            Open::None => return,
            Open::Message(message) => {
                write_item::message(&mut item, &message.place.id, status, &message.content);
                message.place.index
            }
            Open::Thinking(thinking) => {
                let Some(place) = &thinking.place else { return };
                if !thinking.text.is_empty() {
                    thinking.close(place, &mut self.writer, out);
                }
                let (text, proof) = (&thinking.text, thinking.proof.as_ref());
                write_item::reasoning(&mut item, &place.id, text, proof);
                place.index
            }
            Open::Call(mut call) => {
                let called = self.tools.look_up(&call.name, call.kind);
                let missing = match called.kind {
                    _ if called.wrapped => {
                        call.arguments = tool_index::unwrapped(&call.arguments);
                        Some(call.arguments.clone())
                    }
                    ToolCallKind::Function if call.arguments.is_empty() => {
                        call.arguments = "{}".to_owned();
                        Some(call.arguments.clone())
                    }
                    _ => None,
                };
                if let Some(text) = missing.filter(|text| !text.is_empty()) {
                    call.delta(&called, &text, &mut self.writer, out);
                }
                call.done(&called, &mut self.writer, out);
                let (id, arguments) = (&call.place.id, &call.arguments);
                write_item::call(
                    &mut item,
                    id,
                    &call.call_id,
                    &called,
                    arguments,
                    "completed",
                );
                call.place.index
            }
        };
        self.item_event("response.output_item.done", index, &item, out);
        self.keep(&item);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        let stop = std::mem::replace(&mut self.stop, Stop::End);
        let status = Status::Ended(&stop);
        self.close_item(status.word(), out);
        let kind = match status.word() {
            "incomplete" => "response.incomplete",
            _ => "response.completed",
        };
        self.response(kind, status, out);
        self.phase = Phase::Over;
    }

    /// OpenAI's SDKs raise on the first event, Codex reads the second.
    fn fail(&mut self, failure: &StreamError, out: &mut Vec<u8>) {
        let code = error::code_of_status(failure.status);
        let message = failure.message.as_str();
        self.writer.event(out, "error", |o| {
            o.put("code", code);
            o.put("message", message);
            o.null("param");
            o.object("error", |o| {
                o.put("type", code);
                o.put("code", code);
                o.put("message", message);
                o.null("param");
            });
        });
        self.response("response.failed", Status::Failed { code, message }, out);
        self.phase = Phase::Over;
    }
}
