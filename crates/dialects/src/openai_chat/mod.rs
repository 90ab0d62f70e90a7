//! OpenAI Chat Completions (`POST /v1/chat/completions`), as in OpenAI's API reference, with what the
//! compatible servers add to it: reasoning in the answer, its proofs in OpenRouter's form, Gemini's
//! thought signatures. Which server takes what is not decided here; see [`crate::translate::Quirks`].

pub mod error;
pub mod request;
pub mod response;
pub mod stream;

mod content;
mod custom_tool;
mod media;
mod reasoning;
pub(crate) mod usage;
pub(crate) mod vocabulary;
