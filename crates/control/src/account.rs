//! What users do with their own account: look at it, and change its password. Everything else about
//! it is for admins to change.

use domain::{
    User,
    validation::{self, Field, FieldError, Problem},
};
use secrecy::{ExposeSecret, SecretString};

use crate::{Control, ControlError, Principal};

impl Control {
    /// Works also while the password must be changed.
    ///
    /// # Errors
    /// [`ControlError::Forbidden`] for the master key, which has no account.
    pub async fn my_account(&self, principal: &Principal) -> Result<User, ControlError> {
        let id = principal.user_id().ok_or(ControlError::Forbidden)?;
        self.db().find_user(id).await?.ok_or(ControlError::NotFound)
    }

    /// Ends all of the user's sessions and tokens, and returns the credential version with which
    /// the present one goes on.
    ///
    /// # Errors
    /// [`ControlError::WrongPassword`], [`ControlError::Invalid`],
    /// [`ControlError::TooManyAttempts`], [`ControlError::Forbidden`] for the master key.
    pub async fn change_password(
        &self,
        principal: &Principal,
        current: SecretString,
        new: SecretString,
    ) -> Result<i64, ControlError> {
        let id = principal.user_id().ok_or(ControlError::Forbidden)?;
        validation::password(new.expose_secret())?;
        let user = self.my_account(principal).await?;
        let record = self.db().password_of(&user.name).await?;
        let record = record.filter(|r| r.user.id == id && r.user.active);
        let record = record.ok_or(ControlError::NotFound)?;
        let unchanged = current.expose_secret() == new.expose_secret();
        let right = self
            .check_password(&user.name, current, record.password_hash)
            .await?;
        if !right {
            return Err(ControlError::WrongPassword);
        }
        if unchanged {
            return Err(FieldError::new(Field::Password, Problem::Unchanged).into());
        }
        let hash = self.inner.passwords.hash(new).await?;
        let act = principal.does("user.change_password").on(id);
        self.change(act, move |control| async move {
            let (db, now) = (control.db(), control.now());
            let changed = db.set_password(id, &hash, false, now).await?;
            changed.ok_or(ControlError::NotFound)
        })
        .await
    }
}
