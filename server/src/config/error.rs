//! What is wrong with a configuration: every problem at once, each naming its place, its key and
//! what would be right. A problem never quotes a secret.

use std::{fmt, path::PathBuf};

use super::document::Position;

/// Why no configuration could be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ConfigErrors {
    /// The file that was asked for does not exist or cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable {
        /// As it was given.
        path: PathBuf,
        source: std::io::Error,
    },
    /// The file, the environment or the command line says something that cannot be used.
    #[error("{}", lines(problems))]
    Invalid {
        /// At least one.
        problems: Vec<Problem>,
    },
}

/// One thing to mend: `llm-router.yaml:12:5: backends[0].kind: unknown kind "opnai"; …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub place: Place,
    /// The key's path such as `backends[0].kind`; empty where the whole file is meant.
    pub key: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Where a value was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file (or in a variable that holds a whole document).
    Text { name: String, position: Position },
    /// In an environment variable.
    Variable(String),
    /// On the command line.
    Flag(&'static str),
    /// On a dashboard, or by the admin's API.
    Stored,
    /// Nowhere: it follows from built-in defaults.
    Default,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { name, position } => write!(f, "{name}:{position}"),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "command line, {name}"),
            Self::Stored => f.write_str("dashboard"),
            Self::Default => f.write_str("built-in defaults"),
        }
    }
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
