//! What can go wrong with the database. A violated constraint gets the meaning that it has for
//! people; everything else is for the log and never for a client.

use std::path::PathBuf;

/// Why the database did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The address is not one that can be opened. It is not repeated here, since the address of a
    /// database server holds a password.
    #[error("database.url must look like sqlite://data/llm-router.db: {reason}")]
    Url { reason: &'static str },
    /// The folder or file of the database cannot be made.
    #[error("cannot create {}: {source}", path.display())]
    Create {
        path: PathBuf,
        source: std::io::Error,
    },
    /// There is no database to read.
    #[error("there is no {}", path.display())]
    Missing { path: PathBuf },
    /// The file is not a database, belongs to a newer version or a migration failed.
    #[error("cannot bring the {database} database up to date: {source}")]
    Migrate {
        database: &'static str,
        source: sqlx::migrate::MigrateError,
    },
    /// The ledger's journal cannot be read or begun.
    #[error("cannot use the ledger's journal {}: {source}", path.display())]
    Journal {
        path: PathBuf,
        source: std::io::Error,
    },
    /// The change contradicts what is stored.
    #[error("{what}")]
    Conflict { what: Constraint },
    /// A stored value is not one that this version writes.
    #[error("the database holds a value that is not a valid {what}")]
    Corrupt { what: &'static str },
    /// Anything else that the database reports.
    #[error("database: {0}")]
    Database(#[source] sqlx::Error),
}

/// What must always hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Constraint {
    #[error("a user of that name exists")]
    UserName,
    #[error("a team of that name exists")]
    TeamName,
    #[error("a script of that name exists")]
    ScriptName,
    #[error("that key exists")]
    KeyHash,
    /// A key, budget or price refers to something that does not exist (any more).
    #[error("what it refers to does not exist")]
    Reference,
    #[error("one active admin must remain")]
    LastAdmin,
    #[error("it is there already")]
    Duplicate,
}

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error().and_then(violated) {
            Some(what) => Self::Conflict { what },
            None => Self::Database(error),
        }
    }
}

/// SQLite names the columns of a violated unique index in its message and nowhere else.
fn violated(error: &dyn sqlx::error::DatabaseError) -> Option<Constraint> {
    if error.is_foreign_key_violation() {
        Some(Constraint::Reference)
    } else if !error.is_unique_violation() {
        None
    } else if error.message().contains("users.name") {
        Some(Constraint::UserName)
    } else if error.message().contains("teams.name") {
        Some(Constraint::TeamName)
    } else if error.message().contains("scripts.name") {
        Some(Constraint::ScriptName)
    } else if error.message().contains("virtual_keys.hash") {
        Some(Constraint::KeyHash)
    } else {
        Some(Constraint::Duplicate)
    }
}
