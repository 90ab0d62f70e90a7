//! The `limits` section: what a virtual key without limits of its own may use.

use std::num::{NonZeroU32, NonZeroU64};

use super::reader::Section;

/// What a virtual key without limits of its own may use. `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitsConfig {
    /// `requests_per_minute`. Default none.
    pub requests_per_minute: Option<NonZeroU32>,
    /// `tokens_per_minute`, input and output together. Default none.
    pub tokens_per_minute: Option<NonZeroU64>,
    /// `max_parallel`: requests at once. Default none.
    pub max_parallel: Option<NonZeroU32>,
}

impl LimitsConfig {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let config = Self {
            requests_per_minute: section.field("requests_per_minute").optional(),
            tokens_per_minute: section.field("tokens_per_minute").optional(),
            max_parallel: section.field("max_parallel").optional(),
        };
        section.deny_unknown_keys();
        config
    }
}
