//! The ways in: whose the sessions are, tokens of the admin API, one-time links, identities elsewhere, and what
//! the router remembers about its first start. What opens something is stored as a hash only.

use domain::{
    Timestamp, TokenId, UserId,
    access::{ApiToken, LinkKind, OpenLink, SessionInfo, TokenScope},
};
use sha2::{Digest as _, Sha256};

use crate::{Database, StorageError};

/// A token to be stored.
#[derive(Clone, Debug)]
pub struct NewToken {
    pub owner: Option<UserId>,
    pub name: String,
    pub hash: [u8; 32],
    pub prefix: String,
    pub last4: String,
    pub scope: TokenScope,
    pub expires_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct TokenRow {
    id: i64,
    user_id: Option<i64>,
    owner_name: Option<String>,
    name: String,
    prefix: String,
    last4: String,
    scope: String,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    created_at: i64,
    last_used_at: Option<i64>,
}

macro_rules! tokens {
    () => {
        "select t.id, t.user_id, u.name as owner_name, t.name, t.prefix, t.last4, t.scope, \
         t.expires_at, t.revoked_at, t.created_at, t.last_used_at \
         from api_tokens t left join users u on u.id = t.user_id"
    };
}

impl TryFrom<TokenRow> for ApiToken {
    type Error = StorageError;

    fn try_from(row: TokenRow) -> Result<Self, StorageError> {
        let scope = TokenScope::parse(&row.scope);
        Ok(Self {
            id: TokenId(row.id),
            name: row.name,
            owner: row.user_id.map(UserId),
            owner_name: row.owner_name,
            prefix: row.prefix,
            last4: row.last4,
            scope: scope.ok_or(StorageError::Corrupt { what: "scope" })?,
            expires_at: row.expires_at.map(Timestamp),
            revoked_at: row.revoked_at.map(Timestamp),
            created_at: Timestamp(row.created_at),
            last_used_at: row.last_used_at.map(Timestamp),
        })
    }
}

#[derive(sqlx::FromRow)]
struct SessionRow {
    id: String,
    created_at: Option<i64>,
    expires_at: i64,
    agent: Option<String>,
    address: Option<String>,
}

/// What names a session where its id, which opens it, must not be seen.
fn handle(id: &str) -> String {
    hex::encode(&Sha256::digest(id.as_bytes())[..8])
}

impl Database {
    /// Says whose a stored session is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn describe_session(
        &self,
        id: &str,
        user: UserId,
        agent: Option<&str>,
        address: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        sqlx::query(
            "update sessions set user_id = $2, agent = $3, address = $4, created_at = $5 \
             where id = $1",
        )
        .bind(id)
        .bind(user.0)
        .bind(agent)
        .bind(address)
        .bind(now.0)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    /// A user's sessions, the last used first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sessions_of(
        &self,
        user: UserId,
        now: Timestamp,
    ) -> Result<Vec<SessionInfo>, StorageError> {
        let rows = self.session_rows(user, now).await?;
        let sessions = rows.into_iter().map(|row| SessionInfo {
            handle: handle(&row.id),
            created_at: row.created_at.map(Timestamp),
            expires_at: Timestamp(row.expires_at),
            agent: row.agent,
            address: row.address,
        });
        Ok(sessions.collect())
    }

    /// Ends one session of a user. `false`: they have no such session.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_session_of(
        &self,
        user: UserId,
        which: &str,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        for row in self.session_rows(user, now).await? {
            if handle(&row.id) == which {
                self.delete_session(&row.id).await?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The handle of a session's id.
    #[must_use]
    pub fn session_handle(id: &str) -> String {
        handle(id)
    }

    async fn session_rows(
        &self,
        user: UserId,
        now: Timestamp,
    ) -> Result<Vec<SessionRow>, StorageError> {
        let rows = sqlx::query_as(
            "select id, created_at, expires_at, agent, address from sessions \
             where user_id = $1 and expires_at > $2 order by expires_at desc",
        )
        .bind(user.0)
        .bind(now.0)
        .fetch_all(self.readers())
        .await?;
        Ok(rows)
    }

    /// Ends all sessions and tokens of a sign-in. `false`: there is no such user.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sign_out_everywhere(
        &self,
        user: UserId,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        sqlx::query("delete from sessions where user_id = $1")
            .bind(user.0)
            .execute(self.writer())
            .await?;
        let changed = sqlx::query(
            "update users set credential_version = credential_version + 1, updated_at = $2 \
             where id = $1",
        )
        .bind(user.0)
        .bind(now.0)
        .execute(self.writer())
        .await?;
        Ok(changed.rows_affected() > 0)
    }

    /// # Errors
    /// When the database fails.
    pub async fn create_token(
        &self,
        new: &NewToken,
        now: Timestamp,
    ) -> Result<ApiToken, StorageError> {
        let id: i64 = sqlx::query_scalar(
            "insert into api_tokens (user_id, name, hash, prefix, last4, scope, expires_at, \
             created_at) values ($1, $2, $3, $4, $5, $6, $7, $8) returning id",
        )
        .bind(new.owner.map(|id| id.0))
        .bind(&new.name)
        .bind(&new.hash[..])
        .bind(&new.prefix)
        .bind(&new.last4)
        .bind(new.scope.as_str())
        .bind(new.expires_at.map(|at| at.0))
        .bind(now.0)
        .fetch_one(self.writer())
        .await?;
        let made = self.find_token(TokenId(id)).await?;
        made.ok_or(StorageError::Corrupt { what: "token" })
    }

    /// # Errors
    /// When the database fails.
    pub async fn find_token(&self, id: TokenId) -> Result<Option<ApiToken>, StorageError> {
        sqlx::query_as::<_, TokenRow>(concat!(tokens!(), " where t.id = $1"))
            .bind(id.0)
            .fetch_optional(self.readers())
            .await?
            .map(ApiToken::try_from)
            .transpose()
    }

    /// All of them, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_tokens(&self) -> Result<Vec<ApiToken>, StorageError> {
        let rows = sqlx::query_as::<_, TokenRow>(concat!(tokens!(), " order by t.id desc"))
            .fetch_all(self.readers())
            .await?;
        rows.into_iter().map(ApiToken::try_from).collect()
    }

    /// # Errors
    /// When the database fails.
    pub async fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<ApiToken>, StorageError> {
        sqlx::query_as::<_, TokenRow>(concat!(tokens!(), " where t.hash = $1"))
            .bind(&hash[..])
            .fetch_optional(self.readers())
            .await?
            .map(ApiToken::try_from)
            .transpose()
    }

    /// # Errors
    /// When the database fails.
    pub async fn token_was_used(&self, id: TokenId, now: Timestamp) -> Result<(), StorageError> {
        sqlx::query("update api_tokens set last_used_at = $2 where id = $1")
            .bind(id.0)
            .bind(now.0)
            .execute(self.writer())
            .await?;
        Ok(())
    }

    /// Ends a token for good. `false`: there is none, or it was revoked before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_token(&self, id: TokenId, now: Timestamp) -> Result<bool, StorageError> {
        let revoked = sqlx::query(
            "update api_tokens set revoked_at = $2 where id = $1 and revoked_at is null",
        )
        .bind(id.0)
        .bind(now.0)
        .execute(self.writer())
        .await?;
        Ok(revoked.rows_affected() > 0)
    }

    /// Stores a link; older ones of the same user can no longer be used.
    ///
    /// # Errors
    /// [`crate::Constraint::Reference`] when there is no such user.
    pub async fn create_link(
        &self,
        kind: LinkKind,
        user: UserId,
        hash: &[u8; 32],
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        self.close_links(user).await?;
        sqlx::query(
            "insert into one_time_links (kind, user_id, hash, created_at, expires_at) \
             values ($1, $2, $3, $4, $5)",
        )
        .bind(kind.as_str())
        .bind(user.0)
        .bind(&hash[..])
        .bind(now.0)
        .bind(expires_at.0)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    /// Removes the links of a user that were not used.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn close_links(&self, user: UserId) -> Result<(), StorageError> {
        sqlx::query("delete from one_time_links where user_id = $1 and used_at is null")
            .bind(user.0)
            .execute(self.writer())
            .await?;
        Ok(())
    }

    /// The link, if it can still be used by an active user.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_link(
        &self,
        hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<OpenLink>, StorageError> {
        let row: Option<(String, i64, String, i64)> = sqlx::query_as(
            "select l.kind, l.user_id, u.name, l.expires_at from one_time_links l \
             join users u on u.id = l.user_id \
             where l.hash = $1 and l.used_at is null and l.expires_at > $2 and u.active",
        )
        .bind(&hash[..])
        .bind(now.0)
        .fetch_optional(self.readers())
        .await?;
        row.map(|(kind, user_id, user, expires_at)| {
            Ok(OpenLink {
                kind: LinkKind::parse(&kind).ok_or(StorageError::Corrupt { what: "link" })?,
                user_id: UserId(user_id),
                user,
                expires_at: Timestamp(expires_at),
            })
        })
        .transpose()
    }

    /// Uses a link up. `false`: somebody was quicker, or it has expired.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn use_link(&self, hash: &[u8; 32], now: Timestamp) -> Result<bool, StorageError> {
        let used = sqlx::query(
            "update one_time_links set used_at = $2 \
             where hash = $1 and used_at is null and expires_at > $2",
        )
        .bind(&hash[..])
        .bind(now.0)
        .execute(self.writer())
        .await?;
        Ok(used.rows_affected() > 0)
    }

    /// Who somebody is that an OpenID provider knows.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn user_of_identity(
        &self,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<UserId>, StorageError> {
        let found: Option<i64> = sqlx::query_scalar(
            "select user_id from external_identities where issuer = $1 and subject = $2",
        )
        .bind(issuer)
        .bind(subject)
        .fetch_optional(self.readers())
        .await?;
        Ok(found.map(UserId))
    }

    /// Whether a user is known to an OpenID provider already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_identity_at(&self, issuer: &str, user: UserId) -> Result<bool, StorageError> {
        let found: Option<i64> = sqlx::query_scalar(
            "select 1 from external_identities where user_id = $1 and issuer = $2 limit 1",
        )
        .bind(user.0)
        .bind(issuer)
        .fetch_optional(self.readers())
        .await?;
        Ok(found.is_some())
    }

    /// The users whose e-mail address this is, without regard to case.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn users_by_email(&self, email: &str) -> Result<Vec<UserId>, StorageError> {
        let found: Vec<i64> =
            sqlx::query_scalar("select id from users where email = $1 collate nocase order by id")
                .bind(email)
                .fetch_all(self.readers())
                .await?;
        Ok(found.into_iter().map(UserId).collect())
    }

    /// Remembers who somebody is that an OpenID provider knows.
    ///
    /// # Errors
    /// [`crate::Constraint::Reference`] when there is no such user.
    pub async fn link_identity(
        &self,
        issuer: &str,
        subject: &str,
        user: UserId,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        sqlx::query(
            "insert into external_identities (issuer, subject, user_id, created_at) \
             values ($1, $2, $3, $4)",
        )
        .bind(issuer)
        .bind(subject)
        .bind(user.0)
        .bind(now.0)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    /// What was remembered under a name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remembered(&self, name: &str) -> Result<Option<String>, StorageError> {
        Ok(
            sqlx::query_scalar("select value from remembered where name = $1")
                .bind(name)
                .fetch_optional(self.readers())
                .await?,
        )
    }

    /// Remembers something; `None` forgets it. Returns whether anything was forgotten or changed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remember(&self, name: &str, value: Option<&str>) -> Result<bool, StorageError> {
        let done = match value {
            Some(value) => {
                sqlx::query(
                    "insert into remembered (name, value) values ($1, $2) \
                     on conflict (name) do update set value = excluded.value",
                )
                .bind(name)
                .bind(value)
                .execute(self.writer())
                .await?
            }
            None => {
                sqlx::query("delete from remembered where name = $1")
                    .bind(name)
                    .execute(self.writer())
                    .await?
            }
        };
        Ok(done.rows_affected() > 0)
    }
}
