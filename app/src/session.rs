//! Who is signed in, as every page needs to know it: for the frame, for the guards, and for the
//! pace at which figures are refreshed.

use domain::Role;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    components::suspense_error::{Loading, loading},
    error::AppError,
};

/// The signed-in user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    pub name: String,
    pub role: Role,
    /// Only the password form is open to them.
    pub must_change_password: bool,
    /// Seconds between two refreshes of the figures.
    pub refresh_interval_s: u32,
    /// The server's version.
    pub version: String,
}

impl Me {
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// Whether everything may be looked at.
    #[must_use]
    pub fn sees_all(&self) -> bool {
        self.role.sees_all()
    }

    /// Where they start.
    #[must_use]
    pub fn home(&self) -> &'static str {
        if self.sees_all() {
            "/admin-ui"
        } else {
            "/user-ui"
        }
    }
}

/// The answer to [`whoami`], shared by all pages of a visit.
#[derive(Clone, Copy, Debug)]
pub struct SessionContext(pub Loading<Me>);

impl SessionContext {
    /// Asks the server once per document; signing in and out load a new one.
    pub fn provide() {
        provide_context(Self(loading(|| (), |()| whoami())));
    }

    /// The session of the page that is being made.
    #[must_use]
    pub fn here() -> Option<Self> {
        use_context()
    }

    /// The user, for what is made after the guard has waited for it.
    #[must_use]
    pub fn known(self) -> Option<Result<Me, AppError>> {
        self.0.get_untracked()
    }

    /// The user, once known. Reactive.
    #[must_use]
    pub fn me(self) -> Option<Result<Me, AppError>> {
        self.0.get()
    }
}

/// Who is asking.
#[server(prefix = "/_fn", endpoint = "whoami")]
pub async fn whoami() -> Result<Me, AppError> {
    let info = crate::server::info();
    let principal = crate::server::principal().await?;
    Ok(Me {
        name: principal.name().to_owned(),
        role: principal.role(),
        must_change_password: principal.must_change_password(),
        refresh_interval_s: info.refresh_interval_s.max(1),
        version: info.version.to_owned(),
    })
}

/// Sets the status of the page that is being rendered; in the browser there is none to set.
pub fn page_status(status: u16) {
    #[cfg(feature = "ssr")]
    crate::server::respond_with(status);
    #[cfg(not(feature = "ssr"))]
    let _ = status;
}
