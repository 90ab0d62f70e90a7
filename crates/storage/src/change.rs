//! Several statements as one change: all of it is stored, with its row of the audit log, or nothing. What
//! runs inside uses [`ChangeInProgress::database`], which looks like any other database. Whoever begins a
//! change waits for its turn as for any other write, and holds the turn to the end.

use std::fmt;

use sqlx::{Sqlite, pool::PoolConnection, sqlite::SqlitePool};
use sqlx_core::{sql_str::SqlSafeStr as _, transaction::TransactionManager};

use crate::{Database, StorageError};

type Transactions = <Sqlite as sqlx::Database>::TransactionManager;

/// A change that has begun. Dropped, it is undone.
pub struct ChangeInProgress {
    database: Database,
    changes: SqlitePool,
    /// The writer's only connection, so that nobody else writes meanwhile.
    turn: Option<PoolConnection<Sqlite>>,
}

impl Database {
    /// Begins a change. Nothing outside of it may be waited for that writes accounts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_change(&self) -> Result<ChangeInProgress, StorageError> {
        let turn = self.writer().acquire().await?;
        let changes = self.changes().clone();
        let mut connection = changes.acquire().await?;
        // At once for writing: a transaction that reads first can find that it may not write any more.
        let begin = "begin immediate".into_sql_str();
        Transactions::begin(&mut connection, Some(begin)).await?;
        Ok(ChangeInProgress {
            database: self.inside_change(),
            changes,
            turn: Some(turn),
        })
    }
}

impl ChangeInProgress {
    /// The database as the change sees it.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Stores what was done.
    ///
    /// # Errors
    /// When the database fails; then nothing is stored.
    pub async fn commit(mut self) -> Result<(), StorageError> {
        let mut connection = self.changes.acquire().await?;
        Transactions::commit(&mut connection).await?;
        drop(connection);
        self.turn = None;
        Ok(())
    }
}

impl Drop for ChangeInProgress {
    fn drop(&mut self) {
        let Some(turn) = self.turn.take() else { return };
        let changes = self.changes.clone();
        tokio::spawn(async move {
            let undone = async {
                let mut connection = changes.acquire().await?;
                while Transactions::get_transaction_depth(&connection) > 0 {
                    Transactions::rollback(&mut connection).await?;
                }
                Ok::<_, sqlx::Error>(())
            };
            if let Err(error) = undone.await {
                tracing::error!(error = %error, "a change could not be undone");
            }
            drop(turn);
        });
    }
}

impl fmt::Debug for ChangeInProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeInProgress").finish_non_exhaustive()
    }
}
