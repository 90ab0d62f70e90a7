//! The ledger's writing side: [`Ledger`] takes rows from any task and commits them in groups, so
//! that "durable before done" costs a share of a transaction and not a transaction each. Reading is
//! [`crate::Database`]'s.

mod rows;
mod writer;

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use domain::{BackendId, DeploymentId, Dialect, KeyId, LedgerRow, RequestId, Timestamp, UserId};
use tokio::sync::{mpsc, oneshot};

use crate::{Database, StorageError};

/// A request that was let in, as far as it is known then. Kept only to say, after a crash, that it
/// was interrupted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRequest {
    pub request_id: RequestId,
    pub started_at: Timestamp,
    pub user_id: Option<UserId>,
    pub key_id: Option<KeyId>,
    pub backend_id: Option<BackendId>,
    pub deployment_id: Option<DeploymentId>,
    pub dialect: Dialect,
    pub request_model: String,
    pub upstream_model: String,
    pub stream: bool,
}

enum Command {
    Open(Box<OpenRequest>),
    Settle(Box<LedgerRow>, oneshot::Sender<()>),
    Close(oneshot::Sender<()>),
}

/// The handle to the ledger's one writer. Cheap to clone.
///
/// The queue behind it has no bound of its own, because a settlement must never be dropped and is
/// also sent from `Drop`, where nothing can wait; it is bounded by the requests that are let in,
/// each of which sends two messages at most.
#[derive(Clone, Debug)]
pub struct Ledger {
    commands: mpsc::UnboundedSender<Command>,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Open(_) => "Open",
            Self::Settle(..) => "Settle",
            Self::Close(_) => "Close",
        })
    }
}

/// Resolves when the row is on disk.
#[derive(Debug)]
pub struct Commit(oneshot::Receiver<()>);

/// The row could not be written in time. It stays queued as long as the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ledger cannot be written")]
pub struct NotCommitted;

impl Future for Commit {
    type Output = Result<(), NotCommitted>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(cx)
            .map(|sent| sent.map_err(|_| NotCommitted))
    }
}

impl Ledger {
    /// Starts the writer. First turns what a killed process left open into rows that say
    /// *interrupted*; their number is the second value.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn start(database: &Database) -> Result<(Self, u64), StorageError> {
        let pool = database.ledger_writer_pool().clone();
        let interrupted = rows::interrupt_open_requests(&pool).await?;
        let (commands, queue) = mpsc::unbounded_channel();
        tokio::spawn(writer::run(pool, queue));
        Ok((Self { commands }, interrupted))
    }

    /// Notes that a request was let in. Returns at once.
    pub fn open(&self, request: OpenRequest) {
        // A closed queue means that the process is ending; there is nobody left to tell.
        let _ = self.commands.send(Command::Open(Box::new(request)));
    }

    /// Writes the row of a request that has ended, once. Returns at once; await the [`Commit`] to
    /// know that the row is on disk.
    #[must_use = "the answer's last byte waits for the commit"]
    pub fn settle(&self, row: LedgerRow) -> Commit {
        let (done, commit) = oneshot::channel();
        let _ = self.commands.send(Command::Settle(Box::new(row), done));
        Commit(commit)
    }

    /// Writes all that is queued and stops the writer.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.commands.send(Command::Close(done)).is_ok() {
            let _ = closed.await;
        }
    }
}
