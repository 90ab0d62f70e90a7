//! Virtual keys. Only their hash is stored, so that nothing here can show a key; how the hash is
//! made is in [`crate::KeyHasher`].

use std::collections::HashMap;

use domain::{
    KeyId, Timestamp, UserId, VirtualKey,
    account::{KeyQuery, NewKeyInput},
    page::{Page, PageWindow},
};
use sqlx::{QueryBuilder, Sqlite};

use crate::{Database, StorageError, users::contains_pattern};

macro_rules! columns {
    () => {
        "k.id, k.user_id, k.label, k.prefix, k.last4, k.active, k.disabled_by_admin, k.expires_at, \
         k.requests_per_minute, k.allowed_models, k.created_at, k.last_used_at"
    };
}

/// Where a key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// Made on a dashboard or through the API.
    Admin,
    /// Read from the environment at every start.
    Environment,
}

impl KeySource {
    /// The name used in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Environment => "environment",
        }
    }
}

/// A key to be created.
#[derive(Clone, Debug)]
pub struct NewKey {
    pub user_id: UserId,
    pub label: String,
    /// See [`crate::KeyHasher`].
    pub hash: [u8; 32],
    /// The first characters, for recognising it.
    pub prefix: String,
    /// The last four characters.
    pub last4: String,
    /// `None` never expires.
    pub expires_at: Option<Timestamp>,
    /// 0 means unlimited.
    pub requests_per_minute: u32,
    /// Empty means all.
    pub allowed_models: Vec<String>,
    pub source: KeySource,
}

/// A key with its owner's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedKey {
    pub key: VirtualKey,
    pub owner: String,
    pub owner_active: bool,
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    id: i64,
    user_id: i64,
    label: String,
    prefix: String,
    last4: String,
    active: bool,
    disabled_by_admin: bool,
    expires_at: Option<i64>,
    requests_per_minute: i64,
    allowed_models: String,
    created_at: i64,
    last_used_at: Option<i64>,
}

impl TryFrom<KeyRow> for VirtualKey {
    type Error = StorageError;

    fn try_from(row: KeyRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: KeyId(row.id),
            user_id: UserId(row.user_id),
            label: row.label,
            prefix: row.prefix,
            last4: row.last4,
            active: row.active,
            disabled_by_admin: row.disabled_by_admin,
            expires_at: row.expires_at.map(Timestamp),
            requests_per_minute: u32::try_from(row.requests_per_minute).unwrap_or(u32::MAX),
            allowed_models: models_from_json(&row.allowed_models)?,
            created_at: Timestamp(row.created_at),
            last_used_at: row.last_used_at.map(Timestamp),
        })
    }
}

#[derive(sqlx::FromRow)]
struct OwnedKeyRow {
    #[sqlx(flatten)]
    key: KeyRow,
    owner: String,
    owner_active: bool,
}

impl Database {
    /// # Errors
    /// [`crate::Constraint::KeyHash`] when the key exists, [`crate::Constraint::Reference`] when the
    /// owner does not.
    pub async fn create_key(
        &self,
        new: &NewKey,
        now: Timestamp,
    ) -> Result<VirtualKey, StorageError> {
        sqlx::query_as::<_, KeyRow>(
            "insert into virtual_keys (user_id, label, hash, prefix, last4, expires_at, \
             requests_per_minute, allowed_models, source, created_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             returning id, user_id, label, prefix, last4, active, disabled_by_admin, expires_at, \
             requests_per_minute, allowed_models, created_at, last_used_at",
        )
        .bind(new.user_id.0)
        .bind(&new.label)
        .bind(&new.hash[..])
        .bind(&new.prefix)
        .bind(&new.last4)
        .bind(new.expires_at.map(|t| t.0))
        .bind(i64::from(new.requests_per_minute))
        .bind(models_to_json(&new.allowed_models))
        .bind(new.source.as_str())
        .bind(now.0)
        .fetch_one(self.writer())
        .await?
        .try_into()
    }

    /// The newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_keys(&self, query: &KeyQuery) -> Result<Page<OwnedKey>, StorageError> {
        macro_rules! matching {
            () => {
                " from virtual_keys k join users u on u.id = k.user_id \
                 where ($1 is null or k.user_id = $1) \
                 and (k.label like $2 escape '\\' or u.name like $2 escape '\\' \
                      or k.prefix like $2 escape '\\' or k.last4 like $2 escape '\\')"
            };
        }
        let window = PageWindow::new(query.page, query.per_page);
        let pattern = contains_pattern(&query.search);
        let user_id = query.user_id.map(|id| id.0);
        let total: i64 = sqlx::query_scalar(concat!("select count(*)", matching!()))
            .bind(user_id)
            .bind(&pattern)
            .fetch_one(self.readers())
            .await?;
        let rows = sqlx::query_as::<_, OwnedKeyRow>(concat!(
            "select ",
            columns!(),
            ", u.name as owner, u.active as owner_active",
            matching!(),
            " order by k.id desc limit $3 offset $4"
        ))
        .bind(user_id)
        .bind(&pattern)
        .bind(i64::from(window.per_page))
        .bind(window.offset())
        .fetch_all(self.readers())
        .await?;
        let rows = rows.into_iter().map(|row| {
            Ok(OwnedKey {
                key: row.key.try_into()?,
                owner: row.owner,
                owner_active: row.owner_active,
            })
        });
        Ok(Page {
            rows: rows.collect::<Result<_, StorageError>>()?,
            total: u32::try_from(total).unwrap_or(u32::MAX),
            page: window.page,
            per_page: window.per_page,
        })
    }

    /// # Errors
    /// When the database fails.
    pub async fn find_key(&self, id: KeyId) -> Result<Option<VirtualKey>, StorageError> {
        sqlx::query_as::<_, KeyRow>(concat!(
            "select ",
            columns!(),
            " from virtual_keys k where k.id = $1"
        ))
        .bind(id.0)
        .fetch_optional(self.readers())
        .await?
        .map(VirtualKey::try_from)
        .transpose()
    }

    /// # Errors
    /// When the database fails.
    pub async fn find_key_by_hash(
        &self,
        hash: &[u8; 32],
    ) -> Result<Option<VirtualKey>, StorageError> {
        sqlx::query_as::<_, KeyRow>(concat!(
            "select ",
            columns!(),
            " from virtual_keys k where k.hash = $1"
        ))
        .bind(&hash[..])
        .fetch_optional(self.readers())
        .await?
        .map(VirtualKey::try_from)
        .transpose()
    }

    /// How many keys each of `users` has; who has none is missing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_keys(&self, users: &[UserId]) -> Result<HashMap<UserId, u32>, StorageError> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "select user_id, count(*) from virtual_keys where user_id in (",
        );
        let mut ids = query.separated(", ");
        for user in users {
            ids.push_bind(user.0);
        }
        query.push(") group by user_id");
        let rows: Vec<(i64, i64)> = query.build_query_as().fetch_all(self.readers()).await?;
        Ok(rows
            .into_iter()
            .map(|(user, keys)| (UserId(user), u32::try_from(keys).unwrap_or(u32::MAX)))
            .collect())
    }

    /// Whether there is any key at all.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn any_key(&self) -> Result<bool, StorageError> {
        Ok(
            sqlx::query_scalar("select exists (select 1 from virtual_keys)")
                .fetch_one(self.readers())
                .await?,
        )
    }

    /// Switches a key on or off. `by_admin`: what an admin switches off only an admin switches on
    /// again. `false`: there is no such key, or its owner may not switch it on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_key_active(
        &self,
        id: KeyId,
        active: bool,
        by_admin: bool,
    ) -> Result<bool, StorageError> {
        let sql = if by_admin {
            "update virtual_keys set active = $2, disabled_by_admin = not $2 where id = $1"
        } else {
            "update virtual_keys set active = $2 where id = $1 and not ($2 and disabled_by_admin)"
        };
        let changed = sqlx::query(sql)
            .bind(id.0)
            .bind(active)
            .execute(self.writer())
            .await?;
        Ok(changed.rows_affected() > 0)
    }

    /// `None`: there is no such key.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn update_key(
        &self,
        id: KeyId,
        input: &NewKeyInput,
    ) -> Result<Option<VirtualKey>, StorageError> {
        sqlx::query(
            "update virtual_keys set label = $2, expires_at = $3, requests_per_minute = $4, \
             allowed_models = $5 where id = $1",
        )
        .bind(id.0)
        .bind(&input.label)
        .bind(input.expires_at.map(|t| t.0))
        .bind(i64::from(input.requests_per_minute))
        .bind(models_to_json(&input.allowed_models))
        .execute(self.writer())
        .await?;
        self.find_key(id).await
    }

    /// `false`: there is no such key.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_key(&self, id: KeyId) -> Result<bool, StorageError> {
        let deleted = sqlx::query("delete from virtual_keys where id = $1")
            .bind(id.0)
            .execute(self.writer())
            .await?;
        Ok(deleted.rows_affected() > 0)
    }

    /// Makes the keys of the environment exactly those in `wanted`: others that came from there are
    /// deleted, new ones are created, and one that an admin disabled stays disabled. Returns whether
    /// anything changed.
    ///
    /// # Errors
    /// [`crate::Constraint::KeyHash`] when somebody else has one of these keys.
    pub async fn sync_environment_keys(
        &self,
        wanted: &[NewKey],
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let mut changed = false;
        let mut transaction = self.writer().begin().await?;
        let present: Vec<(i64, Vec<u8>)> =
            sqlx::query_as("select id, hash from virtual_keys where source = $1")
                .bind(KeySource::Environment.as_str())
                .fetch_all(&mut *transaction)
                .await?;
        for (id, hash) in &present {
            if wanted.iter().all(|key| key.hash[..] != hash[..]) {
                sqlx::query("delete from virtual_keys where id = $1")
                    .bind(id)
                    .execute(&mut *transaction)
                    .await?;
                changed = true;
            }
        }
        for key in wanted {
            if present.iter().any(|(_, hash)| key.hash[..] == hash[..]) {
                continue;
            }
            sqlx::query(
                "insert into virtual_keys (user_id, label, hash, prefix, last4, source, created_at) \
                 values ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(key.user_id.0)
            .bind(&key.label)
            .bind(&key.hash[..])
            .bind(&key.prefix)
            .bind(&key.last4)
            .bind(KeySource::Environment.as_str())
            .bind(now.0)
            .execute(&mut *transaction)
            .await?;
            changed = true;
        }
        transaction.commit().await?;
        Ok(changed)
    }

    /// Notes when keys were last used, in one transaction. An earlier time than the stored one
    /// changes nothing, so that batches may arrive in any order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn touch_keys(&self, used: &[(KeyId, Timestamp)]) -> Result<(), StorageError> {
        if used.is_empty() {
            return Ok(());
        }
        let mut transaction = self.writer().begin().await?;
        for (id, at) in used {
            sqlx::query(
                "update virtual_keys set last_used_at = $2 \
                 where id = $1 and coalesce(last_used_at, 0) < $2",
            )
            .bind(id.0)
            .bind(at.0)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

fn models_to_json(models: &[String]) -> String {
    serde_json::Value::from(models).to_string()
}

pub(crate) fn models_from_json(json: &str) -> Result<Vec<String>, StorageError> {
    serde_json::from_str(json).map_err(|_| StorageError::Corrupt {
        what: "list of models",
    })
}
