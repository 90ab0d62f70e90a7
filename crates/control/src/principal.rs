//! Who is asking. Both types have private fields and are only made by [`crate::auth`], so that
//! holding one is the proof that the check was made.

use domain::{
    Role, User, UserId,
    access::{ApiToken, TokenScope},
    audit::{Actor, ActorKind},
};

use crate::{ControlError, audit::Act};

/// Somebody who has shown who they are: a signed-in user or the bearer of the master key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    user_id: Option<UserId>,
    name: String,
    kind: ActorKind,
    role: Role,
    must_change_password: bool,
    /// A token that opens less than its owner may.
    read_only: bool,
}

/// Somebody who may manage everything, or at least see everything: then every change is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    principal: Principal,
}

impl Principal {
    pub(crate) fn user(user: &User) -> Self {
        Self {
            user_id: Some(user.id),
            name: user.name.clone(),
            kind: ActorKind::User,
            role: user.role,
            must_change_password: user.must_change_password,
            read_only: false,
        }
    }

    /// The bearer of a token: its owner, or the master key, but for what the token does not open.
    pub(crate) fn token(token: &ApiToken, owner: Option<&User>) -> Self {
        let owned = owner.map_or_else(Self::master_key, Self::user);
        Self {
            name: format!("{} of {}", token.name, owned.name),
            kind: ActorKind::Token,
            read_only: token.scope != TokenScope::Admin,
            ..owned
        }
    }

    pub(crate) fn master_key() -> Self {
        Self {
            user_id: None,
            name: "master key".to_owned(),
            kind: ActorKind::MasterKey,
            role: Role::Admin,
            must_change_password: false,
            read_only: false,
        }
    }

    /// `None` for the master key.
    #[must_use]
    pub fn user_id(&self) -> Option<UserId> {
        self.user_id
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether everything may be looked at.
    #[must_use]
    pub fn sees_all(&self) -> bool {
        self.role.sees_all()
    }

    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// Until it is changed, every use case but changing it is refused.
    #[must_use]
    pub fn must_change_password(&self) -> bool {
        self.must_change_password
    }

    /// The proof that everything may be managed.
    ///
    /// # Errors
    /// [`ControlError::Forbidden`] for users, [`ControlError::PasswordChangeRequired`].
    pub fn admin(&self) -> Result<Admin, ControlError> {
        if self.role != Role::Admin || self.read_only {
            return Err(ControlError::Forbidden);
        }
        self.viewer()
    }

    /// The proof that everything may be looked at. A use case that changes something refuses it, unless
    /// it is that of an admin.
    ///
    /// # Errors
    /// [`ControlError::Forbidden`] for users, [`ControlError::PasswordChangeRequired`].
    pub fn viewer(&self) -> Result<Admin, ControlError> {
        if !self.role.sees_all() {
            return Err(ControlError::Forbidden);
        }
        if self.must_change_password {
            return Err(ControlError::PasswordChangeRequired);
        }
        Ok(Admin {
            principal: self.clone(),
        })
    }

    /// Says what this principal is about to do, for [`Control::change`](crate::Control).
    pub(crate) fn does(&self, action: &'static str) -> Act {
        Act::new(self.actor(), action).only_if(!self.read_only)
    }

    pub(crate) fn actor(&self) -> Actor {
        Actor {
            kind: self.kind,
            user_id: self.user_id,
            name: self.name.clone(),
        }
    }

    /// Whose own things are reached. The master key has none.
    pub(crate) fn owner(&self) -> Result<UserId, ControlError> {
        if self.must_change_password {
            return Err(ControlError::PasswordChangeRequired);
        }
        self.user_id.ok_or(ControlError::Forbidden)
    }
}

impl Admin {
    /// The same person, or the master key, for use cases that others than admins may carry out too.
    #[must_use]
    pub fn principal(&self) -> Principal {
        self.principal.clone()
    }

    pub(crate) fn is(&self, user: UserId) -> bool {
        self.principal.user_id == Some(user)
    }

    /// Says what this admin is about to do, for [`Control::change`](crate::Control).
    pub(crate) fn does(&self, action: &'static str) -> Act {
        let may = self.principal.role == Role::Admin && !self.principal.read_only;
        self.principal.does(action).only_if(may)
    }
}
