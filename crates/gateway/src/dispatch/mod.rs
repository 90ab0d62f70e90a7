//! Stage 5: try the plan in order until something answers.

pub mod attempt;
pub mod failure;
pub mod fallback;
pub mod hedge;

use bytes::Bytes;
use dialects::Pieces;
use domain::{RequestId, Used};
use http::{HeaderMap, StatusCode};

pub use fallback::dispatch;

use crate::{kept_items::Keeper, relay::pump::Pump, route::Candidate, scripting::Part};

/// An answer, and who gave it.
#[derive(Debug)]
pub struct Dispatched {
    pub candidate: Candidate,
    pub answer: Answer,
}

/// An answer that will not fail over any more.
#[derive(Debug)]
pub enum Answer {
    Whole(Box<WholeAnswer>),
    Stream(Box<StartedStream>),
}

/// A whole answer, as the client gets it.
#[derive(Debug)]
pub struct WholeAnswer {
    pub status: StatusCode,
    /// Those for the client.
    pub headers: HeaderMap,
    pub body: Pieces,
    /// `None`: the upstream did not tell.
    pub used: Option<Used>,
    /// How much the model said, to estimate from.
    pub content_bytes: usize,
    /// The backend's scripts, which see the answer first.
    pub scripts: Vec<Part>,
}

/// A stream whose first content has arrived.
#[derive(Debug)]
pub struct StartedStream {
    pub backend: String,
    pub request_id: RequestId,
    /// Those for the client.
    pub headers: HeaderMap,
    /// Everything up to and including the first content.
    pub head: Bytes,
    /// The final event, where the answer was so short that it has come already.
    pub last: Option<Bytes>,
    pub pump: Pump,
    /// Where the items of a translated answer of the Responses API are kept.
    pub keeper: Option<Keeper>,
    /// The backend's scripts, which see the answer first.
    pub scripts: Vec<Part>,
}
