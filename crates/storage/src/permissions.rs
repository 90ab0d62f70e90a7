//! Which backends a user's keys may use.

use domain::{BackendId, Timestamp, UserId, permission::Permission};

use crate::{Database, StorageError};

type Row = (i64, i64, i64, i64);

const fn permission((id, user, backend, created_at): Row) -> Permission {
    Permission {
        id,
        user_id: UserId(user),
        backend_id: BackendId(backend),
        created_at: Timestamp(created_at),
    }
}

impl Database {
    /// All of them, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn permissions(&self) -> Result<Vec<Permission>, StorageError> {
        let rows: Vec<Row> = sqlx::query_as(
            "select id, user_id, backend_id, created_at from permissions order by id",
        )
        .fetch_all(self.readers())
        .await?;
        Ok(rows.into_iter().map(permission).collect())
    }

    /// Lets a user's keys use a backend; one that is there already is given back.
    ///
    /// # Errors
    /// [`crate::Constraint::Reference`] when there is no such user or backend.
    pub async fn grant_permission(
        &self,
        user: UserId,
        backend: BackendId,
        now: Timestamp,
    ) -> Result<Permission, StorageError> {
        let row: Row = sqlx::query_as(
            "insert into permissions (user_id, backend_id, created_at) values ($1, $2, $3) \
             on conflict (user_id, backend_id) do update set user_id = excluded.user_id \
             returning id, user_id, backend_id, created_at",
        )
        .bind(user.0)
        .bind(backend.0)
        .bind(now.0)
        .fetch_one(self.writer())
        .await?;
        Ok(permission(row))
    }

    /// `false`: there was none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_permission(
        &self,
        user: UserId,
        backend: BackendId,
    ) -> Result<bool, StorageError> {
        let done = sqlx::query("delete from permissions where user_id = $1 and backend_id = $2")
            .bind(user.0)
            .bind(backend.0)
            .execute(self.writer())
            .await?;
        Ok(done.rows_affected() > 0)
    }
}
