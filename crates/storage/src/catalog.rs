//! What the data plane keeps in memory about accounts, read in one go. It is the whole of it: the
//! proxied path never asks the database who a key belongs to.

use domain::{BudgetLimits, KeyId, NanoUsd, Timestamp, UserId, budget::BudgetPeriod};

use crate::{Database, StorageError, keys::models_from_json};

/// Users, keys and resets of one moment.
#[derive(Clone, Debug, Default)]
pub struct CatalogRows {
    pub users: Vec<CatalogUser>,
    pub keys: Vec<CatalogKey>,
    /// What resets forgave, as user, kind of period, start of that period, amount: for each user
    /// and kind, of the latest period in which there was any. It counts only while the present
    /// period is that one.
    pub resets: Vec<(UserId, BudgetPeriod, Timestamp, NanoUsd)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogUser {
    pub id: UserId,
    pub name: String,
    pub active: bool,
    pub budget: BudgetLimits,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogKey {
    pub id: KeyId,
    pub user_id: UserId,
    /// See [`crate::KeyHasher`].
    pub hash: [u8; 32],
    pub active: bool,
    pub expires_at: Option<Timestamp>,
    /// 0 means unlimited.
    pub requests_per_minute: u32,
    /// Empty means all.
    pub allowed_models: Vec<String>,
}

#[derive(sqlx::FromRow)]
struct UserRow {
    id: i64,
    name: String,
    active: bool,
    daily_budget_nano: i64,
    monthly_budget_nano: i64,
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    id: i64,
    user_id: i64,
    hash: Vec<u8>,
    active: bool,
    expires_at: Option<i64>,
    requests_per_minute: i64,
    allowed_models: String,
}

#[derive(sqlx::FromRow)]
struct ResetRow {
    user_id: i64,
    period: String,
    period_start: i64,
    forgiven_nano: i64,
}

impl From<UserRow> for CatalogUser {
    fn from(row: UserRow) -> Self {
        Self {
            id: UserId(row.id),
            name: row.name,
            active: row.active,
            budget: BudgetLimits {
                daily: NanoUsd(row.daily_budget_nano),
                monthly: NanoUsd(row.monthly_budget_nano),
            },
        }
    }
}

impl TryFrom<KeyRow> for CatalogKey {
    type Error = StorageError;

    fn try_from(row: KeyRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: KeyId(row.id),
            user_id: UserId(row.user_id),
            hash: row
                .hash
                .try_into()
                .map_err(|_| StorageError::Corrupt { what: "key hash" })?,
            active: row.active,
            expires_at: row.expires_at.map(Timestamp),
            requests_per_minute: u32::try_from(row.requests_per_minute).unwrap_or(u32::MAX),
            allowed_models: models_from_json(&row.allowed_models)?,
        })
    }
}

impl TryFrom<ResetRow> for (UserId, BudgetPeriod, Timestamp, NanoUsd) {
    type Error = StorageError;

    fn try_from(row: ResetRow) -> Result<Self, StorageError> {
        let period = BudgetPeriod::parse(&row.period).ok_or(StorageError::Corrupt {
            what: "budget period",
        })?;
        Ok((
            UserId(row.user_id),
            period,
            Timestamp(row.period_start),
            NanoUsd(row.forgiven_nano),
        ))
    }
}

impl Database {
    /// # Errors
    /// When the database fails.
    pub async fn catalog_rows(&self) -> Result<CatalogRows, StorageError> {
        // One transaction, so that no key refers to a user who came after the list of users.
        let mut snapshot = self.readers().begin().await?;
        let users: Vec<UserRow> = sqlx::query_as(
            "select id, name, active, daily_budget_nano, monthly_budget_nano from users",
        )
        .fetch_all(&mut *snapshot)
        .await?;
        let keys: Vec<KeyRow> = sqlx::query_as(
            "select id, user_id, hash, active, expires_at, requests_per_minute, allowed_models \
             from virtual_keys",
        )
        .fetch_all(&mut *snapshot)
        .await?;
        let resets: Vec<ResetRow> = sqlx::query_as(
            "select user_id, period, period_start, sum(forgiven_nano) as forgiven_nano \
             from budget_resets r where period_start = (select max(latest.period_start) \
             from budget_resets latest where latest.user_id = r.user_id \
             and latest.period = r.period) group by user_id, period, period_start",
        )
        .fetch_all(&mut *snapshot)
        .await?;
        snapshot.commit().await?;
        Ok(CatalogRows {
            users: users.into_iter().map(CatalogUser::from).collect(),
            keys: keys
                .into_iter()
                .map(CatalogKey::try_from)
                .collect::<Result<_, _>>()?,
            resets: resets
                .into_iter()
                .map(TryFrom::try_from)
                .collect::<Result<_, _>>()?,
        })
    }
}
