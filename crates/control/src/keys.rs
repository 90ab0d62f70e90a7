//! Managing virtual keys: all of them for admins, their own for users. The key itself exists only
//! in the answer to its creation.

use std::time::Duration;

use domain::{
    BudgetLimits, BudgetScope, KeyId, KeyOwner, NanoUsd, Timestamp, UserId, VirtualKey,
    account::{KeyQuery, KeySummary, NewKeyInput},
    budget::BudgetStatus,
    page::Page,
    validation::{self, Conflict, Field, FieldError, Problem},
};
use storage::{KeySecret, KeySource, NewKey, Spends};

use crate::{
    Admin, Control, ControlError, Principal, ShownSecret, audit::Act, error::found,
    secret::recognisable_parts,
};

/// How long an older secret of a rotated key can go on working.
const LONGEST_OVERLAP: Duration = Duration::from_secs(90 * 24 * 3_600);

/// Keys that users may make for themselves; admins may make more.
const MAX_OWN_KEYS: u32 = 100;

/// A key that was made, with its secret.
#[derive(Debug)]
pub struct ShownKey {
    pub key: VirtualKey,
    pub secret: ShownSecret,
}

impl Control {
    /// # Errors
    /// When the database fails.
    pub async fn list_keys(
        &self,
        _: &Admin,
        query: &KeyQuery,
    ) -> Result<Page<KeySummary>, ControlError> {
        self.key_summaries(query).await
    }

    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn get_key(&self, _: &Admin, id: KeyId) -> Result<VirtualKey, ControlError> {
        self.db().find_key(id).await?.ok_or(ControlError::NotFound)
    }

    /// A key with its owner and what it has spent.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn key_summary(&self, _: &Admin, id: KeyId) -> Result<KeySummary, ControlError> {
        self.summary_of_key(id).await
    }

    /// # Errors
    /// [`ControlError::NotFound`] when there is no such owner, [`ControlError::Invalid`].
    pub async fn create_key(
        &self,
        admin: &Admin,
        owner: UserId,
        input: NewKeyInput,
    ) -> Result<ShownKey, ControlError> {
        self.user(owner).await?;
        let act = admin.does("key.create");
        self.make_key(act, KeyOwner::User(owner), input).await
    }

    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Invalid`].
    pub async fn update_key(
        &self,
        admin: &Admin,
        id: KeyId,
        input: NewKeyInput,
    ) -> Result<VirtualKey, ControlError> {
        let present = self.db().find_key(id).await?;
        let act = admin.does("key.update");
        self.change_key(act, present.ok_or(ControlError::NotFound)?, input)
            .await
    }

    async fn change_key(
        &self,
        act: Act,
        present: VirtualKey,
        input: NewKeyInput,
    ) -> Result<VirtualKey, ControlError> {
        let id = present.id;
        not_revoked(&present)?;
        // An expiry that is left as it was may well be in the past.
        let earliest = if input.expires_at == present.expires_at {
            None
        } else {
            Some(self.now())
        };
        let input = checked(input, earliest)?;
        self.change(act.on(id), move |control| async move {
            let key = control.db().update_key(id, &input).await?;
            key.ok_or(ControlError::NotFound)
        })
        .await
    }

    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn set_key_active(
        &self,
        admin: &Admin,
        id: KeyId,
        active: bool,
    ) -> Result<(), ControlError> {
        self.switch_key(&admin.principal(), id, active, true).await
    }

    /// Gives the key a new secret; the present one goes on working for `overlap`.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`Conflict::KeyRevoked`], [`Conflict::EnvironmentKey`].
    pub async fn rotate_key(
        &self,
        admin: &Admin,
        id: KeyId,
        overlap: Duration,
    ) -> Result<ShownKey, ControlError> {
        self.rotate(&admin.principal(), id, overlap).await
    }

    /// Ends the key for good. It stays in the lists.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`Conflict::KeyRevoked`].
    pub async fn revoke_key(&self, admin: &Admin, id: KeyId) -> Result<(), ControlError> {
        self.revoke(&admin.principal(), id).await
    }

    /// What counts against the key's own budget.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn key_budget(&self, _: &Admin, id: KeyId) -> Result<BudgetStatus, ControlError> {
        let key = self
            .db()
            .find_key(id)
            .await?
            .ok_or(ControlError::NotFound)?;
        self.budget_status(BudgetScope::Key(id), key.budget).await
    }

    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn delete_key(&self, admin: &Admin, id: KeyId) -> Result<(), ControlError> {
        self.remove_key(&admin.principal(), id).await
    }

    /// For APIs in which a key is named by itself.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_key_by_secret(
        &self,
        _: &Admin,
        secret: &str,
    ) -> Result<Option<VirtualKey>, ControlError> {
        let hash = self.inner.hasher.hash(secret);
        Ok(self.db().find_key_by_hash(&hash).await?)
    }

    /// # Errors
    /// [`ControlError::Forbidden`] for the master key, [`ControlError::PasswordChangeRequired`].
    pub async fn list_my_keys(
        &self,
        principal: &Principal,
        query: &KeyQuery,
    ) -> Result<Page<KeySummary>, ControlError> {
        let query = KeyQuery {
            user_id: Some(principal.owner()?),
            ..query.clone()
        };
        self.key_summaries(&query).await
    }

    /// # Errors
    /// [`ControlError::Invalid`], [`Conflict::TooManyKeys`], and as [`Control::list_my_keys`].
    pub async fn create_my_key(
        &self,
        principal: &Principal,
        input: NewKeyInput,
    ) -> Result<ShownKey, ControlError> {
        let owner = principal.owner()?;
        self.within_owner(KeyOwner::User(owner), input.budget)
            .await?;
        let keys = self.db().count_keys(&[owner]).await?;
        if keys.get(&owner).is_some_and(|n| *n >= MAX_OWN_KEYS) {
            return Err(ControlError::Conflict(Conflict::TooManyKeys));
        }
        let act = principal.does("key.create");
        self.make_key(act, KeyOwner::User(owner), input).await
    }

    /// A key of one's own, or of a team that one is a member of.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], and as [`Control::list_my_keys`].
    pub async fn my_key(
        &self,
        principal: &Principal,
        id: KeyId,
    ) -> Result<KeySummary, ControlError> {
        let me = principal.owner()?;
        let key = self.summary_of_key(id).await?;
        match key.key.owner {
            KeyOwner::User(user) if user == me => Ok(key),
            KeyOwner::User(_) => Err(ControlError::NotFound),
            KeyOwner::Team(team) => {
                self.team_role(principal, team).await?;
                Ok(key)
            }
        }
    }

    /// Changes a key of one's own, or of a team that one owns. Its tags stay as they are: routes may
    /// depend on them, so that they are for admins to set.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Invalid`], also where a budget is higher than that of
    /// the key's owner, and as [`Control::list_my_keys`].
    pub async fn update_my_key(
        &self,
        principal: &Principal,
        id: KeyId,
        input: NewKeyInput,
    ) -> Result<VirtualKey, ControlError> {
        let present = self.runnable_key(principal, id).await?;
        self.within_owner(present.owner, input.budget).await?;
        let input = NewKeyInput {
            tags: present.tags.clone(),
            ..input
        };
        self.change_key(principal.does("key.update"), present, input)
            .await
    }

    /// Gives a key of one's own, or of a team that one owns, a new secret; the present one goes on
    /// working for `overlap`.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`Conflict::KeyRevoked`], and as [`Control::list_my_keys`].
    pub async fn rotate_my_key(
        &self,
        principal: &Principal,
        id: KeyId,
        overlap: Duration,
    ) -> Result<ShownKey, ControlError> {
        self.runnable_key(principal, id).await?;
        self.rotate(principal, id, overlap).await
    }

    /// Ends a key for good.
    ///
    /// # Errors
    /// As [`Control::rotate_my_key`].
    pub async fn revoke_my_key(
        &self,
        principal: &Principal,
        id: KeyId,
    ) -> Result<(), ControlError> {
        self.runnable_key(principal, id).await?;
        self.revoke(principal, id).await
    }

    /// # Errors
    /// [`ControlError::NotFound`], and as [`Control::list_my_keys`].
    pub async fn set_my_key_active(
        &self,
        principal: &Principal,
        id: KeyId,
        active: bool,
    ) -> Result<(), ControlError> {
        let key = self.runnable_key(principal, id).await?;
        not_revoked(&key)?;
        if active && key.disabled_by_admin {
            return Err(ControlError::Forbidden);
        }
        self.switch_key(principal, id, active, false).await
    }

    /// # Errors
    /// [`ControlError::NotFound`], and as [`Control::list_my_keys`].
    pub async fn delete_my_key(
        &self,
        principal: &Principal,
        id: KeyId,
    ) -> Result<(), ControlError> {
        self.runnable_key(principal, id).await?;
        self.remove_key(principal, id).await
    }

    async fn summary_of_key(&self, id: KeyId) -> Result<KeySummary, ControlError> {
        let query = KeyQuery {
            key_id: Some(id),
            ..KeyQuery::default()
        };
        let found = self.key_summaries(&query).await?;
        found.rows.into_iter().next().ok_or(ControlError::NotFound)
    }

    /// Whether a key's budgets are no higher than those of its owner.
    ///
    /// # Errors
    /// Names the budget that is higher.
    pub(crate) async fn within_owner(
        &self,
        owner: KeyOwner,
        key: BudgetLimits,
    ) -> Result<(), ControlError> {
        let most = match owner {
            KeyOwner::User(id) => self.user(id).await?.budget,
            KeyOwner::Team(id) => self.team(id).await?.budget,
        };
        Ok(within(most, key)?)
    }

    pub(crate) async fn key_summaries(
        &self,
        query: &KeyQuery,
    ) -> Result<Page<KeySummary>, ControlError> {
        let page = self.db().list_keys(query, self.now()).await?;
        let scopes: Vec<BudgetScope> = page
            .rows
            .iter()
            .map(|row| BudgetScope::Key(row.key.id))
            .collect();
        let [today, month] = self.spends_after_resets(&scopes).await?;
        let of = |spends: &Spends, key: KeyId| {
            let spent = spends.get(&BudgetScope::Key(key));
            spent.copied().unwrap_or_default()
        };
        let now = self.now();
        Ok(page.map(|row| KeySummary {
            spent_today: of(&today, row.key.id),
            spent_this_month: of(&month, row.key.id),
            status: row.key.status(now),
            owner: row.owner,
            owner_active: row.owner_active,
            key: row.key,
        }))
    }

    pub(crate) async fn make_key(
        &self,
        act: Act,
        owner: KeyOwner,
        input: NewKeyInput,
    ) -> Result<ShownKey, ControlError> {
        self.change(act, move |control| async move {
            let shown = control.insert_key(owner, input).await?;
            control.tell_subject(shown.key.id);
            Ok(shown)
        })
        .await
    }

    /// Part of a change: the caller announces it.
    pub(crate) async fn insert_key(
        &self,
        owner: KeyOwner,
        input: NewKeyInput,
    ) -> Result<ShownKey, ControlError> {
        let now = self.now();
        let input = checked(input, Some(now))?;
        let (secret, stored) = self.new_secret()?;
        let new = NewKey {
            owner,
            secret: stored,
            chosen: input,
            source: KeySource::Admin,
        };
        let key = self.db().create_key(&new, now).await?;
        Ok(ShownKey { key, secret })
    }

    fn new_secret(&self) -> Result<(ShownSecret, KeySecret), ControlError> {
        let secret = ShownSecret::virtual_key()?;
        let (prefix, last4) = recognisable_parts(secret.reveal());
        let stored = KeySecret {
            hash: self.inner.hasher.hash(secret.reveal()),
            prefix,
            last4,
        };
        Ok((secret, stored))
    }

    async fn rotate(
        &self,
        principal: &Principal,
        id: KeyId,
        overlap: Duration,
    ) -> Result<ShownKey, ControlError> {
        let overlap = overlap.min(LONGEST_OVERLAP);
        let overlap = i64::try_from(overlap.as_millis()).unwrap_or(i64::MAX);
        let act = principal.does("key.rotate").on(id);
        self.change(act, move |control| async move {
            let key = control.db().find_key(id).await?;
            not_revoked(&key.ok_or(ControlError::NotFound)?)?;
            if control.db().key_source(id).await? == Some(KeySource::Environment) {
                return Err(ControlError::Conflict(Conflict::EnvironmentKey));
            }
            let (secret, stored) = control.new_secret()?;
            let now = control.now();
            let until = Timestamp(now.0.saturating_add(overlap));
            let key = control.db().rotate_key(id, &stored, until, now).await?;
            let key = key.ok_or(ControlError::Conflict(Conflict::KeyRevoked))?;
            Ok(ShownKey { key, secret })
        })
        .await
    }

    async fn revoke(&self, principal: &Principal, id: KeyId) -> Result<(), ControlError> {
        let act = principal.does("key.revoke").on(id);
        self.change(act, move |control| async move {
            if control.db().revoke_key(id, control.now()).await? {
                return Ok(());
            }
            let key = control.db().find_key(id).await?;
            not_revoked(&key.ok_or(ControlError::NotFound)?)
        })
        .await
    }

    async fn switch_key(
        &self,
        principal: &Principal,
        id: KeyId,
        active: bool,
        by_admin: bool,
    ) -> Result<(), ControlError> {
        let action = match active {
            true => "key.enable",
            false => "key.disable",
        };
        self.change(principal.does(action).on(id), move |control| async move {
            let key = control.db().find_key(id).await?;
            not_revoked(&key.ok_or(ControlError::NotFound)?)?;
            found(control.db().set_key_active(id, active, by_admin).await?)
        })
        .await
    }

    async fn remove_key(&self, principal: &Principal, id: KeyId) -> Result<(), ControlError> {
        let act = principal.does("key.delete").on(id);
        self.change(act, move |control| async move {
            found(control.db().delete_key(id).await?)
        })
        .await
    }
}

/// `earliest`: an expiry must be later than this.
fn checked(input: NewKeyInput, earliest: Option<Timestamp>) -> Result<NewKeyInput, FieldError> {
    let too_early = |at: Timestamp| earliest.is_some_and(|earliest| at <= earliest);
    if input.expires_at.is_some_and(too_early) {
        return Err(FieldError::new(Field::ExpiresAt, Problem::InThePast));
    }
    Ok(NewKeyInput {
        label: validation::label(&input.label)?,
        expires_at: input.expires_at,
        limits: validation::rate_limits(input.limits)?,
        budget: validation::budget_limits(input.budget)?,
        access: validation::access(&input.access)?,
        tags: validation::tags(&input.tags)?,
    })
}

/// Whether a key's budgets are no higher than those of its owner. Unlimited ones are held by the
/// owner's.
///
/// # Errors
/// Names the budget that is higher.
fn within(owner: BudgetLimits, key: BudgetLimits) -> Result<(), FieldError> {
    let pairs = [
        (Field::DailyBudget, owner.daily, key.daily),
        (Field::MonthlyBudget, owner.monthly, key.monthly),
    ];
    for (field, most, asked) in pairs {
        if most > NanoUsd::ZERO && asked > most {
            return Err(FieldError::new(field, Problem::AboveOwner));
        }
    }
    Ok(())
}

fn not_revoked(key: &VirtualKey) -> Result<(), ControlError> {
    match key.revoked_at {
        None => Ok(()),
        Some(_) => Err(ControlError::Conflict(Conflict::KeyRevoked)),
    }
}
