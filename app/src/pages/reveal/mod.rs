//! The page that shows a new secret once: a key with what to paste into a client, or a password.
//! The secret is in the document that the server wrote and in nothing that the browser's half gets.

pub mod api;

use leptos::{html, prelude::*};
use leptos_router::hooks::use_params_map;

use crate::{
    components::{
        page_header::PageHeader,
        secret_once::{SecretOnce, wipe_on_leave},
        snippets::SnippetList,
        suspense_error::{Load, loading},
    },
    session::page_status,
};
use api::{Revealed, SecretKind, reveal};

#[component]
pub fn RevealPage() -> impl IntoView {
    let params = use_params_map();
    let token = Memo::new(move |_| params.read().get("token").unwrap_or_default());
    let secret = loading(move || token.get(), reveal);
    view! {
        <Load
            resource=secret
            show={|secret: Option<Revealed>| match secret {
                Some(secret) => view! { <Shown secret/> }.into_any(),
                None => view! { <Gone/> }.into_any(),
            }}
        />
    }
    .into_any()
}

#[component]
fn Shown(secret: Revealed) -> impl IntoView {
    let content = NodeRef::<html::Div>::new();
    wipe_on_leave(content);
    let back = secret.back.clone();
    let (title, about, label) = match &secret.kind {
        SecretKind::Key { label } => (
            "Your new key",
            format!("“{label}”. Copy it now: it is shown this once and kept nowhere."),
            "The key",
        ),
        SecretKind::Password { user } => (
            "The new password",
            format!(
                "Of {user}. Copy it now: it is shown this once. They choose their own when they sign in."
            ),
            "The password",
        ),
        SecretKind::Token { name } => (
            "Your new token",
            format!("“{name}”. Copy it now: it is shown this once and kept nowhere."),
            "The token",
        ),
        SecretKind::Link { user, expires } => (
            "A link for one use",
            format!(
                "Send it to {user}, who chooses a password by it until {expires}. It is shown this once."
            ),
            "The link",
        ),
    };
    let snippets = (!secret.snippets.is_empty()).then(|| {
        let snippets = secret.snippets.clone();
        view! {
            <section class="flex flex-col gap-3">
                <h2 class="font-medium">"Use it"</h2>
                <p class="quiet">
                    "The same texts without the key, and for other models, are at "
                    <a class="link" href="/user-ui/connect" rel="external">
                        "Connect"
                    </a> "."
                </p>
                <SnippetList snippets open="curl"/>
            </section>
        }
    });
    view! {
        <PageHeader title about=about/>
        <div class="flex max-w-2xl flex-col gap-5" node_ref=content>
            <SecretOnce secret=secret.secret.clone() label/>
            {snippets}
        </div>
        <div>
            <a class="btn" href=back rel="external">
                "I have saved it"
            </a>
        </div>
    }
    .into_any()
}

#[component]
fn Gone() -> impl IntoView {
    page_status(410);
    view! {
        <PageHeader
            title="No longer shown"
            about="A secret is shown once and within two minutes. If it was not saved, delete it and make a new one."
        />
        <div>
            <a class="btn" href="/user-ui/keys">
                "Go to my keys"
            </a>
        </div>
    }
    .into_any()
}
