//! Everything that is kept on disk, behind one cheap handle: [`Database`]. Callers see domain types
//! and never a connection, a transaction or which database runs; no rule about who may do what is
//! here, only what must hold whoever does it (a name is unique, the last admin stays).
//!
//! One file per aggregate, each an `impl Database` with its SQL beside the type it fills. To add
//! one: a migration under `migrations/`, a file here, its name below, and a case in `tests/`.
//! Accounts and ledger are two SQLite files, so that a writer of one never waits for the other.

mod access;
mod audit;
mod backends;
mod budget_events;
mod budgets;
mod catalog;
mod change;
mod database;
mod error;
mod idempotency;
mod key_hash;
mod keys;
pub mod ledger;
mod minutes;
mod permissions;
mod prices;
mod reports;
mod request_log;
mod route_entries;
mod scripts;
mod seal;
mod sessions;
mod sqlite;
mod teams;
mod terms;
mod timings;
mod usage_report;
mod usage_sums;
mod users;
pub mod verify;

pub use access::NewToken;
pub use audit::{AuditVerified, NewAuditRow};
pub use backends::{
    BackendRecord, DeploymentRecord, KnownDeployment, SyncedBackend, SyncedDeployment,
};
pub use budget_events::EventRecord;
pub use budgets::{BudgetHolder, Spends};
pub use catalog::{CatalogKey, CatalogOwner, CatalogRows};
pub use change::ChangeInProgress;
pub use database::{Database, DatabaseOptions, Synchronous};
pub use error::{Constraint, StorageError};
pub use idempotency::StoredAnswer;
pub use key_hash::KeyHasher;
pub use keys::{KeySecret, KeySource, NewKey, OwnedKey};
pub use minutes::{Activity, BackendActivity, LaneUsage};
pub use prices::{ConfiguredPrice, PriceRecord, PriceSource};
pub use reports::{LoggedRequest, RequestLogQuery};
pub use request_log::{LogCall, LogPage, LogScope, Named};
pub use route_entries::{RouteEntryInput, RouteEntryRecord, RouteSection};
pub use seal::Seal;
pub use sessions::SessionRecord;
pub use teams::CountedTeam;
pub use usage_report::{UsageScope, UsageSums};
pub use users::{NewUser, PasswordRecord};
