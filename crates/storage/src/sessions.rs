//! Sessions of the dashboards, as opaque text under an opaque id. What is in them, and that they
//! implement a web framework's trait, is the server's business.

use domain::Timestamp;

use crate::{Database, StorageError};

/// A stored session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    pub data: String,
    pub expires_at: Timestamp,
}

impl Database {
    /// `false`: there is a session of that id, which stays as it is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn create_session(
        &self,
        id: &str,
        data: &str,
        expires_at: Timestamp,
    ) -> Result<bool, StorageError> {
        let inserted = sqlx::query(
            "insert into sessions (id, data, expires_at) values ($1, $2, $3) \
             on conflict (id) do nothing",
        )
        .bind(id)
        .bind(data)
        .bind(expires_at.0)
        .execute(self.writer())
        .await?;
        Ok(inserted.rows_affected() > 0)
    }

    /// Replaces a session. One that is gone, because somebody has ended it, stays gone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn save_session(
        &self,
        id: &str,
        data: &str,
        expires_at: Timestamp,
    ) -> Result<(), StorageError> {
        sqlx::query("update sessions set data = $2, expires_at = $3 where id = $1")
            .bind(id)
            .bind(data)
            .bind(expires_at.0)
            .execute(self.writer())
            .await?;
        Ok(())
    }

    /// The session, unless it has expired.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn load_session(
        &self,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<SessionRecord>, StorageError> {
        let row: Option<(String, i64)> = sqlx::query_as(
            "select data, expires_at from sessions where id = $1 and expires_at > $2",
        )
        .bind(id)
        .bind(now.0)
        .fetch_optional(self.readers())
        .await?;
        Ok(row.map(|(data, expires_at)| SessionRecord {
            data,
            expires_at: Timestamp(expires_at),
        }))
    }

    /// # Errors
    /// When the database fails.
    pub async fn delete_session(&self, id: &str) -> Result<(), StorageError> {
        sqlx::query("delete from sessions where id = $1")
            .bind(id)
            .execute(self.writer())
            .await?;
        Ok(())
    }

    /// Deletes the sessions that have expired and says how many they were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_expired_sessions(&self, now: Timestamp) -> Result<u64, StorageError> {
        let deleted = sqlx::query("delete from sessions where expires_at <= $1")
            .bind(now.0)
            .execute(self.writer())
            .await?;
        Ok(deleted.rows_affected())
    }
}
