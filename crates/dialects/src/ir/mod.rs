//! The neutral form between two dialects: a superset of what each of them can say. A request is decoded
//! into it once and encoded for whichever upstream is tried; answers come back the same way, whole
//! ([`Response`]) or event by event ([`Event`]).
//!
//! Nothing here is sent anywhere. What a target has no place for is decided by [`feature`], in one
//! table, and never by silence.

pub mod event;
pub mod feature;
pub mod names;
pub mod proof;
pub mod request;
pub mod response;

pub use event::{Delta, Event, PartAt, PartStart};
pub use feature::{Feature, Losses, Refused, Treatment};
pub use names::ToolNames;
pub use proof::Proof;
pub use request::{
    CacheMark, Effort, Media, MediaSource, Message, OutputFormat, Part, Reasoning, Request, Role,
    ServiceTier, Tool, ToolCallKind, ToolChoice,
};
pub use response::{Candidate, Response, Stop, Usage};
