//! The ways in: sessions, listed and ended; tokens of the admin API; one-time links by which somebody gets a
//! password that nobody else has seen.

use domain::{
    Timestamp, TokenId, UserId,
    access::{ApiToken, LinkKind, NewTokenInput, OpenLink, SessionInfo},
    validation::{self, Field, FieldError, Problem},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use storage::{Database, NewToken};

use crate::{
    Admin, Control, ControlError, Principal, ShownSecret, SignedIn,
    audit::{Act, nobody},
    error::found,
    secret::recognisable_parts,
};

/// A token's last use is noted at most this often.
const USE_NOTED_MS: i64 = 60_000;
/// Longest description of a browser that is kept, in characters.
const MAX_AGENT: usize = 200;

/// A token that was made, with its secret.
#[derive(Debug)]
pub struct ShownToken {
    pub token: ApiToken,
    pub secret: ShownSecret,
}

/// A link that was made. Whoever opens it chooses the password.
#[derive(Debug)]
pub struct ShownLink {
    pub kind: LinkKind,
    pub user: String,
    pub expires_at: Timestamp,
    pub secret: ShownSecret,
}

impl ShownLink {
    /// The whole link, on a server that is reached at `base_url`.
    #[must_use]
    pub fn url(&self, base_url: &str) -> ShownSecret {
        let base = base_url.trim_end_matches('/');
        let path = self.kind.as_str();
        self.secret.behind(&format!("{base}/{path}/"))
    }
}

impl Control {
    /// Notes whose a session is that has just been begun.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn describe_session(
        &self,
        id: &str,
        user: UserId,
        agent: Option<&str>,
        address: Option<&str>,
    ) -> Result<(), ControlError> {
        let agent: Option<String> = agent.map(|agent| {
            let printable = agent.chars().filter(|c| !c.is_control());
            printable.take(MAX_AGENT).collect()
        });
        let (db, now) = (self.db(), self.now());
        db.describe_session(id, user, agent.as_deref(), address, now)
            .await?;
        Ok(())
    }

    /// One's own sessions, the last used first.
    ///
    /// # Errors
    /// [`ControlError::Forbidden`] for the master key.
    pub async fn my_sessions(
        &self,
        principal: &Principal,
    ) -> Result<Vec<SessionInfo>, ControlError> {
        let user = principal.user_id().ok_or(ControlError::Forbidden)?;
        Ok(self.db().sessions_of(user, self.now()).await?)
    }

    /// Anybody's sessions.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn sessions_of(
        &self,
        _: &Admin,
        user: UserId,
    ) -> Result<Vec<SessionInfo>, ControlError> {
        self.user(user).await?;
        Ok(self.db().sessions_of(user, self.now()).await?)
    }

    /// Ends one of one's own sessions.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Forbidden`] for the master key.
    pub async fn end_my_session(
        &self,
        principal: &Principal,
        handle: String,
    ) -> Result<(), ControlError> {
        let user = principal.user_id().ok_or(ControlError::Forbidden)?;
        let act = principal.does("session.end").on(user);
        self.end_session(act, user, handle).await
    }

    /// Ends one of anybody's sessions.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn end_session_of(
        &self,
        admin: &Admin,
        user: UserId,
        handle: String,
    ) -> Result<(), ControlError> {
        let act = admin.does("session.end").on(user);
        self.end_session(act, user, handle).await
    }

    async fn end_session(
        &self,
        act: Act,
        user: UserId,
        handle: String,
    ) -> Result<(), ControlError> {
        self.change(act, move |control| async move {
            control.tell_before(&json!({"session": handle}));
            control.tell_after(&json!({}));
            let (db, now) = (control.db(), control.now());
            found(db.end_session_of(user, &handle, now).await?)
        })
        .await
    }

    /// Ends all sessions of a user, and the tokens of the API that they got by their password.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn sign_out_everywhere(
        &self,
        admin: &Admin,
        user: UserId,
    ) -> Result<(), ControlError> {
        let act = admin.does("user.sign_out").on(user);
        self.change(act, move |control| async move {
            let now = control.now();
            found(control.db().sign_out_everywhere(user, now).await?)
        })
        .await
    }

    /// What names a session in lists, by its id.
    #[must_use]
    pub fn session_handle(id: &str) -> String {
        Database::session_handle(id)
    }

    /// Makes a token of the admin's own.
    ///
    /// # Errors
    /// [`ControlError::Invalid`].
    pub async fn create_token(
        &self,
        admin: &Admin,
        input: NewTokenInput,
    ) -> Result<ShownToken, ControlError> {
        let name = validation::user_name(&input.name)?;
        let now = self.now();
        if input.expires_at.is_some_and(|at| at <= now) {
            return Err(FieldError::new(Field::ExpiresAt, Problem::InThePast).into());
        }
        let secret = ShownSecret::token()?;
        let (_, last4) = recognisable_parts(secret.reveal());
        // Behind what they all begin with.
        let prefix = secret.reveal().chars().take(13).collect();
        let new = NewToken {
            owner: admin.principal().user_id(),
            name,
            hash: self.inner.hasher.hash(secret.reveal()),
            prefix,
            last4,
            scope: input.scope,
            expires_at: input.expires_at,
        };
        let token = self
            .change(admin.does("token.create"), move |control| async move {
                let token = control.db().create_token(&new, now).await?;
                control.tell_subject(token.id);
                Ok(token)
            })
            .await?;
        Ok(ShownToken { token, secret })
    }

    /// All tokens, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_tokens(&self, _: &Admin) -> Result<Vec<ApiToken>, ControlError> {
        Ok(self.db().list_tokens().await?)
    }

    /// Ends a token for good.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn revoke_token(&self, admin: &Admin, id: TokenId) -> Result<(), ControlError> {
        let act = admin.does("token.revoke").on(id);
        self.change(act, move |control| async move {
            let now = control.now();
            found(control.db().revoke_token(id, now).await?)
        })
        .await
    }

    /// Whose token this is. `None`: nobody's, or it opens nothing any more, or its owner does not.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn token(&self, presented: &str) -> Result<Option<Principal>, ControlError> {
        if !ShownSecret::may_be_token(presented) {
            return Ok(None);
        }
        let hash = self.inner.hasher.hash(presented);
        let now = self.now();
        let token = self.db().token_by_hash(&hash).await?;
        let Some(token) = token.filter(|token| token.is_valid(now)) else {
            return Ok(None);
        };
        let owner = match token.owner {
            None => None,
            Some(id) => match self.db().find_user(id).await? {
                Some(user) if user.active => Some(user),
                _ => return Ok(None),
            },
        };
        let noted = token.last_used_at;
        if noted.is_none_or(|at| now.millis_since(at) >= USE_NOTED_MS) {
            self.db().token_was_used(token.id, now).await?;
        }
        Ok(Some(Principal::token(&token, owner.as_ref())))
    }

    /// Makes a link by which a user chooses a password. Their older links open nothing any more.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Forbidden`] for a user who is disabled.
    pub async fn create_link(
        &self,
        admin: &Admin,
        user: UserId,
        kind: LinkKind,
    ) -> Result<ShownLink, ControlError> {
        let found = self.user(user).await?;
        if !found.active || crate::environment_keys::is_owner(&found.name) {
            return Err(ControlError::Forbidden);
        }
        let now = self.now();
        let expires_at = Timestamp(now.0.saturating_add(kind.lifetime_ms()));
        let secret = ShownSecret::link(expires_at)?;
        let hash = self.inner.hasher.hash(secret.reveal());
        let action = match kind {
            LinkKind::Invite => "user.invite",
            LinkKind::Reset => "user.reset_link",
        };
        self.change(admin.does(action).on(user), move |control| async move {
            control.tell_after(&json!({"expires_at": expires_at}));
            let db = control.db();
            Ok(db.create_link(kind, user, &hash, expires_at, now).await?)
        })
        .await?;
        Ok(ShownLink {
            kind,
            user: found.name,
            expires_at,
            secret,
        })
    }

    /// What a link opens. `None`: nothing, or nothing any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_link(&self, presented: &str) -> Result<Option<OpenLink>, ControlError> {
        let hash = self.inner.hasher.hash(presented);
        Ok(self.db().open_link(&hash, self.now()).await?)
    }

    /// Uses a link up: sets the password, ends all sessions, and signs the user in.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] when the link opens nothing any more, [`ControlError::Invalid`].
    pub async fn use_link(
        &self,
        presented: &str,
        password: SecretString,
    ) -> Result<SignedIn, ControlError> {
        let link = self.open_link(presented).await?;
        let link = link.ok_or(ControlError::NotFound)?;
        validation::password(password.expose_secret())?;
        let hash = self.inner.hasher.hash(presented);
        let password = self.inner.passwords.hash(password).await?;
        let id = link.user_id;
        let action = match link.kind {
            LinkKind::Invite => "user.accept_invite",
            LinkKind::Reset => "user.use_reset_link",
        };
        let act = Act::new(nobody(&link.user), action).on(id);
        let credential_version = self
            .change(act, move |control| async move {
                let (db, now) = (control.db(), control.now());
                found(db.use_link(&hash, now).await?)?;
                let version = db.set_password(id, &password, false, now).await?;
                version.ok_or(ControlError::NotFound)
            })
            .await?;
        self.inner.throttle.succeeded(&link.user);
        let user = self.user(id).await?;
        Ok(SignedIn {
            principal: Principal::user(&user),
            credential_version,
        })
    }
}
