//! Virtual keys. Only hashes of their secrets are stored, so that nothing here can show a key; how the
//! hash is made is in [`crate::KeyHasher`]. A rotated key keeps its older secrets until their time.

use std::collections::HashMap;

use domain::{
    BudgetLimits, KeyId, KeyOwner, RateLimits, TeamId, Timestamp, UserId, VirtualKey,
    account::{KeyQuery, NewKeyInput, RetiringSecret, UNUSED_DAYS},
    page::{Page, PageWindow},
};
use sqlx::{QueryBuilder, Sqlite};

use crate::{
    Database, StorageError,
    terms::{AccessRow, TermsRow, list_from_json, list_to_json, terms_columns, tokens_column},
    users::contains_pattern,
};

const DAY_MS: i64 = 86_400_000;

macro_rules! columns {
    () => {
        concat!(
            "k.id, k.user_id, k.team_id, k.label, k.prefix, k.last4, k.active, \
             k.disabled_by_admin, k.revoked_at, k.expires_at, k.allowed_models, \
             k.allowed_backends, k.allowed_addresses, k.tags, k.created_at, k.last_used_at, \
             r.prefix as retiring_prefix, r.last4 as retiring_last4, r.valid_until, ",
            terms_columns!("k")
        )
    };
}

/// Keys with the older secret of each that goes on working longest.
macro_rules! keys_with_retiring {
    () => {
        "virtual_keys k left join retiring_secrets r on r.hash = (select latest.hash from \
         retiring_secrets latest where latest.key_id = k.id order by latest.valid_until desc limit 1)"
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

/// The secret of a key, as far as it is stored.
#[derive(Clone, Debug)]
pub struct KeySecret {
    /// See [`crate::KeyHasher`].
    pub hash: [u8; 32],
    /// The first characters, for recognising it.
    pub prefix: String,
    /// The last four characters.
    pub last4: String,
}

/// A key to be created.
#[derive(Clone, Debug)]
pub struct NewKey {
    pub owner: KeyOwner,
    pub secret: KeySecret,
    pub chosen: NewKeyInput,
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
    user_id: Option<i64>,
    team_id: Option<i64>,
    label: String,
    prefix: String,
    last4: String,
    active: bool,
    disabled_by_admin: bool,
    revoked_at: Option<i64>,
    expires_at: Option<i64>,
    #[sqlx(flatten)]
    terms: TermsRow,
    #[sqlx(flatten)]
    access: AccessRow,
    tags: String,
    created_at: i64,
    last_used_at: Option<i64>,
    retiring_prefix: Option<String>,
    retiring_last4: Option<String>,
    valid_until: Option<i64>,
}

impl TryFrom<KeyRow> for VirtualKey {
    type Error = StorageError;

    fn try_from(row: KeyRow) -> Result<Self, StorageError> {
        let retiring = match (row.retiring_prefix, row.retiring_last4, row.valid_until) {
            (Some(prefix), Some(last4), Some(until)) => Some(RetiringSecret {
                prefix,
                last4,
                valid_until: Timestamp(until),
            }),
            _ => None,
        };
        Ok(Self {
            id: KeyId(row.id),
            owner: owner(row.user_id, row.team_id)?,
            label: row.label,
            prefix: row.prefix,
            last4: row.last4,
            active: row.active,
            disabled_by_admin: row.disabled_by_admin,
            revoked_at: row.revoked_at.map(Timestamp),
            expires_at: row.expires_at.map(Timestamp),
            budget: row.terms.budget(),
            limits: row.terms.limits(),
            access: row.access.try_into()?,
            tags: list_from_json(&row.tags)?,
            created_at: Timestamp(row.created_at),
            last_used_at: row.last_used_at.map(Timestamp),
            retiring,
        })
    }
}

/// A key belongs to a user or to a team; the table sees to it that it is one of the two.
pub(crate) fn owner(user: Option<i64>, team: Option<i64>) -> Result<KeyOwner, StorageError> {
    match (user, team) {
        (Some(id), None) => Ok(KeyOwner::User(UserId(id))),
        (None, Some(id)) => Ok(KeyOwner::Team(TeamId(id))),
        _ => Err(StorageError::Corrupt { what: "key owner" }),
    }
}

const fn owner_columns(owner: KeyOwner) -> (Option<i64>, Option<i64>) {
    match owner {
        KeyOwner::User(UserId(id)) => (Some(id), None),
        KeyOwner::Team(TeamId(id)) => (None, Some(id)),
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
        let id = insert(self.writer(), new, now).await?;
        self.find_key(id).await?.ok_or(StorageError::Conflict {
            what: crate::Constraint::Reference,
        })
    }

    /// `now` decides which keys have expired and which are unused.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_keys(
        &self,
        query: &KeyQuery,
        now: Timestamp,
    ) -> Result<Page<OwnedKey>, StorageError> {
        macro_rules! matching {
            () => {
                concat!(
                    " from ",
                    keys_with_retiring!(),
                    " left join users u on u.id = k.user_id left join teams t on t.id = k.team_id \
                     where ($1 is null or k.user_id = $1) and ($2 is null or k.team_id = $2) \
                     and (k.label like $3 escape '\\' or k.tags like $3 escape '\\' \
                          or coalesce(u.name, t.name) like $3 escape '\\' \
                          or k.prefix like $3 escape '\\' or k.last4 like $3 escape '\\') \
                     and ($4 is null or k.id = $4) \
                     and case $5 \
                     when 'active' then k.active and k.revoked_at is null \
                          and (k.expires_at is null or k.expires_at > $6) \
                     when 'disabled' then not k.active and k.revoked_at is null \
                     when 'expired' then k.active and k.revoked_at is null \
                          and k.expires_at <= $6 \
                     when 'revoked' then k.revoked_at is not null \
                     when 'unused' then k.revoked_at is null \
                          and coalesce(k.last_used_at, k.created_at) <= $7 \
                     else true end"
                )
            };
        }
        let window = PageWindow::new(query.page, query.per_page);
        let pattern = contains_pattern(&query.search);
        let (user_id, team_id) = (query.user_id.map(|id| id.0), query.team_id.map(|id| id.0));
        let key_id = query.key_id.map(|id| id.0);
        let unused_since = now.0.saturating_sub(UNUSED_DAYS * DAY_MS);
        let total: i64 = sqlx::query_scalar(concat!("select count(*)", matching!()))
            .bind(user_id)
            .bind(team_id)
            .bind(&pattern)
            .bind(key_id)
            .bind(query.filter.as_str())
            .bind(now.0)
            .bind(unused_since)
            .fetch_one(self.readers())
            .await?;
        let rows = sqlx::query_as::<_, OwnedKeyRow>(concat!(
            "select ",
            columns!(),
            ", coalesce(u.name, t.name) as owner, coalesce(u.active, t.active) as owner_active",
            matching!(),
            " order by case $8 when 'label' then k.label \
              when 'owner' then coalesce(u.name, t.name) end collate nocase, \
              case $8 when 'last-used' then -coalesce(k.last_used_at, 0) \
              when 'expiry' then coalesce(k.expires_at, 9223372036854775807) end, \
              k.id desc limit $9 offset $10"
        ))
        .bind(user_id)
        .bind(team_id)
        .bind(&pattern)
        .bind(key_id)
        .bind(query.filter.as_str())
        .bind(now.0)
        .bind(unused_since)
        .bind(query.sort.as_str())
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
            " from ",
            keys_with_retiring!(),
            " where k.id = $1"
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
            " from ",
            keys_with_retiring!(),
            " where k.hash = $1"
        ))
        .bind(&hash[..])
        .fetch_optional(self.readers())
        .await?
        .map(VirtualKey::try_from)
        .transpose()
    }

    /// Where the key comes from; `None`: there is no such key.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn key_source(&self, id: KeyId) -> Result<Option<KeySource>, StorageError> {
        let source: Option<String> =
            sqlx::query_scalar("select source from virtual_keys where id = $1")
                .bind(id.0)
                .fetch_optional(self.readers())
                .await?;
        Ok(source.map(|source| match source.as_str() {
            "environment" => KeySource::Environment,
            _ => KeySource::Admin,
        }))
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
    /// again. `false`: there is no such key, it was revoked, or its owner may not switch it on.
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
            "update virtual_keys set active = $2, disabled_by_admin = not $2 \
             where id = $1 and revoked_at is null"
        } else {
            "update virtual_keys set active = $2 \
             where id = $1 and revoked_at is null and not ($2 and disabled_by_admin)"
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
        let NewKeyInput {
            label,
            expires_at,
            limits,
            budget,
            access,
            tags,
        } = input;
        sqlx::query(
            "update virtual_keys set label = $2, expires_at = $3, requests_per_minute = $4, \
             tokens_per_minute = $5, parallel = $6, daily_budget_nano = $7, \
             monthly_budget_nano = $8, soft_daily_nano = $9, soft_monthly_nano = $10, \
             allowed_models = $11, allowed_backends = $12, allowed_addresses = $13, tags = $14 \
             where id = $1",
        )
        .bind(id.0)
        .bind(label)
        .bind(expires_at.map(|t| t.0))
        .bind(i64::from(limits.requests_per_minute))
        .bind(tokens_column(limits))
        .bind(i64::from(limits.parallel))
        .bind(budget.daily.0)
        .bind(budget.monthly.0)
        .bind(budget.soft_daily.0)
        .bind(budget.soft_monthly.0)
        .bind(list_to_json(&access.models))
        .bind(list_to_json(&access.backends))
        .bind(list_to_json(&access.addresses))
        .bind(list_to_json(tags))
        .execute(self.writer())
        .await?;
        self.find_key(id).await
    }

    /// Gives the key a new secret; the present one goes on working until `overlap_until`, and not at
    /// all if that is not later than `now`. `None`: there is no such key, or it was revoked.
    ///
    /// # Errors
    /// [`crate::Constraint::KeyHash`] when the new secret is a key already.
    pub async fn rotate_key(
        &self,
        id: KeyId,
        secret: &KeySecret,
        overlap_until: Timestamp,
        now: Timestamp,
    ) -> Result<Option<VirtualKey>, StorageError> {
        let mut transaction = self.writer().begin().await?;
        sqlx::query("delete from retiring_secrets where valid_until <= $1")
            .bind(now.0)
            .execute(&mut *transaction)
            .await?;
        if overlap_until > now {
            sqlx::query(
                "insert into retiring_secrets (hash, key_id, prefix, last4, valid_until) \
                 select hash, id, prefix, last4, $2 from virtual_keys \
                 where id = $1 and revoked_at is null",
            )
            .bind(id.0)
            .bind(overlap_until.0)
            .execute(&mut *transaction)
            .await?;
        }
        let rotated = sqlx::query(
            "update virtual_keys set hash = $2, prefix = $3, last4 = $4 \
             where id = $1 and revoked_at is null",
        )
        .bind(id.0)
        .bind(&secret.hash[..])
        .bind(&secret.prefix)
        .bind(&secret.last4)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        if rotated.rows_affected() == 0 {
            return Ok(None);
        }
        self.find_key(id).await
    }

    /// Ends the key for good, with all its secrets. `false`: there is no such key, or it was revoked
    /// before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_key(&self, id: KeyId, now: Timestamp) -> Result<bool, StorageError> {
        let revoked = sqlx::query(
            "update virtual_keys set active = 0, revoked_at = $2 \
             where id = $1 and revoked_at is null",
        )
        .bind(id.0)
        .bind(now.0)
        .execute(self.writer())
        .await?;
        Ok(revoked.rows_affected() > 0)
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
            if wanted.iter().all(|key| key.secret.hash[..] != hash[..]) {
                sqlx::query("delete from virtual_keys where id = $1")
                    .bind(id)
                    .execute(&mut *transaction)
                    .await?;
                changed = true;
            }
        }
        for key in wanted {
            if present
                .iter()
                .any(|(_, hash)| key.secret.hash[..] == hash[..])
            {
                continue;
            }
            insert(&mut *transaction, key, now).await?;
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

async fn insert<'c, E>(executor: E, new: &NewKey, now: Timestamp) -> Result<KeyId, StorageError>
where
    E: sqlx::Executor<'c, Database = Sqlite>,
{
    let (user_id, team_id) = owner_columns(new.owner);
    let NewKeyInput {
        label,
        expires_at,
        limits:
            RateLimits {
                requests_per_minute,
                parallel,
                ..
            },
        budget:
            BudgetLimits {
                daily,
                monthly,
                soft_daily,
                soft_monthly,
            },
        access,
        tags,
    } = &new.chosen;
    let id = sqlx::query_scalar(
        "insert into virtual_keys (user_id, team_id, label, hash, prefix, last4, expires_at, \
         requests_per_minute, tokens_per_minute, parallel, daily_budget_nano, monthly_budget_nano, \
         soft_daily_nano, soft_monthly_nano, allowed_models, allowed_backends, allowed_addresses, \
         tags, source, created_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, \
         $19, $20) returning id",
    )
    .bind(user_id)
    .bind(team_id)
    .bind(label)
    .bind(&new.secret.hash[..])
    .bind(&new.secret.prefix)
    .bind(&new.secret.last4)
    .bind(expires_at.map(|t| t.0))
    .bind(i64::from(*requests_per_minute))
    .bind(tokens_column(&new.chosen.limits))
    .bind(i64::from(*parallel))
    .bind(daily.0)
    .bind(monthly.0)
    .bind(soft_daily.0)
    .bind(soft_monthly.0)
    .bind(list_to_json(&access.models))
    .bind(list_to_json(&access.backends))
    .bind(list_to_json(&access.addresses))
    .bind(list_to_json(tags))
    .bind(new.source.as_str())
    .bind(now.0)
    .fetch_one(executor)
    .await?;
    Ok(KeyId(id))
}
