//! A stream in neutral form: one [`Event`] after the other.
//!
//! # Grammar
//! `Start`, then for each part `PartStart`, any number of `Delta`, `PartEnd`; then `Stop` for each
//! candidate, `Usage` where it is known, and `End`. [`Event::Usage`] may come earlier too and is
//! replaced by a later one. `Ping` and `Error` may stand anywhere; nothing follows `End` or `Error`.
//! Decoders may leave several parts of a candidate open at once, as Chat Completions does with parallel
//! tool calls; [`crate::sequence::Sequencer`] puts them one after the other for encoders, so that these
//! see no part begin before the one before it has ended.

use super::{Proof, ServiceTier, Stop, ToolCallKind, Usage};
use crate::node::Json;

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The answer begins.
    Start {
        /// The upstream's id of the answer.
        id: Option<String>,
        /// Seconds since 1970.
        created: Option<i64>,
        service_tier: Option<ServiceTier>,
    },
    PartStart {
        at: PartAt,
        part: PartStart,
    },
    Delta {
        at: PartAt,
        delta: Delta,
    },
    PartEnd {
        at: PartAt,
    },
    /// A candidate is complete.
    Stop {
        candidate: u32,
        stop: Stop,
    },
    /// All that was used so far; replaces what an earlier one said. `total` says that it is the whole
    /// answer's and not an interim figure.
    Usage {
        usage: Usage,
        total: bool,
    },
    /// The upstream is still there.
    Ping,
    /// The upstream failed; nothing follows.
    Error(StreamError),
    /// The answer is complete; nothing follows.
    End,
}

/// Which part of which candidate. Parts are numbered from 0 in the order in which they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartAt {
    pub candidate: u32,
    pub part: u32,
}

/// What a part will be.
#[derive(Clone, Debug, PartialEq)]
pub enum PartStart {
    Text,
    /// Redacted thinking comes as one too: no text, one [`Delta::Proof`].
    Thinking,
    Refusal,
    ToolCall {
        id: String,
        name: String,
        kind: ToolCallKind,
        /// See [`super::Part::ToolCall`].
        item_id: Option<String>,
    },
    /// A block of one family, whole; see [`super::Part::Opaque`].
    Opaque {
        family: domain::Dialect,
        kind: String,
        value: Json,
    },
}

/// More of a part.
#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    Text(String),
    Thinking(String),
    /// The proof of the thinking; whole, at most once a part.
    Proof(Proof),
    Refusal(String),
    /// More of a tool call's arguments. The deltas of a function call add up to a JSON object; where the
    /// upstream sends none at all, the arguments are `{}`.
    Arguments(String),
    /// A citation or annotation of the text, as it came.
    Citation(Json),
    /// OpenAI's log probabilities of the text that comes with or after it, as they came.
    Logprobs(Json),
}

/// A failure that the upstream reports inside its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamError {
    /// The HTTP status that it would have had: 529 for Anthropic's `overloaded_error`, 429 for a
    /// `throttlingException`, 500 where nothing says otherwise.
    pub status: u16,
    pub message: String,
}
