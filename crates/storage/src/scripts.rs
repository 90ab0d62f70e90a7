//! Scripts, every version of their code, and the secrets that they may read. A version is never changed:
//! to go back is to write an older one again.

use domain::{
    BackendId, KeyId, Timestamp, UserId,
    script::{OnScriptError, Script, ScriptId, ScriptInput, ScriptType, ScriptVersion, Suspension},
};

use crate::{Database, StorageError};

macro_rules! scripts {
    () => {
        "select s.id, s.name, s.script_type, s.target_user_id, s.target_key_id, s.target_backend_id, \
         s.on_error, s.position, s.active, s.version, s.suspended_at, s.suspended_reason, \
         s.created_at, s.updated_at, v.code from scripts s \
         join script_versions v on v.script_id = s.id and v.version = s.version"
    };
}

#[derive(sqlx::FromRow)]
struct ScriptRow {
    id: i64,
    name: String,
    script_type: String,
    target_user_id: Option<i64>,
    target_key_id: Option<i64>,
    target_backend_id: Option<i64>,
    on_error: String,
    position: i32,
    active: bool,
    version: i64,
    suspended_at: Option<i64>,
    suspended_reason: Option<String>,
    created_at: i64,
    updated_at: i64,
    code: String,
}

fn version_of(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl TryFrom<ScriptRow> for Script {
    type Error = StorageError;

    fn try_from(row: ScriptRow) -> Result<Self, StorageError> {
        let corrupt = |what| StorageError::Corrupt { what };
        Ok(Self {
            id: ScriptId(row.id),
            input: ScriptInput {
                name: row.name,
                script_type: ScriptType::parse(&row.script_type).ok_or(corrupt("script type"))?,
                target_user: row.target_user_id.map(UserId),
                target_key: row.target_key_id.map(KeyId),
                target_backend: row.target_backend_id.map(BackendId),
                code: row.code,
                on_error: OnScriptError::parse(&row.on_error).ok_or(corrupt("script"))?,
                position: row.position,
                active: row.active,
            },
            version: version_of(row.version),
            suspended: row.suspended_at.map(|at| Suspension {
                at: Timestamp(at),
                reason: row.suspended_reason.unwrap_or_default(),
            }),
            created_at: Timestamp(row.created_at),
            updated_at: Timestamp(row.updated_at),
        })
    }
}

#[derive(sqlx::FromRow)]
struct VersionRow {
    version: i64,
    code: String,
    author: Option<String>,
    created_at: i64,
}

impl From<VersionRow> for ScriptVersion {
    fn from(row: VersionRow) -> Self {
        Self {
            version: version_of(row.version),
            code: row.code,
            author: row.author,
            created_at: Timestamp(row.created_at),
        }
    }
}

impl Database {
    /// All scripts in the order in which requests pass them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn scripts(&self) -> Result<Vec<Script>, StorageError> {
        let rows =
            sqlx::query_as::<_, ScriptRow>(concat!(scripts!(), " order by s.position, s.id"))
                .fetch_all(self.readers())
                .await?;
        let scripts = rows.into_iter().map(Script::try_from);
        let mut scripts = scripts.collect::<Result<Vec<_>, _>>()?;
        scripts.sort_by_key(|script| script.input.script_type);
        Ok(scripts)
    }

    /// # Errors
    /// When the database fails.
    pub async fn find_script(&self, id: ScriptId) -> Result<Option<Script>, StorageError> {
        let row = sqlx::query_as::<_, ScriptRow>(concat!(scripts!(), " where s.id = $1"))
            .bind(id.0)
            .fetch_optional(self.readers())
            .await?;
        row.map(Script::try_from).transpose()
    }

    /// # Errors
    /// [`crate::Constraint::ScriptName`], [`crate::Constraint::Reference`] where there is no such target.
    pub async fn create_script(
        &self,
        input: &ScriptInput,
        author: Option<&str>,
        now: Timestamp,
    ) -> Result<ScriptId, StorageError> {
        let mut transaction = self.writer().begin().await?;
        let id: i64 = sqlx::query_scalar(
            "insert into scripts (name, script_type, target_user_id, target_key_id, \
             target_backend_id, on_error, position, active, created_at, updated_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) returning id",
        )
        .bind(&input.name)
        .bind(input.script_type.as_str())
        .bind(input.target_user.map(|id| id.0))
        .bind(input.target_key.map(|id| id.0))
        .bind(input.target_backend.map(|id| id.0))
        .bind(input.on_error.as_str())
        .bind(input.position)
        .bind(input.active)
        .bind(now.0)
        .fetch_one(&mut *transaction)
        .await?;
        sqlx::query(
            "insert into script_versions (script_id, version, code, author, created_at) \
             values ($1, 1, $2, $3, $4)",
        )
        .bind(id)
        .bind(&input.code)
        .bind(author)
        .bind(now.0)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(ScriptId(id))
    }

    /// Changes a script; other code is a version of its own. A suspension ends, since what was wrong may
    /// have been mended. `false`: there is no such script.
    ///
    /// # Errors
    /// As [`Database::create_script`].
    pub async fn update_script(
        &self,
        id: ScriptId,
        input: &ScriptInput,
        author: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let mut transaction = self.writer().begin().await?;
        let changed = sqlx::query(
            "insert into script_versions (script_id, version, code, author, created_at) \
             select s.id, (select max(version) + 1 from script_versions where script_id = s.id), \
             $2, $3, $4 from scripts s \
             join script_versions v on v.script_id = s.id and v.version = s.version \
             where s.id = $1 and v.code <> $2",
        )
        .bind(id.0)
        .bind(&input.code)
        .bind(author)
        .bind(now.0)
        .execute(&mut *transaction)
        .await?;
        let updated = sqlx::query(
            "update scripts set name = $2, script_type = $3, target_user_id = $4, \
             target_key_id = $5, target_backend_id = $6, on_error = $7, position = $8, active = $9, \
             version = case when $10 then (select max(version) from script_versions \
             where script_id = $1) else version end, \
             suspended_at = null, suspended_reason = null, updated_at = $11 where id = $1",
        )
        .bind(id.0)
        .bind(&input.name)
        .bind(input.script_type.as_str())
        .bind(input.target_user.map(|id| id.0))
        .bind(input.target_key.map(|id| id.0))
        .bind(input.target_backend.map(|id| id.0))
        .bind(input.on_error.as_str())
        .bind(input.position)
        .bind(input.active)
        .bind(changed.rows_affected() > 0)
        .bind(now.0)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(updated.rows_affected() > 0)
    }

    /// Activates a script, which ends a suspension, or deactivates it. `false`: there is no such script.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_script_active(
        &self,
        id: ScriptId,
        active: bool,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let updated = sqlx::query(
            "update scripts set active = $2, updated_at = $3, suspended_at = null, \
             suspended_reason = null where id = $1",
        )
        .bind(id.0)
        .bind(active)
        .bind(now.0)
        .execute(self.writer())
        .await?;
        Ok(updated.rows_affected() > 0)
    }

    /// Notes that a version of a script is run no longer. `false`: it was changed meanwhile, or noted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn suspend_script(
        &self,
        id: ScriptId,
        version: u32,
        reason: &str,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let updated = sqlx::query(
            "update scripts set suspended_at = $3, suspended_reason = $4 \
             where id = $1 and version = $2 and active and suspended_at is null",
        )
        .bind(id.0)
        .bind(i64::from(version))
        .bind(now.0)
        .bind(reason)
        .execute(self.writer())
        .await?;
        Ok(updated.rows_affected() > 0)
    }

    /// `false`: there is no such script.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_script(&self, id: ScriptId) -> Result<bool, StorageError> {
        let deleted = sqlx::query("delete from scripts where id = $1")
            .bind(id.0)
            .execute(self.writer())
            .await?;
        Ok(deleted.rows_affected() > 0)
    }

    /// The versions of a script, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn script_versions(&self, id: ScriptId) -> Result<Vec<ScriptVersion>, StorageError> {
        let rows = sqlx::query_as::<_, VersionRow>(
            "select version, code, author, created_at from script_versions \
             where script_id = $1 order by version desc",
        )
        .bind(id.0)
        .fetch_all(self.readers())
        .await?;
        Ok(rows.into_iter().map(ScriptVersion::from).collect())
    }

    /// The secrets of scripts by name, as [`crate::Seal`] has sealed them, and when they were set.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn script_secrets(&self) -> Result<Vec<(String, Vec<u8>, Timestamp)>, StorageError> {
        let rows: Vec<(String, Vec<u8>, i64)> =
            sqlx::query_as("select name, sealed, updated_at from script_secrets order by name")
                .fetch_all(self.readers())
                .await?;
        let secrets = rows
            .into_iter()
            .map(|(name, sealed, at)| (name, sealed, Timestamp(at)));
        Ok(secrets.collect())
    }

    /// # Errors
    /// When the database fails.
    pub async fn put_script_secret(
        &self,
        name: &str,
        sealed: &[u8],
        now: Timestamp,
    ) -> Result<(), StorageError> {
        sqlx::query(
            "insert into script_secrets (name, sealed, updated_at) values ($1, $2, $3) \
             on conflict (name) do update set sealed = excluded.sealed, updated_at = excluded.updated_at",
        )
        .bind(name)
        .bind(sealed)
        .bind(now.0)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    /// `false`: there is no such secret.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_script_secret(&self, name: &str) -> Result<bool, StorageError> {
        let deleted = sqlx::query("delete from script_secrets where name = $1")
            .bind(name)
            .execute(self.writer())
            .await?;
        Ok(deleted.rows_affected() > 0)
    }
}
