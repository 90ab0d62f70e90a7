//! `llm-router ledger verify` and `llm-router ledger export`: the books, checked and handed out. Both
//! only read, and may run beside a router that is serving.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use domain::{Timestamp, period::Period};
use jiff::{civil::Date, tz::TimeZone};
use serde::Serialize;
use storage::{
    Database,
    verify::{ExportedRow, Verified},
};

use super::ConfigArgument;
use crate::{
    config::{Config, Environment},
    serve::database_options,
};

#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Compute every rollup, budget period and cost again from the rows, and say what differs
    Verify(VerifyArguments),
    /// Write the rows as CSV or JSON lines
    Export(ExportArguments),
}

#[derive(Debug, Default, Args)]
pub struct VerifyArguments {
    #[command(flatten)]
    pub config: ConfigArgument,
}

#[derive(Debug, Args)]
pub struct ExportArguments {
    #[command(flatten)]
    pub config: ConfigArgument,
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    pub format: Format,
    /// First day, such as 2026-11-01, in the reporting time zone
    #[arg(long, value_name = "DATE")]
    pub from: Option<Date>,
    /// Last day
    #[arg(long, value_name = "DATE")]
    pub to: Option<Date>,
    /// Where to write; standard output otherwise
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Csv,
    Jsonl,
}

impl LedgerCommand {
    /// Carries it out and returns the process's exit status: 1 if the books differ.
    ///
    /// # Errors
    /// What keeps it from being carried out, for a person to read.
    pub fn run(&self, environment: &Environment, out: &mut impl Write) -> anyhow::Result<u8> {
        let argument = match self {
            Self::Verify(arguments) => &arguments.config,
            Self::Export(arguments) => &arguments.config,
        };
        let config = Config::load(&argument.overrides(), environment)?.config;
        super::blocking(async {
            let database = Database::open_read_only(&database_options(&config))
                .await
                .context("failed to open the database")?;
            let zone = &config.dashboard.time_zone;
            match self {
                Self::Verify(_) => verify(&database, zone, out).await,
                Self::Export(arguments) => {
                    export(&database, zone, arguments, out).await?;
                    Ok(0)
                }
            }
        })
    }
}

async fn verify(database: &Database, zone: &TimeZone, out: &mut impl Write) -> anyhow::Result<u8> {
    let verified = database
        .verify_ledger(zone)
        .await
        .context("failed to read the ledger")?;
    report(&verified, out)?;
    Ok(u8::from(verified.difference_count > 0))
}

fn report(verified: &Verified, out: &mut impl Write) -> io::Result<()> {
    for difference in &verified.differences {
        writeln!(
            out,
            "{}: {}: expected {}, found {}",
            difference.check, difference.place, difference.expected, difference.found
        )?;
    }
    let told = verified.differences.len();
    if verified.difference_count > told as u64 {
        let more = verified.difference_count - told as u64;
        writeln!(out, "and {more} more")?;
    }
    writeln!(
        out,
        "{} rows of {} requests, {} rollups, {} budget periods, {} in all: {}",
        verified.rows,
        verified.requests,
        verified.rollups,
        verified.budget_periods,
        verified.cost,
        match verified.difference_count {
            0 => "all agree".to_owned(),
            1 => "1 difference".to_owned(),
            n => format!("{n} differences"),
        }
    )?;
    if verified.dated_by_time > 0 {
        writeln!(
            out,
            "{} rows of an older version do not name their price; the price of their day was taken",
            verified.dated_by_time
        )?;
    }
    Ok(())
}

/// A row as it is written. Money is in dollars, exact to the nano-dollar.
#[derive(Serialize)]
struct Record<'a> {
    request_id: String,
    started_at: String,
    is_final: bool,
    user_id: Option<i64>,
    user: Option<&'a str>,
    team_id: Option<i64>,
    team: Option<&'a str>,
    key_id: Option<i64>,
    key: Option<&'a str>,
    backend: Option<&'a str>,
    dialect: &'a str,
    request_model: &'a str,
    upstream_model: &'a str,
    stream: bool,
    outcome: &'a str,
    status: u16,
    input_tokens: u64,
    cache_read_tokens: u64,
    cache_write_5m_tokens: u64,
    cache_write_1h_tokens: u64,
    output_tokens: u64,
    reasoning_tokens: u64,
    searches: u64,
    images: u64,
    audio_ms: u64,
    service_tier: &'a str,
    usage_estimated: bool,
    price_id: Option<i64>,
    /// Empty, or null: unpriced.
    cost_usd: Option<String>,
    attempts: u32,
    time_to_first_chunk_ms: Option<u32>,
    duration_ms: u32,
    error: Option<&'a str>,
}

impl<'a> From<&'a ExportedRow> for Record<'a> {
    fn from(exported: &'a ExportedRow) -> Self {
        let row = &exported.row;
        let tokens = &row.used.tokens;
        Self {
            request_id: row.request_id.to_string(),
            started_at: jiff::Timestamp::from_millisecond(row.started_at.0)
                .unwrap_or_default()
                .to_string(),
            is_final: row.outcome.is_final(),
            user_id: row.user_id.map(|id| id.0),
            user: exported.user.as_deref(),
            team_id: row.team_id.map(|id| id.0),
            team: exported.team.as_deref(),
            key_id: row.key_id.map(|id| id.0),
            key: exported.key_label.as_deref(),
            backend: exported.backend.as_deref(),
            dialect: row.dialect.as_str(),
            request_model: &row.request_model,
            upstream_model: &row.upstream_model,
            stream: row.stream,
            outcome: row.outcome.as_str(),
            status: row.status,
            input_tokens: tokens.input,
            cache_read_tokens: tokens.cache_read,
            cache_write_5m_tokens: tokens.cache_write_5m,
            cache_write_1h_tokens: tokens.cache_write_1h,
            output_tokens: tokens.output,
            reasoning_tokens: tokens.reasoning,
            searches: tokens.searches,
            images: tokens.images,
            audio_ms: tokens.audio_ms,
            service_tier: row.used.tier.as_str(),
            usage_estimated: row.used.estimated,
            price_id: row.price_id.map(|id| id.0),
            cost_usd: row.cost.map(domain::NanoUsd::to_usd_string),
            attempts: row.attempts,
            time_to_first_chunk_ms: row.time_to_first_chunk_ms,
            duration_ms: row.duration_ms,
            error: row.error.as_deref(),
        }
    }
}

async fn export(
    database: &Database,
    zone: &TimeZone,
    arguments: &ExportArguments,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let period = period(zone, arguments.from, arguments.to)?;
    let mut out: Box<dyn Write + '_> = match &arguments.output {
        Some(path) => {
            let file = File::create(path);
            let file = file.with_context(|| format!("cannot write {}", path.display()))?;
            Box::new(BufWriter::new(file))
        }
        None => Box::new(BufWriter::new(out)),
    };
    if arguments.format == Format::Csv {
        csv::Writer::from_writer(&mut out).write_record(COLUMNS)?;
    }
    let mut after = 0;
    loop {
        let (rows, last) = database
            .export_page(period, after)
            .await
            .context("failed to read the ledger")?;
        if rows.is_empty() {
            break;
        }
        after = last;
        match arguments.format {
            Format::Csv => {
                let mut csv = csv::WriterBuilder::new()
                    .has_headers(false)
                    .from_writer(&mut out);
                for row in &rows {
                    csv.serialize(Record::from(row))?;
                }
                csv.flush()?;
            }
            Format::Jsonl => {
                for row in &rows {
                    serde_json::to_writer(&mut out, &Record::from(row))?;
                    writeln!(out)?;
                }
            }
        }
    }
    out.flush()?;
    Ok(())
}

/// The members of [`Record`], in order, for a file without rows too.
const COLUMNS: [&str; 33] = [
    "request_id",
    "started_at",
    "is_final",
    "user_id",
    "user",
    "team_id",
    "team",
    "key_id",
    "key",
    "backend",
    "dialect",
    "request_model",
    "upstream_model",
    "stream",
    "outcome",
    "status",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "reasoning_tokens",
    "searches",
    "images",
    "audio_ms",
    "service_tier",
    "usage_estimated",
    "price_id",
    "cost_usd",
    "attempts",
    "time_to_first_chunk_ms",
    "duration_ms",
    "error",
];

/// From the beginning of the first day to the end of the last.
fn period(zone: &TimeZone, from: Option<Date>, to: Option<Date>) -> anyhow::Result<Period> {
    let start_of = |day: Date| -> anyhow::Result<Timestamp> {
        let start = day.to_zoned(zone.clone())?.start_of_day()?;
        Ok(Timestamp(start.timestamp().as_millisecond()))
    };
    Ok(Period {
        start: from.map_or(Ok(Timestamp(i64::MIN)), start_of)?,
        end: match to {
            Some(day) => start_of(day.tomorrow()?)?,
            None => Timestamp(i64::MAX),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_reaches_to_the_end_of_its_last_day() {
        let zone = TimeZone::get("Europe/Paris").expect("a zone");
        let day = |text: &str| text.parse::<Date>().ok();
        let period = period(&zone, day("2026-03-29"), day("2026-03-29")).expect("a period");
        // Clocks went forward on that day.
        assert_eq!(period.end.0 - period.start.0, 23 * 3_600_000);
    }
}
