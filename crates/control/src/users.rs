//! Managing users: for admins only. A user's spend is shown after resets, as the budget sees it.

use std::collections::HashMap;

use domain::{
    BudgetLimits, NanoUsd, Role, User, UserId,
    account::{ProfileInput, UserQuery, UserSummary},
    budget::{BudgetPeriod, BudgetStatus},
    page::Page,
    period::{self, Period},
    validation::{self, Conflict, Field, FieldError, Problem},
};
use secrecy::{ExposeSecret, SecretString};
use storage::NewUser;

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
    /// 0 is unlimited.
    pub daily_budget: NanoUsd,
    /// 0 is unlimited.
    pub monthly_budget: NanoUsd,
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
        let today = self.spend_after_resets(&ids, BudgetPeriod::Daily).await?;
        let month = self.spend_after_resets(&ids, BudgetPeriod::Monthly).await?;
        let keys = self.db().count_keys(&ids).await?;
        Ok(page.map(|user| UserSummary {
            keys: keys.get(&user.id).copied().unwrap_or(0),
            spent_today: today.get(&user.id).copied().unwrap_or_default(),
            spent_this_month: month.get(&user.id).copied().unwrap_or_default(),
            user,
        }))
    }

    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn get_user(&self, _: &Admin, id: UserId) -> Result<UserSummary, ControlError> {
        let user = self.user(id).await?;
        let keys = self.db().count_keys(&[id]).await?;
        Ok(UserSummary {
            user,
            keys: keys.get(&id).copied().unwrap_or(0),
            spent_today: self.spend_of(id, BudgetPeriod::Daily).await?,
            spent_this_month: self.spend_of(id, BudgetPeriod::Monthly).await?,
        })
    }

    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn user_budget(&self, _: &Admin, id: UserId) -> Result<BudgetStatus, ControlError> {
        let user = self.user(id).await?;
        self.budget_status(&user).await
    }

    /// # Errors
    /// [`ControlError::Invalid`], [`Conflict::UserNameTaken`].
    pub async fn create_user(
        &self,
        _: &Admin,
        input: NewUserInput,
    ) -> Result<CreatedUser, ControlError> {
        let name = free_name(&input.name)?;
        let email = validation::email(input.email.as_deref())?;
        let budget = checked_budget(BudgetLimits {
            daily: input.daily_budget,
            monthly: input.monthly_budget,
        })?;
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
        };
        let with_key = input.with_key;
        let (user, key) = self
            .change(move |control| async move {
                let user = control.db().create_user(&new, control.now()).await?;
                let key = if with_key {
                    let input = NewKeyInput {
                        label: FIRST_KEY_LABEL.to_owned(),
                        ..NewKeyInput::default()
                    };
                    Some(control.insert_key(user.id, input).await?)
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
        _: &Admin,
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
        self.change(move |control| async move {
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
        self.change(move |control| async move {
            let now = control.now();
            found(control.db().set_user_active(id, active, now).await?)
        })
        .await
    }

    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Invalid`].
    pub async fn update_budget(
        &self,
        _: &Admin,
        id: UserId,
        budget: BudgetLimits,
    ) -> Result<(), ControlError> {
        let budget = checked_budget(budget)?;
        self.change(move |control| async move {
            let now = control.now();
            found(control.db().update_budget(id, budget, now).await?)
        })
        .await
    }

    /// Forgives what the user spent so far in the present day or month. The ledger and the bill
    /// stay as they are.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn reset_spend(
        &self,
        _: &Admin,
        id: UserId,
        period: BudgetPeriod,
    ) -> Result<(), ControlError> {
        self.change(move |control| async move {
            let (start, now) = (control.current(period).start, control.now());
            control.db().reset_budget(id, period, start, now).await?;
            Ok(())
        })
        .await
    }

    /// Gives the user a generated password that must be changed at the next sign-in, and ends their
    /// sessions.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn reset_password(&self, _: &Admin, id: UserId) -> Result<ShownSecret, ControlError> {
        let user = self.user(id).await?;
        let password = ShownSecret::password()?;
        let hash = self.inner.passwords.hash(password.reveal().into()).await?;
        self.db()
            .set_password(id, &hash, true, self.now())
            .await?
            .ok_or(ControlError::NotFound)?;
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
        self.change(move |control| async move { found(control.db().delete_user(id).await?) })
            .await
    }

    pub(crate) async fn user(&self, id: UserId) -> Result<User, ControlError> {
        self.db().find_user(id).await?.ok_or(ControlError::NotFound)
    }

    /// The day or month that now lies in.
    pub(crate) fn current(&self, period: BudgetPeriod) -> Period {
        match period {
            BudgetPeriod::Daily => period::day(self.now(), self.zone()),
            BudgetPeriod::Monthly => period::month(self.now(), self.zone()),
        }
    }

    pub(crate) async fn spend_of(
        &self,
        id: UserId,
        period: BudgetPeriod,
    ) -> Result<NanoUsd, ControlError> {
        let spend = self.spend_after_resets(&[id], period).await?;
        Ok(spend.get(&id).copied().unwrap_or_default())
    }

    async fn spend_after_resets(
        &self,
        ids: &[UserId],
        period: BudgetPeriod,
    ) -> Result<HashMap<UserId, NanoUsd>, ControlError> {
        let start = self.current(period).start;
        let mut spend = self.db().spend_of_users(ids, start).await?;
        for (id, forgiven) in self.db().forgiven(ids, period, start).await? {
            let left = spend.entry(id).or_default();
            *left = (*left - forgiven).max(NanoUsd::ZERO);
        }
        Ok(spend)
    }
}

fn free_name(name: &str) -> Result<String, FieldError> {
    let name = validation::user_name(name)?;
    if environment_keys::is_owner(&name) {
        return Err(FieldError::new(Field::Name, Problem::Reserved));
    }
    Ok(name)
}

fn checked_budget(budget: BudgetLimits) -> Result<BudgetLimits, FieldError> {
    Ok(BudgetLimits {
        daily: validation::not_negative(Field::DailyBudget, budget.daily)?,
        monthly: validation::not_negative(Field::MonthlyBudget, budget.monthly)?,
    })
}
