//! `llm-router check`: loads the configuration as `serve` would and says what came of it. It opens
//! no port, no database and no connection.

use std::{
    io::{self, Write},
    path::Path,
};

use super::CheckArguments;
use crate::config::{Config, Environment, Loaded};

/// Writes the result and returns the process's exit status: 0 if a server would start, else 1.
/// `directory` is where a configuration is looked for when none is named.
///
/// # Errors
/// When `out` or `err` cannot be written to.
pub fn run(
    arguments: &CheckArguments,
    directory: &Path,
    environment: &Environment,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<u8> {
    match Config::load_in(directory, &arguments.config.overrides(), environment) {
        Ok(loaded) => {
            report(&loaded, out)?;
            Ok(0)
        }
        Err(errors) => {
            writeln!(err, "{errors}")?;
            Ok(1)
        }
    }
}

fn report(loaded: &Loaded, out: &mut impl Write) -> io::Result<()> {
    let Loaded {
        config,
        source,
        warnings,
        ..
    } = loaded;
    let source = source.as_ref().map_or_else(
        || "no configuration file, defaults and environment".to_owned(),
        |path| path.display().to_string(),
    );
    let backends = count(config.backends.len(), "backend");
    let groups = count(config.groups.len(), "group");
    let demo = if config.demo.enabled { ", demo on" } else { "" };
    writeln!(out, "{source}: ok ({backends}, {groups}{demo})")?;
    warnings
        .iter()
        .try_for_each(|warning| writeln!(out, "warning: {warning}"))
}

fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
