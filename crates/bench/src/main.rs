//! `bench` measures what LLM Router adds to a call, as ratios to a bare hyper
//! reverse proxy that runs beside it on the same core in the same minute.
//! It starts the upstream, both proxies and the load itself, on loopback only,
//! bounded in count and time. It deliberately keeps no history and judges no
//! trend: it prints one row, and `BENCHMARKS.md` is where rows are kept.

mod circumstances;
mod load;
mod measure;
mod meter;
mod payload;
mod phases;
mod process;
mod report;
mod router;
mod scripts;
mod statistics;
mod upstream;
mod yardstick;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::circumstances::Circumstances;
use crate::measure::Plan;
use crate::process::Cores;

/// No run may take longer than this, whatever hangs.
const TIME_LIMIT: Duration = Duration::from_secs(20 * 60);

#[derive(Debug, Parser)]
#[command(
    name = "bench",
    about = "Measure LLM Router against a bare reverse proxy"
)]
struct Cli {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
struct Options {
    /// The llm-router binary; by default the one beside this program.
    #[arg(long)]
    router: Option<PathBuf>,
    /// A run of about a minute: coarser figures, not for the history.
    #[arg(long)]
    quick: bool,
    /// Rounds of measurement, of which the medians are reported.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: Option<u32>,
    /// Exit with status 1 if a gate is missed.
    #[arg(long)]
    check: bool,
    /// Measure a second yardstick in place of the router: all ratios should be near 1.
    #[arg(long, hide = true)]
    self_test: bool,
}

/// What one process of a run does. Without any, the program conducts the run.
#[derive(Debug, Subcommand)]
enum Role {
    /// Answer as a provider would, from a fixed script.
    Upstream {
        #[arg(long)]
        listen: SocketAddr,
    },
    /// The bare hyper reverse proxy that everything is compared with.
    Yardstick {
        #[arg(long)]
        listen: SocketAddr,
        #[arg(long)]
        upstream: SocketAddr,
    },
    /// Measure what scripts cost, alone; status 1 if a trivial one costs more than it may.
    Scripts,
    /// Become another program, pinned to a core, that dies with its parent.
    #[command(hide = true)]
    Launch {
        #[arg(long)]
        core: Option<usize>,
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    match cli.role {
        Some(Role::Launch { core, command }) => Err(process::become_program(core, &command)),
        Some(Role::Upstream { listen }) => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(upstream::serve(listen))?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Role::Yardstick { listen, upstream }) => {
            // The runtime that the router uses too, so that the ratio compares
            // what is done per request and not two schedulers.
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()?;
            runtime.block_on(yardstick::serve(listen, upstream))?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Role::Scripts) => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let fast = runtime.block_on(scripts::run())?;
            Ok(if fast {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
        None => {
            let cores = Cores::share_out()?;
            // One thread: a parent-death signal is tied to the thread that
            // started the child, and the load must not need a second core.
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(conduct(&cli.options, cores))
        }
    }
}

/// Runs the benchmark until it is done, interrupted or out of time. Dropping
/// the run ends the processes it started.
async fn conduct(options: &Options, cores: Cores) -> anyhow::Result<ExitCode> {
    let mut plan = if options.quick {
        Plan::quick()
    } else {
        Plan::full()
    };
    if let Some(rounds) = options.rounds {
        plan.rounds = rounds;
    }
    let subject = if options.self_test {
        measure::Subject::SecondYardstick
    } else {
        measure::Subject::Router(router_binary(options.router.clone())?)
    };
    let circumstances = Circumstances::read(&cores);
    let mut terminate = signal(SignalKind::terminate())?;
    let results = tokio::select! {
        results = measure::run(&plan, &cores, &subject) => results?,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        _ = terminate.recv() => bail!("terminated"),
        () = tokio::time::sleep(TIME_LIMIT) => bail!("not done after {} minutes", TIME_LIMIT.as_secs() / 60),
    };
    let report = report::Report::new(&results);
    print!("{}", report.markdown(&circumstances));
    let passed = if options.self_test {
        report.sides_agree()
    } else {
        report.gates_hold() || !options.check
    };
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn router_binary(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let path = match given {
        Some(path) => path,
        None => std::env::current_exe()
            .context("failed to find this program's own path")?
            .with_file_name("llm-router"),
    };
    // The router is started from a temporary directory, so a relative path would break.
    path.canonicalize().with_context(|| {
        format!(
            "no LLM Router at {}: build it with `make bench` or name it with --router",
            path.display()
        )
    })
}
