//! The first steps with a new router, in a browser.

use serde::{Deserialize, Serialize};

/// A step that is still to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetupStep {
    /// The admin's name and password, by whoever has read the log.
    Admin,
    /// Where requests go, besides what the configuration says.
    Backend,
    /// A virtual key.
    Key,
    /// A request with it.
    Try,
}

impl SetupStep {
    pub const ALL: [Self; 4] = [Self::Admin, Self::Backend, Self::Key, Self::Try];

    /// `None`: all is done.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self {
            Self::Admin => Some(Self::Backend),
            Self::Backend => Some(Self::Key),
            Self::Key => Some(Self::Try),
            Self::Try => None,
        }
    }

    /// As it stands in a form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Backend => "backend",
            Self::Key => "key",
            Self::Try => "try",
        }
    }
}
