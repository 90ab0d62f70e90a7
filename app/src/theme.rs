//! Light, dark, or as the system has it. The choice lives in a cookie that the server reads before
//! it writes the first byte, so that nothing flashes; switching is a form that needs no JavaScript.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{components::post_form::Next, error::AppError};

/// The name of the cookie.
pub const COOKIE: &str = "theme";

/// Which colours a page has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    Light,
    Dark,
    /// What the browser says that its user prefers.
    #[default]
    System,
}

impl Theme {
    pub const ALL: [Self; 3] = [Self::Light, Self::Dark, Self::System];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
            Self::System => "system",
        }
    }

    /// Reads a `Cookie` header.
    #[must_use]
    pub fn of_cookies(header: &str) -> Self {
        header
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| *name == COOKIE)
            .and_then(|(_, value)| Self::ALL.into_iter().find(|t| t.as_str() == value))
            .unwrap_or_default()
    }
}

/// The theme of the page that is being rendered. In the browser this is what the server wrote.
#[must_use]
pub fn current() -> Theme {
    #[cfg(feature = "ssr")]
    return crate::server::theme();
    #[cfg(not(feature = "ssr"))]
    document()
        .document_element()
        .and_then(|html| html.get_attribute("data-theme"))
        .map(|name| Theme::of_cookies(&format!("{COOKIE}={name}")))
        .unwrap_or_default()
}

/// Remembers the choice for a year. A visitor may switch before signing in.
#[server(prefix = "/_fn", endpoint = "theme")]
pub async fn set_theme(theme: Theme) -> Result<Next, AppError> {
    crate::server::remember_theme(theme);
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others_and_nonsense_is_ignored() {
        assert_eq!(Theme::of_cookies("id=1; theme=dark; x=y"), Theme::Dark);
        assert_eq!(Theme::of_cookies("mytheme=dark"), Theme::System);
        assert_eq!(Theme::of_cookies("theme=pink"), Theme::System);
        assert_eq!(Theme::of_cookies(""), Theme::System);
    }
}
