//! The `rewrites` section: models that are served as if another one had been asked for.

use super::{model::read_name, reader::Section};

/// A model that is served as if another one had been asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RewriteConfig {
    /// `source`: what the client asks for; unique.
    pub source: String,
    /// `target`: what it gets, which may be rewritten in its turn.
    pub target: String,
    /// `force`: always, or (the default) only if nothing serves the source.
    pub force: bool,
}

impl RewriteConfig {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let rewrite = Self {
            source: read_name(section, "source"),
            target: read_name(section, "target"),
            force: section.field("force").or(false),
        };
        section.deny_unknown_keys();
        rewrite
    }
}
