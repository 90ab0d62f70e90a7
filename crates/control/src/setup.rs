//! The first steps in a browser. A first start for which no password was given makes an admin with a generated
//! one, and a token beside it: whoever shows the token, once, chooses that admin's name and password. What comes
//! after that is for any admin to do or to skip, and is remembered so that it can be gone on with. Whoever signs
//! in with the generated password has no need of it; it is over then.

use domain::{Role, UserId, setup::SetupStep, validation};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use subtle::ConstantTimeEq as _;

use crate::{
    Admin, Control, ControlError, Principal, ShownSecret, SignedIn,
    audit::{Act, nobody},
    error::found,
    users::free_name,
};

/// What the database remembers it by.
const REMEMBERED: &str = "setup";

/// How far it is.
#[derive(Debug, Serialize, Deserialize)]
struct Setup {
    step: SetupStep,
    /// The admin that the first start has made.
    admin: UserId,
    /// The token's hash, in hexadecimal, until it is used.
    token: Option<String>,
}

impl Control {
    /// The step that is still to be taken; `None`: there is no set-up, or none any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn setup_step(&self) -> Result<Option<SetupStep>, ControlError> {
        Ok(self.setup().await?.map(|setup| setup.step))
    }

    /// Whether this is the token that opens it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn opens_setup(&self, token: &str) -> Result<bool, ControlError> {
        Ok(self.opened_by(token).await?.is_some())
    }

    /// Uses the token up: gives the admin a name and a password, and signs them in.
    ///
    /// # Errors
    /// [`ControlError::Forbidden`] for another token or when it was used before, [`ControlError::Invalid`],
    /// [`domain::validation::Conflict::UserNameTaken`].
    pub async fn claim_setup(
        &self,
        token: &str,
        name: &str,
        password: SecretString,
    ) -> Result<SignedIn, ControlError> {
        let admin = self.opened_by(token).await?;
        let admin = admin.ok_or(ControlError::Forbidden)?;
        let name = free_name(name)?;
        validation::password(password.expose_secret())?;
        let password = self.inner.passwords.hash(password).await?;
        let act = Act::new(nobody("set-up"), "setup.claim").on(admin);
        let token = token.to_owned();
        let credential_version = self
            .change(act, move |control| async move {
                // Somebody may have been quicker.
                let opened = control.opened_by(&token).await?;
                opened.ok_or(ControlError::Forbidden)?;
                let (db, now) = (control.db(), control.now());
                let email = control.user(admin).await?.email;
                let email = email.as_deref();
                found(db.update_profile(admin, &name, email, Role::Admin, now).await?)?;
                let version = db.set_password(admin, &password, false, now).await?;
                let next = SetupStep::Admin.next();
                control.remember_setup(admin, next, None).await?;
                version.ok_or(ControlError::NotFound)
            })
            .await?;
        Ok(SignedIn {
            principal: Principal::user(&self.user(admin).await?),
            credential_version,
        })
    }

    /// Goes on from a step that was taken or is skipped; from another than the present one it stays where it is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn advance_setup(&self, admin: &Admin, from: SetupStep) -> Result<(), ControlError> {
        let act = admin.does("setup.advance");
        let present = self.setup().await?;
        let Some(Setup { admin, .. }) = present.filter(|setup| setup.step == from) else {
            return act.check();
        };
        if from == SetupStep::Admin {
            return Err(ControlError::Forbidden);
        }
        self.change(act, move |control| async move {
            control.tell_before(&json!({"step": from}));
            control.tell_after(&json!({"step": from.next()}));
            control.remember_setup(admin, from.next(), None).await
        })
        .await
    }

    /// At a start: makes a new token while nobody has used one. `created` is the admin whose password was
    /// generated just now.
    pub(crate) async fn open_setup(
        &self,
        created: Option<UserId>,
    ) -> Result<Option<ShownSecret>, ControlError> {
        let admin = match (created, self.setup().await?) {
            (Some(admin), _) => admin,
            (None, Some(setup)) if setup.step == SetupStep::Admin => setup.admin,
            (None, _) => return Ok(None),
        };
        let token = ShownSecret::setup()?;
        let hash = hex::encode(self.inner.hasher.hash(token.reveal()));
        let step = Some(SetupStep::Admin);
        self.remember_setup(admin, step, Some(hash)).await?;
        Ok(Some(token))
    }

    /// The operator has given a password, or the generated one was used: nobody needs the token.
    pub(crate) async fn close_unclaimed_setup(&self) -> Result<(), ControlError> {
        let unclaimed = self.setup().await?;
        if let Some(setup) = unclaimed.filter(|setup| setup.step == SetupStep::Admin) {
            self.remember_setup(setup.admin, None, None).await?;
        }
        Ok(())
    }

    async fn setup(&self) -> Result<Option<Setup>, ControlError> {
        let remembered = self.db().remembered(REMEMBERED).await?;
        // What cannot be read any more is over.
        Ok(remembered.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// The admin whose name and password this token lets choose.
    async fn opened_by(&self, token: &str) -> Result<Option<UserId>, ControlError> {
        let hash = hex::encode(self.inner.hasher.hash(token));
        let setup = self.setup().await?;
        Ok(setup.and_then(|setup| {
            let right = setup.token.as_ref()?.as_bytes().ct_eq(hash.as_bytes());
            (setup.step == SetupStep::Admin && bool::from(right)).then_some(setup.admin)
        }))
    }

    /// `None`: it is over.
    async fn remember_setup(
        &self,
        admin: UserId,
        step: Option<SetupStep>,
        token: Option<String>,
    ) -> Result<(), ControlError> {
        let setup = step.map(|step| json!(Setup { step, admin, token }).to_string());
        self.db().remember(REMEMBERED, setup.as_deref()).await?;
        Ok(())
    }
}
