//! Where and when a run takes place, as far as it helps to judge its figures:
//! revision, date, processor, and how busy the machine was already. Nothing
//! that names the machine or its user.

use std::process::Command;

use crate::process::Cores;

/// Where and when a run took place.
#[derive(Debug)]
pub struct Circumstances {
    /// Short revision of the checkout, marked with `+` if that has changes.
    pub revision: String,
    /// Date, in UTC.
    pub date: String,
    /// Cores, processor and load.
    pub machine: String,
}

impl Circumstances {
    /// Asks git, the clock and `/proc`; what cannot be read is said to be
    /// unknown. To be called before the run, which is itself a load.
    pub fn read(cores: &Cores) -> Self {
        let model = std::fs::read_to_string("/proc/cpuinfo")
            .ok()
            .and_then(|text| {
                let line = text.lines().find(|line| line.starts_with("model name"))?;
                Some(line.split_once(':')?.1.trim().to_owned())
            });
        let load = std::fs::read_to_string("/proc/loadavg")
            .ok()
            .and_then(|text| Some(text.split_whitespace().next()?.to_owned()));
        let cores_used = match cores.proxy {
            Some(_) => "the proxy alone on one",
            None => "nothing pinned",
        };
        Self {
            revision: revision().unwrap_or_else(|| "unknown".to_owned()),
            date: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
            machine: format!(
                "{} core(s) of {}, {cores_used}; load average {} before the run",
                cores.count,
                model.as_deref().unwrap_or("unknown make"),
                load.as_deref().unwrap_or("unknown"),
            ),
        }
    }
}

/// The short revision, marked with `+` if the checkout has changes.
fn revision() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let revision = git(&["rev-parse", "--short", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    let mark = if changed.is_empty() { "" } else { "+" };
    Some(format!("{revision}{mark}"))
}
