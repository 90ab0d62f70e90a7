//! What has just been done, said once at the head of the page. It travels in the URL as a word of
//! a fixed list, so that a forged URL can say nothing else.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::icon::Icon;

/// A thing that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    UserDeleted,
    UserCreated,
    KeyDeleted,
    TeamCreated,
    TeamDeleted,
    PasswordChanged,
    SignedOut,
    BackendCreated,
    BackendDeleted,
    GroupSaved,
    GroupDeleted,
    RewriteSaved,
    RewriteDeleted,
    ScriptSaved,
    ScriptDeleted,
}

impl Done {
    const ALL: [Self; 15] = [
        Self::UserDeleted,
        Self::UserCreated,
        Self::KeyDeleted,
        Self::TeamCreated,
        Self::TeamDeleted,
        Self::PasswordChanged,
        Self::SignedOut,
        Self::BackendCreated,
        Self::BackendDeleted,
        Self::GroupSaved,
        Self::GroupDeleted,
        Self::RewriteSaved,
        Self::RewriteDeleted,
        Self::ScriptSaved,
        Self::ScriptDeleted,
    ];

    /// As it stands in the URL, after `done=`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UserDeleted => "user-deleted",
            Self::UserCreated => "user-created",
            Self::KeyDeleted => "key-deleted",
            Self::TeamCreated => "team-created",
            Self::TeamDeleted => "team-deleted",
            Self::PasswordChanged => "password-changed",
            Self::SignedOut => "signed-out",
            Self::BackendCreated => "backend-created",
            Self::BackendDeleted => "backend-deleted",
            Self::GroupSaved => "group-saved",
            Self::GroupDeleted => "group-deleted",
            Self::RewriteSaved => "rewrite-saved",
            Self::RewriteDeleted => "rewrite-deleted",
            Self::ScriptSaved => "script-saved",
            Self::ScriptDeleted => "script-deleted",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::UserDeleted => "The user and their keys are gone.",
            Self::UserCreated => "The user can sign in now.",
            Self::KeyDeleted => "The key is gone; requests with it are refused.",
            Self::TeamCreated => "The team is made. Add its members and a key.",
            Self::TeamDeleted => "The team and its keys are gone.",
            Self::PasswordChanged => {
                "The password is changed. Everywhere else you have been signed out."
            }
            Self::SignedOut => "You have been signed out.",
            Self::BackendCreated => "The backend is in use from now on.",
            Self::BackendDeleted => "The backend is gone; its history stays.",
            Self::GroupSaved => "The group is saved; the next request sees it.",
            Self::GroupDeleted => "The group is gone.",
            Self::RewriteSaved => "The rewrite is saved; the next request sees it.",
            Self::RewriteDeleted => "The rewrite is gone.",
            Self::ScriptSaved => "The script is stored. It runs once it is activated.",
            Self::ScriptDeleted => "The script is gone.",
        }
    }

    /// Reads what [`Done::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|done| done.as_str() == text)
    }
}

/// Says what `?done=` names.
#[component]
pub fn Notice() -> impl IntoView {
    let query = use_query_map();
    let done = Memo::new(move |_| Done::parse(query.read().get_str("done")?));
    move || {
        done.get().map(|done| {
            view! {
                <p class="notice" role="status">
                    <Icon name="circle-check"/>
                    {done.text()}
                </p>
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_notice_is_found_by_its_word_and_nothing_else_is() {
        for done in Done::ALL {
            assert_eq!(Done::parse(done.as_str()), Some(done));
        }
        assert_eq!(Done::parse("call-this-number"), None);
    }
}
