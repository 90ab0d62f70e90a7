//! Requests of the Responses API, read into the neutral form and written from it. The conversation is
//! a flat list of items there; here it is messages, as in every other dialect.

mod decode;
mod encode;

pub use decode::decode;
pub(super) use decode::tier;
pub use encode::encode;
pub(super) use encode::tier_word;
