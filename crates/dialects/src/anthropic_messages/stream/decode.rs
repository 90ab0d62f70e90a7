//! The events of an Anthropic upstream (or of Claude behind Bedrock's InvokeModelWithResponseStream), as
//! neutral ones. Blocks that have no neutral form are put together and handed on whole; events and
//! deltas that nobody has heard of are passed over.

use domain::{Dialect, TokenUsage};

use super::{
    super::{content, error, response},
    block::{Block, BlockKind, is_empty_object, push_text, whole},
};
use crate::{
    ir::{Delta, Event, Part, PartAt, PartStart, Stop, ToolCallKind, Usage, event::StreamError},
    node::{Node, Object},
    stream::BrokenEvent,
};

/// Reads one stream.
#[derive(Debug, Default)]
pub struct Decoder {
    started: bool,
    /// `End` or `Error` has been said.
    over: bool,
    complete: bool,
    usage: Usage,
    next_part: u32,
    /// The blocks that have begun and not ended; in practice one.
    open: Vec<Block>,
    stop: Option<Stop>,
    /// What Anthropic says about a refusal; told as a part of its own.
    refusal: Option<String>,
}

impl Decoder {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one event.
    ///
    /// # Errors
    /// Its data is not what its type calls for.
    pub fn event(
        &mut self,
        name: Option<&str>,
        data: &[u8],
        out: &mut Vec<Event>,
    ) -> Result<(), BrokenEvent> {
        if self.over {
            return Ok(());
        }
        let node = Node::parse(data).map_err(BrokenEvent)?;
        let mut event = node.object()?;
        let kind = match event.take("type") {
            Some(kind) => kind.string()?,
            None => name.unwrap_or_default().into(),
        };
        match &*kind {
            "message_start" => self.message_start(event, out)?,
            "content_block_start" => self.block_start(event, out)?,
            "content_block_delta" => self.block_delta(event, out)?,
            "content_block_stop" => {
                let index = event.need("index")?.u64()?;
                if let Some(at) = self.open.iter().position(|block| block.index == index) {
                    let block = self.open.remove(at);
                    self.end_block(block, out);
                }
            }
            "message_delta" => self.message_delta(event, out)?,
            "message_stop" => self.finish(out),
            "ping" => out.push(Event::Ping),
            "error" => {
                self.over = true;
                out.push(Event::Error(read_error(event)?));
            }
            _ => {}
        }
        Ok(())
    }

    /// The upstream has closed the stream. `true`: the answer is complete, and what was missing of its
    /// events has been appended.
    pub fn end(&mut self, out: &mut Vec<Event>) -> bool {
        if !self.over && self.stop.is_some() {
            self.finish(out);
        }
        self.complete
    }

    fn message_start(
        &mut self,
        mut event: Object<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), BrokenEvent> {
        if std::mem::replace(&mut self.started, true) {
            return Ok(());
        }
        let mut message = event
            .object("message")?
            .ok_or_else(|| BrokenEvent("message_start: expected a message".to_owned()))?;
        let usage = message.take("usage");
        let service_tier = match &usage {
            Some(usage) => response::service_tier(&mut usage.object()?)?,
            None => None,
        };
        out.push(Event::Start {
            id: message.string("id")?,
            created: None,
            service_tier,
        });
        if let Some(usage) = usage {
            self.read_usage(&usage, false, out)?;
        }
        Ok(())
    }

    fn message_delta(
        &mut self,
        mut event: Object<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), BrokenEvent> {
        if let Some(mut delta) = event.object("delta")? {
            let sequence = delta.string("stop_sequence")?;
            if let Some(reason) = delta.string("stop_reason")? {
                self.stop = Some(response::stop(Some(&reason), sequence));
            }
            if let Some(words) = response::refusal(&mut delta)? {
                self.refusal = Some(words);
            }
        }
        if let Some(usage) = event.take("usage") {
            self.read_usage(&usage, true, out)?;
        }
        Ok(())
    }

    fn read_usage(
        &mut self,
        node: &Node<'_>,
        total: bool,
        out: &mut Vec<Event>,
    ) -> Result<(), BrokenEvent> {
        let before: TokenUsage = self.usage.tokens;
        let mut members = node.object()?;
        self.usage.tokens = response::usage(node.text().as_bytes(), before)
            .ok_or_else(|| BrokenEvent::from(node.expected("numbers of tokens")))?;
        if let Some(tools) = members.json("server_tool_use") {
            self.usage.server_tools = Some(tools);
        }
        out.push(Event::Usage {
            usage: self.usage.clone(),
            total,
        });
        Ok(())
    }

    fn block_start(
        &mut self,
        mut event: Object<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), BrokenEvent> {
        let index = event.need("index")?.u64()?;
        let node = event.need("content_block")?;
        let kind = match content::part(&node)? {
            Part::Text {
                text, citations, ..
            } => {
                let at = self.begin(PartStart::Text, out);
                push_text(at, text, Delta::Text, out);
                for citation in citations {
                    let delta = Delta::Citation(citation);
                    out.push(Event::Delta { at, delta });
                }
                BlockKind::Text(at)
            }
            // A thinking block's own proof comes at its end, redacted thinking is whole from the start.
            Part::Thinking { text, proof } if is_redacted(&node)? => {
                let at = self.begin(PartStart::Thinking, out);
                push_text(at, text, Delta::Thinking, out);
                if let Some(proof) = proof {
                    let delta = Delta::Proof(proof);
                    out.push(Event::Delta { at, delta });
                }
                BlockKind::Redacted(at)
            }
            Part::Thinking { text, .. } => {
                let signature = node.object()?.string("signature")?.unwrap_or_default();
                let at = self.begin(PartStart::Thinking, out);
                push_text(at, text, Delta::Thinking, out);
                BlockKind::Thinking { at, signature }
            }
            Part::ToolCall {
                id,
                name,
                arguments,
                ..
            } => {
                let start = PartStart::ToolCall {
                    id,
                    name,
                    kind: ToolCallKind::Function,
                    item_id: None,
                };
                BlockKind::Call {
                    at: self.begin(start, out),
                    input: Some(arguments).filter(|input| !is_empty_object(input)),
                    any: false,
                }
            }
            Part::Opaque { kind, value, .. } => BlockKind::Opaque {
                kind,
                value,
                input: String::new(),
                content: None,
            },
            // Blocks of requests; no model answers with them.
            _ => return Ok(()),
        };
        self.open.push(Block { index, kind });
        Ok(())
    }

    fn block_delta(
        &mut self,
        mut event: Object<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), BrokenEvent> {
        let index = event.need("index")?.u64()?;
        let mut delta = event.need("delta")?.object()?;
        let kind = delta.need("type")?.string()?;
        let Some(block) = self.open.iter_mut().find(|block| block.index == index) else {
            return Err(BrokenEvent(format!(
                "content_block_delta: no block {index} has begun"
            )));
        };
        block.delta(&kind, delta, out)
    }

    fn end_block(&mut self, block: Block, out: &mut Vec<Event>) {
        let at = match block.kind {
            BlockKind::Text(at) | BlockKind::Redacted(at) => at,
            BlockKind::Thinking { at, signature } => {
                if let Some(proof) = content::signature_proof(&signature) {
                    let delta = Delta::Proof(proof);
                    out.push(Event::Delta { at, delta });
                }
                at
            }
            BlockKind::Call { at, input, any } => {
                if let (Some(input), false) = (input, any) {
                    push_text(at, input, Delta::Arguments, out);
                }
                at
            }
            BlockKind::Opaque {
                kind,
                value,
                input,
                content,
            } => {
                let part = PartStart::Opaque {
                    family: Dialect::AnthropicMessages,
                    kind,
                    value: whole(value, &input, content),
                };
                self.begin(part, out)
            }
        };
        out.push(Event::PartEnd { at });
    }

    fn begin(&mut self, part: PartStart, out: &mut Vec<Event>) -> PartAt {
        let at = PartAt {
            candidate: 0,
            part: self.next_part,
        };
        self.next_part += 1;
        out.push(Event::PartStart { at, part });
        at
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        for block in std::mem::take(&mut self.open) {
            self.end_block(block, out);
        }
        if let Some(words) = self.refusal.take() {
            let at = self.begin(PartStart::Refusal, out);
            push_text(at, words, Delta::Refusal, out);
            out.push(Event::PartEnd { at });
        }
        out.push(Event::Stop {
            candidate: 0,
            stop: self.stop.take().unwrap_or(Stop::End),
        });
        out.push(Event::End);
        self.over = true;
        self.complete = true;
    }
}

fn is_redacted(block: &Node<'_>) -> Result<bool, BrokenEvent> {
    Ok(block.object()?.string("type")?.as_deref() == Some("redacted_thinking"))
}

fn read_error(mut event: Object<'_>) -> Result<StreamError, BrokenEvent> {
    let mut told = event.object("error")?;
    let mut string = |name| match &mut told {
        Some(told) => told.string(name),
        None => Ok(None),
    };
    let kind = string("type")?;
    let message = string("message")?;
    Ok(StreamError {
        status: error::status_of_type(kind.as_deref().unwrap_or_default()),
        message: message.unwrap_or_else(|| "the upstream sent an error".to_owned()),
    })
}
