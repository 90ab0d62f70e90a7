//! Anthropic Messages (`POST /v1/messages`), as in Anthropic's API reference.

pub mod error;
pub mod request;
pub mod response;
pub mod stream;
