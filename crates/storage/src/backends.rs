//! Backends and their deployments, as the configuration has them. Rows are never deleted,
//! because the ledger names them; what is no longer configured becomes inactive. No credential is
//! stored here.

use domain::{BackendId, DeploymentId, Timestamp, pricing::PriceSchedule};
use sqlx::SqliteConnection;

use crate::{
    Database, StorageError,
    prices::{self, ConfiguredPrice},
};

/// A backend of the configuration.
#[derive(Clone, Debug)]
pub struct BackendRecord {
    pub name: String,
    pub kind: String,
    pub base_url: Option<String>,
    pub deployments: Vec<DeploymentRecord>,
}

/// A model that a backend serves.
#[derive(Clone, Debug)]
pub struct DeploymentRecord {
    /// As it is sent upstream.
    pub model: String,
    /// Empty: no price is known. Prices that were known before stay in the history.
    pub prices: Vec<ConfiguredPrice>,
}

/// Where a backend of the configuration is found in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncedBackend {
    pub id: BackendId,
    pub name: String,
    /// In the order of the configuration.
    pub deployments: Vec<SyncedDeployment>,
}

/// Where a model of a backend is found in the database, and what it costs when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncedDeployment {
    pub id: DeploymentId,
    pub model: String,
    pub prices: PriceSchedule,
}

/// A deployment in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownDeployment {
    pub id: DeploymentId,
    pub backend: String,
    /// As it is sent upstream.
    pub model: String,
    /// It is configured or was found at the last look.
    pub active: bool,
}

impl Database {
    /// Makes the database agree with the configuration, in one transaction. The answer is in the
    /// order of `backends`.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    pub async fn sync_backends(
        &self,
        backends: &[BackendRecord],
        now: Timestamp,
    ) -> Result<Vec<SyncedBackend>, StorageError> {
        let mut transaction = self.writer().begin().await?;
        for statement in [
            "update deployments set active = 0",
            "update backends set active = 0",
        ] {
            sqlx::query(statement).execute(&mut *transaction).await?;
        }
        let mut synced = Vec::with_capacity(backends.len());
        for backend in backends {
            let id = upsert_backend(&mut transaction, backend, now).await?;
            let mut deployments = Vec::with_capacity(backend.deployments.len());
            for DeploymentRecord { model, prices } in &backend.deployments {
                deployments
                    .push(upsert_deployment(&mut transaction, id, model, prices, now).await?);
            }
            synced.push(SyncedBackend {
                id,
                name: backend.name.clone(),
                deployments,
            });
        }
        transaction.commit().await?;
        Ok(synced)
    }

    /// Adds a model that a backend turned out to serve, or finds it.
    ///
    /// # Errors
    /// [`crate::Constraint::Reference`] when there is no such backend.
    pub async fn ensure_deployment(
        &self,
        backend: BackendId,
        model: &str,
        prices: &[ConfiguredPrice],
        now: Timestamp,
    ) -> Result<SyncedDeployment, StorageError> {
        let mut transaction = self.writer().begin().await?;
        let synced = upsert_deployment(&mut transaction, backend, model, prices, now).await?;
        transaction.commit().await?;
        Ok(synced)
    }

    /// Every deployment that there is or was, by backend and model.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn deployments(&self) -> Result<Vec<KnownDeployment>, StorageError> {
        let rows: Vec<(i64, String, String, bool)> = sqlx::query_as(
            "select d.id, b.name, d.model, d.active and b.active from deployments d \
             join backends b on b.id = d.backend_id order by b.name, d.model",
        )
        .fetch_all(self.readers())
        .await?;
        let known = rows
            .into_iter()
            .map(|(id, backend, model, active)| KnownDeployment {
                id: DeploymentId(id),
                backend,
                model,
                active,
            });
        Ok(known.collect())
    }
}

async fn upsert_backend(
    connection: &mut SqliteConnection,
    backend: &BackendRecord,
    now: Timestamp,
) -> Result<BackendId, StorageError> {
    let id = sqlx::query_scalar(
        "insert into backends (name, kind, base_url, active, created_at, updated_at) \
         values ($1, $2, $3, 1, $4, $4) on conflict (name) do update set kind = excluded.kind, \
         base_url = excluded.base_url, active = 1, updated_at = excluded.updated_at returning id",
    )
    .bind(&backend.name)
    .bind(&backend.kind)
    .bind(&backend.base_url)
    .bind(now.0)
    .fetch_one(connection)
    .await?;
    Ok(BackendId(id))
}

/// Gives a backend that is configured here a row that can be referred to, or another name. A row of that name
/// that there was before, of a backend that is gone, is taken over.
pub(crate) async fn name_backend(
    connection: &mut SqliteConnection,
    before: Option<&str>,
    name: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    if let Some(before) = before {
        let renamed = sqlx::query(
            "update backends set name = $2, updated_at = $3 where name = $1 \
             and not exists (select 1 from backends where name = $2)",
        )
        .bind(before)
        .bind(name)
        .bind(now.0)
        .execute(&mut *connection)
        .await?;
        if renamed.rows_affected() > 0 {
            return Ok(());
        }
    }
    sqlx::query(
        "insert into backends (name, kind, base_url, active, created_at, updated_at) \
         values ($1, '', null, 0, $2, $2) on conflict (name) do nothing",
    )
    .bind(name)
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

async fn upsert_deployment(
    connection: &mut SqliteConnection,
    backend: BackendId,
    model: &str,
    prices: &[ConfiguredPrice],
    now: Timestamp,
) -> Result<SyncedDeployment, StorageError> {
    let id: i64 = sqlx::query_scalar(
        "insert into deployments (backend_id, model, active, created_at) values ($1, $2, 1, $3) \
         on conflict (backend_id, model) do update set active = 1 returning id",
    )
    .bind(backend.0)
    .bind(model)
    .bind(now.0)
    .fetch_one(&mut *connection)
    .await?;
    let id = DeploymentId(id);
    Ok(SyncedDeployment {
        id,
        model: model.to_owned(),
        prices: prices::sync(connection, id, prices, now).await?,
    })
}
