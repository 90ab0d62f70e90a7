//! The handle that everybody holds, and which engine is behind it. The engine is a private enum:
//! a second database is a second variant with migrations of its own, and no caller changes.

use sqlx::SqlitePool;

use crate::{StorageError, sqlite::Sqlite};

/// When SQLite waits for the disk. Either way a killed process loses nothing; the difference is
/// what a power failure may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// A power failure may undo the last transactions. The file stays intact.
    #[default]
    Normal,
    /// Every commit waits for the disk.
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
        Ok(Self { engine })
    }

    /// Opens a database that is there for reading, also while a router is using it. Nothing is brought
    /// up to date.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened.
    pub async fn open_read_only(options: &DatabaseOptions) -> Result<Self, StorageError> {
        let engine = Engine::Sqlite(Sqlite::open_read_only(options).await?);
        Ok(Self { engine })
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

    /// Connections that read both files; the ledger's tables are in the schema `ledger`.
    pub(crate) fn readers(&self) -> &SqlitePool {
        match &self.engine {
            Engine::Sqlite(sqlite) => &sqlite.readers,
        }
    }
}
