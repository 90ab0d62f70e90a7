//! The price history of deployments. What is configured (by the built-in catalogue, the environment or
//! the file) and what an admin sets are two lines: the admin's comes first until it is withdrawn.
//! Rows are never changed, because rows of the ledger were computed by them.

use std::collections::HashMap;

use domain::{
    DeploymentId, Price, PriceId, Timestamp,
    pricing::{DatedPrice, PriceSchedule},
};
use sqlx::SqliteConnection;

use crate::{Database, StorageError};

/// Where a price comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriceSource {
    /// The table in the binary.
    Catalogue,
    /// A variable of the environment.
    Environment,
    /// The configuration file.
    File,
    /// An admin, on a dashboard or by the API.
    Admin,
}

impl PriceSource {
    /// The name used in the database and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Catalogue => "catalogue",
            Self::Environment => "environment",
            Self::File => "file",
            Self::Admin => "admin",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Catalogue, Self::Environment, Self::File, Self::Admin]
            .into_iter()
            .find(|source| source.as_str() == text)
    }
}

/// A price that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredPrice {
    pub source: PriceSource,
    /// `None`: from when on it is configured.
    pub effective_from: Option<Timestamp>,
    pub price: Price,
}

/// A row of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceRecord {
    pub id: PriceId,
    pub source: PriceSource,
    pub effective_from: Timestamp,
    /// `None`: what an admin had set was withdrawn.
    pub price: Option<Price>,
}

#[derive(sqlx::FromRow)]
struct PriceRow {
    id: i64,
    source: String,
    effective_from: i64,
    price: Option<String>,
}

impl TryFrom<PriceRow> for PriceRecord {
    type Error = StorageError;

    fn try_from(row: PriceRow) -> Result<Self, StorageError> {
        let corrupt = |what| StorageError::Corrupt { what };
        let price = row.price.map(|json| serde_json::from_str(&json));
        Ok(Self {
            id: PriceId(row.id),
            source: PriceSource::parse(&row.source).ok_or(corrupt("price source"))?,
            effective_from: Timestamp(row.effective_from),
            price: price.transpose().map_err(|_| corrupt("price"))?,
        })
    }
}

impl Database {
    /// Every price of every deployment that has one, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn price_histories(
        &self,
    ) -> Result<HashMap<DeploymentId, Vec<PriceRecord>>, StorageError> {
        let mut connection = self.readers().acquire().await?;
        let mut histories = histories(&mut connection).await?;
        for history in histories.values_mut() {
            history.reverse();
        }
        Ok(histories)
    }

    /// Sets a price that comes before what is configured, from `effective_from` on.
    ///
    /// # Errors
    /// [`crate::Constraint::Reference`] when there is no such deployment.
    pub async fn set_price(
        &self,
        deployment: DeploymentId,
        price: &Price,
        effective_from: Timestamp,
        now: Timestamp,
    ) -> Result<PriceId, StorageError> {
        let mut connection = self.writer().acquire().await?;
        let admin = PriceSource::Admin;
        insert(
            &mut connection,
            deployment,
            admin,
            effective_from,
            Some(price),
            now,
        )
        .await
    }

    /// Goes back to what is configured; prices that were to hold later are forgotten too. `false`:
    /// no admin has set a price.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn withdraw_price(
        &self,
        deployment: DeploymentId,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let mut transaction = self.writer().begin().await?;
        let admins: Vec<PriceRecord> = history(&mut transaction, deployment)
            .await?
            .into_iter()
            .filter(|record| record.source == PriceSource::Admin)
            .collect();
        if admins.last().is_none_or(|record| record.price.is_none()) {
            return Ok(false);
        }
        // What has not begun was never used for a row.
        sqlx::query("delete from prices where deployment_id = $1 and source = 'admin' and effective_from > $2")
            .bind(deployment.0)
            .bind(now.0)
            .execute(&mut *transaction)
            .await?;
        insert(
            &mut transaction,
            deployment,
            PriceSource::Admin,
            now,
            None,
            now,
        )
        .await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// Notes what is configured and says which price holds when, from `now` on.
pub(crate) async fn sync(
    connection: &mut SqliteConnection,
    deployment: DeploymentId,
    configured: &[ConfiguredPrice],
    now: Timestamp,
) -> Result<PriceSchedule, StorageError> {
    let records = history(&mut *connection, deployment).await?;
    let (admin, known): (Vec<PriceRecord>, Vec<PriceRecord>) = records
        .into_iter()
        .partition(|record| record.source == PriceSource::Admin);
    let mut base = Vec::with_capacity(configured.len());
    for wanted in configured {
        let same = |record: &&PriceRecord| {
            record.source == wanted.source && record.price.as_ref() == Some(&wanted.price)
        };
        let found = match wanted.effective_from {
            Some(from) => known
                .iter()
                .find(|record| same(record) && record.effective_from == from),
            // The newest is the one that holds: a price that comes back is a new row.
            None => known.last().filter(same),
        };
        let (id, effective_from) = match found {
            Some(record) => (record.id, record.effective_from),
            None => {
                let newest = known.last().map_or(0, |record| record.effective_from.0);
                // Even where the clock was set back, the newest row must be the one that holds.
                let first_seen = Timestamp(now.0.max(newest.saturating_add(1)));
                let from = wanted.effective_from.unwrap_or(first_seen);
                let source = wanted.source;
                let price = Some(&wanted.price);
                let id = insert(&mut *connection, deployment, source, from, price, now).await?;
                (id, from)
            }
        };
        base.push(DatedPrice {
            id,
            effective_from,
            price: wanted.price.clone(),
        });
    }
    Ok(schedule(base, &admin, now))
}

/// What an admin has set, before what is configured.
fn schedule(base: Vec<DatedPrice>, admin: &[PriceRecord], now: Timestamp) -> PriceSchedule {
    let dated = |record: &PriceRecord| {
        Some(DatedPrice {
            id: record.id,
            effective_from: record.effective_from,
            price: record.price.clone()?,
        })
    };
    let (begun, coming): (Vec<&PriceRecord>, Vec<&PriceRecord>) = admin
        .iter()
        .partition(|record| record.effective_from <= now);
    let first_coming = coming.first().map(|record| record.effective_from);
    let mut prices = match begun.last().and_then(|record| dated(record)) {
        Some(set) => vec![set],
        None => base
            .into_iter()
            .filter(|dated| first_coming.is_none_or(|from| dated.effective_from < from))
            .collect(),
    };
    prices.extend(coming.into_iter().filter_map(dated));
    PriceSchedule::new(prices)
}

/// The oldest first.
#[derive(sqlx::FromRow)]
struct RowOfDeployment {
    deployment_id: i64,
    #[sqlx(flatten)]
    price: PriceRow,
}

/// Every price of every deployment that has one, the oldest first.
pub(crate) async fn histories(
    connection: &mut SqliteConnection,
) -> Result<HashMap<DeploymentId, Vec<PriceRecord>>, StorageError> {
    let rows: Vec<RowOfDeployment> = sqlx::query_as(
        "select deployment_id, id, source, effective_from, price from prices \
         order by effective_from, id",
    )
    .fetch_all(connection)
    .await?;
    let mut histories: HashMap<DeploymentId, Vec<PriceRecord>> = HashMap::new();
    for row in rows {
        let history = histories
            .entry(DeploymentId(row.deployment_id))
            .or_default();
        history.push(row.price.try_into()?);
    }
    Ok(histories)
}

async fn history(
    connection: &mut SqliteConnection,
    deployment: DeploymentId,
) -> Result<Vec<PriceRecord>, StorageError> {
    let rows: Vec<PriceRow> = sqlx::query_as(
        "select id, source, effective_from, price from prices where deployment_id = $1 \
         order by effective_from, id",
    )
    .bind(deployment.0)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(PriceRecord::try_from).collect()
}

async fn insert(
    connection: &mut SqliteConnection,
    deployment: DeploymentId,
    source: PriceSource,
    effective_from: Timestamp,
    price: Option<&Price>,
    now: Timestamp,
) -> Result<PriceId, StorageError> {
    let json = price.map(serde_json::to_string).transpose();
    let json = json.map_err(|_| StorageError::Corrupt { what: "price" })?;
    let id = sqlx::query_scalar(
        "insert into prices (deployment_id, source, effective_from, price, created_at) \
         values ($1, $2, $3, $4, $5) returning id",
    )
    .bind(deployment.0)
    .bind(source.as_str())
    .bind(effective_from.0)
    .bind(json)
    .bind(now.0)
    .fetch_one(connection)
    .await
    .map_err(StorageError::from)?;
    Ok(PriceId(id))
}

#[cfg(test)]
mod tests {
    use domain::{NanoUsd, pricing::Rates};

    use super::*;

    fn price(input: i64) -> Price {
        Rates {
            input: NanoUsd(input),
            ..Rates::default()
        }
        .into()
    }

    fn base(id: i64, from: i64) -> DatedPrice {
        DatedPrice {
            id: PriceId(id),
            effective_from: Timestamp(from),
            price: price(id),
        }
    }

    fn admin(id: i64, from: i64, set: bool) -> PriceRecord {
        PriceRecord {
            id: PriceId(id),
            source: PriceSource::Admin,
            effective_from: Timestamp(from),
            price: set.then(|| price(id)),
        }
    }

    #[test]
    fn an_admins_price_comes_first_until_it_is_withdrawn() {
        let configured = || vec![base(1, 0), base(2, 300)];
        let holds = |admins: &[PriceRecord], at| {
            let schedule = schedule(configured(), admins, Timestamp(200));
            schedule.at(Timestamp(at)).map(|dated| dated.id.0)
        };
        assert_eq!(holds(&[], 200), Some(1));
        assert_eq!(holds(&[], 300), Some(2));
        assert_eq!(holds(&[admin(9, 100, true)], 200), Some(9));
        assert_eq!(holds(&[admin(9, 100, true)], 300), Some(9));
        let withdrawn = [admin(9, 100, true), admin(10, 150, false)];
        assert_eq!(holds(&withdrawn, 200), Some(1));
        assert_eq!(holds(&withdrawn, 300), Some(2));
        let later = [admin(9, 250, true)];
        assert_eq!(holds(&later, 249), Some(1));
        assert_eq!(holds(&later, 250), Some(9));
        assert_eq!(holds(&later, 300), Some(9));
    }
}
