//! Everything that is kept on disk, behind one cheap handle: [`Database`]. Callers see domain types
//! and never a connection, a transaction or which database runs; no rule about who may do what is
//! here, only what must hold whoever does it (a name is unique, the last admin stays).
//!
//! One file per aggregate, each an `impl Database` with its SQL beside the type it fills. To add
//! one: a migration under `migrations/`, a file here, its name below, and a case in `tests/`.
//! Accounts and ledger are two SQLite files, so that a writer of one never waits for the other.

mod backends;
mod budgets;
mod catalog;
mod database;
mod error;
mod key_hash;
mod keys;
pub mod ledger;
mod reports;
mod sessions;
mod sqlite;
mod usage_sums;
mod users;

pub use backends::{BackendRecord, DeploymentRecord, PriceRecord, SyncedBackend};
pub use catalog::{CatalogKey, CatalogRows, CatalogUser};
pub use database::{Database, DatabaseOptions, Synchronous};
pub use error::{Constraint, StorageError};
pub use key_hash::KeyHasher;
pub use keys::{KeySource, NewKey, OwnedKey};
pub use reports::LoggedRequest;
pub use sessions::SessionRecord;
pub use users::{NewUser, PasswordRecord};
