//! The ledger's writing side. [`Ledger`] takes rows from any task: what a row says is in the journal
//! when [`Commit`] resolves, so that no kill loses it, and in the database some milliseconds later,
//! in one transaction with many others. Reading is [`crate::Database`]'s, which first has written
//! what is on its way, so that nobody reads books that lag behind.

mod journal;
mod recovery;
mod rows;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    collections::HashSet,
    future::Future,
    path::Path,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use domain::{
    BackendId, DeploymentId, Dialect, KeyId, LedgerRow, NanoUsd, PriceId, RequestId, TeamId,
    Timestamp, Used, UserId,
};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::{Database, StorageError, StoredAnswer, Synchronous};
use journal::Journal;

/// A request that was let in. Kept only to say, should the process be killed, that it was interrupted
/// and what it had used by then.
#[derive(Debug, Serialize, Deserialize)]
pub struct OpenRequest {
    pub request_id: RequestId,
    pub started_at: Timestamp,
    pub user_id: Option<UserId>,
    pub team_id: Option<TeamId>,
    pub key_id: Option<KeyId>,
    pub dialect: Dialect,
    pub request_model: String,
    pub stream: bool,
    /// See [`LedgerRow::playground`].
    #[serde(default)]
    pub playground: bool,
    /// Kept up to date by whoever runs the request; looked at from time to time.
    #[serde(skip)]
    pub progress: Mutex<Progress>,
}

impl OpenRequest {
    /// How far the request has come.
    pub fn progress(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far a request has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub backend_id: Option<BackendId>,
    pub deployment_id: Option<DeploymentId>,
    pub upstream_model: String,
    pub price_id: Option<PriceId>,
    pub attempts: u32,
    /// By the call that is running.
    pub used: Used,
    /// Of the call that is running; `None`: unpriced.
    pub cost: Option<NanoUsd>,
    /// A second call that is running beside it.
    #[serde(default)]
    pub beside: Option<Box<Progress>>,
}

#[derive(Debug)]
enum Command {
    Open(Arc<OpenRequest>),
    Abandon(Box<LedgerRow>),
    Settle(Box<LedgerRow>, Option<Box<StoredAnswer>>),
    /// Answered when everything that was sent before is in the database.
    Flush(oneshot::Sender<()>),
    Close(oneshot::Sender<()>),
}

/// The handle to the ledger's one writer. Cheap to clone.
///
/// The queue behind it has no bound of its own, because a settlement must never be dropped and is
/// also sent from `Drop`, where nothing can wait. It is bounded by what comes in between two groups,
/// and when the database fails by the requests that are let in, each of which then waits for it.
#[derive(Clone, Debug)]
pub struct Ledger {
    commands: mpsc::UnboundedSender<Command>,
    shared: Arc<Shared>,
    /// Every row waits for the database.
    synchronous: Synchronous,
}

/// What handles and the writer share.
#[derive(Debug)]
struct Shared {
    journal: Journal,
    /// Somebody waits for the database: the group is not to gather any longer.
    urgent: Notify,
    /// The last group could not be written.
    failing: AtomicBool,
}

/// Resolves when no kill of the process can lose the row.
#[derive(Debug)]
pub struct Commit(Option<oneshot::Receiver<()>>);

/// The row could not be written in time. It stays queued as long as the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ledger cannot be written")]
pub struct NotCommitted;

impl Future for Commit {
    type Output = Result<(), NotCommitted>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            None => Poll::Ready(Ok(())),
            Some(done) => Pin::new(done)
                .poll(cx)
                .map(|sent| sent.map_err(|_| NotCommitted)),
        }
    }
}

impl Ledger {
    /// Starts the writer. First enters what a killed process left in its journal; requests that it left
    /// open become rows that say *interrupted*, and their number is the second value.
    ///
    /// # Errors
    /// When the database or the journal beside it fails.
    pub async fn start(database: &Database) -> Result<(Self, u64), StorageError> {
        let pool = database.ledger_writer_pool().clone();
        let stem = database.journal_stem();
        let found = read_journal(database)?;
        let interrupted = recovery::enter(&pool, &found).await?;
        let journal = Journal::begin(stem, &found).map_err(|source| failed(stem, source))?;
        for path in &found.files {
            journal::remove(path);
        }
        let (commands, queue) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            journal,
            urgent: Notify::new(),
            failing: AtomicBool::new(false),
        });
        let ledger = Self {
            commands,
            shared: Arc::clone(&shared),
            synchronous: database.synchronous(),
        };
        tokio::spawn(writer::run(pool, queue, shared, ledger.synchronous));
        database.read_after(ledger.clone());
        Ok((ledger, interrupted))
    }

    /// Notes that a request was let in. Returns at once.
    pub fn open(&self, request: &Arc<OpenRequest>) {
        self.send(Command::Open(Arc::clone(request)));
    }

    /// Notes how far the request has come: that an upstream call begins, before anything is sent that may
    /// be billed, or that it came to nothing. Returns at once.
    pub fn call(&self, request: &OpenRequest) {
        // The call is made all the same; its row is going to wait for the database.
        if let Err(error) = self.shared.journal.call(request, &request.progress()) {
            tell(&error);
        }
    }

    /// Writes the row of an upstream call that failed after it may have been billed; its request goes
    /// on. Returns at once.
    pub fn abandon(&self, row: LedgerRow) {
        self.write(row, Command::Abandon);
    }

    /// Writes the row of a request that has ended, once, and with it the answer, if it is to be given
    /// again. Returns at once; await the [`Commit`] to know that the row cannot be lost.
    #[must_use = "the answer's last byte waits for the commit"]
    pub fn settle(&self, row: LedgerRow, answer: Option<Box<StoredAnswer>>) -> Commit {
        // An answer is not in the journal, and must not be given again without its row. Rows that the
        // database does not take are held up here, or there would be no end of them.
        let wait = answer.is_some() || self.synchronous == Synchronous::Full || self.is_failing();
        let journaled = self.write(row, |row| Command::Settle(row, answer));
        Commit((wait || !journaled).then(|| self.flushed()))
    }

    /// Waits until everything that was sent before is in the database.
    pub(crate) async fn flush(&self) {
        // While the database fails there is nothing to wait for.
        if !self.is_failing() {
            let _ = self.flushed().await;
        }
    }

    /// Writes all that is queued and stops the writer.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        self.send(Command::Close(done));
        self.shared.urgent.notify_one();
        let _ = closed.await;
    }

    fn flushed(&self) -> oneshot::Receiver<()> {
        let (done, flushed) = oneshot::channel();
        self.send(Command::Flush(done));
        self.shared.urgent.notify_one();
        flushed
    }

    fn is_failing(&self) -> bool {
        self.shared.failing.load(Ordering::Relaxed)
    }

    /// Sends what `command` makes of the row. `false`: the journal does not have it.
    fn write(&self, row: LedgerRow, command: impl FnOnce(Box<LedgerRow>) -> Command) -> bool {
        let row = Box::new(row);
        let written = self.shared.journal.row(row, |row| self.send(command(row)));
        if let Err(error) = &written {
            tell(error);
        }
        written.is_ok()
    }

    fn send(&self, command: Command) {
        // A closed queue means that the process is ending; there is nobody left to tell.
        let _ = self.commands.send(command);
    }
}

fn tell(error: &std::io::Error) {
    tracing::error!(error = %error, "failed to write the ledger's journal; rows wait for the database");
}

/// The requests that have not ended, by the journal.
pub(crate) fn running(database: &Database) -> Result<HashSet<RequestId>, StorageError> {
    let found = read_journal(database)?;
    let calls = found.calls.iter().map(|(request, _)| request.request_id);
    Ok(calls.collect())
}

fn read_journal(database: &Database) -> Result<journal::Found, StorageError> {
    let stem = database.journal_stem();
    journal::read(stem).map_err(|source| failed(stem, source))
}

fn failed(stem: &Path, source: std::io::Error) -> StorageError {
    StorageError::Journal {
        path: stem.to_owned(),
        source,
    }
}
