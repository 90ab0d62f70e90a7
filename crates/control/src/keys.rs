//! Managing virtual keys: all of them for admins, their own for users. The key itself exists only
//! in the answer to its creation.

use domain::{
    KeyId, Timestamp, UserId, VirtualKey,
    account::{KeyQuery, KeySummary, NewKeyInput},
    budget::BudgetPeriod,
    page::Page,
    validation::{self, Conflict, Field, FieldError, Problem},
};
use storage::{KeySource, NewKey};

use crate::{
    Admin, Control, ControlError, Principal, ShownSecret, error::found, secret::recognisable_parts,
};

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

    /// # Errors
    /// [`ControlError::NotFound`] when there is no such owner, [`ControlError::Invalid`].
    pub async fn create_key(
        &self,
        _: &Admin,
        owner: UserId,
        input: NewKeyInput,
    ) -> Result<ShownKey, ControlError> {
        self.user(owner).await?;
        self.make_key(owner, input).await
    }

    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Invalid`].
    pub async fn update_key(
        &self,
        _: &Admin,
        id: KeyId,
        input: NewKeyInput,
    ) -> Result<VirtualKey, ControlError> {
        let present = self.db().find_key(id).await?;
        let present = present.ok_or(ControlError::NotFound)?;
        // An expiry that is left as it was may well be in the past.
        let earliest = if input.expires_at == present.expires_at {
            None
        } else {
            Some(self.now())
        };
        let input = checked(input, earliest)?;
        self.change(move |control| async move {
            let key = control.db().update_key(id, &input).await?;
            key.ok_or(ControlError::NotFound)
        })
        .await
    }

    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn set_key_active(
        &self,
        _: &Admin,
        id: KeyId,
        active: bool,
    ) -> Result<(), ControlError> {
        self.switch_key(id, active, true).await
    }

    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn delete_key(&self, _: &Admin, id: KeyId) -> Result<(), ControlError> {
        self.remove_key(id).await
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
        let keys = self.db().count_keys(&[owner]).await?;
        if keys.get(&owner).is_some_and(|n| *n >= MAX_OWN_KEYS) {
            return Err(ControlError::Conflict(Conflict::TooManyKeys));
        }
        self.make_key(owner, input).await
    }

    /// # Errors
    /// [`ControlError::NotFound`], and as [`Control::list_my_keys`].
    pub async fn set_my_key_active(
        &self,
        principal: &Principal,
        id: KeyId,
        active: bool,
    ) -> Result<(), ControlError> {
        let key = self.own_key(principal, id).await?;
        if active && key.disabled_by_admin {
            return Err(ControlError::Forbidden);
        }
        self.switch_key(id, active, false).await
    }

    /// # Errors
    /// [`ControlError::NotFound`], and as [`Control::list_my_keys`].
    pub async fn delete_my_key(
        &self,
        principal: &Principal,
        id: KeyId,
    ) -> Result<(), ControlError> {
        self.own_key(principal, id).await?;
        self.remove_key(id).await
    }

    /// The key, if it is the principal's own. Keys never change hands, so that what is done next
    /// is done to their own key.
    async fn own_key(&self, principal: &Principal, id: KeyId) -> Result<VirtualKey, ControlError> {
        let owner = principal.owner()?;
        let key = self.db().find_key(id).await?;
        key.filter(|key| key.user_id == owner)
            .ok_or(ControlError::NotFound)
    }

    async fn key_summaries(&self, query: &KeyQuery) -> Result<Page<KeySummary>, ControlError> {
        let page = self.db().list_keys(query).await?;
        let ids: Vec<KeyId> = page.rows.iter().map(|row| row.key.id).collect();
        let month = self.current(BudgetPeriod::Monthly);
        let spend = self.db().spend_of_keys(&ids, month.start).await?;
        let now = self.now();
        Ok(page.map(|row| KeySummary {
            spent_this_month: spend.get(&row.key.id).copied().unwrap_or_default(),
            status: row.key.status(now),
            owner: row.owner,
            owner_active: row.owner_active,
            key: row.key,
        }))
    }

    pub(crate) async fn make_key(
        &self,
        owner: UserId,
        input: NewKeyInput,
    ) -> Result<ShownKey, ControlError> {
        self.change(move |control| async move { control.insert_key(owner, input).await })
            .await
    }

    /// Part of a change: the caller announces it.
    pub(crate) async fn insert_key(
        &self,
        owner: UserId,
        input: NewKeyInput,
    ) -> Result<ShownKey, ControlError> {
        let now = self.now();
        let input = checked(input, Some(now))?;
        let secret = ShownSecret::virtual_key()?;
        let (prefix, last4) = recognisable_parts(secret.reveal());
        let new = NewKey {
            user_id: owner,
            label: input.label,
            hash: self.inner.hasher.hash(secret.reveal()),
            prefix,
            last4,
            expires_at: input.expires_at,
            requests_per_minute: input.requests_per_minute,
            allowed_models: input.allowed_models,
            source: KeySource::Admin,
        };
        let key = self.db().create_key(&new, now).await?;
        Ok(ShownKey { key, secret })
    }

    async fn switch_key(
        &self,
        id: KeyId,
        active: bool,
        by_admin: bool,
    ) -> Result<(), ControlError> {
        self.change(move |control| async move {
            found(control.db().set_key_active(id, active, by_admin).await?)
        })
        .await
    }

    async fn remove_key(&self, id: KeyId) -> Result<(), ControlError> {
        self.change(move |control| async move { found(control.db().delete_key(id).await?) })
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
        allowed_models: validation::allowed_models(&input.allowed_models)?,
        ..input
    })
}
