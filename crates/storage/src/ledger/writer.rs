//! The one task that writes the ledger's database. What it is sent is in the journal already, so it
//! lets a group gather for some milliseconds and commits it on nobody's time; at once only where
//! somebody waits for the database itself.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use domain::{LedgerRow, RequestId};
use sqlx::SqlitePool;
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::{Command, OpenRequest, Progress, Shared, journal, rows};
use crate::{StorageError, StoredAnswer, Synchronous, minutes, timings};

/// How long a group gathers while nobody waits for it.
const GATHER_FOR: Duration = Duration::from_millis(20);

/// Rows that are committed at once, roughly; more are a further group.
const MAX_GROUP: usize = 2048;

/// How many rounds of the scheduler a group that is waited for gathers, at most.
const MAX_ROUNDS: usize = 16;

/// How often it is noted what the open requests have used: what a kill can lose of a stream.
const NOTE_PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// How long a group is tried again before those who wait for it are told that it failed. The rows
/// themselves are kept and tried again with every later group.
const GIVE_UP_WAITING_AFTER: Duration = Duration::from_secs(10);

const RETRY_PAUSE: Duration = Duration::from_millis(200);

struct Writer {
    pool: SqlitePool,
    queue: mpsc::UnboundedReceiver<Command>,
    shared: Arc<Shared>,
    synchronous: Synchronous,
    rows: Vec<LedgerRow>,
    answers: Vec<StoredAnswer>,
    waiting: Vec<oneshot::Sender<()>>,
    /// Let in and not ended, with how far they had come when they were last noted here.
    open: HashMap<RequestId, (Arc<OpenRequest>, Option<Progress>)>,
    /// Files of the journal whose rows are all here or in the database.
    old_files: Vec<PathBuf>,
    closing: Option<oneshot::Sender<()>>,
}

pub(super) async fn run(
    pool: SqlitePool,
    queue: mpsc::UnboundedReceiver<Command>,
    shared: Arc<Shared>,
    synchronous: Synchronous,
) {
    let writer = Writer {
        pool,
        queue,
        shared,
        synchronous,
        rows: Vec::new(),
        answers: Vec::new(),
        waiting: Vec::new(),
        open: HashMap::new(),
        old_files: Vec::new(),
        closing: None,
    };
    writer.run().await;
}

impl Writer {
    async fn run(mut self) {
        let mut note_at: Option<Instant> = None;
        loop {
            let note = async {
                match note_at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let received = tokio::select! {
                command = self.queue.recv() => Some(command),
                () = note => None,
            };
            let ended = matches!(received, Some(None));
            if let Some(Some(command)) = received {
                self.take(command);
                self.gather().await;
            }
            if !self.rows.is_empty() || !self.waiting.is_empty() {
                self.commit().await;
            }
            if self.shared.journal.is_full() {
                self.succeed_journal().await;
            }
            let now = Instant::now();
            if note_at.is_some_and(|at| at <= now) {
                self.note_progress();
                note_at = None;
            }
            if !self.open.is_empty() {
                note_at.get_or_insert(now + NOTE_PROGRESS_EVERY);
            }
            if ended {
                break;
            }
        }
        if self.open.is_empty() && self.rows.is_empty() {
            self.shared.journal.end();
        }
        if let Some(done) = self.closing {
            let _ = done.send(());
        }
    }

    fn take(&mut self, command: Command) {
        match command {
            Command::Open(request) => {
                self.open.insert(request.request_id, (request, None));
            }
            Command::Abandon(row) => self.rows.push(*row),
            Command::Settle(row, answer) => {
                self.open.remove(&row.request_id);
                self.rows.push(*row);
                self.answers.extend(answer.map(|answer| *answer));
            }
            Command::Flush(done) => self.waiting.push(done),
            Command::Close(done) => {
                self.closing = Some(done);
                self.queue.close();
            }
        }
    }

    /// Takes what is in the queue, up to the size of a group.
    fn take_queued(&mut self) {
        while self.rows.len() < MAX_GROUP
            && let Ok(command) = self.queue.try_recv()
        {
            self.take(command);
        }
    }

    /// Lets a group gather, until somebody waits for it. Then those who are about to settle still come
    /// along, as long as each round of the scheduler brings more: a transaction is shared by many, and
    /// a lone request waits for nobody.
    async fn gather(&mut self) {
        self.take_queued();
        if self.waiting.is_empty() && self.closing.is_none() {
            // The queue is left alone meanwhile, so that nobody who sends has to wake this task.
            tokio::select! {
                () = tokio::time::sleep(GATHER_FOR) => {}
                () = self.shared.urgent.notified() => {}
            }
            self.take_queued();
        }
        if self.waiting.is_empty() {
            return;
        }
        for _ in 0..MAX_ROUNDS {
            let before = self.rows.len();
            tokio::task::yield_now().await;
            self.take_queued();
            if self.rows.len() == before {
                break;
            }
        }
    }

    /// Commits the group. On failure it is kept for the next try; only the waiting is given up.
    async fn commit(&mut self) {
        let deadline = Instant::now() + GIVE_UP_WAITING_AFTER;
        while let Err(error) = self.write().await {
            self.shared.failing.store(true, Ordering::Relaxed);
            tracing::error!(error = %error, rows = self.rows.len(), "failed to write the ledger; its rows are kept and tried again");
            if Instant::now() >= deadline {
                self.waiting.clear();
                return;
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
        self.shared.failing.store(false, Ordering::Relaxed);
        self.rows.clear();
        self.answers.clear();
        for file in self.old_files.drain(..) {
            journal::remove(&file);
        }
        for done in self.waiting.drain(..) {
            // The client may have gone; its row is written all the same.
            let _ = done.send(());
        }
    }

    async fn write(&self) -> Result<(), StorageError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut transaction = self.pool.begin().await?;
        rows::insert(&mut transaction, &self.rows).await?;
        rows::add_to_rollups(&mut transaction, &self.rows).await?;
        minutes::add(&mut transaction, &self.rows).await?;
        timings::add(&mut transaction, &self.rows).await?;
        rows::insert_answers(&mut transaction, &self.answers).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Notes how far the open requests have come, those that moved since the last time.
    fn note_progress(&mut self) {
        for (request, noted) in self.open.values_mut() {
            let progress = request.progress();
            // Before its first call a request has cost nothing, and nothing is known of it.
            if progress.attempts > 0 && noted.as_ref() != Some(&*progress) {
                if let Err(error) = self.shared.journal.call(request, &progress) {
                    super::tell(&error);
                    return;
                }
                *noted = Some(progress.clone());
            }
        }
        if self.synchronous == Synchronous::Full {
            let shared = Arc::clone(&self.shared);
            tokio::task::spawn_blocking(move || {
                if let Err(error) = shared.journal.sync() {
                    super::tell(&error);
                }
            });
        }
    }

    /// Begins the next file of the journal and removes the old one.
    async fn succeed_journal(&mut self) {
        match self.shared.journal.succeed() {
            Ok(old) => self.old_files.push(old),
            Err(error) => return super::tell(&error),
        }
        // What stands in the old file is in the queue by now, or was; running calls go to the new one.
        while let Ok(command) = self.queue.try_recv() {
            self.take(command);
        }
        for (_, noted) in self.open.values_mut() {
            *noted = None;
        }
        self.note_progress();
        self.commit().await;
    }
}
