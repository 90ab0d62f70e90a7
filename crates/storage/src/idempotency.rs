//! Answers that are kept for clients who send the same request again under the same
//! `Idempotency-Key`. Written by the ledger's writer in the transaction that writes the request's
//! row, so that what was billed is answered again and not billed again; read here.

use domain::{KeyId, RequestId, Timestamp};

use crate::{Database, StorageError};

/// An answer that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// `None`: the master key.
    pub key_id: Option<KeyId>,
    pub idempotency_key: String,
    /// SHA-256 of what was asked.
    pub fingerprint: [u8; 32],
    pub created_at: Timestamp,
    pub request_id: RequestId,
    pub status: u16,
    /// Those for the client, as a JSON object.
    pub headers: String,
    /// `None`: it was too large to be kept.
    pub body: Option<Vec<u8>>,
}

#[derive(sqlx::FromRow)]
struct AnswerRow {
    fingerprint: Vec<u8>,
    created_at: i64,
    request_id: Vec<u8>,
    status: i64,
    headers: String,
    body: Option<Vec<u8>>,
}

impl Database {
    /// The answer to the request that was made with this key since `since`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn idempotent_answer(
        &self,
        key: Option<KeyId>,
        idempotency_key: &str,
        since: Timestamp,
    ) -> Result<Option<StoredAnswer>, StorageError> {
        let row = sqlx::query_as::<_, AnswerRow>(
            "select fingerprint, created_at, request_id, status, headers, body \
             from ledger.idempotent_answers \
             where key_id = $1 and idempotency_key = $2 and created_at > $3",
        )
        .bind(key.map_or(0, |id| id.0))
        .bind(idempotency_key)
        .bind(since.0)
        .fetch_optional(self.readers())
        .await?;
        let corrupt = || StorageError::Corrupt {
            what: "stored answer",
        };
        row.map(|row| {
            let id: [u8; 16] = row.request_id.try_into().map_err(|_| corrupt())?;
            Ok(StoredAnswer {
                key_id: key,
                idempotency_key: idempotency_key.to_owned(),
                fingerprint: row.fingerprint.try_into().map_err(|_| corrupt())?,
                created_at: Timestamp(row.created_at),
                request_id: RequestId(u128::from_be_bytes(id)),
                status: u16::try_from(row.status).map_err(|_| corrupt())?,
                headers: row.headers,
                body: row.body,
            })
        })
        .transpose()
    }

    /// Forgets the answers that are older than `before`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prune_idempotent_answers(&self, before: Timestamp) -> Result<u64, StorageError> {
        let pruned = sqlx::query("delete from idempotent_answers where created_at <= $1")
            .bind(before.0)
            .execute(self.ledger_writer_pool())
            .await?;
        Ok(pruned.rows_affected())
    }
}
