//! The `logging` section: how much is logged, and in which form.

use std::{num::NonZeroU32, path::PathBuf};

use super::{
    from_text::{Choice, FromText},
    reader::Section,
    suggest::suggestion,
};

/// How much is logged, and in which form.
#[derive(Clone, Debug)]
pub struct LoggingConfig {
    /// `format`: lines for people or JSON for machines. Default `text`.
    pub format: LogFormat,
    /// `level`, `RUST_LOG`: a level, or one per part of the program. Default `info`.
    pub level: LogFilter,
    /// `directory` and what belongs to it: files besides standard error. Default none.
    pub files: Option<LogFilesConfig>,
}

/// Log files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilesConfig {
    /// `directory`
    pub directory: PathBuf,
    /// `compress_after_days`. Default 7.
    pub compress_after_days: NonZeroU32,
    /// `keep_days`. Default 30.
    pub keep_days: NonZeroU32,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Directives of `tracing_subscriber::EnvFilter`: `info`, or `info,gateway=debug`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    /// The directives, separated by commas.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Choice for LogFormat {
    const NOUN: &'static str = "log format";
    const EXPECTED: &'static str = "text or json";
    const NAMES: &'static [(&'static str, Self)] = &[("text", Self::Text), ("json", Self::Json)];
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

impl FromText for LogFilter {
    const EXPECTED: &'static str = "a log level such as info, or info,gateway=debug";

    /// The library would take a mistyped level for the name of a module, and log nothing else.
    fn from_text(text: &str) -> Result<Self, String> {
        for directive in text.split(',') {
            let level = directive.rsplit('=').next().unwrap_or(directive).trim();
            if !LEVELS.contains(&level.to_ascii_lowercase().as_str()) {
                let near = suggestion(level, LEVELS, "use one of");
                return Err(format!("unknown log level {level:?}{near}"));
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl LoggingConfig {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let config = Self {
            format: section.field("format").or(LogFormat::Text),
            level: section
                .field("level")
                .variables(&["RUST_LOG"])
                .or(LogFilter("info".to_owned())),
            files: LogFilesConfig::read(section),
        };
        section.deny_unknown_keys();
        config
    }
}

impl LogFilesConfig {
    fn read(section: &Section<'_>) -> Option<Self> {
        let directory: Option<String> = section.field("directory").optional();
        let days = |key, default: u32| {
            let default = NonZeroU32::MIN.saturating_add(default - 1);
            section.field(key).or(default)
        };
        let (compress_after_days, keep_days) =
            (days("compress_after_days", 7), days("keep_days", 30));
        Some(Self {
            directory: PathBuf::from(directory?),
            compress_after_days,
            keep_days,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_level_is_not_taken_for_a_module() {
        assert!(LogFilter::from_text("info,gateway=debug").is_ok());
        let error = LogFilter::from_text("inof").unwrap_err();
        assert_eq!(error, "unknown log level \"inof\"; did you mean \"info\"?");
    }
}
