//! Signing in. A plain form: the answer is a new document, so that nothing of an earlier visitor
//! stays in memory.

pub mod api;
mod refusal;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    components::{
        form_field::{FormAlert, Submit, TextField},
        nav::Brand,
        notice::Notice,
        page_header::PageHeader,
        post_form::Post,
        suspense_error::{Load, loading},
        theme_toggle::ThemeToggle,
    },
    error::{AppError, Cause},
    url,
};
use api::{SignIn, provider};
use refusal::Refused;

pub use refusal::Refusal;

#[component]
pub fn LoginPage() -> impl IntoView {
    let query = use_query_map();
    let next = query
        .with_untracked(|query| query.get("next"))
        .filter(|next| url::local_path(next).is_some())
        .unwrap_or_default();
    let sign_in = Post::to::<SignIn>();
    let failed = sign_in.failure();
    view! {
        <main class="alone">
            <Brand/>
            <PageHeader title="Sign in" about="With the account that an admin made for you."/>
            <Notice/>
            <Refused/>
            <form class="form" method="post" action=sign_in.url()>
                <WrongCredentials failed/>
                <input type="hidden" name="next" value=next.clone()/>
                <TextField
                    form="sign-in"
                    name="name"
                    label="Name"
                    failure=failed
                    autocomplete="username"
                    required=true
                    autofocus=true
                />
                <TextField
                    form="sign-in"
                    name="password"
                    label="Password"
                    kind="password"
                    failure=failed
                    autocomplete="current-password"
                    required=true
                />
                <Submit label="Sign in"/>
            </form>
            <ByProvider next/>
            <p class="quiet">
                "Forgotten your password? Ask an administrator for a one-time link; this router sends no mail."
            </p>
            <ThemeToggle/>
        </main>
    }
    .into_any()
}

/// The other door, where there is one.
#[component]
fn ByProvider(next: String) -> impl IntoView {
    let provider = loading(|| (), |()| provider());
    // Another site's page follows, by way of a handler that is none of ours either.
    let href = match next.is_empty() {
        true => "/auth/oidc/start".to_owned(),
        false => format!("/auth/oidc/start?next={}", url::encode(&next)),
    };
    view! {
        <Load
            resource=provider
            show={move |provider: Option<String>| {
                let href = href.clone();
                provider
                    .map(|name| {
                        view! {
                            <a class="btn" data-variant="outline" href=href rel="external">
                                {format!("Sign in with {name}")}
                            </a>
                        }
                    })
                    .into_any()
            }}
        />
    }
    .into_any()
}

/// The page does not say whether it was the name or the password.
#[component]
fn WrongCredentials(failed: Signal<Option<AppError>>) -> impl IntoView {
    let wrong = move || {
        failed
            .get()
            .is_some_and(|error| error.cause == Cause::WrongPassword)
    };
    let other = Signal::derive(move || {
        failed
            .get()
            .filter(|error| error.cause != Cause::WrongPassword)
    });
    view! {
        <p class="trouble" role="alert" hidden=move || !wrong()>
            "Name and password do not match."
        </p>
        <FormAlert failure=other fields=&["name", "password"]/>
    }
    .into_any()
}
