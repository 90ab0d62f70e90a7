//! Stage 1: credential → [`Caller`], from memory.

use std::sync::Arc;

use domain::{KeyId, Timestamp, UserId};
use http::{HeaderMap, header::AUTHORIZATION};
use secrecy::ExposeSecret as _;
use storage::KeyHasher;
use subtle::ConstantTimeEq as _;

use crate::{
    GatewayError,
    catalog::{Accounts, KeyEntry},
    settings::AuthSettings,
};

/// Who calls. With rights of its own it can only be had from [`Authenticator::authenticate`].
#[derive(Clone, Debug)]
pub struct Caller(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Key(Arc<KeyEntry>),
    /// The master key: no limits, no budget; its calls are in the ledger all the same.
    Master,
    /// Authentication is off.
    Anonymous,
}

impl Caller {
    /// Somebody without a key, where the operator has opened what they ask for.
    #[must_use]
    pub const fn public() -> Self {
        Self(Kind::Anonymous)
    }

    /// The virtual key, unless the master key was used or authentication is off.
    #[must_use]
    pub fn key(&self) -> Option<&Arc<KeyEntry>> {
        match &self.0 {
            Kind::Key(key) => Some(key),
            Kind::Master | Kind::Anonymous => None,
        }
    }

    #[must_use]
    pub fn key_id(&self) -> Option<KeyId> {
        self.key().map(|key| key.id)
    }

    #[must_use]
    pub fn user_id(&self) -> Option<UserId> {
        self.key().map(|key| key.user.id)
    }

    /// Whether the caller may ask for `model`, by the name that it uses.
    #[must_use]
    pub fn may_use(&self, model: &str) -> bool {
        self.key().is_none_or(|key| {
            key.allowed_models.is_empty() || key.allowed_models.iter().any(|m| m == model)
        })
    }
}

/// Checks credentials.
#[derive(Debug)]
pub struct Authenticator {
    settings: AuthSettings,
    hasher: KeyHasher,
    master_hash: Option<[u8; 32]>,
}

impl Authenticator {
    #[must_use]
    pub fn new(settings: AuthSettings, hasher: KeyHasher) -> Self {
        let master_hash = settings
            .master_key
            .as_ref()
            .map(|key| hasher.hash(key.expose_secret()));
        Self {
            settings,
            hasher,
            master_hash,
        }
    }

    /// The key is looked for in `x-api-key`, then in `Authorization: Bearer`, then in the configured
    /// header.
    ///
    /// # Errors
    /// Each reason has an error of its own, so that a person sees what to mend: no key, an unknown
    /// one, one that is disabled or expired, one whose owner is disabled.
    pub fn authenticate(
        &self,
        accounts: &Accounts,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Caller, GatewayError> {
        let Some(presented) = self.presented(headers) else {
            return if self.settings.enabled {
                Err(GatewayError::MissingKey)
            } else {
                Ok(Caller(Kind::Anonymous))
            };
        };
        let hash = self.hasher.hash(presented);
        if let Some(key) = accounts.find(&hash) {
            if !key.active {
                return Err(GatewayError::KeyDisabled);
            }
            if key.expires_at.is_some_and(|at| at <= now) {
                return Err(GatewayError::KeyExpired);
            }
            if !key.user.active {
                return Err(GatewayError::UserDisabled);
            }
            key.live.used(now);
            return Ok(Caller(Kind::Key(Arc::clone(key))));
        }
        // Hashes of equal length, compared in constant time: nothing can be learned about the key.
        if self
            .master_hash
            .is_some_and(|master| master.ct_eq(&hash).into())
        {
            return Ok(Caller(Kind::Master));
        }
        if self.settings.enabled {
            Err(GatewayError::InvalidKey)
        } else {
            Ok(Caller(Kind::Anonymous))
        }
    }

    fn presented<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let plain = |name: &http::HeaderName| headers.get(name).and_then(|v| v.to_str().ok());
        let bearer = |value: &'h str| {
            let (scheme, key) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
        };
        plain(&crate::headers::X_API_KEY)
            .or_else(|| plain(&AUTHORIZATION).and_then(bearer))
            .or_else(|| {
                let value = plain(self.settings.header.as_ref()?)?;
                Some(bearer(value).unwrap_or(value))
            })
            .filter(|key| !key.is_empty())
    }
}
