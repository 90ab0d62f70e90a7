//! Whole answers (`chat.completion`): read into the neutral form and written from it.

mod decode;
mod encode;

pub use super::usage::usage;
pub use decode::decode;
pub(crate) use decode::error_of;
pub(super) use decode::{made_up_id, matched_text, service_tier};
pub use encode::encode;
pub(super) use encode::{Shape, annotation, reason};
pub(crate) use encode::{candidate_text, completion_id};
