//! `llm-router check`: loads the configuration as `serve` would and says what came of it. It opens
//! no port and no database, and no connection but with `--online`.

use std::{
    io::{self, Write},
    path::Path,
};

use super::CheckArguments;
use gateway::{discovery, egress, settings::BackendKind};

use crate::{
    config::{Config, Environment, Loaded},
    settings,
};

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
            match arguments.online {
                false => Ok(0),
                true => ask_backends(&loaded, out),
            }
        }
        Err(errors) => {
            writeln!(err, "{errors}")?;
            Ok(1)
        }
    }
}

/// Asks every backend for its models. 1 if one does not answer.
fn ask_backends(loaded: &Loaded, out: &mut impl Write) -> io::Result<u8> {
    let backends = settings::route_settings(&loaded.config).backends;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let client = egress::json_client().map_err(io::Error::other)?;
    let mut status = 0;
    for backend in &backends {
        let name = &backend.name;
        match backend.kind {
            BackendKind::Demo => writeln!(out, "{name}: inside, nothing to ask")?,
            BackendKind::Bedrock => writeln!(
                out,
                "{name}: Bedrock's runtime has no list of models; not asked"
            )?,
            _ => match runtime.block_on(discovery::models_of(&client, backend)) {
                Ok(models) => writeln!(out, "{name}: ok ({})", count(models.len(), "model"))?,
                Err(error) => {
                    status = 1;
                    writeln!(out, "{name}: {error}")?;
                }
            },
        }
    }
    Ok(status)
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
