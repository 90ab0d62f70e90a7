//! How virtual keys are recognised without being stored: HMAC-SHA-256 (RFC 2104) under a secret of
//! this installation. Keys are random, so that a fast hash is safe, and the proxied path computes
//! one for every request; passwords are another matter and are not hashed here.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Hashes keys. Holds the secret; cheap to clone.
#[derive(Clone)]
pub struct KeyHasher {
    /// The state after the secret has been taken in, so that each hash starts from here.
    keyed: Hmac<Sha256>,
}

impl KeyHasher {
    /// `secret` may have any length; 32 random bytes are as good as it gets.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        // RFC 2104, section 2: a secret longer than a block is hashed, and either is padded with
        // zeros. Done here, it leaves no error to handle.
        let mut block = [0u8; 64];
        if secret.len() <= block.len() {
            block[..secret.len()].copy_from_slice(secret);
        } else {
            block[..32].copy_from_slice(&Sha256::digest(secret));
        }
        Self {
            keyed: Hmac::new(&block.into()),
        }
    }

    /// The hash under which `key` is stored and looked up.
    #[must_use]
    pub fn hash(&self, key: &str) -> [u8; 32] {
        let mut mac = self.keyed.clone();
        mac.update(key.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for KeyHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyHasher").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: [u8; 32]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn hashes_are_hmac_sha_256() {
        // RFC 4231, test cases 2 and 6 (a secret longer than a block).
        assert_eq!(
            hex(KeyHasher::new(b"Jefe").hash("what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let long = [0xaa; 131];
        assert_eq!(
            hex(KeyHasher::new(&long)
                .hash("Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn the_secret_is_not_shown() {
        assert_eq!(format!("{:?}", KeyHasher::new(b"Jefe")), "KeyHasher { .. }");
    }
}
