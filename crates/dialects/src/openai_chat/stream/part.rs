//! The parts of one candidate as they begin, grow and end. Text, thinking and refusal never overlap;
//! calls of tools may, see [`super::tool_calls`].

use crate::{
    ir::{Delta, Event, PartAt, PartStart, Proof},
    node::Json,
    openai_chat::reasoning::{Detail, Last, Relation},
};

/// What can be open besides calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    Text,
    Thinking,
    Refusal,
}

#[derive(Debug)]
struct Open {
    at: PartAt,
    kind: Spoken,
    /// For thinking: the entry that it consists of so far.
    last: Last,
    /// For thinking: a hash of its text.
    said: u64,
}

/// The parts of one candidate.
#[derive(Debug)]
pub(super) struct Parts {
    candidate: u32,
    next: u32,
    open: Option<Open>,
    pub(super) calls: bool,
    pub(super) refused: bool,
}

impl Parts {
    pub(super) const fn new(candidate: u32) -> Self {
        Self {
            candidate,
            next: 0,
            open: None,
            calls: false,
            refused: false,
        }
    }

    pub(super) const fn candidate(&self) -> u32 {
        self.candidate
    }

    /// Nothing has been said yet.
    pub(super) const fn none(&self) -> bool {
        self.next == 0 && !self.calls
    }

    pub(super) fn begin(&mut self, part: PartStart, out: &mut Vec<Event>) -> PartAt {
        let at = PartAt {
            candidate: self.candidate,
            part: self.next,
        };
        self.next += 1;
        out.push(Event::PartStart { at, part });
        at
    }

    /// Ends what is open besides calls.
    pub(super) fn close(&mut self, out: &mut Vec<Event>) {
        if let Some(open) = self.open.take() {
            out.push(Event::PartEnd { at: open.at });
        }
    }

    /// A part of this kind is open.
    pub(super) fn is_open(&self, kind: Spoken) -> bool {
        self.open.as_ref().is_some_and(|open| open.kind == kind)
    }

    fn opened(&mut self, kind: Spoken, out: &mut Vec<Event>) -> PartAt {
        // Behind its proof a part of thinking has nothing more to say.
        if let Some(open) = &self.open
            && open.kind == kind
            && !open.last.proven
        {
            return open.at;
        }
        self.close(out);
        let at = self.begin(
            match kind {
                Spoken::Text => PartStart::Text,
                Spoken::Thinking => PartStart::Thinking,
                Spoken::Refusal => PartStart::Refusal,
            },
            out,
        );
        self.refused |= kind == Spoken::Refusal;
        self.open = Some(Open {
            at,
            kind,
            last: Last::default(),
            said: FNV_EMPTY,
        });
        at
    }

    /// More of a part; begins one where none of its kind is open.
    pub(super) fn say(
        &mut self,
        kind: Spoken,
        text: String,
        logprobs: Option<Json>,
        out: &mut Vec<Event>,
    ) {
        let at = self.opened(kind, out);
        if let Some(logprobs) = logprobs {
            let delta = Delta::Logprobs(logprobs);
            out.push(Event::Delta { at, delta });
        }
        if text.is_empty() {
            return;
        }
        if let Some(open) = &mut self.open
            && kind == Spoken::Thinking
        {
            open.said = fnv(open.said, &text);
        }
        let delta = match kind {
            Spoken::Text => Delta::Text(text),
            Spoken::Thinking => Delta::Thinking(text),
            Spoken::Refusal => Delta::Refusal(text),
        };
        out.push(Event::Delta { at, delta });
    }

    /// A source, where a text is open that it can belong to.
    pub(super) fn cite(&mut self, citation: Json, out: &mut Vec<Event>) {
        if let Some(open) = &self.open
            && open.kind == Spoken::Text
        {
            let delta = Delta::Citation(citation);
            out.push(Event::Delta { at: open.at, delta });
        }
    }

    /// An entry of `reasoning_details`.
    pub(super) fn detail(&mut self, detail: Detail, out: &mut Vec<Event>) {
        let relation = match &self.open {
            Some(open) if open.kind == Spoken::Thinking => {
                detail.relation(open.last, |text| fnv(FNV_EMPTY, text) == open.said)
            }
            _ => Relation::New,
        };
        if relation == Relation::New {
            self.close(out);
        }
        let last = detail.as_last();
        let text = match relation {
            Relation::Whole => String::new(),
            Relation::New | Relation::More => detail.text,
        };
        self.say(Spoken::Thinking, text, None, out);
        if let Some(open) = &mut self.open {
            open.last = last;
        }
        if let Some(proof) = detail.proof {
            self.prove(proof, out);
        }
    }

    fn prove(&mut self, proof: Proof, out: &mut Vec<Event>) {
        if let Some(open) = &self.open {
            let delta = Delta::Proof(proof);
            out.push(Event::Delta { at: open.at, delta });
        }
    }

    /// Thinking that is a proof and nothing else.
    pub(super) fn proof(&mut self, proof: Proof, out: &mut Vec<Event>) {
        self.close(out);
        self.opened(Spoken::Thinking, out);
        self.prove(proof, out);
        self.close(out);
    }
}

const FNV_EMPTY: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a, which can be taken further piece by piece.
fn fnv(hash: u64, text: &str) -> u64 {
    text.bytes().fold(hash, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
