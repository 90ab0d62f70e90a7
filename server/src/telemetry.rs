//! The log: to standard error, for people or for machines. Request ids, names and figures; never a
//! key, a prompt or an answer.

use std::{
    fmt::Display,
    io::{self, IsTerminal as _},
    process::ExitCode,
};

use domain::clock::{Clock as _, SystemClock};
use tracing_subscriber::{
    EnvFilter, Layer as _, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::{
    config::{LogFormat, LoggingConfig},
    log_files::{self, Guards, LogFiles},
};

/// Starts logging for the rest of the process. What is returned writes the last lines of files, if there
/// are any, when it is dropped.
///
/// # Errors
/// The files cannot be made.
pub fn start(config: &LoggingConfig) -> io::Result<Option<Guards>> {
    let files = match &config.files {
        Some(files) => Some(LogFiles::open(&files.directory, SystemClock.now())?),
        None => None,
    };
    let lines = fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    let filter = EnvFilter::new(config.level.as_str());
    let lines = match config.format {
        LogFormat::Text => lines.with_target(false).with_filter(filter).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
    };
    let mut layers = vec![lines];
    let mut guards = None;
    if let Some(files) = files {
        for (writer, filter) in [(files.all, log_files::FILTER), (files.errors, "warn")] {
            let layer = fmt::layer().json().flatten_event(true).with_writer(writer);
            layers.push(layer.with_filter(EnvFilter::new(filter)).boxed());
        }
        guards = Some(files.guards);
    }
    tracing_subscriber::registry().with(layers).init();
    Ok(guards)
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
