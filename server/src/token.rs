//! Tokens for scripts that sign in by name and password: JSON Web Tokens, signed by HMAC-SHA-256 with a key
//! of their own. They carry who signed in and with which version of the credentials, so that changing the
//! password, or disabling the user, ends them all.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Timestamp, UserId};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretBox};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// What the tokens say that they are.
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// Longer ones are not ours.
const MAX_LENGTH: usize = 1_024;

/// What a token may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// `/user/*`, for a day.
    User,
    /// `/admin/*`, for an hour.
    Admin,
}

impl Audience {
    const fn seconds(self) -> i64 {
        match self {
            Self::User => 24 * 3_600,
            Self::Admin => 3_600,
        }
    }
}

/// Who signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub sub: UserId,
    /// See [`control::Control::resume`].
    pub ver: i64,
    pub aud: Audience,
    /// Seconds since 1970.
    pub exp: i64,
}

/// Signs and checks tokens.
#[derive(Debug)]
pub struct Tokens(SecretBox<[u8; 32]>);

impl Tokens {
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self(SecretBox::new(Box::new(key)))
    }

    /// A token for whoever has just signed in.
    #[must_use]
    pub fn issue(&self, user: UserId, version: i64, audience: Audience, now: Timestamp) -> String {
        let claims = Claims {
            sub: user,
            ver: version,
            aud: audience,
            exp: now.0.div_euclid(1_000) + audience.seconds(),
        };
        let claims = serde_json::to_string(&claims).unwrap_or_default();
        let parts = [HEADER, &claims].map(|part| URL_SAFE_NO_PAD.encode(part));
        let signed = parts.join(".");
        let signature = URL_SAFE_NO_PAD.encode(self.mac(&signed).finalize().into_bytes());
        format!("{signed}.{signature}")
    }

    /// What a token says, if it is one of ours, is meant for this, and has not expired.
    #[must_use]
    pub fn check(&self, token: &str, audience: Audience, now: Timestamp) -> Option<Claims> {
        if token.len() > MAX_LENGTH {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        // In constant time. Whatever the header says, this is how it is checked.
        self.mac(signed).verify_slice(&signature).ok()?;
        let (_, claims) = signed.split_once('.')?;
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        let valid = claims.aud == audience && claims.exp > now.0.div_euclid(1_000);
        valid.then_some(claims)
    }

    fn mac(&self, signed: &str) -> Hmac<Sha256> {
        // HMAC fills a shorter key up with zeroes to the hash's block.
        let mut block = [0; 64];
        block[..32].copy_from_slice(self.0.expose_secret());
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(signed.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    #[test]
    fn a_token_is_good_for_its_purpose_and_its_time_only() {
        let tokens = Tokens::new([7; 32]);
        let token = tokens.issue(UserId(3), 5, Audience::User, NOW);
        let claims = tokens.check(&token, Audience::User, NOW).expect("claims");
        assert_eq!((claims.sub, claims.ver), (UserId(3), 5));
        assert_eq!(tokens.check(&token, Audience::Admin, NOW), None);
        let later = |seconds: i64| Timestamp(NOW.0 + seconds * 1_000);
        assert!(
            tokens
                .check(&token, Audience::User, later(24 * 3_600 - 1))
                .is_some()
        );
        assert_eq!(
            tokens.check(&token, Audience::User, later(24 * 3_600)),
            None
        );
        assert_eq!(
            Tokens::new([8; 32]).check(&token, Audience::User, NOW),
            None
        );
    }

    #[test]
    fn a_token_that_was_changed_anywhere_is_none() {
        let tokens = Tokens::new([7; 32]);
        let token = tokens.issue(UserId(3), 5, Audience::User, NOW);
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            // The last character of a signature may hold bits that say nothing.
            let same = at + 1 == token.len();
            assert!(
                same || tokens.check(&changed, Audience::User, NOW).is_none(),
                "{at}"
            );
        }
        let claims = r#"{"sub":1,"ver":1,"aud":"admin","exp":99999999999}"#;
        let unsigned = [r#"{"alg":"none"}"#, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
        for signature in ["", "."] {
            let token = format!("{}{signature}", unsigned.join("."));
            assert_eq!(tokens.check(&token, Audience::Admin, NOW), None);
        }
    }
}
