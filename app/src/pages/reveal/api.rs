//! Taking a secret out of the vault, once.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::AppError;

/// What the secret is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecretKind {
    Key {
        label: String,
    },
    Password {
        user: String,
    },
    Token {
        name: String,
    },
    /// A one-time link for a user.
    Link {
        user: String,
        expires: String,
    },
}

/// A secret and what belongs beside it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revealed {
    pub kind: SecretKind,
    /// Never serialised: the server writes it into the document, and the data for the browser's
    /// half lacks it. There the text is empty, and hydration leaves what stands in the document.
    #[serde(skip)]
    pub secret: String,
    /// This server's address, without a slash at its end.
    pub base_url: String,
    pub openai_model: Option<String>,
    pub anthropic_model: Option<String>,
    /// The page to go on to.
    pub back: String,
}

impl std::fmt::Debug for Revealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Revealed")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// The secret behind `token`, if it was put there in this session, less than two minutes ago, and
/// nobody has taken it.
#[server(prefix = "/_fn", endpoint = "reveal")]
pub async fn reveal(token: String) -> Result<Option<Revealed>, AppError> {
    let principal = crate::server::principal().await?;
    // The browser's half asks again when one goes back; it must not use up what it cannot show.
    let page = crate::server::request();
    if !page.is_some_and(|parts| parts.uri.path().contains("/reveal/")) {
        return Ok(None);
    }
    let Some(found) = crate::server::take_secret(&token)? else {
        return Ok(None);
    };
    let what = found.secret.what();
    let back_of_what = match what {
        control::SecretKind::Token => Some("/admin-ui/tokens"),
        control::SecretKind::Link { .. } => Some("/admin-ui/users"),
        control::SecretKind::Key | control::SecretKind::Password => None,
    };
    let list = match (principal.is_admin(), found.key.is_some()) {
        (_, true)
            if found.key.as_ref().map(|key| key.owner)
                == principal.user_id().map(domain::KeyOwner::User) =>
        {
            "/user-ui/keys"
        }
        (true, true) => "/admin-ui/keys",
        (true, false) => "/admin-ui/users",
        (false, _) => "/user-ui/keys",
    };
    let info = crate::server::info();
    Ok(Some(Revealed {
        kind: match (what, found.key) {
            (control::SecretKind::Token, _) => SecretKind::Token { name: found.title },
            (control::SecretKind::Link { expires_at }, _) => SecretKind::Link {
                user: found.title,
                expires: crate::server::LocalTime::of(&crate::server::control()?)
                    .minute(expires_at),
            },
            (_, Some(key)) => SecretKind::Key { label: key.label },
            (_, None) => SecretKind::Password {
                user: found.user.map_or(found.title, |user| user.name),
            },
        },
        secret: found.secret.reveal().to_owned(),
        base_url: crate::server::base_url(),
        openai_model: info.openai_model,
        anthropic_model: info.anthropic_model,
        back: back_of_what.unwrap_or(list).to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_in_no_data_for_the_browser() {
        let shown = Revealed {
            kind: SecretKind::Password {
                user: "ada".to_owned(),
            },
            secret: "correct horse".to_owned(),
            base_url: String::new(),
            openai_model: None,
            anthropic_model: None,
            back: String::new(),
        };
        let sent = leptos::serde_json::to_string(&shown).expect("JSON");
        assert!(!sent.contains("correct horse"));
        assert!(!format!("{shown:?}").contains("correct horse"));
    }
}
