//! The ledger's journal: what a process that is killed must not lose, appended to a file by whoever
//! has something to say, before the provider is called and before the client has its last byte.
//!
//! A line costs a write to the page cache, some two microseconds; the system keeps that when the
//! process dies, whatever kills it. The database then takes the rows in large groups, on nobody's
//! time. Only a power failure can lose lines; who fears that has every row wait for the database
//! ([`crate::Synchronous::Full`]).
//!
//! Files are numbered. When one has grown the writer begins the next, and removes the old one as
//! soon as the database has all that stands in it.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    sync::{
        MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use domain::{LedgerRow, NanoUsd, RequestId, Used};
use serde::{Deserialize, Serialize};

use super::{OpenRequest, Progress};

/// A file that has grown to this is followed by the next. Tests see many of them.
const MAX_BYTES: u64 = if cfg!(test) { 4 << 10 } else { 8 << 20 };

/// What a line says.
#[derive(Serialize)]
enum Line<'a> {
    /// An upstream call begins, or has come so far.
    Call(&'a OpenRequest, &'a Progress),
    /// A row that the database is going to have.
    Row(&'a LedgerRow),
}

#[derive(Deserialize)]
enum ReadLine {
    Call(Box<OpenRequest>, Box<Progress>),
    Row(Box<LedgerRow>),
}

#[derive(Debug)]
pub(super) struct Journal {
    /// The path of all files, less the number.
    stem: PathBuf,
    current: RwLock<Current>,
    bytes: AtomicU64,
}

#[derive(Debug)]
struct Current {
    number: u64,
    file: File,
}

/// What the journals of processes before this one say.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) rows: Vec<LedgerRow>,
    /// Calls of requests that no row here ends, as they were last seen.
    pub(super) calls: Vec<(OpenRequest, Progress)>,
    /// Lines that cannot be read, such as one that a full disk cut off.
    pub(super) unreadable: u64,
    pub(super) files: Vec<PathBuf>,
}

impl Journal {
    /// Begins the file after the last that is there.
    pub(super) fn begin(stem: &Path, found: &Found) -> io::Result<Self> {
        let last = found.files.iter().filter_map(|path| number(stem, path));
        let next = last.max().map_or(1, |last| last + 1);
        Ok(Self {
            stem: stem.to_owned(),
            current: RwLock::new(Current {
                number: next,
                file: create(&file_path(stem, next))?,
            }),
            bytes: AtomicU64::new(0),
        })
    }

    /// Notes a call before it is made, or how far it has come. The progress stays locked meanwhile, so that
    /// the last line of a request is the latest.
    pub(super) fn call(
        &self,
        request: &OpenRequest,
        progress: &MutexGuard<'_, Progress>,
    ) -> io::Result<()> {
        self.append(&text_of(&Line::Call(request, progress))?, || ())
    }

    /// Notes a row and hands it on, whether or not it could be noted: before a file has a successor,
    /// the writer's queue has every row that stands in it.
    pub(super) fn row(
        &self,
        row: Box<LedgerRow>,
        hand_on: impl FnOnce(Box<LedgerRow>),
    ) -> io::Result<()> {
        match text_of(&Line::Row(&row)) {
            Ok(text) => self.append(&text, || hand_on(row)),
            Err(error) => {
                hand_on(row);
                Err(error)
            }
        }
    }

    fn append(&self, text: &[u8], then: impl FnOnce()) -> io::Result<()> {
        // Shared: the system appends whole writes one after the other.
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let written = (&current.file).write_all(text);
        self.bytes.fetch_add(text.len() as u64, Ordering::Relaxed);
        then();
        written
    }

    /// Waits for the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.file.sync_data()
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) >= MAX_BYTES
    }

    /// Begins the next file. Returns the old one, to be removed when the database has its rows and the
    /// new one the calls that are still running.
    pub(super) fn succeed(&self) -> io::Result<PathBuf> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let old = current.number;
        let next = Current {
            number: old + 1,
            file: create(&file_path(&self.stem, old + 1))?,
        };
        *current = next;
        self.bytes.store(0, Ordering::Relaxed);
        Ok(file_path(&self.stem, old))
    }

    /// Removes the file that is being written: nothing is running, and the database has every row.
    pub(super) fn end(&self) {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        remove(&file_path(&self.stem, current.number));
    }
}

/// Reads every file of the journal.
pub(super) fn read(stem: &Path) -> io::Result<Found> {
    let mut files = BTreeMap::new();
    let folder = stem.parent().filter(|path| !path.as_os_str().is_empty());
    for entry in std::fs::read_dir(folder.unwrap_or(Path::new(".")))? {
        let path = entry?.path();
        if let Some(number) = number(stem, &path) {
            files.insert(number, path);
        }
    }
    let mut found = Found::default();
    let mut calls: HashMap<RequestId, (OpenRequest, Progress)> = HashMap::new();
    for path in files.values() {
        for line in BufReader::new(File::open(path)?).split(b'\n') {
            let line = line?;
            if line.is_empty() {
                continue;
            }
            match serde_json::from_slice(&line) {
                Ok(ReadLine::Row(row)) => found.rows.push(*row),
                Ok(ReadLine::Call(request, progress)) => {
                    calls.insert(request.request_id, (*request, *progress));
                }
                Err(_) => found.unreadable += 1,
            }
        }
    }
    for row in &found.rows {
        if row.outcome.is_final() {
            calls.remove(&row.request_id);
        } else if let Some((_, last)) = calls.get_mut(&row.request_id) {
            if last.attempts == row.attempts {
                // The call has a row of its own, and the next had not begun.
                last.used = Used::default();
                last.cost = Some(NanoUsd::ZERO);
                last.price_id = None;
            }
            if last
                .beside
                .as_ref()
                .is_some_and(|beside| beside.attempts == row.attempts)
            {
                last.beside = None;
            }
        }
    }
    found.calls = calls.into_values().collect();
    found.files = files.into_values().collect();
    Ok(found)
}

fn text_of(line: &Line<'_>) -> io::Result<Vec<u8>> {
    let mut text = Vec::with_capacity(640);
    // In front, so that what follows a line that a full disk cut off can be read.
    text.push(b'\n');
    serde_json::to_writer(&mut text, line)?;
    Ok(text)
}

/// Removes a file whose content the database has. One that stays is read again at the next start,
/// which finds nothing new in it.
pub(super) fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(error = %error, file = %path.display(), "failed to remove a file of the ledger's journal");
    }
}

fn file_path(stem: &Path, number: u64) -> PathBuf {
    let mut name = stem.as_os_str().to_owned();
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

fn number(stem: &Path, path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    let own = stem.file_name()?.to_str()?;
    name.strip_prefix(own)?.strip_prefix('.')?.parse().ok()
}

/// Only its owner can read it; it says who asked what model when.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
