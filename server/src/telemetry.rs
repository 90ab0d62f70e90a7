//! The log: to standard error, for people or for machines. Request ids, names and figures; never a
//! key, a prompt or an answer.

use std::{fmt::Display, io::IsTerminal as _, process::ExitCode};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::config::{LogFormat, LoggingConfig};

/// Starts logging for the rest of the process.
pub fn start(config: &LoggingConfig) {
    let filter = EnvFilter::new(config.level.as_str());
    let registry = tracing_subscriber::registry().with(filter);
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match config.format {
        LogFormat::Text => registry.with(lines.with_target(false)).init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).init(),
    }
}

/// Says on standard error why the process ends.
#[expect(
    clippy::print_stderr,
    reason = "an operator's terminal, before or instead of a log"
)]
pub fn complain(error: &dyn Display) -> ExitCode {
    eprintln!("llm-router: {error}");
    ExitCode::FAILURE
}
