//! A stream of Chat Completions chunks: one JSON object an event, `[DONE]` at the end. [`read_event`]
//! reads what the byte pass-through needs of an event; [`Decoder`] and [`Encoder`] translate.

mod arguments;
mod chunk;
mod decoder;
mod encoder;
mod facts;
mod part;
mod tool_calls;

pub(crate) use chunk::Chunks;
pub use decoder::Decoder;
pub use encoder::Encoder;
pub(crate) use facts::read;
pub use facts::{error_event, read_event};
