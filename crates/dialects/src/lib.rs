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
pub mod error;
pub mod json;
pub mod openai_chat;
pub mod request;
pub mod response;
pub mod splice;
pub mod sse;
pub mod stream;

pub use error::{ErrorKind, WireError};
pub use request::{RequestError, RequestHead};
pub use response::{ResponseError, ResponseHead};
pub use splice::Pieces;
pub use stream::{Observed, StreamReader};
