//! The `counters` section: where rate limits, budgets and cooldowns are counted.

use super::{from_text::FromText, reader::Section};

/// Where rate limits, budgets and cooldowns are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountersConfig {
    /// `url: "memory:"`, the default: in this process, which is then the only one.
    Memory,
}

impl FromText for CountersConfig {
    const EXPECTED: &'static str = "\"memory:\"";

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "memory:" => Ok(Self::Memory),
            _ if text.starts_with("redis") || text.starts_with("valkey") => {
                Err("shared counters are not supported yet; use \"memory:\"".to_owned())
            }
            _ => Err("expected \"memory:\"".to_owned()),
        }
    }
}

impl CountersConfig {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let config = section.field("url").or(Self::Memory);
        section.deny_unknown_keys();
        config
    }
}
