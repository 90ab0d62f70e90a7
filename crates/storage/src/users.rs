//! Users: who they are, what they sign in with and how much they may spend. Passwords arrive here
//! hashed; what was spent is in the ledger.

use std::collections::HashMap;

use domain::{
    BudgetLimits, RateLimits, Role, Timestamp, User, UserId,
    account::{UserQuery, UserSort},
    page::{Page, PageWindow},
};

use crate::{
    Constraint, Database, StorageError,
    terms::{TermsRow, terms_columns, tokens_column},
};

macro_rules! columns {
    () => {
        concat!(
            "id, name, email, case when reads_all then 'viewer' else role end as role, active, \
             must_change_password, created_at, ",
            terms_columns!("users")
        )
    };
}

/// Holds for a row that is the only active admin. Part of every statement that could remove it, so
/// that checking and doing are one.
macro_rules! is_last_admin {
    () => {
        "(role = 'admin' and active = 1 \
          and (select count(*) from users where role = 'admin' and active = 1) = 1)"
    };
}

/// A user to be created.
#[derive(Clone, Debug)]
pub struct NewUser {
    pub name: String,
    pub email: Option<String>,
    pub role: Role,
    /// In PHC string format; `None` cannot sign in with a password.
    pub password_hash: Option<String>,
    pub must_change_password: bool,
    pub budget: BudgetLimits,
    pub limits: RateLimits,
}

/// What signing in needs to know.
#[derive(Clone, Debug)]
pub struct PasswordRecord {
    pub user: User,
    /// In PHC string format; `None` cannot sign in with a password.
    pub password_hash: Option<String>,
    /// Counts up when the password changes or the user is disabled.
    pub credential_version: i64,
}

#[derive(sqlx::FromRow)]
struct UserRow {
    id: i64,
    name: String,
    email: Option<String>,
    role: String,
    active: bool,
    must_change_password: bool,
    #[sqlx(flatten)]
    terms: TermsRow,
    created_at: i64,
}

impl TryFrom<UserRow> for User {
    type Error = StorageError;

    fn try_from(row: UserRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: UserId(row.id),
            name: row.name,
            email: row.email,
            role: Role::parse(&row.role).ok_or(StorageError::Corrupt { what: "role" })?,
            active: row.active,
            must_change_password: row.must_change_password,
            budget: row.terms.budget(),
            limits: row.terms.limits(),
            created_at: Timestamp(row.created_at),
        })
    }
}

#[derive(sqlx::FromRow)]
struct CredentialRow {
    #[sqlx(flatten)]
    user: UserRow,
    password_hash: Option<String>,
    credential_version: i64,
}

impl Database {
    /// # Errors
    /// [`Constraint::UserName`] when the name is taken, whatever its case.
    pub async fn create_user(&self, new: &NewUser, now: Timestamp) -> Result<User, StorageError> {
        sqlx::query_as::<_, UserRow>(concat!(
            "insert into users (name, email, role, reads_all, password_hash, must_change_password, \
             daily_budget_nano, monthly_budget_nano, soft_daily_nano, soft_monthly_nano, \
             requests_per_minute, tokens_per_minute, parallel, created_at, updated_at) \
             values ($1, $2, $3, $14, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13) returning ",
            columns!()
        ))
        .bind(&new.name)
        .bind(&new.email)
        .bind(role_column(new.role))
        .bind(&new.password_hash)
        .bind(new.must_change_password)
        .bind(new.budget.daily.0)
        .bind(new.budget.monthly.0)
        .bind(new.budget.soft_daily.0)
        .bind(new.budget.soft_monthly.0)
        .bind(i64::from(new.limits.requests_per_minute))
        .bind(tokens_column(&new.limits))
        .bind(i64::from(new.limits.parallel))
        .bind(now.0)
        .bind(new.role == Role::Viewer)
        .fetch_one(self.writer())
        .await?
        .try_into()
    }

    /// # Errors
    /// When the database fails.
    pub async fn find_user(&self, id: UserId) -> Result<Option<User>, StorageError> {
        sqlx::query_as::<_, UserRow>(concat!("select ", columns!(), " from users where id = $1"))
            .bind(id.0)
            .fetch_optional(self.readers())
            .await?
            .map(User::try_from)
            .transpose()
    }

    /// Names are compared without regard to case.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_user_by_name(&self, name: &str) -> Result<Option<User>, StorageError> {
        Ok(self.password_of(name).await?.map(|record| record.user))
    }

    /// # Errors
    /// When the database fails.
    pub async fn password_of(&self, name: &str) -> Result<Option<PasswordRecord>, StorageError> {
        sqlx::query_as::<_, CredentialRow>(concat!(
            "select ",
            columns!(),
            ", password_hash, credential_version from users where name = $1"
        ))
        .bind(name)
        .fetch_optional(self.readers())
        .await?
        .map(|row| {
            Ok(PasswordRecord {
                user: row.user.try_into()?,
                password_hash: row.password_hash,
                credential_version: row.credential_version,
            })
        })
        .transpose()
    }

    /// The user and the version that a session or token must be of to be alive.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn credential_state(&self, id: UserId) -> Result<Option<(User, i64)>, StorageError> {
        sqlx::query_as::<_, CredentialRow>(concat!(
            "select ",
            columns!(),
            ", null as password_hash, credential_version from users where id = $1"
        ))
        .bind(id.0)
        .fetch_optional(self.readers())
        .await?
        .map(|row| Ok((row.user.try_into()?, row.credential_version)))
        .transpose()
    }

    /// # Errors
    /// When the database fails.
    pub async fn list_users(&self, query: &UserQuery) -> Result<Page<User>, StorageError> {
        macro_rules! matching {
            () => {
                " from users where name like $1 escape '\\' or email like $1 escape '\\'"
            };
        }
        macro_rules! page_of {
            ($order:literal) => {
                concat!(
                    "select ",
                    columns!(),
                    matching!(),
                    " order by ",
                    $order,
                    " limit $2 offset $3"
                )
            };
        }
        let window = PageWindow::new(query.page, query.per_page);
        let pattern = contains_pattern(&query.search);
        let total: i64 = sqlx::query_scalar(concat!("select count(*)", matching!()))
            .bind(&pattern)
            .fetch_one(self.readers())
            .await?;
        let rows = sqlx::query_as::<_, UserRow>(match query.sort {
            UserSort::Name => page_of!("name collate nocase"),
            UserSort::Newest => page_of!("id desc"),
            UserSort::Oldest => page_of!("id"),
        })
        .bind(&pattern)
        .bind(i64::from(window.per_page))
        .bind(window.offset())
        .fetch_all(self.readers())
        .await?;
        Ok(Page {
            rows: rows
                .into_iter()
                .map(User::try_from)
                .collect::<Result<_, _>>()?,
            total: u32::try_from(total).unwrap_or(u32::MAX),
            page: window.page,
            per_page: window.per_page,
        })
    }

    /// Everyone, for reports that name them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn all_users(&self) -> Result<HashMap<UserId, User>, StorageError> {
        let rows = sqlx::query_as::<_, UserRow>(concat!("select ", columns!(), " from users"))
            .fetch_all(self.readers())
            .await?;
        rows.into_iter()
            .map(|row| User::try_from(row).map(|user| (user.id, user)))
            .collect()
    }

    /// Disabling ends the user's sessions and tokens for good. `false`: there is no such user.
    ///
    /// # Errors
    /// [`Constraint::LastAdmin`].
    pub async fn set_user_active(
        &self,
        id: UserId,
        active: bool,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let changed = sqlx::query(concat!(
            "update users set active = $2, \
             credential_version = credential_version + case when $2 then 0 else 1 end, \
             updated_at = $3 where id = $1 and ($2 or not ",
            is_last_admin!(),
            ")"
        ))
        .bind(id.0)
        .bind(active)
        .bind(now.0)
        .execute(self.writer())
        .await?;
        self.done_or_last_admin(id, changed.rows_affected()).await
    }

    /// Ends the user's sessions and tokens. `None`: there is no such user; otherwise the new
    /// credential version.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_password(
        &self,
        id: UserId,
        password_hash: &str,
        must_change: bool,
        now: Timestamp,
    ) -> Result<Option<i64>, StorageError> {
        Ok(sqlx::query_scalar(
            "update users set password_hash = $2, must_change_password = $3, \
             credential_version = credential_version + 1, updated_at = $4 \
             where id = $1 returning credential_version",
        )
        .bind(id.0)
        .bind(password_hash)
        .bind(must_change)
        .bind(now.0)
        .fetch_optional(self.writer())
        .await?)
    }

    /// Takes a password away that was to be changed at the first sign-in, and with it the need to do so.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_unused_password(
        &self,
        id: UserId,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        sqlx::query(
            "update users set password_hash = null, must_change_password = 0, \
             credential_version = credential_version + 1, updated_at = $2 \
             where id = $1 and must_change_password",
        )
        .bind(id.0)
        .bind(now.0)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    /// `false`: there is no such user.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn update_budget(
        &self,
        id: UserId,
        budget: BudgetLimits,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let changed = sqlx::query(
            "update users set daily_budget_nano = $2, monthly_budget_nano = $3, \
             soft_daily_nano = $4, soft_monthly_nano = $5, updated_at = $6 where id = $1",
        )
        .bind(id.0)
        .bind(budget.daily.0)
        .bind(budget.monthly.0)
        .bind(budget.soft_daily.0)
        .bind(budget.soft_monthly.0)
        .bind(now.0)
        .execute(self.writer())
        .await?;
        Ok(changed.rows_affected() > 0)
    }

    /// `false`: there is no such user.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn update_user_limits(
        &self,
        id: UserId,
        limits: RateLimits,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let changed = sqlx::query(
            "update users set requests_per_minute = $2, tokens_per_minute = $3, parallel = $4, \
             updated_at = $5 where id = $1",
        )
        .bind(id.0)
        .bind(i64::from(limits.requests_per_minute))
        .bind(tokens_column(&limits))
        .bind(i64::from(limits.parallel))
        .bind(now.0)
        .execute(self.writer())
        .await?;
        Ok(changed.rows_affected() > 0)
    }

    /// `false`: there is no such user.
    ///
    /// # Errors
    /// [`Constraint::UserName`], [`Constraint::LastAdmin`].
    pub async fn update_profile(
        &self,
        id: UserId,
        name: &str,
        email: Option<&str>,
        role: Role,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let changed = sqlx::query(concat!(
            "update users set name = $2, email = $3, role = $4, reads_all = $6, updated_at = $5 \
             where id = $1 and ($4 = 'admin' or not ",
            is_last_admin!(),
            ")"
        ))
        .bind(id.0)
        .bind(name)
        .bind(email)
        .bind(role_column(role))
        .bind(now.0)
        .bind(role == Role::Viewer)
        .execute(self.writer())
        .await?;
        self.done_or_last_admin(id, changed.rows_affected()).await
    }

    /// Deletes the user with their keys and resets; the ledger keeps its rows. `false`: there is no
    /// such user.
    ///
    /// # Errors
    /// [`Constraint::LastAdmin`].
    pub async fn delete_user(&self, id: UserId) -> Result<bool, StorageError> {
        let deleted = sqlx::query(concat!(
            "delete from users where id = $1 and not ",
            is_last_admin!()
        ))
        .bind(id.0)
        .execute(self.writer())
        .await?;
        self.done_or_last_admin(id, deleted.rows_affected()).await
    }

    /// Active admins.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_admins(&self) -> Result<u32, StorageError> {
        let count: i64 =
            sqlx::query_scalar("select count(*) from users where role = 'admin' and active = 1")
                .fetch_one(self.readers())
                .await?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// The active admin who was created first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn first_admin(&self) -> Result<Option<UserId>, StorageError> {
        let id: Option<i64> = sqlx::query_scalar(
            "select id from users where role = 'admin' and active = 1 order by id limit 1",
        )
        .fetch_optional(self.readers())
        .await?;
        Ok(id.map(UserId))
    }

    /// Tells why a statement that spares the last admin changed nothing.
    async fn done_or_last_admin(&self, id: UserId, changed: u64) -> Result<bool, StorageError> {
        if changed > 0 {
            return Ok(true);
        }
        match self.find_user(id).await? {
            Some(_) => Err(StorageError::Conflict {
                what: Constraint::LastAdmin,
            }),
            None => Ok(false),
        }
    }
}

/// As it stands in the column: whoever only looks is no admin there.
const fn role_column(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Viewer | Role::User => "user",
    }
}

/// A pattern for `like … escape '\'` that finds `search` anywhere, taking it literally.
pub(crate) fn contains_pattern(search: &str) -> String {
    let mut pattern = String::with_capacity(search.len() + 2);
    pattern.push('%');
    for c in search.trim().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
