//! Starts, pins, awaits and ends the processes of a run. Each is ended by its
//! own id when its value is dropped, and by the kernel if this program is
//! killed before it can; none is ever looked for by name.

use std::ffi::OsString;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::load;

/// A process that does not answer by then is broken, not slow.
const START_LIMIT: Duration = Duration::from_secs(30);
/// A process that has not ended by then after SIGTERM is killed.
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// Which core each part of a run may use. `None` on a machine with one core:
/// nothing is pinned then.
#[derive(Debug, Clone, Copy)]
pub struct Cores {
    /// The proxies, which are never under load at the same time.
    pub proxy: Option<usize>,
    /// The scripted upstream.
    pub upstream: Option<usize>,
    /// How many cores this program may use altogether.
    pub count: usize,
}

impl Cores {
    /// Takes the first permitted core for the proxies and pins this program to
    /// the second. The upstream gets the third, or shares the second.
    pub fn share_out() -> anyhow::Result<Self> {
        let this = Pid::from_raw(0);
        let permitted = sched_getaffinity(this).context("failed to read the permitted cores")?;
        let cores: Vec<usize> = (0..CpuSet::count())
            .filter(|core| permitted.is_set(*core).unwrap_or(false))
            .collect();
        let count = cores.len();
        let [proxy, load, ..] = cores[..] else {
            return Ok(Self {
                proxy: None,
                upstream: None,
                count,
            });
        };
        pin(load)?;
        Ok(Self {
            proxy: Some(proxy),
            upstream: Some(cores.get(2).copied().unwrap_or(load)),
            count,
        })
    }
}

fn pin(core: usize) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    set.set(core)
        .with_context(|| format!("no such core: {core}"))?;
    sched_setaffinity(Pid::from_raw(0), &set)
        .with_context(|| format!("failed to pin to core {core}"))
}

/// The `launch` role: pins this process, ties its life to its parent's, and
/// becomes the program. Both survive `exec`, and so does the process id, which
/// is why this needs neither `unsafe` nor a supervisor in between.
pub fn become_program(core: Option<usize>, command: &[OsString]) -> anyhow::Error {
    let prepare = || -> anyhow::Result<()> {
        prctl::set_pdeathsig(Signal::SIGKILL).context("failed to set the parent-death signal")?;
        core.map_or(Ok(()), pin)
    };
    if let Err(error) = prepare() {
        return error;
    }
    let Some((program, arguments)) = command.split_first() else {
        return anyhow::anyhow!("no program to launch");
    };
    let error = Command::new(program).args(arguments).exec();
    anyhow::Error::new(error).context(format!("failed to start {}", program.display()))
}

/// What to start, and where.
#[derive(Debug)]
pub struct Program {
    /// What messages call it, and its log's file name.
    pub name: &'static str,
    /// Program and arguments.
    pub command: Vec<OsString>,
    /// The only variables it sees: the caller's own provider keys and settings
    /// must not reach a measured process.
    pub environment: Vec<(&'static str, OsString)>,
    /// Its working directory, which also gets its log.
    pub directory: PathBuf,
    /// Where it will listen.
    pub address: SocketAddr,
    /// The core it is pinned to.
    pub core: Option<usize>,
}

impl Program {
    /// This program in another role.
    pub fn role(
        name: &'static str,
        role: &[&str],
        address: SocketAddr,
        directory: &Path,
        core: Option<usize>,
    ) -> anyhow::Result<Self> {
        let mut command = vec![std::env::current_exe()?.into_os_string()];
        command.extend(role.iter().map(OsString::from));
        Ok(Self {
            name,
            command,
            environment: Vec::new(),
            directory: directory.to_owned(),
            address,
            core,
        })
    }

    /// Starts the program and waits until its `/health` answers 200. Returns
    /// it with the time that took, in steps of about a millisecond.
    pub async fn start(&self) -> anyhow::Result<(Running, Duration)> {
        let log_path = self.directory.join(format!("{}.log", self.name));
        let log = File::create(&log_path)
            .with_context(|| format!("failed to create {}", log_path.display()))?;
        let mut launch = Command::new(std::env::current_exe()?);
        launch.arg("launch");
        if let Some(core) = self.core {
            launch.arg("--core").arg(core.to_string());
        }
        launch
            .arg("--")
            .args(&self.command)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (*name, value)))
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let started = Instant::now();
        let child = launch
            .spawn()
            .with_context(|| format!("failed to start {}", self.name))?;
        let mut running = Running {
            name: self.name,
            address: self.address,
            child,
        };
        while !load::is_healthy(self.address).await {
            if let Some(status) = running.child.try_wait()? {
                bail!(
                    "{} ended at start ({status}):\n{}",
                    self.name,
                    log_end(&log_path)
                );
            }
            if started.elapsed() > START_LIMIT {
                bail!(
                    "{} does not answer /health after {START_LIMIT:?}:\n{}",
                    self.name,
                    log_end(&log_path)
                );
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok((running, started.elapsed()))
    }
}

/// A process of this run that answers; killed when dropped.
#[derive(Debug)]
pub struct Running {
    name: &'static str,
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
}

impl Running {
    /// The process's id.
    pub fn pid(&self) -> Pid {
        // A process id always fits: the kernel's own type is an i32.
        Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(i32::MAX))
    }

    /// Asks the process to end and waits until it has.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        kill(self.pid(), Signal::SIGTERM)
            .with_context(|| format!("failed to end {}", self.name))?;
        let asked = Instant::now();
        while self.child.try_wait()?.is_none() {
            if asked.elapsed() > STOP_LIMIT {
                bail!("{} has not ended {STOP_LIMIT:?} after SIGTERM", self.name);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if the process has ended and been waited for already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A loopback address whose port was free a moment ago.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free loopback port")?;
    Ok(probe.local_addr()?)
}

fn log_end(path: &Path) -> String {
    const LINES: usize = 20;
    let Ok(log) = std::fs::read(path) else {
        return format!("(no log at {})", path.display());
    };
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
