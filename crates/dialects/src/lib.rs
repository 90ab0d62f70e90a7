//! Wire formats: bytes in, bytes out, no I/O and no clock.
//!
//! A call whose client and upstream speak the same dialect is passed through as the client's own
//! bytes: this crate reads the few members that the router needs ([`json`]), and cuts new values
//! into their places ([`splice`]), so that fields nobody here has heard of survive untouched in
//! both directions. Nothing builds a tree of a whole body.
//!
//! # Adding a dialect
//! Make a folder with the four files of [`openai_chat`] (`request`, `response`, `stream`, `error`),
//! add a variant to [`domain::Dialect`], and let the `match`es that stop compiling lead the way.

pub mod anthropic_messages;
pub mod bedrock_converse;
pub mod claude;
pub mod continuation;
pub mod error;
pub mod event_stream;
pub mod foreign;
pub mod form;
pub mod ir;
pub mod json;
pub mod node;
pub mod openai_chat;
pub mod openai_completions;
pub mod openai_responses;
pub mod request;
pub mod response;
pub mod sequence;
pub mod shape;
pub mod splice;
pub mod sse;
pub mod stream;
pub mod translate;
pub mod translator;
pub mod write;

pub use error::{ErrorKind, WireError};
pub use request::{RequestError, RequestHead};
pub use response::{ResponseError, ResponseHead};
pub use splice::Pieces;
pub use stream::{Observed, StreamReader};
