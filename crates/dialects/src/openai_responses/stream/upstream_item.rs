//! One item of an upstream's stream: which parts it becomes, event by event or all at once when it is
//! done.

use std::collections::BTreeMap;

use super::upstream_part::{Call, Channel, Parts, Thinking, Words, at, delta};
use crate::{
    ir::{Delta, Event, Part, PartStart, ToolCallKind},
    node::{Mismatch, Node, Object},
    openai_responses::item,
};

type Read<T> = Result<T, Mismatch>;

/// What an event adds to an item.
#[derive(Clone, Copy, Debug)]
pub(super) enum Piece {
    PartAdded,
    PartDone,
    Words {
        refusal: bool,
    },
    AllWords {
        refusal: bool,
    },
    Annotation,
    Thought(Channel),
    AllThought(Channel),
    Arguments,
    /// With the member that holds them.
    AllArguments(&'static str),
}

/// How far an item has come.
#[derive(Debug, Default)]
pub(super) struct Item {
    id: Option<String>,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    /// Nothing is known of it yet.
    #[default]
    Unknown,
    /// By `content_index`.
    Message(BTreeMap<u32, Words>),
    Thinking(Thinking),
    Call(Call),
    /// It is told as a whole when it is done.
    Other,
    Done,
}

impl Item {
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Whether `node` may be the whole of this item.
    pub fn is_of(&self, node: &Node<'_>) -> bool {
        let kind = node.object().ok().and_then(|mut o| o.string("type").ok()?);
        match (&self.state, kind.as_deref()) {
            (State::Unknown, Some(_)) => true,
            (State::Message(_), kind) => kind == Some("message"),
            (State::Thinking(_), kind) => kind == Some("reasoning"),
            (State::Call(_), kind) => {
                matches!(kind, Some("function_call" | "custom_tool_call"))
            }
            (State::Other, Some(kind)) => !matches!(kind, "message" | "reasoning"),
            _ => false,
        }
    }

    /// An item that begins.
    pub fn begin(node: &Node<'_>, parts: &mut Parts, out: &mut Vec<Event>) -> Read<Self> {
        let mut o = node.object()?;
        let id = o.clone().string("id")?;
        let kind = o.need("type")?.owned()?;
        let state = match kind.as_str() {
            "message" => State::Message(BTreeMap::new()),
            "reasoning" => State::Thinking(Thinking::default()),
            "function_call" => State::Call(Call::begin(o, ToolCallKind::Function, parts, out)),
            "custom_tool_call" => State::Call(Call::begin(o, ToolCallKind::Custom, parts, out)),
            _ => State::Other,
        };
        Ok(Self { id, state })
    }

    /// More of it.
    pub fn piece(
        &mut self,
        piece: Piece,
        id: Option<String>,
        mut o: Object<'_>,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) -> Read<()> {
        if self.is_done() {
            return Ok(());
        }
        if self.id.is_none() {
            self.id = id;
        }
        match piece {
            Piece::Thought(channel) | Piece::AllThought(channel) => {
                let whole = matches!(piece, Piece::AllThought(_));
                let place = match channel {
                    Channel::Summary => o.u64("summary_index")?,
                    Channel::Content => o.u64("content_index")?,
                };
                let text = o.string(if whole { "text" } else { "delta" })?;
                if let (Some(thinking), Some(text)) = (self.thinking(), text) {
                    thinking.more(channel, place.unwrap_or(0), &text, whole, parts, out);
                }
            }
            Piece::Arguments | Piece::AllArguments(_) => {
                let name = match piece {
                    Piece::AllArguments(name) => name,
                    _ => "delta",
                };
                let text = o.string(name)?.unwrap_or_default();
                if let State::Call(call) = &mut self.state {
                    call.more(&text, matches!(piece, Piece::AllArguments(_)), out);
                }
            }
            _ => {
                let index = o.take("content_index").map_or(Ok(0), |node| {
                    u32::try_from(node.u64()?).map_err(|_| node.expected("an index"))
                })?;
                self.words_piece(piece, index, o, parts, out)?;
            }
        }
        Ok(())
    }

    fn thinking(&mut self) -> Option<&mut Thinking> {
        if matches!(self.state, State::Unknown) {
            self.state = State::Thinking(Thinking::default());
        }
        match &mut self.state {
            State::Thinking(thinking) => Some(thinking),
            _ => None,
        }
    }

    fn words(
        &mut self,
        index: u32,
        refusal: bool,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) -> Option<&mut Words> {
        if matches!(self.state, State::Unknown) {
            self.state = State::Message(BTreeMap::new());
        }
        let State::Message(contents) = &mut self.state else {
            return None;
        };
        let words = contents
            .entry(index)
            .or_insert_with(|| Words::begin(refusal, parts, out));
        (!words.ended).then_some(words)
    }

    fn words_piece(
        &mut self,
        piece: Piece,
        index: u32,
        mut o: Object<'_>,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) -> Read<()> {
        match piece {
            Piece::Words { refusal } => {
                let text = o.string("delta")?.unwrap_or_default();
                if let Some(words) = self.words(index, refusal, parts, out) {
                    words.logprobs(o.take("logprobs").as_ref(), out);
                    words.say(text, out);
                }
            }
            Piece::AllWords { refusal } => {
                let text = o.string(if refusal { "refusal" } else { "text" })?;
                if let (Some(words), Some(text)) = (self.words(index, refusal, parts, out), text) {
                    words.complete(&text, out);
                }
            }
            Piece::Annotation => {
                let annotation = o.json("annotation");
                if let (Some(words), Some(json)) =
                    (self.words(index, false, parts, out), annotation)
                {
                    words.annotations += 1;
                    delta(words.part, Delta::Citation(json), out);
                }
            }
            Piece::PartAdded | Piece::PartDone => {
                let Some(node) = o.take("part") else {
                    return Ok(());
                };
                let Some((part, logprobs)) = item::words(&node)? else {
                    return Ok(());
                };
                let refusal = matches!(part, Part::Refusal(_));
                let done = matches!(piece, Piece::PartDone);
                if let Some(words) = self.words(index, refusal, parts, out)
                    && done
                {
                    words.finish(&part, logprobs, out);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The item as a whole: tells what has not been told, and ends it.
    pub fn finish(&mut self, node: &Node<'_>, parts: &mut Parts, out: &mut Vec<Event>) -> Read<()> {
        if self.is_done() {
            return Ok(());
        }
        let mut o = node.object()?;
        let kind = o.need("type")?.owned()?;
        match kind.as_str() {
            "message" => {
                for (index, node) in (0..).zip(o.array("content")?) {
                    let Some((part, logprobs)) = item::words(&node)? else {
                        continue;
                    };
                    let refusal = matches!(part, Part::Refusal(_));
                    if let Some(words) = self.words(index, refusal, parts, out) {
                        words.finish(&part, logprobs, out);
                    }
                }
            }
            "reasoning" => {
                let whole = item::thinking(o)?;
                if let (Some(thinking), Some(Part::Thinking { text, proof })) =
                    (self.thinking(), whole)
                {
                    let part = thinking.part(parts, out);
                    if !thinking.any && !text.is_empty() {
                        delta(part, Delta::Thinking(text), out);
                    }
                    if let Some(proof) = proof {
                        delta(part, Delta::Proof(proof), out);
                    }
                }
            }
            "function_call" | "custom_tool_call" => {
                let kind = match kind.as_str() {
                    "function_call" => ToolCallKind::Function,
                    _ => ToolCallKind::Custom,
                };
                if !matches!(self.state, State::Call(_)) {
                    self.state = State::Call(Call::unknown(kind));
                }
                if let State::Call(call) = &mut self.state {
                    call.finish(item::call(o, kind)?, parts, out);
                }
            }
            kind => {
                let part = PartStart::Opaque {
                    family: domain::Dialect::OpenaiResponses,
                    kind: kind.to_owned(),
                    value: node.json(),
                };
                let part = parts.begin(part, out);
                out.push(Event::PartEnd { at: at(part) });
            }
        }
        self.close(out);
        Ok(())
    }

    /// Ends what is open.
    pub fn close(&mut self, out: &mut Vec<Event>) {
        let mut end = |part: u32| out.push(Event::PartEnd { at: at(part) });
        match std::mem::replace(&mut self.state, State::Done) {
            State::Message(contents) => {
                let open = contents.into_values().filter(|words| !words.ended);
                open.for_each(|words| end(words.part));
            }
            State::Thinking(Thinking { part, .. }) | State::Call(Call { part, .. }) => {
                part.into_iter().for_each(end);
            }
            State::Unknown | State::Other | State::Done => {}
        }
    }
}
