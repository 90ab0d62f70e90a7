//! The first start: an admin where there is none, and a key to try things with. Called by the
//! operator's process and never by a request, which is why it asks for no proof.

use domain::{BudgetLimits, KeyOwner, RateLimits, Role, account::NewKeyInput, validation};
use secrecy::{ExposeSecret, SecretString};
use storage::NewUser;

use crate::{
    Control, ControlError, ShownKey, ShownSecret,
    audit::{Act, nobody},
};

const DEFAULT_ADMIN: &str = "admin";
const FIRST_KEY_LABEL: &str = "first key";

/// What the first start made; nothing at any later one.
#[derive(Debug)]
pub struct Bootstrap {
    pub admin_created: Option<AdminCreated>,
    pub first_key: Option<ShownKey>,
}

/// The first admin.
#[derive(Debug)]
pub struct AdminCreated {
    pub name: String,
    /// `None` where the operator gave one.
    pub generated_password: Option<ShownSecret>,
}

impl Control {
    /// Creates an admin if there is no active one, and with `first_key` a key of theirs if there is
    /// no key at all. Name and password are those given, or `admin` and a generated one; it need
    /// not be changed, since only the operator sees it. Where there is an admin, both are ignored.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for a name or password that cannot be one,
    /// [`domain::validation::Conflict::UserNameTaken`] when a user who is no active admin has the
    /// name.
    pub async fn bootstrap(
        &self,
        admin_name: Option<&str>,
        admin_password: Option<SecretString>,
        first_key: bool,
    ) -> Result<Bootstrap, ControlError> {
        let admin_created = if self.db().count_admins().await? == 0 {
            let name = admin_name.unwrap_or(DEFAULT_ADMIN);
            Some(self.create_first_admin(name, admin_password).await?)
        } else {
            None
        };
        let first_key = if first_key && !self.db().any_key().await? {
            self.create_first_key().await?
        } else {
            None
        };
        Ok(Bootstrap {
            admin_created,
            first_key,
        })
    }

    async fn create_first_admin(
        &self,
        name: &str,
        password: Option<SecretString>,
    ) -> Result<AdminCreated, ControlError> {
        let name = validation::user_name(name)?;
        let (password, generated_password) = match password {
            Some(password) => {
                validation::password(password.expose_secret())?;
                (password, None)
            }
            None => {
                let generated = ShownSecret::password()?;
                (generated.reveal().into(), Some(generated))
            }
        };
        let new = NewUser {
            name: name.clone(),
            email: None,
            role: Role::Admin,
            password_hash: Some(self.inner.passwords.hash(password).await?),
            must_change_password: false,
            budget: BudgetLimits::default(),
            limits: RateLimits::default(),
        };
        let act = Act::new(nobody("first start"), "user.create");
        self.change(act, move |control| async move {
            let user = control.db().create_user(&new, control.now()).await?;
            control.tell_subject(user.id);
            Ok(())
        })
        .await?;
        Ok(AdminCreated {
            name,
            generated_password,
        })
    }

    /// `None` where no admin is found to own it, which a concurrent change could cause.
    async fn create_first_key(&self) -> Result<Option<ShownKey>, ControlError> {
        let Some(owner) = self.db().first_admin().await? else {
            return Ok(None);
        };
        let input = NewKeyInput {
            label: FIRST_KEY_LABEL.to_owned(),
            ..NewKeyInput::default()
        };
        let act = Act::new(nobody("first start"), "key.create");
        let key = self.make_key(act, KeyOwner::User(owner), input).await?;
        Ok(Some(key))
    }
}
