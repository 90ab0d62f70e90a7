//! OpenAI Chat Completions (`POST /v1/chat/completions`), as in OpenAI's API reference.

pub mod error;
pub mod request;
pub mod response;
pub mod stream;
