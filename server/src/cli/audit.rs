//! `llm-router audit verify`: whether the log of what administrators did is what was written. It only
//! reads, and may run beside a router that is serving.

use std::io::Write;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use storage::{AuditVerified, Database};

use super::ConfigArgument;
use crate::{
    config::{Config, Environment},
    serve::database_options,
};

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Compute every row's hash again, and say which row was changed, removed or moved
    Verify(VerifyArguments),
}

#[derive(Debug, Default, Args)]
pub struct VerifyArguments {
    #[command(flatten)]
    pub config: ConfigArgument,
    /// A hash that an earlier run has printed: some row must still have it
    #[arg(long, value_name = "HASH")]
    pub contains: Option<String>,
}

impl AuditCommand {
    /// Carries it out and returns the process's exit status: 1 if the log is not what was written.
    ///
    /// # Errors
    /// What keeps it from being carried out, for a person to read.
    pub fn run(&self, environment: &Environment, out: &mut impl Write) -> anyhow::Result<u8> {
        let Self::Verify(arguments) = self;
        let config = Config::load(&arguments.config.overrides(), environment)?.config;
        super::blocking(async {
            let database = Database::open_read_only(&database_options(&config))
                .await
                .context("failed to open the database")?;
            let verified = database.verify_audit(arguments.contains.as_deref());
            let verified = verified.await.context("failed to read the audit log")?;
            report(&verified, out).context("failed to write the findings")
        })
    }
}

fn report(verified: &AuditVerified, out: &mut impl Write) -> std::io::Result<u8> {
    for finding in &verified.findings {
        writeln!(out, "{finding}")?;
    }
    let told = verified.findings.len() as u64;
    if verified.finding_count > told {
        writeln!(out, "and {} more", verified.finding_count - told)?;
    }
    let summary = match verified.finding_count {
        0 => "all as they were written".to_owned(),
        1 => "1 finding".to_owned(),
        n => format!("{n} findings"),
    };
    writeln!(out, "{} rows: {summary}", verified.rows)?;
    writeln!(out, "the last row's hash is {}", verified.head)?;
    Ok(u8::from(verified.finding_count > 0))
}
