//! The one task that writes the ledger. While a group is being committed the next one gathers, so
//! that the group grows with the load and a lone request waits for nobody.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::{LedgerRow, RequestId};
use sqlx::SqlitePool;
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::{Command, OpenRequest, Progress, rows};
use crate::{StorageError, StoredAnswer};

/// The largest group.
const MAX_GROUP: usize = 1024;

/// How many rounds of the scheduler a group gathers for, at most.
const MAX_ROUNDS: usize = 16;

/// A request that ends sooner than this is never noted as open, and is written once.
const NOTE_OPEN_AFTER: Duration = Duration::from_millis(25);

/// How often it is noted what the open requests have used: what a kill can lose of a stream.
const NOTE_PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// How long a group is tried again before those who wait for it are told that it failed. The rows
/// themselves are kept and tried again with every later group.
const GIVE_UP_WAITING_AFTER: Duration = Duration::from_secs(10);

const RETRY_PAUSE: Duration = Duration::from_millis(200);

#[derive(Default)]
struct Group {
    rows: Vec<LedgerRow>,
    waiting: Vec<oneshot::Sender<()>>,
    /// Requests to be noted as open, and how far they had come.
    open: Vec<(OpenRequest, Progress)>,
    /// Noted as open in the database, and further by now.
    moved: Vec<(RequestId, Progress)>,
    /// Noted as open in the database and ended now.
    ended: Vec<RequestId>,
    answers: Vec<StoredAnswer>,
}

impl Group {
    fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.open.is_empty() && self.moved.is_empty()
    }
}

/// A request that the database has as open.
struct Noted {
    progress: Arc<Mutex<Progress>>,
    /// As the database has it.
    written: Progress,
}

fn look(progress: &Mutex<Progress>) -> Progress {
    progress
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

pub(super) async fn run(pool: SqlitePool, mut queue: mpsc::UnboundedReceiver<Command>) {
    let mut commands = Vec::with_capacity(MAX_GROUP);
    let mut group = Group::default();
    // Let in, but not noted in the database yet.
    let mut fresh: HashMap<RequestId, OpenRequest> = HashMap::new();
    let mut noted: HashMap<RequestId, Noted> = HashMap::new();
    let mut note_at: Option<Instant> = None;
    let mut look_again_at: Option<Instant> = None;
    let mut closing: Option<oneshot::Sender<()>> = None;

    loop {
        let tick = async {
            match note_at.into_iter().chain(look_again_at).min() {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let received = tokio::select! {
            biased;
            n = queue.recv_many(&mut commands, MAX_GROUP) => {
                gather(&mut queue, &mut commands).await;
                n
            }
            () = tick => usize::MAX,
        };
        for command in commands.drain(..) {
            match command {
                Command::Open(request) => {
                    fresh.insert(request.request_id, *request);
                    note_at.get_or_insert_with(|| Instant::now() + NOTE_OPEN_AFTER);
                }
                Command::Abandon(row) => {
                    // The row that ends the request has to come, even if the process is killed now.
                    if let Some(request) = fresh.remove(&row.request_id) {
                        let progress = look(&request.progress);
                        group.open.push((request, progress));
                    }
                    group.rows.push(*row);
                }
                Command::Settle(row, answer, done) => {
                    let id = row.request_id;
                    if fresh.remove(&id).is_none() && noted.remove(&id).is_some() {
                        group.ended.push(id);
                    }
                    // Gathered in this group, or left over from one that could not be written.
                    group.open.retain(|(open, _)| open.request_id != id);
                    group.moved.retain(|(open, _)| *open != id);
                    group.rows.push(*row);
                    group.answers.extend(answer.map(|answer| *answer));
                    group.waiting.push(done);
                }
                Command::Close(done) => {
                    closing = Some(done);
                    queue.close();
                }
            }
        }
        // Looked at after every group, since the queue may never be empty.
        let now = Instant::now();
        if note_at.is_some_and(|at| at <= now) {
            group.open.extend(fresh.drain().map(|(_, request)| {
                let progress = look(&request.progress);
                (request, progress)
            }));
        }
        if fresh.is_empty() {
            note_at = None;
        }
        if look_again_at.is_some_and(|at| at <= now) {
            group.moved.extend(noted.iter().filter_map(|(id, noted)| {
                let progress = look(&noted.progress);
                (progress != noted.written).then_some((*id, progress))
            }));
            look_again_at = None;
        }
        if !group.is_empty() {
            commit(&pool, &mut group, &mut noted).await;
        }
        if !noted.is_empty() {
            look_again_at.get_or_insert_with(|| Instant::now() + NOTE_PROGRESS_EVERY);
        }
        if received == 0 {
            break;
        }
    }
    if let Some(done) = closing {
        let _ = done.send(());
    }
}

/// Lets those who are about to settle come along, as long as each round of the scheduler brings more:
/// under load a transaction is shared by many, and a lone request waits for nobody.
async fn gather(queue: &mut mpsc::UnboundedReceiver<Command>, commands: &mut Vec<Command>) {
    for _ in 0..MAX_ROUNDS {
        let before = commands.len();
        tokio::task::yield_now().await;
        while commands.len() < MAX_GROUP
            && let Ok(command) = queue.try_recv()
        {
            commands.push(command);
        }
        if commands.len() == before {
            break;
        }
    }
}

/// Commits the group. On failure it is kept for the next try; only the waiting is given up.
async fn commit(pool: &SqlitePool, group: &mut Group, noted: &mut HashMap<RequestId, Noted>) {
    let deadline = Instant::now() + GIVE_UP_WAITING_AFTER;
    loop {
        match write(pool, group).await {
            Ok(()) => break,
            Err(error) => {
                tracing::error!(error = %error, rows = group.rows.len(), "failed to write the ledger; its rows are kept and tried again");
                if Instant::now() >= deadline {
                    group.waiting.clear();
                    return;
                }
                tokio::time::sleep(RETRY_PAUSE).await;
            }
        }
    }
    for (id, progress) in group.moved.drain(..) {
        if let Some(noted) = noted.get_mut(&id) {
            noted.written = progress;
        }
    }
    noted.extend(group.open.drain(..).map(|(request, written)| {
        let progress = request.progress;
        (request.request_id, Noted { progress, written })
    }));
    group.rows.clear();
    group.ended.clear();
    group.answers.clear();
    for done in group.waiting.drain(..) {
        // The client may have gone; its row is written all the same.
        let _ = done.send(());
    }
}

async fn write(pool: &SqlitePool, group: &Group) -> Result<(), StorageError> {
    let mut transaction = pool.begin().await?;
    rows::insert(&mut transaction, &group.rows).await?;
    rows::add_to_rollups(&mut transaction, &group.rows).await?;
    rows::insert_answers(&mut transaction, &group.answers).await?;
    rows::insert_open(&mut transaction, &group.open).await?;
    rows::update_open(&mut transaction, &group.moved).await?;
    rows::delete_open(&mut transaction, &group.ended).await?;
    transaction.commit().await?;
    Ok(())
}
