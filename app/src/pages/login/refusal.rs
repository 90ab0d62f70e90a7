//! Why somebody whom an OpenID provider sent back was not signed in. It travels in the URL as a word of a fixed
//! list, so that a forged URL can say nothing else.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::components::icon::Icon;

/// Why a sign-in by the provider led nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The provider does not answer as one.
    Unreachable,
    /// The provider sent them back without a code.
    Cancelled,
    /// It was not begun in this session, or too long ago, or was finished before.
    Expired,
    /// What the provider says does not hold.
    Unproven,
    /// They have no account, and get none.
    Unknown,
    /// The configuration does not let them in.
    NotAllowed,
    /// Their account is disabled.
    Disabled,
    /// They would lose their role, and are the last active admin.
    LastAdmin,
    /// The server's log knows more.
    Failed,
}

impl Refusal {
    const ALL: [Self; 9] = [
        Self::Unreachable,
        Self::Cancelled,
        Self::Expired,
        Self::Unproven,
        Self::Unknown,
        Self::NotAllowed,
        Self::Disabled,
        Self::LastAdmin,
        Self::Failed,
    ];

    /// As it stands in the URL, after `refused=`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Unproven => "unproven",
            Self::Unknown => "unknown",
            Self::NotAllowed => "not-allowed",
            Self::Disabled => "disabled",
            Self::LastAdmin => "last-admin",
            Self::Failed => "failed",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Unreachable => {
                "The sign-in service cannot be reached. Try again in a moment, or use your password."
            }
            Self::Cancelled => "The sign-in service did not sign you in.",
            Self::Expired => {
                "That sign-in was not begun in this browser, took too long, or was used before. Begin again."
            }
            Self::Unproven => {
                "The answer of the sign-in service could not be verified. The router's log says why."
            }
            Self::Unknown => "You have no account here. Ask an administrator to make one.",
            Self::NotAllowed => {
                "Your account at the sign-in service does not let you in here. Ask an administrator."
            }
            Self::Disabled => "Your account here is disabled. Ask an administrator.",
            Self::LastAdmin => {
                "The sign-in service no longer makes you an administrator, and you are the last one here. \
                 Make another one first."
            }
            Self::Failed => "Something went wrong on the server. Its log says what.",
        }
    }

    /// Reads what [`Refusal::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }
}

/// Says what `?refused=` names.
#[component]
pub fn Refused() -> impl IntoView {
    let query = use_query_map();
    let refused = Memo::new(move |_| Refusal::parse(query.read().get_str("refused")?));
    move || {
        refused.get().map(|refused| {
            view! {
                <p class="trouble" role="alert">
                    <Icon name="triangle-alert"/>
                    {refused.text()}
                </p>
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_is_found_by_its_word_and_nothing_else_is() {
        for refusal in Refusal::ALL {
            assert_eq!(Refusal::parse(refusal.as_str()), Some(refusal));
        }
        assert_eq!(Refusal::parse("call-this-number"), None);
    }
}
