//! Secrets that are made here and shown once. Their type cannot be printed, logged or serialised;
//! whoever shows one has to write `reveal`.

use std::fmt;

use domain::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use crate::ControlError;

/// Characters that are hard to take for one another.
const PASSWORD_ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const PASSWORD_LENGTH: usize = 20;
const KEY_BYTES: usize = 32;

/// What every virtual key that is made here begins with.
const KEY_PREFIX: &str = "sk-lr-";

/// What every token of the admin API begins with.
const TOKEN_PREFIX: &str = "lr-admin-";

/// A secret to be shown once.
pub struct ShownSecret {
    text: SecretString,
    what: SecretKind,
}

/// What a secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    Password,
    /// A virtual key.
    Key,
    /// Of the admin API.
    Token,
    /// Can be opened once until then.
    Link {
        expires_at: Timestamp,
    },
}

impl ShownSecret {
    /// The secret itself, to be shown and not kept.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.text.expose_secret()
    }

    #[must_use]
    pub fn what(&self) -> SecretKind {
        self.what
    }

    fn new(text: String, what: SecretKind) -> Self {
        Self {
            text: text.into(),
            what,
        }
    }

    /// A password that is not worth guessing: 20 of 56 characters, 116 bits.
    pub(crate) fn password() -> Result<Self, ControlError> {
        let alphabet = PASSWORD_ALPHABET.len();
        // Bytes beyond the largest multiple of the alphabet's size would favour its beginning.
        let usable = 256 - 256 % alphabet;
        let mut password = String::with_capacity(PASSWORD_LENGTH);
        while password.len() < PASSWORD_LENGTH {
            for byte in random::<32>()?.map(usize::from) {
                if byte < usable && password.len() < PASSWORD_LENGTH {
                    password.push(char::from(PASSWORD_ALPHABET[byte % alphabet]));
                }
            }
        }
        Ok(Self::new(password, SecretKind::Password))
    }

    /// A virtual key: `sk-lr-` and 32 random bytes in base 58.
    pub(crate) fn virtual_key() -> Result<Self, ControlError> {
        let random = bs58::encode(random::<KEY_BYTES>()?).into_string();
        Ok(Self::new(format!("{KEY_PREFIX}{random}"), SecretKind::Key))
    }

    /// A token of the admin API: `lr-admin-` and 32 random bytes in base 58.
    pub(crate) fn token() -> Result<Self, ControlError> {
        let random = bs58::encode(random::<KEY_BYTES>()?).into_string();
        Ok(Self::new(
            format!("{TOKEN_PREFIX}{random}"),
            SecretKind::Token,
        ))
    }

    /// Whether this looks like one that [`ShownSecret::token`] has made.
    pub(crate) fn may_be_token(presented: &str) -> bool {
        presented.starts_with(TOKEN_PREFIX)
    }

    /// What stands in a one-time link: 32 random bytes in base 58.
    pub(crate) fn link(expires_at: Timestamp) -> Result<Self, ControlError> {
        let random = bs58::encode(random::<KEY_BYTES>()?).into_string();
        Ok(Self::new(random, SecretKind::Link { expires_at }))
    }

    /// The same with something in front.
    pub(crate) fn behind(&self, before: &str) -> Self {
        Self::new(format!("{before}{}", self.reveal()), self.what)
    }
}

impl fmt::Debug for ShownSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShownSecret(…)")
    }
}

/// Random bytes of the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], ControlError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|_| ControlError::Internal("the operating system gives no random bytes"))?;
    Ok(bytes)
}

/// The first and the last characters of a key, by which it is recognised in lists: nine and four of
/// a key that was made here, fewer of a short one that somebody chose, so that most of it stays
/// hidden.
pub(crate) fn recognisable_parts(key: &str) -> (String, String) {
    let length = key.chars().count();
    let (first, last) = ((length / 4).min(9), (length / 8).min(4));
    (
        key.chars().take(first).collect(),
        key.chars().skip(length - last).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_recognised_by_their_ends() {
        let key = ShownSecret::virtual_key().expect("a key");
        let (prefix, last4) = recognisable_parts(key.reveal());
        assert_eq!((prefix.len(), last4.len()), (9, 4));
        assert!(prefix.starts_with("sk-lr-"));
        assert!(key.reveal().starts_with(&prefix) && key.reveal().ends_with(&last4));
        assert_eq!(recognisable_parts("short"), ("s".into(), String::new()));
    }

    #[test]
    fn secrets_differ_and_are_not_printed() {
        let (a, b) = (ShownSecret::password(), ShownSecret::password());
        let (a, b) = (a.expect("a password"), b.expect("a password"));
        assert_eq!(a.reveal().len(), 20);
        assert_ne!(a.reveal(), b.reveal());
        assert!(!format!("{a:?}").contains(a.reveal()));
    }
}
