//! `llm-router config import` and `llm-router config diff`: another router's file in our words, and what
//! would change.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{ConfigArgument, remote};
use crate::config::{Config, Difference, Environment, Overrides};

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Write another router's configuration as ours, and say what could not be carried over
    Import(ImportArguments),
    /// Say what is different in a file, or what the running router would change if it read its own again
    Diff(DiffArguments),
}

#[derive(Debug, Args)]
pub struct ImportArguments {
    /// LiteLLM's config.yaml, or a file of one of the routers that this one replaces
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Where to write, a file that is not there yet; standard output otherwise
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct DiffArguments {
    /// What to compare the configuration with
    #[arg(value_name = "FILE")]
    pub other: Option<PathBuf>,
    #[command(flatten)]
    pub config: ConfigArgument,
}

impl ConfigCommand {
    /// Carries it out. The exit status of `diff` is 1 if there are differences.
    ///
    /// # Errors
    /// What keeps it from being carried out, for a person to read.
    pub fn run(
        &self,
        environment: &Environment,
        out: &mut impl Write,
        err: &mut impl Write,
    ) -> anyhow::Result<u8> {
        match self {
            Self::Import(arguments) => import(arguments, environment, out, err),
            Self::Diff(arguments) => diff(arguments, environment, out),
        }
    }
}

fn import(
    arguments: &ImportArguments,
    environment: &Environment,
    out: &mut impl Write,
    err: &mut impl Write,
) -> anyhow::Result<u8> {
    let overrides = Overrides {
        config: Some(arguments.file.clone()),
        ..Overrides::default()
    };
    // Variables that are not set here may be where it will run.
    let imported = Config::import(&overrides, environment)?;
    let text = imported.document.to_yaml();
    match &arguments.output {
        None => out.write_all(text.as_bytes())?,
        Some(path) => {
            write_new(path, &text).with_context(|| format!("cannot write {}", path.display()))?
        }
    }
    for note in &imported.notes {
        writeln!(err, "{note}")?;
    }
    Ok(0)
}

/// It may hold keys: only its owner can read it.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(path)?.write_all(text.as_bytes())
}

fn diff(
    arguments: &DiffArguments,
    environment: &Environment,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let loaded = Config::load(&arguments.config.overrides(), environment)?;
    let (differences, later) = match &arguments.other {
        Some(path) => {
            let overrides = Overrides {
                config: Some(path.clone()),
                ..Overrides::default()
            };
            let other = Config::load(&overrides, environment)?;
            (loaded.document.differences(&other.document), Vec::new())
        }
        None => {
            let request = json!({"dry_run": true});
            let answer = super::blocking(remote::post(&loaded.config, "/admin/reload", &request))?;
            let differences: Vec<Difference> = serde_json::from_value(answer["changed"].clone())
                .context("the router's answer cannot be read")?;
            let later = answer["at_next_start"].as_array().cloned();
            (differences, later.unwrap_or_default())
        }
    };
    for difference in &differences {
        let is_later = later.iter().any(|key: &Value| key == &difference.key);
        let when = if is_later {
            "  (at the next start)"
        } else {
            ""
        };
        writeln!(out, "{difference}{when}")?;
    }
    Ok(u8::from(!differences.is_empty()))
}
