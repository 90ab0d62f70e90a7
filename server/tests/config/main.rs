//! The configuration as operators meet it: what a file, the environment and the command line make of
//! each other, and the exact words for what is wrong.

#![expect(
    clippy::expect_used,
    reason = "a test that cannot be set up has failed"
)]

mod commands;
mod environment;
mod files;
mod foreign;
mod mistakes;

use std::fs;

use server::config::{Config, Environment, Loaded, Overrides};
use tempfile::TempDir;

fn no_environment() -> Environment {
    Environment::default()
}

fn in_directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        fs::write(directory.path().join(name), text).expect("written");
    }
    directory
}

/// Loads one file from a directory of its own; messages do not name the directory.
fn load_named(name: &str, text: &str, environment: &Environment) -> Result<Loaded, String> {
    let directory = in_directory(&[(name, text)]);
    Config::load_in(directory.path(), &Overrides::default(), environment).map_err(|errors| {
        let prefix = format!("{}/", directory.path().display());
        errors.to_string().replace(&prefix, "")
    })
}

fn load(text: &str) -> Result<Loaded, String> {
    load_named("llm-router.yaml", text, &no_environment())
}

/// Loads nothing but an environment.
fn with_environment<const N: usize>(variables: [(&str, &str); N]) -> Result<Loaded, String> {
    let directory = in_directory(&[]);
    let environment = Environment::from_iter(variables);
    Config::load_in(directory.path(), &Overrides::default(), &environment)
        .map_err(|errors| errors.to_string())
}

fn refused(text: &str) -> String {
    load(text).expect_err("must be refused")
}
