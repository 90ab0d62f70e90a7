//! The calls of tools in a stream. OpenAI numbers them and sends id and name first; other servers leave
//! out the numbers, number all of them 0, send ids late or not at all, repeat names, or send whole
//! calls. A call becomes a part as soon as its name and id are known, and ends as early as its
//! arguments are whole and something else begins.

use super::{arguments::Arguments, part::Parts};
use crate::{
    ir::{Delta, Event, PartAt, PartStart, Proof, ToolCallKind},
    node::{Json, Kind, Mismatch, Node, Object},
    openai_chat::response::made_up_id,
};

/// The calls of one candidate.
#[derive(Debug, Default)]
pub(super) struct ToolCalls {
    calls: Vec<Call>,
}

#[derive(Debug)]
struct Call {
    /// The server's number.
    index: Option<u64>,
    id: String,
    name: String,
    kind: ToolCallKind,
    /// Where it is handed on; `None`: not yet.
    at: Option<PartAt>,
    ended: bool,
    /// What cannot be handed on yet.
    held: String,
    arguments: Arguments,
    /// The server has sent `{}`, which may be all, or a stand-in for what follows.
    empty_object: bool,
    /// Gemini's thought signature.
    signature: Option<Json>,
}

/// What one delta says of a call.
struct Said {
    index: Option<u64>,
    id: String,
    name: String,
    text: String,
    kind: ToolCallKind,
    signature: Option<Json>,
}

impl Said {
    fn read(node: &Node<'_>) -> Result<Self, Mismatch> {
        let mut o = node.object()?;
        let index = o.take("index").and_then(|index| index.u64().ok());
        let id = o.string("id")?.unwrap_or_default();
        let signature = o.json("extra_content");
        let (kind, called, member) = match o.object("custom")? {
            Some(custom) => (ToolCallKind::Custom, Some(custom), "input"),
            None => (ToolCallKind::Function, o.object("function")?, "arguments"),
        };
        let (name, text) = match called {
            Some(called) => name_and_text(called, member)?,
            None => (String::new(), String::new()),
        };
        Ok(Self {
            index,
            id,
            name,
            text,
            kind,
            signature,
        })
    }
}

fn name_and_text(mut o: Object<'_>, member: &'static str) -> Result<(String, String), Mismatch> {
    let text = match o.take(member) {
        None => String::new(),
        Some(node) if node.kind() == Kind::Object => node.text().to_owned(),
        Some(node) => node.owned()?,
    };
    Ok((o.string("name")?.unwrap_or_default(), text))
}

impl ToolCalls {
    /// Reads an element of `tool_calls`. `answer`: the id of the answer.
    pub(super) fn delta(
        &mut self,
        node: &Node<'_>,
        answer: Option<&str>,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) -> Result<(), Mismatch> {
        self.said(Said::read(node)?, answer, parts, out);
        Ok(())
    }

    /// Reads the older `function_call`, of which there is one at most.
    pub(super) fn function_call(
        &mut self,
        o: Object<'_>,
        answer: Option<&str>,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) -> Result<(), Mismatch> {
        let (name, text) = name_and_text(o, "arguments")?;
        let said = Said {
            index: Some(0),
            id: String::new(),
            name,
            text,
            kind: ToolCallKind::Function,
            signature: None,
        };
        self.said(said, answer, parts, out);
        Ok(())
    }

    fn said(&mut self, said: Said, answer: Option<&str>, parts: &mut Parts, out: &mut Vec<Event>) {
        parts.calls = true;
        let place = match self.place(&said) {
            Some(place) => place,
            None => {
                self.end_whole(answer, parts, out);
                self.calls.push(Call::new(said.index, said.kind));
                self.calls.len() - 1
            }
        };
        let Some(call) = self.calls.get_mut(place) else {
            return;
        };
        if call.id.is_empty() {
            call.id = said.id;
        }
        if call.name.is_empty() {
            call.name = said.name;
        }
        if said.signature.is_some() {
            call.signature = said.signature;
        }
        call.more(&said.text);
        call.hand_on(false, place, answer, parts, out);
        // Calls that grow at once: as soon as one is whole, those behind it need not wait.
        if call.whole() && place + 1 < self.calls.len() {
            self.end_one(place, answer, parts, out);
        }
    }

    fn end_one(
        &mut self,
        place: usize,
        answer: Option<&str>,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) {
        if let Some(call) = self.calls.get_mut(place) {
            call.end(place, answer, parts, out);
        }
    }

    /// Which call a delta goes on with; `None`: it begins one.
    fn place(&self, said: &Said) -> Option<usize> {
        let last = self.calls.len().checked_sub(1)?;
        let numbered = said.index.is_some();
        let place = match said.index {
            Some(index) => self.calls.iter().rposition(|c| c.index == Some(index))?,
            None => self
                .calls
                .iter()
                .rposition(|c| !said.id.is_empty() && c.id == said.id)
                .unwrap_or(last),
        };
        // Whatever has no name goes on with something.
        if said.name.is_empty() {
            return Some(place);
        }
        let call = self.calls.get(place)?;
        let both = !said.id.is_empty() && !call.id.is_empty();
        let other = if both {
            said.id != call.id
        } else {
            // No ids to tell them apart: a name behind whole arguments begins another call, and so does
            // another name where there is no number either.
            call.whole() || (!numbered && !call.name.is_empty() && said.name != call.name)
        };
        (!other).then_some(place)
    }

    /// Ends the calls whose arguments are whole; called when something else begins.
    pub(super) fn end_whole(
        &mut self,
        answer: Option<&str>,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) {
        for (place, call) in self.calls.iter_mut().enumerate() {
            if call.whole() {
                call.end(place, answer, parts, out);
            }
        }
    }

    /// Ends all.
    pub(super) fn finish(&mut self, answer: Option<&str>, parts: &mut Parts, out: &mut Vec<Event>) {
        for (place, call) in self.calls.iter_mut().enumerate() {
            call.end(place, answer, parts, out);
        }
    }
}

impl Call {
    fn new(index: Option<u64>, kind: ToolCallKind) -> Self {
        Self {
            index,
            id: String::new(),
            name: String::new(),
            kind,
            at: None,
            ended: false,
            held: String::new(),
            arguments: Arguments::default(),
            empty_object: false,
            signature: None,
        }
    }

    fn whole(&self) -> bool {
        self.empty_object || self.arguments.whole()
    }

    fn more(&mut self, text: &str) {
        if text.is_empty() || self.ended {
            return;
        }
        if self.kind == ToolCallKind::Custom {
            self.held.push_str(text);
            return;
        }
        if !self.arguments.begun() && text.trim() == "{}" {
            self.empty_object = true;
            return;
        }
        let length = self.arguments.push(text);
        if self.arguments.begun() {
            self.empty_object = false;
        }
        self.held.push_str(text.get(..length).unwrap_or_default());
    }

    /// Begins the part where that can be done, and hands on what was held back.
    fn hand_on(
        &mut self,
        now: bool,
        place: usize,
        answer: Option<&str>,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) {
        let at = match self.at {
            Some(at) => at,
            None => {
                let ready = !self.name.is_empty() && (!self.id.is_empty() || self.whole());
                if !ready && !now {
                    return;
                }
                let candidate = usize::try_from(parts.candidate()).unwrap_or(0);
                if self.id.is_empty() {
                    self.id = made_up_id(answer, candidate, place);
                }
                parts.close(out);
                if let Some(signature) = self.signature.take() {
                    parts.proof(Proof::Foreign(signature.as_str().to_owned()), out);
                }
                let at = parts.begin(
                    PartStart::ToolCall {
                        id: self.id.clone(),
                        name: self.name.clone(),
                        kind: self.kind,
                        item_id: None,
                    },
                    out,
                );
                *self.at.insert(at)
            }
        };
        if !self.held.is_empty() {
            let delta = Delta::Arguments(std::mem::take(&mut self.held));
            out.push(Event::Delta { at, delta });
        }
    }

    fn end(&mut self, place: usize, answer: Option<&str>, parts: &mut Parts, out: &mut Vec<Event>) {
        if self.ended {
            return;
        }
        self.hand_on(true, place, answer, parts, out);
        let Some(at) = self.at else { return };
        if self.kind == ToolCallKind::Function && !self.arguments.begun() {
            let delta = Delta::Arguments("{}".to_owned());
            out.push(Event::Delta { at, delta });
        }
        out.push(Event::PartEnd { at });
        self.ended = true;
    }
}
