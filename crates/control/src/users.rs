//! Managing users: for admins only. A user's spend is shown after resets, as the budget sees it.

use domain::{
    BudgetLimits, BudgetScope, KeyOwner, RateLimits, Role, User, UserId,
    account::{KeyQuery, KeySummary, ProfileInput, UserQuery, UserSummary},
    budget::BudgetStatus,
    page::Page,
    validation::{self, Conflict, Field, FieldError, Problem},
};
use secrecy::{ExposeSecret, SecretString};
use storage::{NewUser, Spends};

use crate::{
    Admin, Control, ControlError, NewKeyInput, ShownKey, ShownSecret, environment_keys,
    error::found,
};

/// The label of a key that is made together with its owner.
const FIRST_KEY_LABEL: &str = "default";

/// What is known about a user who is to be created.
#[derive(Clone, Debug)]
pub struct NewUserInput {
    pub name: String,
    pub email: Option<String>,
    pub role: Role,
    /// `None`: one is generated, and must be changed at the first sign-in.
    pub password: Option<SecretString>,
    pub budget: BudgetLimits,
    pub limits: RateLimits,
    /// Whether to make a key as well.
    pub with_key: bool,
}

/// A user who was created, with what is shown once.
#[derive(Debug)]
pub struct CreatedUser {
    pub user: User,
    /// `None` where a password was given.
    pub generated_password: Option<ShownSecret>,
    /// `None` where none was asked for.
    pub key: Option<ShownKey>,
}

impl Control {
    /// # Errors
    /// When the database fails.
    pub async fn list_users(
        &self,
        _: &Admin,
        query: &UserQuery,
    ) -> Result<Page<UserSummary>, ControlError> {
        let page = self.db().list_users(query).await?;
        let ids: Vec<UserId> = page.rows.iter().map(|user| user.id).collect();
        let scopes: Vec<BudgetScope> = ids.iter().copied().map(BudgetScope::User).collect();
        let [today, month] = self.spends_after_resets(&scopes).await?;
        let of = |spends: &Spends, user: &User| {
            let spent = spends.get(&BudgetScope::User(user.id));
            spent.copied().unwrap_or_default()
        };
        let keys = self.db().count_keys(&ids).await?;
        Ok(page.map(|user| UserSummary {
            keys: keys.get(&user.id).copied().unwrap_or(0),
            spent_today: of(&today, &user),
            spent_this_month: of(&month, &user),
            user,
        }))
    }

    /// The user of that name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn user_named(&self, _: &Admin, name: &str) -> Result<Option<User>, ControlError> {
        Ok(self.db().find_user_by_name(name.trim()).await?)
    }

    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn get_user(&self, _: &Admin, id: UserId) -> Result<UserSummary, ControlError> {
        let user = self.user(id).await?;
        let keys = self.db().count_keys(&[id]).await?;
        let spends = self.spend_of(BudgetScope::User(id)).await?;
        Ok(UserSummary {
            user,
            keys: keys.get(&id).copied().unwrap_or(0),
            spent_today: spends[0],
            spent_this_month: spends[1],
        })
    }

    /// The keys, of which at most a page, and the names of the teams that go when a user is deleted.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn what_goes_with(
        &self,
        admin: &Admin,
        id: UserId,
    ) -> Result<(Page<KeySummary>, Vec<String>), ControlError> {
        self.user(id).await?;
        let query = KeyQuery {
            user_id: Some(id),
            ..KeyQuery::default()
        };
        let keys = self.list_keys(admin, &query).await?;
        let teams = self.db().list_teams(Some(id)).await?.into_iter();
        Ok((keys, teams.map(|counted| counted.team.name).collect()))
    }

    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn user_budget(&self, _: &Admin, id: UserId) -> Result<BudgetStatus, ControlError> {
        let user = self.user(id).await?;
        self.budget_status(BudgetScope::User(id), user.budget).await
    }

    /// # Errors
    /// [`ControlError::Invalid`], [`Conflict::UserNameTaken`].
    pub async fn create_user(
        &self,
        admin: &Admin,
        input: NewUserInput,
    ) -> Result<CreatedUser, ControlError> {
        let name = free_name(&input.name)?;
        let email = validation::email(input.email.as_deref())?;
        let budget = validation::budget_limits(input.budget)?;
        let (password, generated_password) = match input.password {
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
            name,
            email,
            role: input.role,
            password_hash: Some(self.inner.passwords.hash(password).await?),
            must_change_password: generated_password.is_some(),
            budget,
            limits: validation::rate_limits(input.limits)?,
        };
        let with_key = input.with_key;
        let (user, key) = self
            .change(admin.does("user.create"), move |control| async move {
                let user = control.db().create_user(&new, control.now()).await?;
                control.tell_subject(user.id);
                let key = if with_key {
                    let input = NewKeyInput {
                        label: FIRST_KEY_LABEL.to_owned(),
                        ..NewKeyInput::default()
                    };
                    Some(control.insert_key(KeyOwner::User(user.id), input).await?)
                } else {
                    None
                };
                Ok((user, key))
            })
            .await?;
        Ok(CreatedUser {
            user,
            generated_password,
            key,
        })
    }

    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Invalid`], [`Conflict::UserNameTaken`],
    /// [`Conflict::LastAdmin`].
    pub async fn update_profile(
        &self,
        admin: &Admin,
        id: UserId,
        input: ProfileInput,
    ) -> Result<User, ControlError> {
        let present = self.user(id).await?;
        // The router's own user keeps its name, and nobody else takes it.
        let name = if input.name.trim() == present.name {
            present.name
        } else if environment_keys::is_owner(&present.name) {
            return Err(FieldError::new(Field::Name, Problem::Reserved).into());
        } else {
            free_name(&input.name)?
        };
        let email = validation::email(input.email.as_deref())?;
        let act = admin.does("user.update").on(id);
        self.change(act, move |control| async move {
            let (db, now) = (control.db(), control.now());
            found(
                db.update_profile(id, &name, email.as_deref(), input.role, now)
                    .await?,
            )?;
            control.user(id).await
        })
        .await
    }

    /// Disabling ends the user's sessions, and their keys are refused from then on.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`Conflict::OwnAccount`], [`Conflict::LastAdmin`].
    pub async fn set_user_active(
        &self,
        admin: &Admin,
        id: UserId,
        active: bool,
    ) -> Result<(), ControlError> {
        if !active && admin.is(id) {
            return Err(ControlError::Conflict(Conflict::OwnAccount));
        }
        let action = match active {
            true => "user.enable",
            false => "user.disable",
        };
        self.change(admin.does(action).on(id), move |control| async move {
            let now = control.now();
            found(control.db().set_user_active(id, active, now).await?)
        })
        .await
    }

    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Invalid`].
    pub async fn update_budget(
        &self,
        admin: &Admin,
        id: UserId,
        budget: BudgetLimits,
    ) -> Result<(), ControlError> {
        let budget = validation::budget_limits(budget)?;
        let act = admin.does("user.set_budget").on(id);
        self.change(act, move |control| async move {
            let now = control.now();
            found(control.db().update_budget(id, budget, now).await?)
        })
        .await
    }

    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Invalid`].
    pub async fn update_user_limits(
        &self,
        admin: &Admin,
        id: UserId,
        limits: RateLimits,
    ) -> Result<(), ControlError> {
        let limits = validation::rate_limits(limits)?;
        let act = admin.does("user.set_limits").on(id);
        self.change(act, move |control| async move {
            let now = control.now();
            found(control.db().update_user_limits(id, limits, now).await?)
        })
        .await
    }

    /// Gives the user a generated password that must be changed at the next sign-in, and ends their
    /// sessions.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn reset_password(
        &self,
        admin: &Admin,
        id: UserId,
    ) -> Result<ShownSecret, ControlError> {
        let user = self.user(id).await?;
        let password = ShownSecret::password()?;
        let hash = self.inner.passwords.hash(password.reveal().into()).await?;
        let act = admin.does("user.reset_password").on(id);
        self.change(act, move |control| async move {
            let (db, now) = (control.db(), control.now());
            let changed = db.set_password(id, &hash, true, now).await?;
            changed.ok_or(ControlError::NotFound)
        })
        .await?;
        // Who could not remember it should not have to wait with the new one.
        self.inner.throttle.succeeded(&user.name);
        Ok(password)
    }

    /// Deletes the user and their keys. The ledger keeps what they spent.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`Conflict::OwnAccount`], [`Conflict::LastAdmin`].
    pub async fn delete_user(&self, admin: &Admin, id: UserId) -> Result<(), ControlError> {
        if admin.is(id) {
            return Err(ControlError::Conflict(Conflict::OwnAccount));
        }
        let act = admin.does("user.delete").on(id);
        self.change(act, move |control| async move {
            found(control.db().delete_user(id).await?)
        })
        .await
    }

    pub(crate) async fn user(&self, id: UserId) -> Result<User, ControlError> {
        self.db().find_user(id).await?.ok_or(ControlError::NotFound)
    }
}

pub(crate) fn free_name(name: &str) -> Result<String, FieldError> {
    let name = validation::user_name(name)?;
    if environment_keys::is_owner(&name) {
        return Err(FieldError::new(Field::Name, Problem::Reserved));
    }
    Ok(name)
}
