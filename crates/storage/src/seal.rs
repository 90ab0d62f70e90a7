//! Secrets that have to be read again, encrypted at rest: XChaCha20-Poly1305 under a key of this
//! installation, which is not in the database. The name goes into the seal, so that no value can be put in
//! the place of another.

use std::fmt;

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use secrecy::SecretString;

use crate::KeyHasher;

const NONCE: usize = 24;

/// Seals and opens. Cheap to clone.
#[derive(Clone)]
pub struct Seal(XChaCha20Poly1305);

impl Seal {
    /// The installation's seal for a purpose. No key that a client can send has a NUL in it, so that no
    /// stored hash is this one.
    #[must_use]
    pub fn of(hasher: &KeyHasher, purpose: &str) -> Self {
        let key = hasher.hash(&format!("\0{purpose}"));
        Self(XChaCha20Poly1305::new(&key.into()))
    }

    /// The seal of what scripts get by `secrets.get`.
    #[must_use]
    pub fn of_scripts(hasher: &KeyHasher) -> Self {
        Self::of(hasher, "script secrets")
    }

    /// `None`: the system gives no random numbers.
    #[must_use]
    pub fn seal(&self, name: &str, secret: &str) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).ok()?;
        let payload = Payload {
            msg: secret.as_bytes(),
            aad: name.as_bytes(),
        };
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload).ok()?;
        Some([nonce.as_slice(), &sealed].concat())
    }

    /// `None`: it was sealed by another installation, under another name, or was changed since.
    #[must_use]
    pub fn open(&self, name: &str, sealed: &[u8]) -> Option<SecretString> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let payload = Payload {
            msg: sealed,
            aad: name.as_bytes(),
        };
        let opened = self.0.decrypt(&XNonce::from(*nonce), payload).ok()?;
        String::from_utf8(opened).ok().map(SecretString::from)
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn what_is_sealed_opens_under_its_name_and_nowhere_else() {
        let seal = Seal::of_scripts(&KeyHasher::new(b"installation"));
        let sealed = seal.seal("token", "s3cret").expect("sealed");
        assert!(!sealed.windows(6).any(|bytes| bytes == b"s3cret"));
        assert_ne!(seal.seal("token", "s3cret"), Some(sealed.clone()));
        let opened = seal.open("token", &sealed).expect("opened");
        assert_eq!(opened.expose_secret(), "s3cret");
        assert!(seal.open("other", &sealed).is_none());
        let other = Seal::of_scripts(&KeyHasher::new(b"another"));
        assert!(other.open("token", &sealed).is_none());
        let other = Seal::of(&KeyHasher::new(b"installation"), "other");
        assert!(other.open("token", &sealed).is_none());
        let mut changed = sealed.clone();
        *changed.last_mut().expect("bytes") ^= 1;
        assert!(seal.open("token", &changed).is_none());
        assert!(seal.open("token", &sealed[..10]).is_none());
    }
}
