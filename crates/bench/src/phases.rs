//! The two kinds of phase that a round is made of: as many calls as a proxy can
//! take, and calls at a fixed rate. Both cut a phase into short slices that
//! alternate between the sides; what the figures mean is `measure`'s business.

use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;

use crate::load::{ClosedLoop, OpenLoop, Target, Timing};
use crate::measure::Figures;
use crate::meter;
use crate::process::Running;
use crate::statistics::percentile;

/// Connections while the proxy is given as much as it can take.
pub const CONNECTIONS: u32 = 32;
/// Into how many slices a phase is cut, so that both sides are measured within
/// the same second or two and a machine's other work falls on both.
const SLICES: u32 = 4;

/// One of the two sides, running.
pub struct Side {
    /// The proxy.
    pub process: Running,
    /// How to call it.
    pub target: Target,
    /// What was found so far.
    pub figures: Figures,
}

impl Side {
    fn cpu_time(&self) -> anyhow::Result<Duration> {
        meter::cpu_time(self.process.pid())
    }

    /// In MiB.
    pub fn resident_memory(&self) -> anyhow::Result<f64> {
        Ok(mebibytes(meter::resident_memory(self.process.pid())?))
    }
}

/// What one side did in the slices of a phase without pauses.
#[derive(Debug, Default)]
pub struct Busy {
    /// Calls made.
    pub calls: f64,
    /// CPU time that the proxy used for them.
    pub cpu: Duration,
    /// Wall time that they took.
    pub took: Duration,
}

impl Busy {
    /// In microseconds.
    pub fn cpu_per_call(&self) -> f64 {
        microseconds(self.cpu) / self.calls
    }
}

/// Gives both sides, slice by slice in turns, as much as they can take.
pub async fn saturate(
    sides: &[Side; 2],
    body: Bytes,
    per_connection: u32,
) -> anyhow::Result<[Busy; 2]> {
    let connections = CONNECTIONS as usize;
    let mut loads = [
        ClosedLoop::prepare(&sides[0].target, connections, body.clone()).await?,
        ClosedLoop::prepare(&sides[1].target, connections, body).await?,
    ];
    let mut busy = [Busy::default(), Busy::default()];
    let per_slice = per_connection / SLICES;
    for slice in 0..SLICES {
        for index in turn(slice) {
            let before = sides[index].cpu_time()?;
            busy[index].took += loads[index].run(per_slice).await?;
            busy[index].cpu += sides[index].cpu_time()? - before;
            busy[index].calls += f64::from(per_slice * CONNECTIONS);
        }
    }
    Ok(busy)
}

/// Calls at a fixed rate.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// Calls started a second.
    pub rate: u32,
    /// Calls altogether.
    pub count: u32,
    /// Whether they ask for a stream.
    pub streamed: bool,
}

/// What one side did in the slices of a phase at a fixed rate.
#[derive(Debug, Default)]
pub struct Paced {
    /// What each call took.
    pub timings: Vec<Timing>,
    /// CPU time that the proxy used for all.
    pub cpu: Duration,
}

impl Paced {
    /// A percentile of the whole calls, in microseconds.
    pub fn total(&self, percent: f64) -> anyhow::Result<f64> {
        self.percentile(percent, |timing| timing.total)
    }

    /// The median time to the first byte, in microseconds.
    pub fn first_byte(&self) -> anyhow::Result<f64> {
        self.percentile(50.0, |timing| timing.first_byte)
    }

    fn percentile(
        &self,
        percent: f64,
        figure: impl Fn(&Timing) -> Duration,
    ) -> anyhow::Result<f64> {
        let samples: Vec<f64> = self
            .timings
            .iter()
            .map(|timing| microseconds(figure(timing)))
            .collect();
        percentile(&samples, percent).context("no calls were made")
    }
}

/// Calls the upstream directly and through both sides, slice by slice in turns.
pub async fn pace(
    direct: &Target,
    sides: &[Side; 2],
    schedule: Schedule,
) -> anyhow::Result<(Paced, [Paced; 2])> {
    let mut direct_load = OpenLoop::prepare(direct, schedule.streamed).await?;
    let mut loads = [
        OpenLoop::prepare(&sides[0].target, schedule.streamed).await?,
        OpenLoop::prepare(&sides[1].target, schedule.streamed).await?,
    ];
    let mut undisturbed = Paced::default();
    let mut paced = [Paced::default(), Paced::default()];
    let per_slice = schedule.count / SLICES;
    for slice in 0..SLICES {
        let timings = direct_load.run(schedule.rate, per_slice).await?;
        undisturbed.timings.extend(timings);
        for index in turn(slice) {
            let before = sides[index].cpu_time()?;
            let timings = loads[index].run(schedule.rate, per_slice).await?;
            paced[index].cpu += sides[index].cpu_time()? - before;
            paced[index].timings.extend(timings);
        }
    }
    Ok((undisturbed, paced))
}

/// Whoever goes second finds the machine warmer: take turns at it.
fn turn(slice: u32) -> [usize; 2] {
    if slice.is_multiple_of(2) {
        [0, 1]
    } else {
        [1, 0]
    }
}

/// A duration as a figure.
pub fn microseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}
