//! The ledger's writing side: [`Ledger`] takes rows from any task and commits them in groups, so
//! that "durable before done" costs a share of a transaction and not a transaction each. Reading is
//! [`crate::Database`]'s.

mod rows;
mod writer;

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use domain::{
    BackendId, DeploymentId, Dialect, KeyId, LedgerRow, NanoUsd, PriceId, RequestId, TeamId,
    Timestamp, TokenUsage, UserId,
};
use tokio::sync::{mpsc, oneshot};

use crate::{Database, StorageError, StoredAnswer};

/// A request that was let in. Kept only to say, should the process be killed, that it was interrupted
/// and what it had used by then.
#[derive(Clone, Debug)]
pub struct OpenRequest {
    pub request_id: RequestId,
    pub started_at: Timestamp,
    pub user_id: Option<UserId>,
    pub team_id: Option<TeamId>,
    pub key_id: Option<KeyId>,
    pub dialect: Dialect,
    pub request_model: String,
    pub stream: bool,
    /// Shared with whoever runs the request; looked at when the request is noted, and from time to
    /// time after that.
    pub progress: Arc<Mutex<Progress>>,
}

/// How far a request has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub backend_id: Option<BackendId>,
    pub deployment_id: Option<DeploymentId>,
    pub upstream_model: String,
    pub price_id: Option<PriceId>,
    pub attempts: u32,
    /// Of the call that is running.
    pub tokens: TokenUsage,
    /// Of the call that is running; `None`: unpriced.
    pub cost: Option<NanoUsd>,
}

enum Command {
    Open(Box<OpenRequest>),
    Abandon(Box<LedgerRow>),
    Settle(
        Box<LedgerRow>,
        Option<Box<StoredAnswer>>,
        oneshot::Sender<()>,
    ),
    Close(oneshot::Sender<()>),
}

/// The handle to the ledger's one writer. Cheap to clone.
///
/// The queue behind it has no bound of its own, because a settlement must never be dropped and is
/// also sent from `Drop`, where nothing can wait; it is bounded by the requests that are let in,
/// each of which sends one message for each of its upstream calls and two besides.
#[derive(Clone, Debug)]
pub struct Ledger {
    commands: mpsc::UnboundedSender<Command>,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Open(_) => "Open",
            Self::Abandon(_) => "Abandon",
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

    /// Writes the row of an upstream call that failed after it may have been billed; its request goes
    /// on. Returns at once.
    pub fn abandon(&self, row: LedgerRow) {
        let _ = self.commands.send(Command::Abandon(Box::new(row)));
    }

    /// Writes the row of a request that has ended, once, and with it the answer, if it is to be given
    /// again. Returns at once; await the [`Commit`] to know that the row is on disk.
    #[must_use = "the answer's last byte waits for the commit"]
    pub fn settle(&self, row: LedgerRow, answer: Option<Box<StoredAnswer>>) -> Commit {
        let (done, commit) = oneshot::channel();
        let _ = self
            .commands
            .send(Command::Settle(Box::new(row), answer, done));
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
