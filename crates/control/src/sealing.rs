//! Credentials of upstreams at rest: sealed with ChaCha20-Poly1305 under a key that is derived from the
//! installation's secret, so that a copy of the database alone opens none of them.

use chacha20poly1305::{
    ChaCha20Poly1305, Key, KeyInit as _, Nonce,
    aead::{Aead as _, Payload},
};

use crate::{ControlError, secret::random};

const NONCE_BYTES: usize = 12;

/// Seals and opens.
pub struct Sealer(ChaCha20Poly1305);

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self(ChaCha20Poly1305::new(&Key::from(*key)))
    }

    /// Seals `text`. What is sealed for one `purpose` cannot be opened for another.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn seal(&self, purpose: &str, text: &str) -> Result<Vec<u8>, ControlError> {
        let nonce = random::<NONCE_BYTES>()?;
        let payload = Payload {
            msg: text.as_bytes(),
            aad: purpose.as_bytes(),
        };
        let sealed = self.0.encrypt(&Nonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| ControlError::Internal("nothing could be sealed"))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// What was sealed for `purpose`; `None`: it was not sealed here, or was changed.
    #[must_use]
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Option<String> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload {
            msg: sealed,
            aad: purpose.as_bytes(),
        };
        let text = self.0.decrypt(&Nonce::from(*nonce), payload).ok()?;
        String::from_utf8(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_purpose_and_unchanged_only() {
        let sealer = Sealer::new(&[7; 32]);
        let sealed = sealer.seal("backend", "sk-1").expect("sealed");
        assert!(!sealed.windows(4).any(|w| w == b"sk-1"));
        assert_ne!(sealed, sealer.seal("backend", "sk-1").expect("sealed"));
        assert_eq!(sealer.open("backend", &sealed).as_deref(), Some("sk-1"));
        assert_eq!(sealer.open("script", &sealed), None);
        assert_eq!(Sealer::new(&[8; 32]).open("backend", &sealed), None);
        let mut changed = sealed.clone();
        *changed.last_mut().expect("bytes") ^= 1;
        assert_eq!(sealer.open("backend", &changed), None);
        assert_eq!(sealer.open("backend", &sealed[..5]), None);
    }
}
