//! Requests: read into the neutral form, written from it, and the one option that the byte
//! pass-through changes.

pub(crate) mod decode;
mod encode;
mod stream_options;

pub use decode::decode;
pub use encode::encode;
pub(crate) use stream_options::ask_for_usage;
pub use stream_options::include_usage;
