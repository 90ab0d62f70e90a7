//! Keys that the operator gives in the environment (`AUTH_KEY`, `AUTH_KEY_01`, …). They belong to a
//! user of the router's own, who cannot sign in, so that they can have a budget and a bill like any
//! other key. The environment decides which exist; disabling one is remembered.

use domain::{BudgetLimits, KeyOwner, RateLimits, Role, UserId, account::NewKeyInput};
use secrecy::{ExposeSecret, SecretString};
use storage::{KeySecret, KeySource, NewKey, NewUser};

use crate::{Control, ControlError, secret::recognisable_parts};

/// The owner's name. Nobody else can have it.
const OWNER: &str = "environment";

/// Whether `name` is the one that these keys' owner has.
pub(crate) fn is_owner(name: &str) -> bool {
    name.eq_ignore_ascii_case(OWNER)
}

impl Control {
    /// Makes the keys of the environment exactly `keys`, given as label and key. Keys that are no
    /// longer among them are deleted.
    ///
    /// # Errors
    /// [`domain::validation::Conflict::KeyExists`] when one of them is somebody's key already.
    pub async fn sync_environment_keys(
        &self,
        keys: &[(String, SecretString)],
    ) -> Result<(), ControlError> {
        let owner = match self.db().find_user_by_name(OWNER).await? {
            Some(user) => user.id,
            // Without keys now or before, there is no need for an owner.
            None if keys.is_empty() => return Ok(()),
            None => self.create_owner().await?,
        };
        let mut wanted: Vec<NewKey> = Vec::with_capacity(keys.len());
        for (label, key) in keys {
            let key = key.expose_secret();
            let hash = self.inner.hasher.hash(key);
            // The same key under two names is one key.
            if wanted.iter().any(|other| other.secret.hash == hash) {
                continue;
            }
            let (prefix, last4) = recognisable_parts(key);
            wanted.push(NewKey {
                owner: KeyOwner::User(owner),
                secret: KeySecret {
                    hash,
                    prefix,
                    last4,
                },
                chosen: NewKeyInput {
                    label: label.clone(),
                    ..NewKeyInput::default()
                },
                source: KeySource::Environment,
            });
        }
        if self.db().sync_environment_keys(&wanted, self.now()).await? {
            self.announce().await;
        }
        Ok(())
    }

    async fn create_owner(&self) -> Result<UserId, ControlError> {
        let new = NewUser {
            name: OWNER.to_owned(),
            email: None,
            role: Role::User,
            password_hash: None,
            must_change_password: false,
            budget: BudgetLimits::default(),
            limits: RateLimits::default(),
        };
        Ok(self.db().create_user(&new, self.now()).await?.id)
    }
}
