//! ConverseStream's events, decoded. They come by name, as [`crate::event_stream`] frames them; text and
//! reasoning begin without a `contentBlockStart`, and the usage comes behind the stop reason. Memory is
//! that of the open blocks' signatures: nothing that was said is kept.

use smallvec::SmallVec;

use super::{
    citation,
    error::{StreamException, is_exception},
    response,
};
use crate::{
    ir::{Delta, Event, PartAt, PartStart, Proof, Stop, ToolCallKind, Usage, event::StreamError},
    node::{Node, Object},
    stream::BrokenEvent,
};

/// Reads one stream.
#[derive(Debug, Default)]
pub struct Decoder {
    started: bool,
    open: SmallVec<[Block; 2]>,
    parts: u32,
    called: bool,
    stopped: bool,
    ended: bool,
    failed: bool,
}

/// A block that has begun and not ended.
#[derive(Debug)]
struct Block {
    /// `contentBlockIndex`.
    index: u64,
    at: PartAt,
    kind: BlockKind,
}

#[derive(Debug)]
enum BlockKind {
    Text,
    /// The signature may come in pieces; it is handed on whole when the block ends.
    Reasoning {
        signature: String,
    },
    Redacted,
    ToolUse,
    /// Begun by a start that says nothing, or nothing known: what it is shows in its deltas.
    Unknown,
    /// Nothing for the client: a tool that the service runs.
    Skipped,
}

impl BlockKind {
    /// Whether more of the same block can go on in this part.
    fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl Decoder {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one event: its name and its data.
    ///
    /// # Errors
    /// The data is not what an event of this name carries.
    pub fn event(
        &mut self,
        name: Option<&str>,
        data: &[u8],
        out: &mut Vec<Event>,
    ) -> Result<(), BrokenEvent> {
        if self.ended || self.failed {
            return Ok(());
        }
        let name = name.unwrap_or_default();
        if is_exception(name) {
            self.failed = true;
            let exception = StreamException::read(name, data);
            out.push(Event::Error(StreamError {
                status: exception.status(),
                message: exception.message,
            }));
            return Ok(());
        }
        let mut event = Node::parse(data).map_err(BrokenEvent)?.object()?;
        match name {
            "messageStart" => self.start(out),
            "contentBlockStart" => self.block_start(event, out)?,
            "contentBlockDelta" => self.block_delta(event, out)?,
            "contentBlockStop" => {
                let index = event.u64("contentBlockIndex")?.unwrap_or_default();
                self.close(index, out);
            }
            "messageStop" => {
                let fields = event.take("additionalModelResponseFields");
                let reason = event.string("stopReason")?.unwrap_or_default();
                self.stop(response::stop(&reason, fields.as_ref()), out);
            }
            "metadata" => {
                if let Some(usage) = event.take("usage") {
                    let tier = event.object("serviceTier")?;
                    let tier = tier.map(response::read_tier).transpose()?.flatten();
                    out.push(Event::Usage {
                        usage: Usage {
                            tier,
                            ..response::read_usage(&usage)?
                        },
                        total: true,
                    });
                }
                if self.stopped {
                    self.ended = true;
                    out.push(Event::End);
                }
            }
            // What later versions of the service add.
            _ => {}
        }
        Ok(())
    }

    /// The upstream has closed the stream. Whether the answer was complete: it is once the model has
    /// said why it stopped, even where the usage never came.
    pub fn end(&mut self, out: &mut Vec<Event>) -> bool {
        if self.failed || !self.stopped {
            return false;
        }
        if !self.ended {
            self.ended = true;
            out.push(Event::End);
        }
        true
    }

    fn start(&mut self, out: &mut Vec<Event>) {
        if !self.started {
            self.started = true;
            out.push(Event::Start {
                id: None,
                created: None,
                service_tier: None,
            });
        }
    }

    fn stop(&mut self, stop: Stop, out: &mut Vec<Event>) {
        self.start(out);
        for block in self.open.drain(..) {
            finish(block, out);
        }
        if !self.stopped {
            self.stopped = true;
            out.push(Event::Stop {
                candidate: 0,
                stop: response::with_calls(stop, self.called),
            });
        }
    }

    fn block_start(
        &mut self,
        mut event: Object<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), BrokenEvent> {
        let index = event.u64("contentBlockIndex")?.unwrap_or_default();
        let start = event.object("start")?;
        self.close(index, out);
        let call = match start {
            Some(mut start) => start.object("toolUse")?,
            None => None,
        };
        let Some(mut call) = call else {
            self.unseen(index, BlockKind::Unknown);
            return Ok(());
        };
        if call.take("type").is_some() {
            self.unseen(index, BlockKind::Skipped);
            return Ok(());
        }
        self.called = true;
        let part = PartStart::ToolCall {
            id: call.need("toolUseId")?.owned()?,
            name: call.need("name")?.owned()?,
            kind: ToolCallKind::Function,
            item_id: None,
        };
        self.begin(index, BlockKind::ToolUse, part, out);
        Ok(())
    }

    fn block_delta(
        &mut self,
        mut event: Object<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), BrokenEvent> {
        let index = event.u64("contentBlockIndex")?.unwrap_or_default();
        let mut delta = event.need("delta")?.object()?;
        if self.is_skipped(index) {
            return Ok(());
        }
        if let Some(text) = delta.string("text")? {
            let at = self.part(index, BlockKind::Text, out).at;
            out.push(Event::Delta {
                at,
                delta: Delta::Text(text),
            });
        }
        if let Some(mut call) = delta.object("toolUse")? {
            let more = call.string("input")?.unwrap_or_default();
            let open = self.open.iter().find(|block| block.index == index);
            match open {
                Some(Block {
                    at,
                    kind: BlockKind::ToolUse,
                    ..
                }) => {
                    if !more.is_empty() {
                        out.push(Event::Delta {
                            at: *at,
                            delta: Delta::Arguments(more),
                        });
                    }
                }
                // The input of a tool that no client offered.
                Some(Block {
                    kind: BlockKind::Unknown,
                    ..
                }) => {}
                _ => return Err(BrokenEvent("a tool's input without its start".to_owned())),
            }
        }
        if let Some(reasoning) = delta.object("reasoningContent")? {
            self.reasoning(index, reasoning, out)?;
        }
        if let Some(citation) = delta.take("citation")
            && let Some(citation) = citation::anthropic(&citation)?
        {
            let at = self.part(index, BlockKind::Text, out).at;
            out.push(Event::Delta {
                at,
                delta: Delta::Citation(citation),
            });
        }
        Ok(())
    }

    fn reasoning(
        &mut self,
        index: u64,
        mut delta: Object<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), BrokenEvent> {
        let signature = String::new();
        if let Some(text) = delta.string("text")? {
            let at = self.part(index, BlockKind::Reasoning { signature }, out).at;
            if !text.is_empty() {
                out.push(Event::Delta {
                    at,
                    delta: Delta::Thinking(text),
                });
            }
        } else if let Some(more) = delta.string("signature")? {
            let block = self.part(index, BlockKind::Reasoning { signature }, out);
            if let BlockKind::Reasoning { signature } = &mut block.kind {
                signature.push_str(&more);
            }
        } else if let Some(data) = delta.string("redactedContent")? {
            // Each is whole: a second one in the same block is a part of its own.
            self.close(index, out);
            let at = self.part(index, BlockKind::Redacted, out).at;
            out.push(Event::Delta {
                at,
                delta: Delta::Proof(Proof::Redacted(data)),
            });
        }
        Ok(())
    }

    /// The open part of this block, which begins with its first delta where nothing else began it.
    fn part(&mut self, index: u64, kind: BlockKind, out: &mut Vec<Event>) -> &mut Block {
        let open = self
            .open
            .iter()
            .position(|block| block.index == index && block.kind.is_like(&kind));
        let position = match open {
            Some(position) => position,
            None => {
                self.close(index, out);
                let start = match kind {
                    BlockKind::Reasoning { .. } | BlockKind::Redacted => PartStart::Thinking,
                    _ => PartStart::Text,
                };
                self.begin(index, kind, start, out);
                self.open.len() - 1
            }
        };
        &mut self.open[position]
    }

    fn begin(&mut self, index: u64, kind: BlockKind, part: PartStart, out: &mut Vec<Event>) {
        self.start(out);
        let at = PartAt {
            candidate: 0,
            part: self.parts,
        };
        self.parts += 1;
        out.push(Event::PartStart { at, part });
        self.open.push(Block { index, at, kind });
    }

    /// Opens a block that is no part.
    fn unseen(&mut self, index: u64, kind: BlockKind) {
        let at = PartAt {
            candidate: 0,
            part: u32::MAX,
        };
        self.open.push(Block { index, at, kind });
    }

    fn is_skipped(&self, index: u64) -> bool {
        self.open
            .iter()
            .any(|block| block.index == index && matches!(block.kind, BlockKind::Skipped))
    }

    fn close(&mut self, index: u64, out: &mut Vec<Event>) {
        if let Some(position) = self.open.iter().position(|block| block.index == index) {
            finish(self.open.remove(position), out);
        }
    }
}

fn finish(block: Block, out: &mut Vec<Event>) {
    let at = block.at;
    match block.kind {
        BlockKind::Skipped | BlockKind::Unknown => return,
        BlockKind::Reasoning { signature } if !signature.is_empty() => out.push(Event::Delta {
            at,
            delta: Delta::Proof(Proof::Signature(signature)),
        }),
        _ => {}
    }
    out.push(Event::PartEnd { at });
}
