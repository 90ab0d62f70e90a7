//! The handle that everybody holds, and which engine is behind it. The engine is a private enum:
//! a second database is a second variant with migrations of its own, and no caller changes.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use sqlx::SqlitePool;

use crate::{StorageError, ledger::Ledger, sqlite::Sqlite};

/// When SQLite waits for the disk. Either way a killed process loses nothing; the difference is
/// what a power failure may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// A power failure may undo what happened in the last half minute. The files stay intact.
    #[default]
    Normal,
    /// Every commit waits for the disk, and the end of each request for its commit.
    Full,
}

/// Which database to open, and how.
#[derive(Clone, Debug)]
pub struct DatabaseOptions {
    /// `sqlite://` and a path; the ledger's file is beside it: `x.db` and `x-ledger.db`.
    pub url: String,
    pub synchronous: Synchronous,
    /// Connections for reading; at least 1.
    pub readers: u32,
}

/// The database. Cheap to clone; all clones share their connections.
#[derive(Clone, Debug)]
pub struct Database {
    engine: Engine,
    /// Has rows on their way, which those who read the ledger wait for.
    ledger: Arc<Mutex<Option<Ledger>>>,
}

#[derive(Clone, Debug)]
enum Engine {
    Sqlite(Sqlite),
}

impl Database {
    /// Opens the database, creates it where there is none, and brings it up to date.
    ///
    /// # Errors
    /// When the address is not understood, the file cannot be created or opened, or a migration
    /// fails.
    pub async fn open(options: &DatabaseOptions) -> Result<Self, StorageError> {
        let engine = Engine::Sqlite(Sqlite::open(options).await?);
        Ok(Self::new(engine))
    }

    /// Opens a database that is there for reading, also while a router is using it. Nothing is brought
    /// up to date.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened.
    pub async fn open_read_only(options: &DatabaseOptions) -> Result<Self, StorageError> {
        let engine = Engine::Sqlite(Sqlite::open_read_only(options).await?);
        Ok(Self::new(engine))
    }

    fn new(engine: Engine) -> Self {
        Self {
            engine,
            ledger: Arc::default(),
        }
    }

    /// Waits for running statements and closes every connection.
    pub async fn close(&self) {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.close().await,
        }
    }

    /// The one connection that writes accounts, backends and sessions.
    pub(crate) fn writer(&self) -> &SqlitePool {
        match &self.engine {
            Engine::Sqlite(sqlite) => &sqlite.writer,
        }
    }

    /// The one connection that writes the ledger.
    pub(crate) fn ledger_writer_pool(&self) -> &SqlitePool {
        match &self.engine {
            Engine::Sqlite(sqlite) => &sqlite.ledger_writer,
        }
    }

    /// Where the ledger's journal is: this and a number.
    pub(crate) fn journal_stem(&self) -> &Path {
        match &self.engine {
            Engine::Sqlite(sqlite) => &sqlite.journal_stem,
        }
    }

    pub(crate) fn synchronous(&self) -> Synchronous {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.synchronous,
        }
    }

    /// From now on whoever reads the ledger reads what `ledger` was sent before.
    pub(crate) fn read_after(&self, ledger: Ledger) {
        *self.ledger.lock().unwrap_or_else(PoisonError::into_inner) = Some(ledger);
    }

    /// Readers of both files that see every row that was settled before.
    pub(crate) async fn ledger_readers(&self) -> &SqlitePool {
        if let Some(ledger) = self.ledger() {
            ledger.flush().await;
        }
        match &self.engine {
            Engine::Sqlite(sqlite) => &sqlite.ledger_readers,
        }
    }

    /// The same database for what happens inside a change: everything written and read of accounts goes
    /// through the change's own connection.
    pub(crate) fn inside_change(&self) -> Self {
        let mut inside = self.clone();
        match &mut inside.engine {
            Engine::Sqlite(sqlite) => {
                sqlite.writer = sqlite.changes.clone();
                sqlite.readers = sqlite.changes.clone();
            }
        }
        inside
    }

    /// The connection that a change runs on, while it holds the writer's.
    pub(crate) fn changes(&self) -> &SqlitePool {
        match &self.engine {
            Engine::Sqlite(sqlite) => &sqlite.changes,
        }
    }

    fn ledger(&self) -> Option<Ledger> {
        let ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.clone()
    }

    /// Connections that read both files; the ledger's tables are in the schema `ledger`.
    pub(crate) fn readers(&self) -> &SqlitePool {
        match &self.engine {
            Engine::Sqlite(sqlite) => &sqlite.readers,
        }
    }
}
