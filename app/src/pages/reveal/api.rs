//! Taking a secret out of the vault, once.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{components::snippets::Snippet, error::AppError};

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
    /// What to paste into clients, of a key. Their texts hold the secret and are not serialised
    /// either.
    #[serde(serialize_with = "without_texts")]
    pub snippets: Vec<Snippet>,
    /// The page to go on to.
    pub back: String,
}

fn without_texts<S: serde::Serializer>(
    snippets: &[Snippet],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(snippets.iter().map(|snippet| Snippet {
        text: String::new(),
        ..snippet.clone()
    }))
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
    let own = principal.user_id().map(domain::KeyOwner::User);
    let list = match (
        what,
        principal.is_admin(),
        found.key.as_ref().map(|key| key.owner),
    ) {
        (control::SecretKind::Token, ..) => "/admin-ui/tokens".to_owned(),
        (control::SecretKind::Link { .. }, ..) => "/admin-ui/users".to_owned(),
        (_, _, owner @ Some(_)) if owner == own => "/user-ui/keys".to_owned(),
        (_, true, Some(_)) => "/admin-ui/keys".to_owned(),
        (_, true, None) => "/admin-ui/users".to_owned(),
        (_, false, Some(domain::KeyOwner::Team(team))) => {
            format!("/user-ui/keys?team={}", team.0)
        }
        (_, false, _) => "/user-ui/keys".to_owned(),
    };
    let snippets = match &found.key {
        None => Vec::new(),
        Some(key) => {
            let info = crate::server::info();
            let allowed = key.access.models.first().cloned();
            let model = allowed.or(info.openai_model).or(info.anthropic_model);
            crate::server::snippets::all(crate::server::snippets::Connection {
                base_url: &crate::server::base_url(),
                key: found.secret.reveal(),
                model: model.as_deref().unwrap_or("gpt-4o-mini"),
            })
        }
    };
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
        snippets,
        back: list,
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
            snippets: vec![Snippet {
                client: "curl".to_owned(),
                title: "curl".to_owned(),
                note: String::new(),
                text: "curl -H correct horse".to_owned(),
            }],
            back: String::new(),
        };
        let sent = leptos::serde_json::to_string(&shown).expect("JSON");
        assert!(!sent.contains("correct horse"));
        assert!(!format!("{shown:?}").contains("correct horse"));
    }
}
