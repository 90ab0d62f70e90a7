//! Backends, their deployments and prices, as the configuration has them. Rows are never deleted,
//! because the ledger names them; what is no longer configured becomes inactive. No credential is
//! stored here.

use domain::{BackendId, DeploymentId, NanoUsd, Price, Timestamp};
use sqlx::SqliteConnection;

use crate::{Database, StorageError};

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
    /// `None`: no price is known. Prices that were known before stay in the history.
    pub price: Option<Price>,
}

/// Where a backend of the configuration is found in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncedBackend {
    pub id: BackendId,
    pub name: String,
    /// Each model with its deployment, in the order of the configuration.
    pub deployments: Vec<(String, DeploymentId)>,
}

/// A price and when it began to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceRecord {
    pub effective_from: Timestamp,
    pub price: Price,
}

#[derive(sqlx::FromRow)]
struct PriceRow {
    effective_from: i64,
    input_nano: i64,
    cache_read_nano: i64,
    cache_write_5m_nano: i64,
    cache_write_1h_nano: i64,
    output_nano: i64,
}

impl From<PriceRow> for PriceRecord {
    fn from(row: PriceRow) -> Self {
        Self {
            effective_from: Timestamp(row.effective_from),
            price: Price {
                input: NanoUsd(row.input_nano),
                cache_read: NanoUsd(row.cache_read_nano),
                cache_write_5m: NanoUsd(row.cache_write_5m_nano),
                cache_write_1h: NanoUsd(row.cache_write_1h_nano),
                output: NanoUsd(row.output_nano),
            },
        }
    }
}

macro_rules! newest_prices_first {
    () => {
        "select effective_from, input_nano, cache_read_nano, cache_write_5m_nano, \
         cache_write_1h_nano, output_nano from prices where deployment_id = $1 \
         order by effective_from desc"
    };
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
            for DeploymentRecord { model, price } in &backend.deployments {
                let id = upsert_deployment(&mut transaction, id, model, *price, now).await?;
                deployments.push((model.clone(), id));
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
        price: Option<Price>,
        now: Timestamp,
    ) -> Result<DeploymentId, StorageError> {
        let mut transaction = self.writer().begin().await?;
        let id = upsert_deployment(&mut transaction, backend, model, price, now).await?;
        transaction.commit().await?;
        Ok(id)
    }

    /// Every price of a deployment, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn price_history(
        &self,
        deployment: DeploymentId,
    ) -> Result<Vec<PriceRecord>, StorageError> {
        let rows: Vec<PriceRow> = sqlx::query_as(newest_prices_first!())
            .bind(deployment.0)
            .fetch_all(self.readers())
            .await?;
        Ok(rows.into_iter().map(PriceRecord::from).collect())
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

async fn upsert_deployment(
    connection: &mut SqliteConnection,
    backend: BackendId,
    model: &str,
    price: Option<Price>,
    now: Timestamp,
) -> Result<DeploymentId, StorageError> {
    let id: i64 = sqlx::query_scalar(
        "insert into deployments (backend_id, model, active, created_at) values ($1, $2, 1, $3) \
         on conflict (backend_id, model) do update set active = 1 returning id",
    )
    .bind(backend.0)
    .bind(model)
    .bind(now.0)
    .fetch_one(&mut *connection)
    .await?;
    if let Some(price) = price {
        note_price(connection, id, price, now).await?;
    }
    Ok(DeploymentId(id))
}

/// Begins a new row of the price history, if the price is not the one that holds already.
async fn note_price(
    connection: &mut SqliteConnection,
    deployment: i64,
    price: Price,
    now: Timestamp,
) -> Result<(), StorageError> {
    let newest = sqlx::query_as::<_, PriceRow>(concat!(newest_prices_first!(), " limit 1"))
        .bind(deployment)
        .fetch_optional(&mut *connection)
        .await?
        .map(PriceRecord::from);
    let effective_from = match newest {
        Some(newest) if newest.price == price => return Ok(()),
        // Even where the clock was set back, the newest row must be the one that holds.
        Some(newest) => now.0.max(newest.effective_from.0.saturating_add(1)),
        None => now.0,
    };
    sqlx::query(
        "insert into prices (deployment_id, effective_from, input_nano, cache_read_nano, \
         cache_write_5m_nano, cache_write_1h_nano, output_nano) \
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(deployment)
    .bind(effective_from)
    .bind(price.input.0)
    .bind(price.cache_read.0)
    .bind(price.cache_write_5m.0)
    .bind(price.cache_write_1h.0)
    .bind(price.output.0)
    .execute(connection)
    .await?;
    Ok(())
}
