//! The parts that an upstream's item becomes, and how much of each has been told: a text or a refusal,
//! a thought, a call.

use crate::{
    ir::{Delta, Event, Part, PartAt, PartStart, ToolCallKind},
    node::{Json, Node, Object},
    openai_responses::item,
};

/// Numbers the parts of the answer.
#[derive(Debug, Default)]
pub(super) struct Parts {
    next: u32,
    /// There is a call of a tool that the client runs.
    pub calls: bool,
}

impl Parts {
    pub fn begin(&mut self, part: PartStart, out: &mut Vec<Event>) -> u32 {
        let number = self.next;
        self.next += 1;
        let at = at(number);
        out.push(Event::PartStart { at, part });
        number
    }
}

pub(super) const fn at(part: u32) -> PartAt {
    PartAt { candidate: 0, part }
}

pub(super) fn delta(part: u32, delta: Delta, out: &mut Vec<Event>) {
    out.push(Event::Delta {
        at: at(part),
        delta,
    });
}

/// Thinking is shown as a summary or as it is. Where a server shows both, the first one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Summary,
    Content,
}

#[derive(Debug)]
pub(super) struct Words {
    pub part: u32,
    pub refusal: bool,
    /// Bytes told.
    pub told: usize,
    pub annotations: usize,
    pub logprobs: bool,
    pub ended: bool,
}

#[derive(Debug, Default)]
pub(super) struct Thinking {
    pub part: Option<u32>,
    pub channel: Option<Channel>,
    /// The piece of the summary that grows, and the bytes of it that have been told.
    pub piece: u64,
    pub told: usize,
    pub any: bool,
}

#[derive(Debug)]
pub(super) struct Call {
    /// `None` until its name is known.
    pub part: Option<u32>,
    pub kind: ToolCallKind,
    pub told: usize,
}

/// What of `whole` has not been told, by length: the pieces of a text never differ from the whole.
fn rest<'w>(whole: &'w str, told: &mut usize) -> Option<&'w str> {
    let rest = whole.get(*told..).filter(|rest| !rest.is_empty())?;
    *told = whole.len();
    Some(rest)
}

impl Words {
    pub fn begin(refusal: bool, parts: &mut Parts, out: &mut Vec<Event>) -> Self {
        let start = if refusal {
            PartStart::Refusal
        } else {
            PartStart::Text
        };
        Self {
            part: parts.begin(start, out),
            refusal,
            told: 0,
            annotations: 0,
            logprobs: false,
            ended: false,
        }
    }

    pub fn say(&mut self, text: String, out: &mut Vec<Event>) {
        if text.is_empty() {
            return;
        }
        self.told += text.len();
        let more = if self.refusal {
            Delta::Refusal(text)
        } else {
            Delta::Text(text)
        };
        delta(self.part, more, out);
    }

    pub fn logprobs(&mut self, list: Option<&Node<'_>>, out: &mut Vec<Event>) {
        let Some(list) = list.filter(|list| list.text().len() > 2) else {
            return;
        };
        self.logprobs = true;
        let neutral = item::neutral_logprobs(list);
        delta(self.part, Delta::Logprobs(neutral), out);
    }

    pub fn complete(&mut self, whole: &str, out: &mut Vec<Event>) {
        let told = self.told;
        let mut after = told;
        if let Some(rest) = rest(whole, &mut after) {
            self.say(rest.to_owned(), out);
        }
    }

    pub fn finish(&mut self, whole: &Part, logprobs: Option<Json>, out: &mut Vec<Event>) {
        if let Some(json) = logprobs.filter(|_| !self.logprobs) {
            delta(self.part, Delta::Logprobs(json), out);
        }
        match whole {
            Part::Text {
                text, citations, ..
            } => {
                self.complete(text, out);
                for citation in citations.iter().skip(self.annotations) {
                    delta(self.part, Delta::Citation(citation.clone()), out);
                }
            }
            Part::Refusal(words) => self.complete(words, out),
            _ => {}
        }
        self.ended = true;
        out.push(Event::PartEnd { at: at(self.part) });
    }
}

impl Thinking {
    pub fn part(&mut self, parts: &mut Parts, out: &mut Vec<Event>) -> u32 {
        *self
            .part
            .get_or_insert_with(|| parts.begin(PartStart::Thinking, out))
    }

    pub fn more(
        &mut self,
        channel: Channel,
        place: u64,
        text: &str,
        whole: bool,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) {
        if *self.channel.get_or_insert(channel) != channel {
            return;
        }
        if place != self.piece {
            (self.piece, self.told) = (place, 0);
        }
        let mut told = self.told;
        let text = if whole {
            rest(text, &mut told).unwrap_or_default()
        } else {
            told += text.len();
            text
        };
        if text.is_empty() {
            return;
        }
        let part = self.part(parts, out);
        if self.told == 0 && self.any {
            // Between the pieces of a summary.
            delta(part, Delta::Thinking("\n\n".to_owned()), out);
        }
        (self.told, self.any) = (told, true);
        delta(part, Delta::Thinking(text.to_owned()), out);
    }
}

impl Call {
    pub const fn unknown(kind: ToolCallKind) -> Self {
        Self {
            part: None,
            kind,
            told: 0,
        }
    }

    pub fn begin(
        o: Object<'_>,
        kind: ToolCallKind,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) -> Self {
        let mut call = Self::unknown(kind);
        // Without a name or an id, it waits for the whole item.
        if let Ok(start) = item::call(o, kind) {
            call.start(start, parts, out);
        }
        call
    }

    /// Begins the part, and gives the arguments that came with it.
    pub fn start(&mut self, call: Part, parts: &mut Parts, out: &mut Vec<Event>) -> String {
        parts.calls = true;
        let Part::ToolCall {
            id,
            name,
            arguments,
            kind,
            item_id,
            ..
        } = call
        else {
            return String::new();
        };
        if self.part.is_none() {
            let start = PartStart::ToolCall {
                id,
                name,
                kind,
                item_id,
            };
            self.part = Some(parts.begin(start, out));
        }
        arguments
    }

    pub fn more(&mut self, text: &str, whole: bool, out: &mut Vec<Event>) {
        let Some(part) = self.part else { return };
        let text = if whole {
            rest(text, &mut self.told).unwrap_or_default()
        } else {
            self.told += text.len();
            text
        };
        if !text.is_empty() {
            delta(part, Delta::Arguments(text.to_owned()), out);
        }
    }

    pub fn finish(&mut self, call: Part, parts: &mut Parts, out: &mut Vec<Event>) {
        let arguments = self.start(call, parts, out);
        // No arguments at all are told as none; see `Delta::Arguments`.
        let none = self.kind == ToolCallKind::Function && arguments == "{}" && self.told == 0;
        if !none {
            self.more(&arguments, true, out);
        }
    }
}
