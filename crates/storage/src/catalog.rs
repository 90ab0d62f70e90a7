//! What the data plane keeps in memory about accounts, read in one go. It is the whole of it: the
//! proxied path never asks the database who a key belongs to.

use std::collections::HashMap;

use domain::{
    BudgetLimits, BudgetScope, KeyId, KeyOwner, NanoUsd, RateLimits, TeamId, Timestamp, UserId,
    account::KeyAccess, budget::BudgetPeriod,
};

use crate::{
    Database, StorageError,
    keys::owner,
    terms::{AccessRow, TermsRow, list_from_json, terms_columns},
};

/// Users, teams, keys and resets of one moment.
#[derive(Clone, Debug, Default)]
pub struct CatalogRows {
    /// Users and teams.
    pub owners: Vec<CatalogOwner>,
    pub keys: Vec<CatalogKey>,
    /// Older secrets of rotated keys, and until when they work.
    pub retiring: Vec<([u8; 32], KeyId, Timestamp)>,
    /// What resets forgave, as whose, kind of period, start of that period, amount: for each budget
    /// and kind, of the latest period in which there was any. It counts only while the present
    /// period is that one.
    pub resets: Vec<(BudgetScope, BudgetPeriod, Timestamp, NanoUsd)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogOwner {
    pub id: KeyOwner,
    pub name: String,
    /// Of users who have one.
    pub email: Option<String>,
    pub active: bool,
    pub budget: BudgetLimits,
    pub limits: RateLimits,
    /// Names of the backends that a user was permitted to use; empty: nothing was said. Teams have none.
    pub backends: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogKey {
    pub id: KeyId,
    pub owner: KeyOwner,
    pub label: String,
    /// See [`crate::KeyHasher`].
    pub hash: [u8; 32],
    pub active: bool,
    pub revoked: bool,
    pub expires_at: Option<Timestamp>,
    pub budget: BudgetLimits,
    pub limits: RateLimits,
    pub access: KeyAccess,
    pub tags: Vec<String>,
}

#[derive(sqlx::FromRow)]
struct OwnerRow {
    id: i64,
    name: String,
    email: Option<String>,
    active: bool,
    #[sqlx(flatten)]
    terms: TermsRow,
}

impl OwnerRow {
    fn owner(self, id: fn(i64) -> KeyOwner) -> CatalogOwner {
        CatalogOwner {
            id: id(self.id),
            name: self.name,
            email: self.email,
            active: self.active,
            budget: self.terms.budget(),
            limits: self.terms.limits(),
            backends: Vec::new(),
        }
    }
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    id: i64,
    user_id: Option<i64>,
    team_id: Option<i64>,
    label: String,
    hash: Vec<u8>,
    active: bool,
    revoked: bool,
    expires_at: Option<i64>,
    #[sqlx(flatten)]
    terms: TermsRow,
    #[sqlx(flatten)]
    access: AccessRow,
    tags: String,
}

#[derive(sqlx::FromRow)]
struct ResetRow {
    scope: String,
    scope_id: i64,
    period: String,
    period_start: i64,
    forgiven_nano: i64,
}

fn hash(bytes: Vec<u8>) -> Result<[u8; 32], StorageError> {
    bytes
        .try_into()
        .map_err(|_| StorageError::Corrupt { what: "key hash" })
}

impl TryFrom<KeyRow> for CatalogKey {
    type Error = StorageError;

    fn try_from(row: KeyRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: KeyId(row.id),
            owner: owner(row.user_id, row.team_id)?,
            label: row.label,
            hash: hash(row.hash)?,
            active: row.active,
            revoked: row.revoked,
            expires_at: row.expires_at.map(Timestamp),
            budget: row.terms.budget(),
            limits: row.terms.limits(),
            access: row.access.try_into()?,
            tags: list_from_json(&row.tags)?,
        })
    }
}

impl TryFrom<ResetRow> for (BudgetScope, BudgetPeriod, Timestamp, NanoUsd) {
    type Error = StorageError;

    fn try_from(row: ResetRow) -> Result<Self, StorageError> {
        let corrupt = |what| StorageError::Corrupt { what };
        Ok((
            BudgetScope::parse(&row.scope, row.scope_id).ok_or(corrupt("budget scope"))?,
            BudgetPeriod::parse(&row.period).ok_or(corrupt("budget period"))?,
            Timestamp(row.period_start),
            NanoUsd(row.forgiven_nano),
        ))
    }
}

impl Database {
    /// # Errors
    /// When the database fails.
    pub async fn catalog_rows(&self) -> Result<CatalogRows, StorageError> {
        // One transaction, so that no key refers to an owner who came after the list of owners.
        let mut snapshot = self.readers().begin().await?;
        let users: Vec<OwnerRow> = sqlx::query_as(concat!(
            "select id, name, email, active, ",
            terms_columns!("users"),
            " from users"
        ))
        .fetch_all(&mut *snapshot)
        .await?;
        let teams: Vec<OwnerRow> = sqlx::query_as(concat!(
            "select id, name, null as email, active, ",
            terms_columns!("teams"),
            " from teams"
        ))
        .fetch_all(&mut *snapshot)
        .await?;
        let keys: Vec<KeyRow> = sqlx::query_as(concat!(
            "select id, user_id, team_id, label, hash, active, revoked_at is not null as revoked, \
             expires_at, allowed_models, allowed_backends, allowed_addresses, tags, ",
            terms_columns!("virtual_keys"),
            " from virtual_keys"
        ))
        .fetch_all(&mut *snapshot)
        .await?;
        let retiring: Vec<(Vec<u8>, i64, i64)> =
            sqlx::query_as("select hash, key_id, valid_until from retiring_secrets")
                .fetch_all(&mut *snapshot)
                .await?;
        let resets: Vec<ResetRow> = sqlx::query_as(
            "select scope, scope_id, period, period_start, sum(forgiven_nano) as forgiven_nano \
             from budget_resets r where period_start = (select max(latest.period_start) \
             from budget_resets latest where latest.scope = r.scope \
             and latest.scope_id = r.scope_id and latest.period = r.period) \
             group by scope, scope_id, period, period_start",
        )
        .fetch_all(&mut *snapshot)
        .await?;
        let permitted: Vec<(i64, String)> = sqlx::query_as(
            "select p.user_id, b.name from permissions p join backends b on b.id = p.backend_id",
        )
        .fetch_all(&mut *snapshot)
        .await?;
        snapshot.commit().await?;
        let mut backends: HashMap<i64, Vec<String>> = HashMap::new();
        for (user, backend) in permitted {
            backends.entry(user).or_default().push(backend);
        }
        let users = users.into_iter().map(|row| CatalogOwner {
            backends: backends.remove(&row.id).unwrap_or_default(),
            ..row.owner(|id| KeyOwner::User(UserId(id)))
        });
        let teams = teams
            .into_iter()
            .map(|row| row.owner(|id| KeyOwner::Team(TeamId(id))));
        Ok(CatalogRows {
            owners: users.chain(teams).collect(),
            keys: keys
                .into_iter()
                .map(CatalogKey::try_from)
                .collect::<Result<_, _>>()?,
            retiring: retiring
                .into_iter()
                .map(|(bytes, key, until)| Ok((hash(bytes)?, KeyId(key), Timestamp(until))))
                .collect::<Result<_, StorageError>>()?,
            resets: resets
                .into_iter()
                .map(TryFrom::try_from)
                .collect::<Result<_, _>>()?,
        })
    }
}
