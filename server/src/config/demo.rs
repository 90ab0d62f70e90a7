//! The `demo` section: the backend inside the binary that answers without a network or a key.

use super::reader::Section;

/// The name of the built-in demo backend.
pub const DEMO_BACKEND: &str = "demo";

/// The built-in demo backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoConfig {
    /// `enabled`: whether there is a backend called `demo`. Default true.
    pub enabled: bool,
}

impl DemoConfig {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let config = Self {
            enabled: section.field("enabled").or(true),
        };
        section.deny_unknown_keys();
        config
    }
}
