//! Reads a stream of an upstream. Compatible servers leave events out; what an item lacked while it
//! grew is taken from the event that says it is done, so that each word is told once.

use std::collections::BTreeMap;

use super::{
    upstream_item::{Item, Piece},
    upstream_part::{Channel, Parts},
};
use crate::{
    ir::{Event, Stop, Usage, event::StreamError},
    node::{Mismatch, Node, Object},
    openai_responses::{
        error,
        request::tier,
        response::{message, searches, stop, usage},
    },
    stream::BrokenEvent,
};

/// Turns Responses events into neutral ones.
#[derive(Debug, Default)]
pub struct Decoder {
    /// By `output_index`.
    items: BTreeMap<u32, Item>,
    parts: Parts,
    started: bool,
    /// The end, or the failure, has been told.
    over: bool,
    failed: bool,
    /// `[DONE]` came, which this dialect does not have and some servers send all the same.
    done_mark: bool,
}

impl Decoder {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one event: its name, where it has one, and its data.
    ///
    /// # Errors
    /// See [`BrokenEvent`].
    pub fn event(
        &mut self,
        name: Option<&str>,
        data: &[u8],
        out: &mut Vec<Event>,
    ) -> Result<(), BrokenEvent> {
        if self.over {
            return Ok(());
        }
        if data.trim_ascii() == b"[DONE]" {
            self.done_mark = true;
            return Ok(());
        }
        let mut o = Node::parse(data).map_err(BrokenEvent)?.object()?;
        let kind = o.string("type")?;
        match kind.as_deref().or(name).unwrap_or_default() {
            "keepalive" | "ping" => out.push(Event::Ping),
            "response.created" | "response.queued" | "response.in_progress" => {
                let mut response = o.object("response")?;
                self.start(response.as_mut(), out)?;
            }
            "response.completed" | "response.incomplete" => {
                self.finish(o.need("response")?.object()?, out)?;
            }
            "response.failed" => {
                let mut response = o.object("response")?;
                let error = response.as_mut().and_then(|r| r.take("error"));
                self.fail(error.as_ref(), None, out);
            }
            "error" => {
                let error = o.take("error");
                self.fail(error.as_ref(), Some(o), out);
            }
            kind => self.grow(kind, o, out)?,
        }
        Ok(())
    }

    /// The upstream has closed the stream. Whether the answer is complete; then what is missing to its
    /// end has been appended.
    pub fn end(&mut self, out: &mut Vec<Event>) -> bool {
        if self.over {
            return !self.failed;
        }
        let whole = !self.items.is_empty() && self.items.values().all(Item::is_done);
        if !(self.done_mark && whole) {
            return false;
        }
        self.over = true;
        let stop = if self.parts.calls {
            Stop::ToolUse
        } else {
            Stop::End
        };
        out.push(Event::Stop { candidate: 0, stop });
        out.push(Event::End);
        true
    }

    fn start(
        &mut self,
        response: Option<&mut Object<'_>>,
        out: &mut Vec<Event>,
    ) -> Result<(), Mismatch> {
        if std::mem::replace(&mut self.started, true) {
            return Ok(());
        }
        let (mut id, mut created, mut service_tier) = (None, None, None);
        if let Some(o) = response {
            id = o.string("id")?;
            created = o.f64("created_at")?.map(|seconds| seconds as i64);
            service_tier = o.string("service_tier")?.as_deref().and_then(tier);
        }
        out.push(Event::Start {
            id,
            created,
            service_tier,
        });
        Ok(())
    }

    /// An event of one item.
    fn grow(
        &mut self,
        kind: &str,
        mut o: Object<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), Mismatch> {
        let Some(step) = Step::of(kind) else {
            return Ok(());
        };
        self.start(None, out)?;
        let item = o.take("item");
        let id = match &item {
            Some(item) => item.object()?.string("id")?,
            None => o.string("item_id")?,
        };
        let index = self.index_of(o.take("output_index"), id.as_deref())?;
        let parts = &mut self.parts;
        match step {
            Step::ItemAdded => {
                let node = item.ok_or_else(|| o.expected("an item"))?;
                self.items.insert(index, Item::begin(&node, parts, out)?);
            }
            Step::ItemDone => {
                let node = item.ok_or_else(|| o.expected("an item"))?;
                let state = self.items.entry(index).or_default();
                state.finish(&node, parts, out)?;
            }
            Step::Piece(piece) => {
                let state = self.items.entry(index).or_default();
                state.piece(piece, id, o, parts, out)?;
            }
        }
        Ok(())
    }

    /// The item that an event is about: by its index, its id, or, where it has neither, the last one.
    fn index_of(&self, index: Option<Node<'_>>, id: Option<&str>) -> Result<u32, Mismatch> {
        if let Some(node) = index {
            return u32::try_from(node.u64()?).map_err(|_| node.expected("an index"));
        }
        let known = self
            .items
            .iter()
            .find(|(_, item)| id.is_some() && item.id() == id);
        let last = self.items.last_key_value();
        Ok(match (known, last) {
            (Some((index, _)), _) => *index,
            (None, Some((index, item))) if id.is_some() && item.id().is_some() => index + 1,
            (None, Some((index, item))) if item.is_done() => index + 1,
            (None, Some((index, _))) => *index,
            (None, None) => 0,
        })
    }

    /// The last event: with the whole answer, of which only what has not been told is read.
    fn finish(&mut self, mut response: Object<'_>, out: &mut Vec<Event>) -> Result<(), Mismatch> {
        self.start(Some(&mut response), out)?;
        let output = response.array("output")?;
        let searches = output
            .iter()
            .map(|node| searches(node.text().as_bytes()))
            .sum();
        if self.items.is_empty() {
            for (index, node) in (0..).zip(&output) {
                let state: &mut Item = self.items.entry(index).or_default();
                state.finish(node, &mut self.parts, out)?;
            }
        }
        for (index, state) in &mut self.items {
            if state.is_done() {
                continue;
            }
            let place = usize::try_from(*index).unwrap_or(usize::MAX);
            match output.get(place) {
                Some(node) if state.is_of(node) => state.finish(node, &mut self.parts, out)?,
                _ => state.close(out),
            }
        }
        let told = response.string("service_tier")?.as_deref().and_then(tier);
        let used = response.take("usage");
        if let Some(mut tokens) = used.and_then(|node| usage(node.text().as_bytes())) {
            tokens.searches = searches;
            out.push(Event::Usage {
                usage: Usage {
                    tokens,
                    server_tools: None,
                    tier: told,
                },
                total: true,
            });
        }
        let stop = stop(&mut response, self.parts.calls)?;
        out.push(Event::Stop { candidate: 0, stop });
        out.push(Event::End);
        self.over = true;
        Ok(())
    }

    fn fail<'a>(
        &mut self,
        error: Option<&Node<'a>>,
        event: Option<Object<'a>>,
        out: &mut Vec<Event>,
    ) {
        // An error event says it all either inside of `error` or beside its own type.
        let inner = error.and_then(|node| node.object().ok()).or(event);
        let mut code = None;
        let mut status = None;
        let mut words = error.map(message);
        if let Some(mut o) = inner {
            let mut word = |name| o.string(name).ok().flatten();
            code = word("code").or_else(|| word("type"));
            words = word("message").or(words);
            status = o.u64("status").ok().flatten();
        }
        let given = status.and_then(|s| u16::try_from(s).ok());
        let given = given.filter(|s| (400..600).contains(s));
        out.push(Event::Error(StreamError {
            status: given
                .unwrap_or_else(|| error::status_of_code(code.as_deref().unwrap_or_default())),
            message: words.unwrap_or_else(|| "the upstream sent an error".to_owned()),
        }));
        self.over = true;
        self.failed = true;
    }
}

/// What an event does to its item.
#[derive(Clone, Copy, Debug)]
enum Step {
    ItemAdded,
    ItemDone,
    Piece(Piece),
}

impl Step {
    fn of(kind: &str) -> Option<Self> {
        Some(match kind {
            "response.output_item.added" => Self::ItemAdded,
            "response.output_item.done" => Self::ItemDone,
            kind => Self::Piece(match kind {
                "response.content_part.added" => Piece::PartAdded,
                "response.content_part.done" => Piece::PartDone,
                "response.output_text.delta" => Piece::Words { refusal: false },
                "response.output_text.done" => Piece::AllWords { refusal: false },
                "response.refusal.delta" => Piece::Words { refusal: true },
                "response.refusal.done" => Piece::AllWords { refusal: true },
                "response.output_text.annotation.added" => Piece::Annotation,
                "response.reasoning_summary_text.delta" => Piece::Thought(Channel::Summary),
                "response.reasoning_summary_text.done" => Piece::AllThought(Channel::Summary),
                "response.reasoning_text.delta" => Piece::Thought(Channel::Content),
                "response.reasoning_text.done" => Piece::AllThought(Channel::Content),
                "response.function_call_arguments.delta"
                | "response.custom_tool_call_input.delta" => Piece::Arguments,
                "response.function_call_arguments.done" => Piece::AllArguments("arguments"),
                "response.custom_tool_call_input.done" => Piece::AllArguments("input"),
                _ => return None,
            }),
        })
    }
}
