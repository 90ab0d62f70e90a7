//! Secrets between the request that made them and the page that shows them. A form without
//! JavaScript ends in a redirect, so that the secret has to wait somewhere that is not a URL, a
//! cookie or a disk: here, in memory, for two minutes, for one reading, by the session that made it.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::{Timestamp, User, VirtualKey, clock::Clock};
use subtle::ConstantTimeEq;

use crate::{ControlError, ShownSecret, secret::random};

const LIFETIME_MS: i64 = 2 * 60 * 1_000;
/// Secrets that wait; the oldest goes first.
const CAPACITY: usize = 1_000;
const TOKEN_BYTES: usize = 16;

/// A secret with what the page says about it.
#[derive(Debug)]
pub struct RevealedSecret {
    /// What it is, for people.
    pub title: String,
    pub secret: ShownSecret,
    /// The key that it is.
    pub key: Option<VirtualKey>,
    /// The user whose it is.
    pub user: Option<User>,
}

/// Where secrets wait.
pub struct Vault {
    clock: Arc<dyn Clock>,
    entries: Mutex<HashMap<String, Entry>>,
}

struct Entry {
    owner: String,
    until: Timestamp,
    secret: RevealedSecret,
}

impl Vault {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            entries: Mutex::new(HashMap::new()),
        }
    }

    /// Keeps a secret for `owner`, the id of a session, and returns the token that names it.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn put(&self, owner: &str, secret: RevealedSecret) -> Result<String, ControlError> {
        let token = bs58::encode(random::<TOKEN_BYTES>()?).into_string();
        let now = self.clock.now();
        let mut entries = self.lock();
        entries.retain(|_, entry| entry.until > now);
        if entries.len() >= CAPACITY {
            let oldest = entries.iter().min_by_key(|(_, entry)| entry.until);
            if let Some(token) = oldest.map(|(token, _)| token.clone()) {
                entries.remove(&token);
            }
        }
        let entry = Entry {
            owner: owner.to_owned(),
            until: Timestamp(now.0.saturating_add(LIFETIME_MS)),
            secret,
        };
        entries.insert(token.clone(), entry);
        Ok(token)
    }

    /// The secret, which is then gone. `None` when it was read, has expired or is another session's,
    /// in which case it stays for its owner.
    #[must_use]
    pub fn take(&self, owner: &str, token: &str) -> Option<RevealedSecret> {
        let now = self.clock.now();
        let mut entries = self.lock();
        let entry = entries.get(token)?;
        let own = bool::from(entry.owner.as_bytes().ct_eq(owner.as_bytes()));
        if !own {
            return None;
        }
        let entry = entries.remove(token)?;
        (entry.until > now).then_some(entry.secret)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use domain::clock::FixedClock;

    use super::*;

    fn secret(title: &str) -> RevealedSecret {
        RevealedSecret {
            title: title.to_owned(),
            secret: ShownSecret::password().expect("a password"),
            key: None,
            user: None,
        }
    }

    fn vault() -> (Arc<FixedClock>, Vault) {
        let clock = Arc::new(FixedClock::new(Timestamp(0)));
        (clock.clone(), Vault::new(clock))
    }

    #[test]
    fn a_secret_is_read_once_and_by_its_session_only() {
        let (_, vault) = vault();
        let token = vault.put("mine", secret("a")).expect("a token");
        assert!(vault.take("another", &token).is_none());
        assert!(vault.take("mine", "guess").is_none());
        let taken = vault.take("mine", &token).expect("the secret");
        assert_eq!(taken.title, "a");
        assert!(vault.take("mine", &token).is_none(), "only once");
    }

    #[test]
    fn a_secret_is_gone_after_two_minutes() {
        let (clock, vault) = vault();
        let early = vault.put("mine", secret("a")).expect("a token");
        let late = vault.put("mine", secret("b")).expect("a token");
        clock.advance_ms(LIFETIME_MS - 1);
        assert!(vault.take("mine", &early).is_some());
        clock.advance_ms(1);
        assert!(vault.take("mine", &late).is_none());
    }

    #[test]
    fn the_vault_is_bounded_and_drops_the_oldest() {
        let (clock, vault) = vault();
        let first = vault.put("mine", secret("first")).expect("a token");
        clock.advance_ms(1);
        for _ in 0..CAPACITY {
            vault.put("mine", secret("more")).expect("a token");
        }
        assert_eq!(vault.lock().len(), CAPACITY);
        assert!(vault.take("mine", &first).is_none());
    }
}
