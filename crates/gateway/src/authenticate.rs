//! Stage 1: credential → [`Caller`], from memory.

use std::{net::IpAddr, sync::Arc};

use domain::{KeyId, KeyOwner, TeamId, Timestamp, UserId};
use http::{HeaderMap, HeaderName};
use secrecy::ExposeSecret as _;
use storage::KeyHasher;
use subtle::ConstantTimeEq as _;

use crate::{
    GatewayError,
    catalog::{Accounts, KeyEntry},
    headers::{X_API_KEY, bearer, bearer_of, text},
    settings::AuthSettings,
};

/// Who calls. With rights of its own it can only be had from [`Authenticator::authenticate`].
#[derive(Clone, Debug)]
pub struct Caller(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Key(Arc<KeyEntry>),
    /// A user of the playground, by the session of the dashboards. The entry stands for a key that
    /// nobody has: its id is in no ledger, and it adds nothing to what the user may do.
    Playground(Arc<KeyEntry>),
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

    /// Whoever has this key, as far as planning is concerned.
    pub(crate) const fn of_key(key: Arc<KeyEntry>) -> Self {
        Self(Kind::Key(key))
    }

    /// Whoever is signed in as the owner of this entry.
    pub(crate) const fn of_playground(entry: Arc<KeyEntry>) -> Self {
        Self(Kind::Playground(entry))
    }

    /// Somebody without any limits, as far as planning is concerned.
    pub(crate) const fn unlimited() -> Self {
        Self(Kind::Master)
    }

    /// The virtual key, or what stands for it on the playground; `None` where the master key was used
    /// or authentication is off.
    #[must_use]
    pub fn key(&self) -> Option<&Arc<KeyEntry>> {
        match &self.0 {
            Kind::Key(key) | Kind::Playground(key) => Some(key),
            Kind::Master | Kind::Anonymous => None,
        }
    }

    #[must_use]
    pub fn key_id(&self) -> Option<KeyId> {
        match &self.0 {
            Kind::Key(key) => Some(key.id),
            Kind::Playground(_) | Kind::Master | Kind::Anonymous => None,
        }
    }

    /// Whether a session calls and not a key.
    #[must_use]
    pub const fn is_playground(&self) -> bool {
        matches!(self.0, Kind::Playground(_))
    }

    #[must_use]
    pub fn owner(&self) -> Option<KeyOwner> {
        Some(self.key()?.owner.id)
    }

    #[must_use]
    pub fn user_id(&self) -> Option<UserId> {
        self.key()?.owner.user_id()
    }

    #[must_use]
    pub fn team_id(&self) -> Option<TeamId> {
        self.key()?.owner.team_id()
    }

    /// Whether the caller may ask for `model`, by the name that it uses.
    #[must_use]
    pub fn may_use(&self, model: &str) -> bool {
        self.key().is_none_or(|key| {
            key.access.models.is_empty() || key.access.models.iter().any(|m| m == model)
        })
    }

    /// Whether the caller's requests may go to the backend of this name.
    #[must_use]
    pub fn may_reach(&self, backend: &str) -> bool {
        self.key().is_none_or(|key| {
            let own = &key.access.backends;
            let permitted = key.owner.backends.as_deref();
            (own.is_empty() || own.iter().any(|b| b == backend))
                && permitted.is_none_or(|names| names.iter().any(|b| b == backend))
        })
    }

    /// Whether it was said which backends its owner may use.
    #[must_use]
    pub fn is_permitted_some(&self) -> bool {
        self.key().is_some_and(|key| key.owner.backends.is_some())
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

    /// The configured header.
    #[must_use]
    pub const fn header(&self) -> Option<&HeaderName> {
        self.settings.header.as_ref()
    }

    /// The key is looked for in `x-api-key`, then in `Authorization: Bearer`, then in the configured
    /// header.
    ///
    /// # Errors
    /// Each reason has an error of its own, so that a person sees what to mend: no key, an unknown
    /// one, one that is revoked, disabled, expired or replaced, one whose owner is disabled, one that
    /// may not be used from where the client is.
    pub fn authenticate(
        &self,
        accounts: &Accounts,
        headers: &HeaderMap,
        peer: Option<IpAddr>,
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
        if let Some((key, works_until)) = accounts.find(&hash) {
            if key.revoked {
                return Err(GatewayError::KeyRevoked);
            }
            if !key.active {
                return Err(GatewayError::KeyDisabled);
            }
            if key.expires_at.is_some_and(|at| at <= now) {
                return Err(GatewayError::KeyExpired);
            }
            if works_until.is_some_and(|at| at <= now) {
                return Err(GatewayError::KeyReplaced);
            }
            if !key.owner.active {
                return Err(match key.owner.user_id() {
                    Some(_) => GatewayError::UserDisabled,
                    None => GatewayError::TeamDisabled,
                });
            }
            if !key.access.addresses.is_empty() {
                let from = self.client_address(headers, peer);
                let allowed = |from: IpAddr| key.addresses.iter().any(|r| r.contains(&from));
                if !from.is_some_and(allowed) {
                    return Err(GatewayError::AddressNotAllowed { from });
                }
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

    /// Where the client is: who has connected, or whom a trusted proxy says that it speaks for. Each
    /// proxy appends whom it heard from, so that only what trusted ones appended can be believed.
    pub(crate) fn client_address(
        &self,
        headers: &HeaderMap,
        peer: Option<IpAddr>,
    ) -> Option<IpAddr> {
        let trusted = |address: IpAddr| {
            let proxies = &self.settings.trusted_proxies;
            proxies.iter().any(|range| range.contains(&address))
        };
        let mut address = peer?.to_canonical();
        let heard_from: Vec<&str> = headers
            .get_all(&crate::headers::X_FORWARDED_FOR)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .collect();
        for before in heard_from.into_iter().rev() {
            if !trusted(address) {
                break;
            }
            // What is no address cannot be allowed, and nothing behind it can be believed.
            address = before.trim().parse::<IpAddr>().ok()?.to_canonical();
        }
        Some(address)
    }

    fn presented<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        text(headers, &X_API_KEY)
            .or_else(|| bearer(headers))
            .or_else(|| {
                let value = text(headers, self.settings.header.as_ref()?)?;
                Some(bearer_of(value).unwrap_or(value))
            })
            .filter(|key| !key.is_empty())
    }
}
