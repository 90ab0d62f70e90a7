//! The one task that writes the ledger. While a group is being committed the next one gathers, so
//! that the group grows with the load and a lone request waits for nobody.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use domain::{LedgerRow, RequestId};
use sqlx::SqlitePool;
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::{Command, OpenRequest, rows};
use crate::StorageError;

/// The largest group.
const MAX_GROUP: usize = 1024;

/// How many rounds of the scheduler a group gathers for, at most.
const MAX_ROUNDS: usize = 16;

/// A request that ends sooner than this is never noted as open: most do, and are written once.
const NOTE_OPEN_AFTER: Duration = Duration::from_millis(100);

/// How long a group is tried again before those who wait for it are told that it failed. The rows
/// themselves are kept and tried again with every later group.
const GIVE_UP_WAITING_AFTER: Duration = Duration::from_secs(10);

const RETRY_PAUSE: Duration = Duration::from_millis(200);

#[derive(Default)]
struct Group {
    rows: Vec<LedgerRow>,
    waiting: Vec<oneshot::Sender<()>>,
    open: Vec<OpenRequest>,
    /// Noted as open in the database and ended now.
    ended: Vec<RequestId>,
}

pub(super) async fn run(pool: SqlitePool, mut queue: mpsc::UnboundedReceiver<Command>) {
    let mut commands = Vec::with_capacity(MAX_GROUP);
    let mut group = Group::default();
    // Let in, but not noted in the database yet.
    let mut fresh: HashMap<RequestId, OpenRequest> = HashMap::new();
    let mut noted: HashSet<RequestId> = HashSet::new();
    let mut note_at: Option<Instant> = None;
    let mut closing: Option<oneshot::Sender<()>> = None;

    loop {
        let tick = async {
            match note_at {
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
            () = tick => {
                group.open.extend(fresh.drain().map(|(_, request)| request));
                note_at = None;
                usize::MAX
            }
        };
        for command in commands.drain(..) {
            match command {
                Command::Open(request) => {
                    fresh.insert(request.request_id, *request);
                    note_at.get_or_insert_with(|| Instant::now() + NOTE_OPEN_AFTER);
                }
                Command::Settle(row, done) => {
                    if fresh.remove(&row.request_id).is_none() && noted.remove(&row.request_id) {
                        group.ended.push(row.request_id);
                    }
                    // Left over from a group that could not be written.
                    group.open.retain(|open| open.request_id != row.request_id);
                    group.rows.push(*row);
                    group.waiting.push(done);
                }
                Command::Close(done) => {
                    closing = Some(done);
                    queue.close();
                }
            }
        }
        if fresh.is_empty() {
            note_at = None;
        }
        if !(group.rows.is_empty() && group.open.is_empty()) {
            commit(&pool, &mut group, &mut noted).await;
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
async fn commit(pool: &SqlitePool, group: &mut Group, noted: &mut HashSet<RequestId>) {
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
    noted.extend(group.open.iter().map(|request| request.request_id));
    group.rows.clear();
    group.open.clear();
    group.ended.clear();
    for done in group.waiting.drain(..) {
        // The client may have gone; its row is written all the same.
        let _ = done.send(());
    }
}

async fn write(pool: &SqlitePool, group: &Group) -> Result<(), StorageError> {
    let mut transaction = pool.begin().await?;
    rows::insert(&mut transaction, &group.rows).await?;
    rows::add_to_rollups(&mut transaction, &group.rows).await?;
    rows::insert_open(&mut transaction, &group.open).await?;
    rows::delete_open(&mut transaction, &group.ended).await?;
    transaction.commit().await?;
    Ok(())
}
