//! OpenAI's older Completions (`POST /v1/completions`), for clients only: a prompt becomes one message
//! of the user, and the answer's text comes back as `text_completion`. Upstreams that have this API
//! get the client's own bytes, so that nothing is written for them here.

pub mod request;
pub mod response;
pub mod stream;

mod logprobs;
