//! The `limits` section: what a virtual key without limits of its own may use.

use std::num::NonZeroU32;

use super::reader::Section;

/// What a virtual key without limits of its own may use. `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitsConfig {
    /// `requests_per_minute`. Default none.
    pub requests_per_minute: Option<NonZeroU32>,
}

impl LimitsConfig {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let config = Self {
            requests_per_minute: section.field("requests_per_minute").optional(),
        };
        section.deny_unknown_keys();
        config
    }
}
