//! The installation's own secret: 32 random bytes in a file beside the database, readable by its
//! owner only. Keys for different purposes are derived from it, so that one of them says nothing
//! about another. Whoever has the database without this file cannot test a guessed key against it.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use control::Sealer;
use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use storage::KeyHasher;

use crate::token::Tokens;

const LENGTH: usize = 32;

/// The secret.
#[derive(Debug)]
pub struct InstallationSecret(SecretBox<[u8; LENGTH]>);

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    #[error("cannot read or write {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} does not hold a secret: expected 64 hexadecimal digits; restore it from a backup, or remove it together with the database", path.display())]
    Malformed { path: PathBuf },
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

impl InstallationSecret {
    /// Reads the secret that belongs to the database at `database`, or makes it.
    ///
    /// # Errors
    /// See [`SecretFileError`].
    pub fn beside(database: &Path) -> Result<Self, SecretFileError> {
        let path = database.with_extension("secret");
        let io_error = |source| SecretFileError::Io {
            path: path.clone(),
            source,
        };
        match fs::read_to_string(&path) {
            Ok(text) => {
                let mut bytes = [0; LENGTH];
                hex::decode_to_slice(text.trim(), &mut bytes)
                    .map_err(|_| SecretFileError::Malformed { path: path.clone() })?;
                Ok(Self(SecretBox::new(Box::new(bytes))))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut bytes = [0; LENGTH];
                getrandom::fill(&mut bytes).map_err(SecretFileError::Random)?;
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder).map_err(io_error)?;
                }
                let mut file = fs::OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&path)
                    .map_err(io_error)?;
                writeln!(file, "{}", hex::encode(bytes)).map_err(io_error)?;
                file.sync_all().map_err(io_error)?;
                Ok(Self(SecretBox::new(Box::new(bytes))))
            }
            Err(error) => Err(io_error(error)),
        }
    }

    /// Hashes virtual keys.
    #[must_use]
    pub fn key_hasher(&self) -> KeyHasher {
        KeyHasher::new(&self.derive("virtual keys"))
    }

    /// The master key of an installation whose operator has set none.
    #[must_use]
    pub fn default_master_key(&self) -> SecretString {
        format!("sk-master-{}", hex::encode(self.derive("master key"))).into()
    }

    /// Seals credentials of upstreams.
    #[must_use]
    pub fn sealer(&self) -> Sealer {
        Sealer::new(&self.derive("credentials"))
    }

    /// Signs the tokens of those who sign in by the API.
    #[must_use]
    pub fn tokens(&self) -> Tokens {
        Tokens::new(self.derive("tokens"))
    }

    fn derive(&self, purpose: &str) -> [u8; LENGTH] {
        KeyHasher::new(self.0.expose_secret()).hash(purpose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_made_once_and_only_its_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("new/router.db");
        let first = InstallationSecret::beside(&database).expect("made");
        let again = InstallationSecret::beside(&database).expect("read");
        assert_eq!(first.key_hasher().hash("k"), again.key_hasher().hash("k"));
        let file = folder.path().join("new/router.secret");
        let mode = fs::metadata(&file).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(&file, "nonsense").expect("written");
        assert!(matches!(
            InstallationSecret::beside(&database),
            Err(SecretFileError::Malformed { .. })
        ));
        assert!(!format!("{first:?}").contains(&hex::encode(first.0.expose_secret())));
    }
}
