//! OpenAI Responses (`POST /v1/responses`), as in OpenAI's API reference: items in, items out.
//! Nothing is kept between calls, so that what refers to an earlier answer is refused; a call that
//! stays within this dialect is passed on as it came, and only read here.

mod annotation;
pub mod error;
mod item;
mod media;
pub mod reference;
pub mod request;
pub mod response;
mod shell;
pub mod stream;
mod tool_index;
mod write_item;
