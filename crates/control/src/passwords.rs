//! Passwords: argon2id with 19 MiB, two passes and one lane (OWASP, Password Storage Cheat Sheet),
//! computed off the async threads and only a few at a time, since each takes memory and tens of
//! milliseconds on purpose. Who may try how often is for [`crate::throttle`] to say.

use std::time::Duration;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::ControlError;

/// Passwords that are hashed at the same time.
const RUNNING: usize = 2;
/// Passwords that wait for their turn; more are refused.
const WAITING: usize = 64;
/// What one who was refused should wait.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// A hash in the parameters of [`Argon2::default`] that no password has. Verified against for names
/// that do not exist, so that they take as long as those that do.
const NOBODYS_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LW5vYm9keQ$\
                            AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[derive(Debug)]
pub(crate) struct Passwords {
    places: Semaphore,
    running: Semaphore,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        Self {
            places: Semaphore::new(RUNNING + WAITING),
            running: Semaphore::new(RUNNING),
        }
    }

    /// The hash in PHC string format, under a fresh salt.
    pub(crate) async fn hash(&self, password: SecretString) -> Result<String, ControlError> {
        self.run(move || {
            Argon2::default()
                .hash_password(password.expose_secret().as_bytes())
                .map(|hash| hash.to_string())
                .map_err(|_| ControlError::Internal("a password could not be hashed"))
        })
        .await?
    }

    /// Whether `password` has the hash; `None` never matches and takes as long.
    pub(crate) async fn verify(
        &self,
        password: SecretString,
        hash: Option<String>,
    ) -> Result<bool, ControlError> {
        self.run(move || {
            let hash = hash.as_deref().unwrap_or(NOBODYS_HASH);
            Argon2::default()
                .verify_password(password.expose_secret().as_bytes(), hash)
                .is_ok()
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ControlError> {
        let Ok(_place) = self.places.try_acquire() else {
            return Err(ControlError::TooManyAttempts {
                retry_after: RETRY_AFTER,
            });
        };
        let _turn = self
            .running
            .acquire()
            .await
            .map_err(|_| ControlError::Internal("the password queue is closed"))?;
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| ControlError::Internal("hashing a password panicked"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let passwords = Passwords::new();
        let hash = passwords
            .hash("correct horse".into())
            .await
            .expect("a hash");
        assert!(hash.starts_with("$argon2id$"));
        let verify = |text: &str, hash: Option<String>| passwords.verify(text.into(), hash);
        assert!(
            verify("correct horse", Some(hash.clone()))
                .await
                .expect("done")
        );
        assert!(!verify("wrong horse", Some(hash)).await.expect("done"));
        assert!(!verify("", None).await.expect("done"));
    }

    #[tokio::test]
    async fn nobodys_hash_costs_what_a_real_one_costs() {
        let parameters = |hash: &str| hash.rsplitn(3, '$').nth(2).map(str::to_owned);
        let real = Passwords::new().hash("x".into()).await.expect("a hash");
        assert_eq!(parameters(NOBODYS_HASH), parameters(&real));
        let wrong = Argon2::default().verify_password(b"x", NOBODYS_HASH);
        assert_eq!(
            wrong,
            Err(argon2::password_hash::Error::PasswordInvalid),
            "it is computed and compared, not refused as malformed"
        );
    }
}
