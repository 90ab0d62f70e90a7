//! One run: starts the processes, measures the yardstick and the subject in
//! turns, and returns the raw figures of every round. It draws no conclusions;
//! `report` does.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;

use crate::load::Target;
use crate::phases::{CONNECTIONS, Schedule, Side, microseconds, pace, saturate};
use crate::process::{self, Cores, Program};
use crate::{meter, payload, router};

/// Calls a second while latencies are measured.
pub const PACED_RATE: u32 = 200;
/// Streams a second while streams are measured.
const STREAM_RATE: u32 = 40;
/// How long a process is left alone before its idle memory is read.
const SETTLING: Duration = Duration::from_secs(1);

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Times that each side is measured.
    pub rounds: u32,
    /// Calls of one round on each of the connections.
    requests: u32,
    /// The same with the large prompt.
    large_requests: u32,
    /// Calls of one round at a fixed rate.
    paced_requests: u32,
    /// Streams of one round.
    streams: u32,
    /// Times that each side is started.
    starts: u32,
}

impl Plan {
    /// For the history: about four minutes.
    pub fn full() -> Self {
        Self {
            rounds: 8,
            requests: 400,
            large_requests: 16,
            paced_requests: 5 * PACED_RATE,
            streams: 2 * STREAM_RATE,
            starts: 7,
        }
    }

    /// To see whether a change matters at all: under a minute.
    pub fn quick() -> Self {
        Self {
            rounds: 3,
            requests: 160,
            large_requests: 8,
            paced_requests: 2 * PACED_RATE,
            streams: STREAM_RATE,
            starts: 3,
        }
    }
}

/// What is compared with the yardstick.
#[derive(Debug)]
pub enum Subject {
    /// LLM Router, by its binary.
    Router(PathBuf),
    /// The yardstick again: shows what the measurement itself is worth.
    SecondYardstick,
}

impl Subject {
    fn name(&self) -> &'static str {
        match self {
            Self::Router(_) => "LLM Router",
            Self::SecondYardstick => "second yardstick",
        }
    }
}

/// The figures of one side; each vector has one figure per round, in
/// microseconds unless it says otherwise. Latencies are what the proxy adds to
/// a direct call in the same round.
#[derive(Debug, Default)]
pub struct Figures {
    pub cpu_per_request: Vec<f64>,
    /// Calls a second with all connections busy.
    pub requests_per_second: Vec<f64>,
    /// The part of its core that the proxy used meanwhile, 0 to 1.
    pub core_use: Vec<f64>,
    pub cpu_per_large_request: Vec<f64>,
    pub added_p50: Vec<f64>,
    pub added_p99: Vec<f64>,
    pub added_first_byte: Vec<f64>,
    pub cpu_per_chunk: Vec<f64>,
    /// MiB resident, read once before any load.
    pub idle_memory: f64,
    /// MiB resident at the end of each round's heaviest phase.
    pub loaded_memory: Vec<f64>,
    /// Milliseconds of each start but the first.
    pub starts: Vec<f64>,
    /// Milliseconds of the first start, which for the router creates its database.
    pub first_start: f64,
}

/// What a run found.
#[derive(Debug)]
pub struct Results {
    pub subject_name: &'static str,
    pub rounds: u32,
    pub yardstick: Figures,
    pub subject: Figures,
    /// Bytes that the router's database grew by per call; none in a self-test.
    pub stored_per_request: Option<f64>,
}

/// Runs the whole plan.
pub async fn run(plan: &Plan, cores: &Cores, subject: &Subject) -> anyhow::Result<Results> {
    let directory = TempDir::with_prefix("llm-router-bench-")?;
    let upstream_address = process::free_address()?;
    let listen = upstream_address.to_string();
    let (upstream, _) = Program::role(
        "upstream",
        &["upstream", "--listen", &listen],
        upstream_address,
        directory.path(),
        cores.upstream,
    )?
    .start()
    .await?;
    let direct = Target {
        address: upstream.address,
        authorization: router::bearer("bench")?,
    };

    eprintln!("starting the yardstick and {}", subject.name());
    let yardstick_program = yardstick("yardstick", directory.path(), &direct, cores)?;
    let subject_program = match subject {
        Subject::Router(binary) => {
            router::program(binary, directory.path(), direct.address, cores.proxy)?
        }
        Subject::SecondYardstick => {
            yardstick("second-yardstick", directory.path(), &direct, cores)?
        }
    };
    let yardstick = start_side(&yardstick_program, plan.starts, &direct).await?;
    let mut measured = start_side(&subject_program, plan.starts, &direct).await?;
    let data = router::data_directory(directory.path());
    let mut stored_before = 0;
    if let Subject::Router(_) = subject {
        measured.target = router::create_user(measured.process.address).await?;
        stored_before = meter::directory_size(&data)?;
    }

    let mut sides = [yardstick, measured];
    for round in 1..=plan.rounds {
        eprintln!("round {round} of {}", plan.rounds);
        measure_round(plan, &direct, &mut sides)
            .await
            .with_context(|| format!("round {round} failed"))?;
    }
    let [yardstick, measured] = sides;

    let mut stored_per_request = None;
    if let Subject::Router(_) = subject {
        let requests = u64::from(plan.rounds)
            * u64::from(
                CONNECTIONS * (plan.requests + plan.large_requests)
                    + plan.paced_requests
                    + plan.streams,
            );
        let grown_by = meter::directory_size(&data)?.saturating_sub(stored_before);
        router::ensure_recorded(grown_by, requests)?;
        stored_per_request = Some(grown_by as f64 / requests as f64);
    }
    Ok(Results {
        subject_name: subject.name(),
        rounds: plan.rounds,
        yardstick: yardstick.figures,
        subject: measured.figures,
        stored_per_request,
    })
}

fn yardstick(
    name: &'static str,
    directory: &Path,
    direct: &Target,
    cores: &Cores,
) -> anyhow::Result<Program> {
    let address = process::free_address()?;
    let (listen, upstream) = (address.to_string(), direct.address.to_string());
    let role = ["yardstick", "--listen", &listen, "--upstream", &upstream];
    Program::role(name, &role, address, directory, cores.proxy)
}

/// Starts a side as often as the plan says, and keeps the last.
async fn start_side(program: &Program, starts: u32, direct: &Target) -> anyhow::Result<Side> {
    let mut figures = Figures::default();
    let (mut process, first) = program.start().await?;
    figures.first_start = milliseconds(first);
    for _ in 0..starts {
        process.stop().await?;
        let (next, took) = program.start().await?;
        process = next;
        figures.starts.push(milliseconds(took));
    }
    tokio::time::sleep(SETTLING).await;
    let target = Target {
        address: process.address,
        authorization: direct.authorization.clone(),
    };
    let mut side = Side {
        process,
        target,
        figures,
    };
    side.figures.idle_memory = side.resident_memory()?;
    Ok(side)
}

async fn measure_round(plan: &Plan, direct: &Target, sides: &mut [Side; 2]) -> anyhow::Result<()> {
    let short = saturate(sides, payload::short_request(), plan.requests).await?;
    for (side, busy) in sides.iter_mut().zip(&short) {
        let figures = &mut side.figures;
        figures.cpu_per_request.push(busy.cpu_per_call());
        figures
            .requests_per_second
            .push(busy.calls / busy.took.as_secs_f64());
        figures
            .core_use
            .push(busy.cpu.as_secs_f64() / busy.took.as_secs_f64());
        let resident = side.resident_memory()?;
        side.figures.loaded_memory.push(resident);
    }

    let large = saturate(sides, payload::large_request(), plan.large_requests).await?;
    for (side, busy) in sides.iter_mut().zip(&large) {
        let resident = side.resident_memory()?;
        side.figures.cpu_per_large_request.push(busy.cpu_per_call());
        side.figures.loaded_memory.push(resident);
    }

    let calls = Schedule {
        rate: PACED_RATE,
        count: plan.paced_requests,
        streamed: false,
    };
    let (undisturbed, paced) = pace(direct, sides, calls).await?;
    for (side, paced) in sides.iter_mut().zip(&paced) {
        let figures = &mut side.figures;
        figures
            .added_p50
            .push(paced.total(50.0)? - undisturbed.total(50.0)?);
        figures
            .added_p99
            .push(paced.total(99.0)? - undisturbed.total(99.0)?);
    }

    let streams = Schedule {
        rate: STREAM_RATE,
        count: plan.streams,
        streamed: true,
    };
    let (undisturbed, streamed) = pace(direct, sides, streams).await?;
    for (side, streamed) in sides.iter_mut().zip(&streamed) {
        let chunks = streamed.timings.len() as f64 * f64::from(payload::CHUNKS);
        let figures = &mut side.figures;
        figures
            .cpu_per_chunk
            .push(microseconds(streamed.cpu) / chunks);
        figures
            .added_first_byte
            .push(streamed.first_byte()? - undisturbed.first_byte()?);
    }
    Ok(())
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
