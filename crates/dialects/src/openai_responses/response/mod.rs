//! Whole answers of the Responses API.

mod decode;
mod encode;

pub use decode::{decode, searches, usage};
pub(super) use decode::{message, stop};
pub use encode::encode;
