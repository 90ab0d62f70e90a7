//! Anthropic Messages (`POST /v1/messages`), as in Anthropic's API reference.
//!
//! [`request`], [`response`] and [`stream`] read and write the dialect both as a client's and as an
//! upstream's; [`crate::claude`] knows which Claude takes what. Which HTTP headers go with a request is not
//! decided here.

pub mod betas;
mod block;
mod content;
pub mod error;
pub(crate) mod plain;
pub mod request;
pub mod response;
pub mod stream;
