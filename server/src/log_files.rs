//! Log files for whoever wants them: JSON lines in `router_YYYYMMDD_HHMMSS_<session>.jsonl`, one for each
//! request among them, and what went wrong once more in `…_errors.jsonl`. Written by a thread of their
//! own, for a day each. Old files are compressed, and older ones removed. No key, prompt or answer is in
//! them.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use domain::{
    Timestamp,
    clock::{Clock as _, SystemClock},
};
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};

use crate::config::LogFilesConfig;

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// What stands in the files besides what the log shows: every request.
pub const FILTER: &str = "info,gateway::record=debug";

/// The files of one run.
#[derive(Debug)]
pub struct LogFiles {
    pub all: NonBlocking,
    pub errors: NonBlocking,
    /// Dropped, they write what is left.
    pub guards: Guards,
}

/// Keeps the writing threads alive.
#[derive(Debug)]
pub struct Guards {
    _writers: [WorkerGuard; 2],
}

impl LogFiles {
    /// Opens the files of this run, in a directory that is made where there is none.
    ///
    /// # Errors
    /// The directory or a file cannot be made.
    pub fn open(directory: &Path, now: Timestamp) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let mut session = [0; 4];
        getrandom::fill(&mut session).map_err(|error| io::Error::other(error.to_string()))?;
        let session = hex::encode(session);
        let file = |end: &str| {
            let end = format!("_{session}{end}");
            DayFile::open(directory, end, now).map(tracing_appender::non_blocking)
        };
        let (all, all_guard) = file(".jsonl")?;
        let (errors, errors_guard) = file("_errors.jsonl")?;
        Ok(Self {
            all,
            errors,
            guards: Guards {
                _writers: [all_guard, errors_guard],
            },
        })
    }
}

/// A file that is followed by another when it is a day old: before the first line that comes then, so that
/// nothing is ever written to a file that [`tidy`] has put away.
#[derive(Debug)]
struct DayFile {
    directory: PathBuf,
    /// What the names end with.
    end: String,
    since: Timestamp,
    file: File,
}

impl DayFile {
    fn open(directory: &Path, end: String, now: Timestamp) -> io::Result<Self> {
        let time = jiff::Timestamp::from_millisecond(now.0).map_err(io::Error::other)?;
        let time = time.to_zoned(jiff::tz::TimeZone::system());
        let name = format!("router_{}{end}", time.strftime("%Y%m%d_%H%M%S"));
        let mut options = OpenOptions::new();
        // Only its owner can read it: it says who asked what model when.
        let options = options.create_new(true).append(true).mode(0o600);
        Ok(Self {
            file: options.open(directory.join(name))?,
            directory: directory.to_owned(),
            end,
            since: now,
        })
    }

    /// Goes on in a new file, if this one is a day old.
    fn turn(&mut self, now: Timestamp) {
        let age = u64::try_from(now.0.saturating_sub(self.since.0)).unwrap_or(0);
        if Duration::from_millis(age) < DAY {
            return;
        }
        // Better one long file than none: it is tried again with the next line.
        if let Ok(next) = Self::open(&self.directory, self.end.clone(), now) {
            *self = next;
        }
    }
}

impl Write for DayFile {
    /// The appender hands over whole lines.
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        self.turn(SystemClock.now());
        self.file.write(lines)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Compresses files that nothing was written to for some days, and removes those that are too old.
///
/// # Errors
/// The directory cannot be read. A file that fails is told and left.
pub fn tidy(config: &LogFilesConfig, now: SystemTime) -> io::Result<()> {
    let days = |days: u32| DAY * days;
    for entry in fs::read_dir(&config.directory)? {
        let entry = entry?;
        let path = entry.path();
        let Some(kind) = Kind::of(&path) else {
            continue;
        };
        let age = entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .map(|modified| now.duration_since(modified).unwrap_or_default());
        let done = match (age, kind) {
            (Err(error), _) => Err(error),
            (Ok(age), _) if age >= days(config.keep_days.get()) => fs::remove_file(&path),
            (Ok(age), Kind::Plain) if age >= days(config.compress_after_days.get()) => {
                compress(&path)
            }
            (Ok(_), _) => Ok(()),
        };
        if let Err(error) = done {
            tracing::warn!(error = %error, file = %path.display(), "failed to tidy up a log file");
        }
    }
    Ok(())
}

/// Files of ours; others in the directory are left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Compressed,
}

impl Kind {
    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.strip_prefix("router_")?;
        if name.ends_with(".jsonl") {
            Some(Self::Plain)
        } else if name.ends_with(".jsonl.gz") {
            Some(Self::Compressed)
        } else {
            None
        }
    }
}

/// The compressed file keeps the time of the last line, and takes the place of the plain one only when it is
/// whole.
fn compress(path: &Path) -> io::Result<()> {
    let named = |end: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let (unfinished, finished) = (named(".gz.part"), named(".gz"));
    let mut plain = File::open(path)?;
    let modified = plain.metadata()?.modified()?;
    let mut options = OpenOptions::new();
    let options = options.create(true).write(true).truncate(true).mode(0o600);
    let file = options.open(&unfinished)?;
    let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::default());
    io::copy(&mut plain, &mut encoder)?;
    encoder.finish()?.set_modified(modified)?;
    fs::rename(&unfinished, &finished)?;
    fs::remove_file(path)
}

#[cfg(test)]
mod tests {
    use std::{io::Read as _, num::NonZeroU32};

    use super::*;

    #[test]
    fn a_file_is_followed_by_another_when_it_is_a_day_old() {
        let folder = tempfile::tempdir().expect("a folder");
        let start = Timestamp(1_790_000_000_000);
        let day = 24 * 3_600 * 1_000;
        let after = |millis: i64| Timestamp(start.0 + millis);
        let mut file =
            DayFile::open(folder.path(), "_aa_errors.jsonl".to_owned(), start).expect("a file");
        let files = || fs::read_dir(folder.path()).expect("the folder").count();
        file.turn(after(day - 1));
        assert_eq!(files(), 1);
        // Whatever `tidy` has done to the first one by now, nothing more is written to it.
        file.turn(after(day));
        assert_eq!(files(), 2);
        file.turn(after(2 * day - 1));
        assert_eq!(files(), 2, "the new one has a day of its own");
        for entry in fs::read_dir(folder.path()).expect("the folder") {
            let path = entry.expect("an entry").path();
            assert_eq!(Kind::of(&path), Some(Kind::Plain), "{}", path.display());
        }
    }

    #[test]
    fn old_files_are_compressed_and_older_ones_removed_and_others_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let now = SystemTime::UNIX_EPOCH + DAY * 20_000;
        let make = |name: &str, days: u32| {
            let path = folder.path().join(name);
            fs::write(&path, format!("{{\"from\":\"{name}\"}}\n")).expect("written");
            let file = File::options().write(true).open(&path).expect("a file");
            file.set_modified(now - DAY * days).expect("a time");
        };
        make("router_20261101_000000_aa.jsonl", 8);
        make("router_20261101_000000_aa_errors.jsonl", 8);
        make("router_20261120_000000_bb.jsonl", 2);
        make("router_20261001_000000_cc.jsonl.gz", 31);
        make("router_20261001_000000_dd.jsonl", 40);
        make("notes.jsonl", 400);
        let config = LogFilesConfig {
            directory: folder.path().to_owned(),
            compress_after_days: NonZeroU32::new(7).expect("7"),
            keep_days: NonZeroU32::new(30).expect("30"),
        };
        // Twice: what was compressed is not compressed again, nor forgotten how old it is.
        for _ in 0..2 {
            tidy(&config, now).expect("tidy");
        }
        let mut left: Vec<String> = fs::read_dir(folder.path())
            .expect("the folder")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        left.sort();
        assert_eq!(
            left,
            [
                "notes.jsonl",
                "router_20261101_000000_aa.jsonl.gz",
                "router_20261101_000000_aa_errors.jsonl.gz",
                "router_20261120_000000_bb.jsonl",
            ]
        );
        let packed = File::open(folder.path().join(&left[1])).expect("a file");
        let modified = packed
            .metadata()
            .expect("metadata")
            .modified()
            .expect("a time");
        assert!(
            now.duration_since(modified).expect("the past") >= DAY * 8 - Duration::from_secs(1)
        );
        let mut text = String::new();
        flate2::read::GzDecoder::new(packed)
            .read_to_string(&mut text)
            .expect("lines");
        assert_eq!(text, "{\"from\":\"router_20261101_000000_aa.jsonl\"}\n");
        tidy(&config, now + DAY * 23).expect("tidy");
        assert!(
            !folder.path().join(&left[1]).exists(),
            "its time is that of its last line"
        );
    }
}
