//! Reads what another process has used, from the kernel and from outside, so
//! that measuring costs the measured process nothing.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;

/// The CPU time a process has used so far, user and system together, over all
/// of its threads including those that have ended. From the process's CPU
/// clock: `/proc/PID/stat` counts in steps of 10 ms, too coarse for a phase.
pub fn cpu_time(pid: Pid) -> anyhow::Result<Duration> {
    let clock: ClockId =
        clock_getcpuclockid(pid).with_context(|| format!("failed to find process {pid}"))?;
    let time = clock
        .now()
        .with_context(|| format!("failed to read the CPU clock of process {pid}"))?;
    Ok(Duration::from(time))
}

/// The resident memory of a process, in bytes.
pub fn resident_memory(pid: Pid) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status =
        std::fs::read_to_string(&path).with_context(|| format!("failed to read {path}"))?;
    resident_in(&status).with_context(|| format!("no VmRSS in {path}"))
}

fn resident_in(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// The bytes of all files directly in a directory.
pub fn directory_size(directory: &Path) -> anyhow::Result<u64> {
    let mut total = 0;
    for entry in std::fs::read_dir(directory)
        .with_context(|| format!("failed to list {}", directory.display()))?
    {
        total += entry?.metadata()?.len();
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_in_bytes() {
        let status = "Name:\tx\nVmHWM:\t   9000 kB\nVmRSS:\t   8192 kB\nThreads:\t1\n";
        assert_eq!(resident_in(status), Some(8 * 1024 * 1024));
        assert_eq!(resident_in("Name:\tx\n"), None);
    }

    #[test]
    fn cpu_time_of_this_process_grows_with_work() {
        let before = cpu_time(Pid::this()).expect("own clock");
        let mut sum = 0_u64;
        while cpu_time(Pid::this()).expect("own clock") < before + Duration::from_millis(5) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(sum > 0);
        assert!(resident_memory(Pid::this()).expect("own status") > 100_000);
    }
}
