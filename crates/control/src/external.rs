//! Signing in by somebody whom an OpenID provider has recognised. How that is proven is for the server to
//! decide; here it is who they are in this house. A user is known by issuer and subject and by nothing else:
//! names and e-mail addresses can be chosen at many providers, and given to somebody else later.

use domain::{
    BudgetLimits, RateLimits, Role, UserId,
    validation::{self, Conflict, MAX_USER_NAME},
};
use serde_json::{Value, json};
use storage::NewUser;

use crate::{
    Control, ControlError, Principal, SignedIn,
    audit::{Act, nobody},
    error::found,
    users::free_name,
};

/// Who does what a provider's word leads to, in the audit log.
const ACTOR: &str = "OpenID Connect";

/// So many names are tried for a new user: `ada`, `ada-2`, …
const NAMES_TRIED: u32 = 50;

/// Somebody, as a provider knows them. All of it has been verified.
#[derive(Clone, Debug)]
pub struct ExternalIdentity {
    /// The provider.
    pub issuer: String,
    /// Names them at the provider, for ever.
    pub subject: String,
    /// What they would like to be called, the first that is free.
    pub names: Vec<String>,
    /// Only one that the provider has verified.
    pub email: Option<String>,
    pub role: ExternalRole,
}

/// What somebody may do here by the provider's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExternalRole {
    /// Nothing is said: a new user begins with this role, and administrators change it.
    AtFirst(Role),
    /// It is said anew at each sign-in.
    Always(Role),
}

impl ExternalRole {
    const fn role(self) -> Role {
        match self {
            Self::AtFirst(role) | Self::Always(role) => role,
        }
    }
}

/// What the operator allows.
#[derive(Clone, Copy, Debug)]
pub struct ExternalPolicy {
    /// Who is new gets an account.
    pub create_users: bool,
    /// Who is new is the one active user with the same e-mail address.
    pub link_by_email: bool,
}

/// Why somebody whom the provider has recognised does not get in.
#[derive(Debug, thiserror::Error)]
pub enum ExternalError {
    /// They have no account, and get none.
    #[error("there is no such user, and none is made")]
    Unknown,
    /// Their account is disabled.
    #[error("the user is disabled")]
    Disabled,
    /// Their role would change, and they are the last active admin.
    #[error("the last active admin cannot get another role")]
    LastAdmin,
    #[error(transparent)]
    Failed(#[from] ControlError),
}

impl Control {
    /// Signs somebody in whom a provider has recognised: the user whose identity it is, else the one that the
    /// policy lets it be.
    ///
    /// # Errors
    /// See [`ExternalError`].
    pub async fn sign_in_external(
        &self,
        who: &ExternalIdentity,
        policy: ExternalPolicy,
    ) -> Result<SignedIn, ExternalError> {
        let id = match self.known(who).await? {
            Some(id) => id,
            None => match self.welcome(who, policy).await {
                // Two sign-ins at once: the other was quicker.
                Err(error) => self.known(who).await?.ok_or(error)?,
                Ok(id) => id,
            },
        };
        let user = self.user(id).await?;
        if !user.active {
            if user.role != Role::User {
                let act = Act::new(nobody(&user.name), "sign_in.failed").on(id);
                self.note(act, Some(by(who))).await?;
            }
            return Err(ExternalError::Disabled);
        }
        if let ExternalRole::Always(role) = who.role
            && role != user.role
        {
            self.give_role(id, role).await?;
        }
        let state = self.db().credential_state(id).await;
        let (user, credential_version) = state
            .map_err(ControlError::from)?
            .filter(|(user, _)| user.active)
            .ok_or(ExternalError::Disabled)?;
        let principal = Principal::user(&user);
        // As by password: those of admins are few, and told.
        if user.role != Role::User {
            self.note(principal.does("sign_in").on(id), Some(by(who)))
                .await?;
        }
        Ok(SignedIn {
            principal,
            credential_version,
        })
    }

    async fn known(&self, who: &ExternalIdentity) -> Result<Option<UserId>, ControlError> {
        let found = self.db().user_of_identity(&who.issuer, &who.subject).await;
        Ok(found?)
    }

    /// The user of an identity that is new here.
    async fn welcome(
        &self,
        who: &ExternalIdentity,
        policy: ExternalPolicy,
    ) -> Result<UserId, ExternalError> {
        if policy.link_by_email
            && let Some(user) = self.of_same_email(who).await?
        {
            let act = Act::new(nobody(ACTOR), "user.link_identity").on(user);
            let who = who.clone();
            self.change(act, move |control| async move {
                control.tell_after(&by(&who));
                control.link(&who, user).await?;
                // Nobody needs to change a password that an administrator knows and that is good for nothing.
                let (db, now) = (control.db(), control.now());
                Ok(db.forget_unused_password(user, now).await?)
            })
            .await?;
            return Ok(user);
        }
        if !policy.create_users {
            return Err(ExternalError::Unknown);
        }
        let act = Act::new(nobody(ACTOR), "user.create");
        let who = who.clone();
        let created = self.change(act, move |control| async move {
            let new = NewUser {
                name: control.name_for(&who).await?,
                email: validation::email(who.email.as_deref()).unwrap_or_default(),
                role: who.role.role(),
                password_hash: None,
                must_change_password: false,
                budget: BudgetLimits::default(),
                limits: RateLimits::default(),
            };
            let user = control.db().create_user(&new, control.now()).await?;
            control.tell_subject(user.id);
            control.link(&who, user.id).await?;
            Ok(user.id)
        });
        Ok(created.await?)
    }

    async fn link(&self, who: &ExternalIdentity, user: UserId) -> Result<(), ControlError> {
        let (db, now) = (self.db(), self.now());
        Ok(db
            .link_identity(&who.issuer, &who.subject, user, now)
            .await?)
    }

    /// The active user whose e-mail address the provider has verified, if there is exactly one and the provider
    /// does not know them as somebody else: an address may have gone to another person since.
    async fn of_same_email(&self, who: &ExternalIdentity) -> Result<Option<UserId>, ControlError> {
        let Some(email) = &who.email else {
            return Ok(None);
        };
        let [id] = self.db().users_by_email(email).await?[..] else {
            return Ok(None);
        };
        let taken = self.db().has_identity_at(&who.issuer, id).await?;
        Ok((!taken && self.user(id).await?.active).then_some(id))
    }

    /// A name for a new user that nobody has, in whatever case: the provider's names give no right to an
    /// account that goes by them here.
    async fn name_for(&self, who: &ExternalIdentity) -> Result<String, ControlError> {
        let wanted: Vec<String> = who
            .names
            .iter()
            .filter_map(|name| free_name(name).ok())
            .collect();
        let first = wanted.first().cloned();
        let first = first.unwrap_or_else(|| "user".to_owned());
        // Room for a number behind it.
        let stem: String = first.chars().take(MAX_USER_NAME - 4).collect();
        let numbered = (2..=NAMES_TRIED).map(|number| format!("{stem}-{number}"));
        for name in wanted.into_iter().chain(numbered) {
            if self.db().find_user_by_name(&name).await?.is_none() {
                return Ok(name);
            }
        }
        Err(ControlError::Conflict(Conflict::UserNameTaken))
    }

    async fn give_role(&self, id: UserId, role: Role) -> Result<(), ExternalError> {
        let act = Act::new(nobody(ACTOR), "user.update").on(id);
        let changed = self.change(act, move |control| async move {
            let (db, now) = (control.db(), control.now());
            let user = control.user(id).await?;
            let (name, email) = (&user.name, user.email.as_deref());
            found(db.update_profile(id, name, email, role, now).await?)
        });
        changed.await.map_err(|error| match error {
            ControlError::Conflict(Conflict::LastAdmin) => ExternalError::LastAdmin,
            error => error.into(),
        })
    }
}

/// What the audit log says of how somebody was recognised.
fn by(who: &ExternalIdentity) -> Value {
    json!({"issuer": who.issuer, "subject": who.subject})
}
