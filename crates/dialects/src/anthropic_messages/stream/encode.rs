//! Neutral events as the stream that Anthropic's SDKs and agents insist on: one `message_start`, blocks
//! 0, 1, 2 … without overlap, each with its start and stop, `message_delta` with the whole usage,
//! `message_stop`, and a name for every event. A block begins when there is something in it, so that
//! none comes out blank.

use std::sync::Arc;

use domain::Dialect;

use super::{
    super::{block, error, response},
    frame::{Field, named, ping},
};
use crate::{
    ir::{
        Delta, Event, PartAt, PartStart, Proof, ServiceTier, Stop, ToolCallKind, Usage,
        event::StreamError,
    },
    node::{Json, Kind},
    translate::ClientContext,
    write::ObjectWriter,
};

/// Writes one stream.
#[derive(Debug)]
pub struct Encoder {
    client: Arc<ClientContext>,
    phase: Phase,
    id: Option<String>,
    service_tier: Option<ServiceTier>,
    usage: Usage,
    /// The next block's index.
    index: u32,
    open: Option<Open>,
    calls: bool,
    stop: Option<Stop>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// `message_start` is held back until the input's tokens may be known.
    Before,
    Running,
    Over,
}

/// The part that is being written.
#[derive(Debug)]
struct Open {
    at: PartAt,
    kind: OpenKind,
    /// Its `content_block_start` is out.
    begun: bool,
}

#[derive(Debug)]
enum OpenKind {
    Text,
    /// The signature goes behind the last of the text.
    Thinking(Option<Proof>),
    Call,
    /// Free text, wrapped into an object.
    CustomCall,
    /// Written whole already, or nothing that this dialect has.
    Closed,
}

impl Encoder {
    #[must_use]
    pub fn new(client: Arc<ClientContext>) -> Self {
        Self {
            client,
            phase: Phase::Before,
            id: None,
            service_tier: None,
            usage: Usage::default(),
            index: 0,
            open: None,
            calls: false,
            stop: None,
        }
    }

    /// Appends what `event` is in this dialect.
    pub fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.phase == Phase::Over {
            return;
        }
        match event {
            Event::Start {
                id, service_tier, ..
            } => {
                self.id.clone_from(id);
                self.service_tier = *service_tier;
            }
            Event::Usage { usage, .. } => self.usage.clone_from(usage),
            Event::PartStart { at, part } if at.candidate == 0 => {
                self.begin(out);
                self.close(out);
                self.part_start(*at, part, out);
            }
            Event::Delta { at, delta } if self.open.as_ref().is_some_and(|o| o.at == *at) => {
                self.delta(delta, out);
            }
            Event::PartEnd { at } if self.open.as_ref().is_some_and(|o| o.at == *at) => {
                self.close(out);
            }
            Event::Stop { candidate: 0, stop } => self.stop = Some(stop.clone()),
            Event::Ping if self.phase == Phase::Running => ping(out),
            // Before the first event a comment keeps the connection alive and breaks no rule.
            Event::Ping => out.extend_from_slice(b": ping\n\n"),
            Event::Error(failure) => {
                self.phase = Phase::Over;
                self.error(failure, out);
            }
            Event::End => {
                self.begin(out);
                self.close(out);
                self.end(out);
                self.phase = Phase::Over;
            }
            // Further candidates, and what belongs to no part.
            Event::PartStart { .. }
            | Event::Delta { .. }
            | Event::PartEnd { .. }
            | Event::Stop { .. } => {}
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if self.phase != Phase::Before {
            return;
        }
        self.phase = Phase::Running;
        named(out, "message_start", |o| {
            o.object("message", |o| {
                let id = response::message_id(self.id.as_deref(), &self.client);
                o.put("id", &id);
                o.put("type", "message");
                o.put("role", "assistant");
                o.put("model", &self.client.model);
                o.array("content", |_| {});
                o.null("stop_reason");
                o.null("stop_sequence");
                o.object("usage", |o| {
                    response::write_usage(o, &self.usage.tokens);
                    o.opt("service_tier", response::tier_word(self.service_tier));
                });
            });
        });
        ping(out);
    }

    fn part_start(&mut self, at: PartAt, part: &PartStart, out: &mut Vec<u8>) {
        let mut begun = false;
        let kind = match part {
            PartStart::Text | PartStart::Refusal => OpenKind::Text,
            PartStart::Thinking => OpenKind::Thinking(None),
            PartStart::ToolCall { id, name, kind, .. } => {
                self.calls = true;
                begun = true;
                self.block_start(out, |o| {
                    o.put("type", "tool_use");
                    o.put("id", &response::tool_use_id(id));
                    o.put("name", name);
                    o.object("input", |_| {});
                });
                self.text_delta(out, Field::Input, "");
                match kind {
                    ToolCallKind::Function => OpenKind::Call,
                    ToolCallKind::Custom => {
                        self.text_delta(out, Field::Input, "{\"input\":\"");
                        OpenKind::CustomCall
                    }
                }
            }
            PartStart::Opaque { family, value, .. } => {
                if *family == Dialect::AnthropicMessages {
                    self.opaque(value, out);
                }
                OpenKind::Closed
            }
        };
        self.open = Some(Open { at, kind, begun });
    }

    fn delta(&mut self, delta: &Delta, out: &mut Vec<u8>) {
        let Some(open) = &mut self.open else { return };
        match (delta, &mut open.kind) {
            (Delta::Text(text) | Delta::Refusal(text), OpenKind::Text) if !text.is_empty() => {
                self.begin_text(out);
                self.text_delta(out, Field::Text, text);
            }
            (Delta::Citation(citation), OpenKind::Text) if block::is_location(citation) => {
                self.begin_text(out);
                self.citation(citation, out);
            }
            (Delta::Thinking(text), OpenKind::Thinking(_)) if !text.is_empty() => {
                self.begin_thinking(out);
                self.text_delta(out, Field::Thinking, text);
            }
            (Delta::Proof(proof), OpenKind::Thinking(kept)) => *kept = Some(proof.clone()),
            (Delta::Arguments(json), OpenKind::Call) if !json.is_empty() => {
                self.text_delta(out, Field::Input, json);
            }
            (Delta::Arguments(text), OpenKind::CustomCall) if !text.is_empty() => {
                let quoted = Json::of(text);
                let inner = quoted.as_str();
                let inner = inner.get(1..inner.len().saturating_sub(1));
                self.text_delta(out, Field::Input, inner.unwrap_or_default());
            }
            _ => {}
        }
    }

    /// Ends the open part, if any.
    fn close(&mut self, out: &mut Vec<u8>) {
        let Some(open) = self.open.take() else { return };
        match open.kind {
            OpenKind::Thinking(Some(Proof::Redacted(data))) => {
                if open.begun {
                    self.block_stop(out);
                }
                self.block_start(out, |o| block::redacted(o, &data));
                self.block_stop(out);
            }
            OpenKind::Thinking(Some(proof)) => {
                if !open.begun {
                    self.thinking_start(out);
                }
                self.text_delta(out, Field::Signature, &block::signature(&proof));
                self.block_stop(out);
            }
            OpenKind::CustomCall => {
                self.text_delta(out, Field::Input, "\"}");
                self.block_stop(out);
            }
            OpenKind::Text | OpenKind::Thinking(None) | OpenKind::Call if open.begun => {
                self.block_stop(out);
            }
            _ => {}
        }
    }

    /// A block as it came. Agents take the input of server tools from deltas only.
    fn opaque(&mut self, value: &Json, out: &mut Vec<u8>) {
        let mut members = value.node().object().map(|o| o.rest()).unwrap_or_default();
        let input = members
            .iter()
            .position(|(key, input)| key == "input" && input.node().kind() == Kind::Object)
            .map(|at| members.remove(at).1);
        self.block_start(out, |o| {
            members.iter().for_each(|(key, value)| o.raw(key, value));
            if input.is_some() {
                o.object("input", |_| {});
            }
        });
        if let Some(input) = input {
            self.text_delta(out, Field::Input, input.as_str());
        }
        self.block_stop(out);
    }

    fn begin_text(&mut self, out: &mut Vec<u8>) {
        if self.must_begin() {
            self.block_start(out, |o| {
                o.put("type", "text");
                o.put("text", "");
            });
        }
    }

    fn begin_thinking(&mut self, out: &mut Vec<u8>) {
        if self.must_begin() {
            self.thinking_start(out);
        }
    }

    fn thinking_start(&self, out: &mut Vec<u8>) {
        self.block_start(out, |o| {
            o.put("type", "thinking");
            o.put("thinking", "");
            o.put("signature", "");
        });
    }

    fn must_begin(&mut self) -> bool {
        self.open
            .as_mut()
            .is_some_and(|open| !std::mem::replace(&mut open.begun, true))
    }

    fn block_start(&self, out: &mut Vec<u8>, fill: impl FnOnce(&mut ObjectWriter<'_>)) {
        named(out, "content_block_start", |o| {
            o.put("index", &self.index);
            o.object("content_block", fill);
        });
    }

    fn block_stop(&mut self, out: &mut Vec<u8>) {
        named(out, "content_block_stop", |o| o.put("index", &self.index));
        self.index += 1;
    }

    /// The event that there are thousands of.
    fn text_delta(&self, out: &mut Vec<u8>, field: Field, text: &str) {
        named(out, "content_block_delta", |o| {
            o.put("index", &self.index);
            o.object("delta", |o| {
                o.put("type", field.delta());
                o.put(field.member(), text);
            });
        });
    }

    fn citation(&self, citation: &Json, out: &mut Vec<u8>) {
        named(out, "content_block_delta", |o| {
            o.put("index", &self.index);
            o.object("delta", |o| {
                o.put("type", "citations_delta");
                o.raw("citation", citation);
            });
        });
    }

    fn end(&self, out: &mut Vec<u8>) {
        let stop = self.stop.as_ref().unwrap_or(&Stop::End);
        let (reason, sequence) = response::stop_reason(stop, self.calls);
        named(out, "message_delta", |o| {
            o.object("delta", |o| {
                o.put("stop_reason", reason);
                o.put("stop_sequence", &sequence);
            });
            o.object("usage", |o| {
                response::write_usage(o, &self.usage.tokens);
                o.opt_raw("server_tool_use", self.usage.server_tools.as_ref());
            });
        });
        named(out, "message_stop", |_| {});
    }

    fn error(&self, failure: &StreamError, out: &mut Vec<u8>) {
        named(out, "error", |o| {
            o.object("error", |o| {
                o.put("type", error::type_of_status(failure.status));
                o.put("message", &failure.message);
            });
            o.put("request_id", &self.client.request_id);
        });
    }
}
