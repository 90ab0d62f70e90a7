//! Showing who one is: by name and password, by a session or token that refers to an earlier
//! sign-in, or by the master key. What carries a session from one request to the next is for the
//! server to decide; here it is a user id and a credential version.

use domain::{Role, UserId, validation};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::{
    Control, ControlError, Principal,
    audit::{Act, nobody},
};

/// Somebody who has just given the right password.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub principal: Principal,
    /// To be kept with the session: see [`Control::resume`].
    pub credential_version: i64,
}

impl Control {
    /// # Errors
    /// [`ControlError::WrongPassword`], [`ControlError::TooManyAttempts`].
    pub async fn sign_in(
        &self,
        name: &str,
        password: SecretString,
    ) -> Result<SignedIn, ControlError> {
        let name = name.trim();
        // What could never be stored is not worth hashing, or remembering as a failure.
        if name.chars().count() > validation::MAX_USER_NAME
            || password.expose_secret().len() > validation::MAX_PASSWORD
        {
            return Err(ControlError::WrongPassword);
        }
        let record = self.db().password_of(name).await?;
        let hash = record.as_ref().and_then(|r| r.password_hash.clone());
        let right = self.check_password(name, password, hash).await?;
        let Some(record) = record else {
            return Err(ControlError::WrongPassword);
        };
        let principal = Principal::user(&record.user);
        let right = right && record.user.active;
        // Attempts on admins are told; those are few, since they are throttled by name.
        if record.user.role != Role::User {
            let act = match right {
                true => principal.does("sign_in"),
                false => Act::new(nobody(&record.user.name), "sign_in.failed"),
            };
            self.note(act.on(record.user.id), None).await?;
        }
        if !right {
            return Err(ControlError::WrongPassword);
        }
        Ok(SignedIn {
            principal,
            credential_version: record.credential_version,
        })
    }

    /// Compares a password, throttled by name.
    pub(crate) async fn check_password(
        &self,
        name: &str,
        password: SecretString,
        hash: Option<String>,
    ) -> Result<bool, ControlError> {
        let throttle = &self.inner.throttle;
        throttle.attempt(name, self.now())?;
        match self.inner.passwords.verify(password, hash).await {
            Ok(true) => {
                throttle.succeeded(name);
                Ok(true)
            }
            Ok(false) => Ok(false),
            Err(error) => {
                throttle.not_made(name);
                Err(error)
            }
        }
    }

    /// Whose session this is. `None` ends it: the user was disabled or deleted, or the password was
    /// changed since.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn resume(
        &self,
        user_id: UserId,
        credential_version: i64,
    ) -> Result<Option<Principal>, ControlError> {
        let state = self.db().credential_state(user_id).await?;
        Ok(state
            .filter(|(user, version)| user.active && *version == credential_version)
            .map(|(user, _)| Principal::user(&user)))
    }

    /// The master key's bearer, if that is what was presented. Takes the same time however much of
    /// it is right.
    #[must_use]
    pub fn master(&self, presented: &str) -> Option<Principal> {
        let key = self.inner.settings.master_key.as_ref()?.expose_secret();
        // Hashes have one length, so that not even the key's length shows.
        let (key, presented) = (
            self.inner.hasher.hash(key),
            self.inner.hasher.hash(presented),
        );
        bool::from(key.ct_eq(&presented)).then(Principal::master_key)
    }
}
