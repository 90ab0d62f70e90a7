//! The `database` section: where accounts and the ledger are kept.

use super::{
    from_text::{Choice, FromText},
    reader::Section,
};

/// Where accounts and the ledger are kept.
#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    /// `url`; `LLM_ROUTER_DB` or `CORE_DB_PATH`, which take a path too. Default
    /// `sqlite://data/llm-router.db`.
    pub url: DatabaseUrl,
    /// `synchronous`: what a commit waits for. Default `normal`.
    pub synchronous: Synchronous,
}

/// A database that this version can use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// `sqlite://` and a path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of the database's file.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        std::path::Path::new(self.0.strip_prefix("sqlite://").unwrap_or(&self.0))
    }
}

/// SQLite's `PRAGMA synchronous` under write-ahead logging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synchronous {
    /// A commit survives the death of the process; the last ones may be lost to a power failure.
    Normal,
    /// A commit survives a power failure too, at the price of a disk flush each.
    Full,
}

impl Choice for Synchronous {
    const NOUN: &'static str = "synchronous mode";
    const EXPECTED: &'static str = "normal or full";
    const NAMES: &'static [(&'static str, Self)] =
        &[("normal", Self::Normal), ("full", Self::Full)];
}

impl FromText for DatabaseUrl {
    const EXPECTED: &'static str = "a database such as sqlite://data/llm-router.db";

    fn from_text(text: &str) -> Result<Self, String> {
        let Some(path) = text.strip_prefix("sqlite:") else {
            if text.starts_with("postgres://") || text.starts_with("postgresql://") {
                return Err("PostgreSQL is not supported yet; use sqlite://path".to_owned());
            }
            return Err(format!(
                "expected {}, with sqlite:// at its start",
                Self::EXPECTED
            ));
        };
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.starts_with(":memory:") || path.contains("mode=memory") {
            return Err("the ledger has to be in a file: sqlite://path".to_owned());
        }
        if path.contains('?') {
            return Err("options after `?` are not supported; give the path alone".to_owned());
        }
        Ok(Self(format!("sqlite://{path}")))
    }

    fn from_variable(text: &str) -> Result<Self, String> {
        let is_path = !text.contains("://") && !text.starts_with("sqlite:");
        if is_path {
            return Self::from_text(&format!("sqlite://{text}"));
        }
        Self::from_text(text)
    }
}

impl DatabaseConfig {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let url = section
            .field("url")
            .variables(&["LLM_ROUTER_DB", "CORE_DB_PATH"]);
        let config = Self {
            url: url.or(DatabaseUrl("sqlite://data/llm-router.db".to_owned())),
            synchronous: section.field("synchronous").or(Synchronous::Normal),
        };
        section.deny_unknown_keys();
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_takes_a_path_and_a_file_takes_a_url() {
        let url = DatabaseUrl::from_variable("/var/lib/router.db").expect("a path");
        assert_eq!(url.as_str(), "sqlite:///var/lib/router.db");
        assert_eq!(url.path(), std::path::Path::new("/var/lib/router.db"));
        assert_eq!(
            DatabaseUrl::from_text("sqlite:x.db"),
            DatabaseUrl::from_variable("x.db")
        );
        assert!(DatabaseUrl::from_text("x.db").is_err());
    }

    #[test]
    fn databases_that_cannot_keep_a_ledger_are_refused() {
        for text in [
            "postgres://u:hunter2@h/db",
            "sqlite::memory:",
            "sqlite://",
            "mysql://u:hunter2@h/db",
        ] {
            let error = DatabaseUrl::from_variable(text).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
