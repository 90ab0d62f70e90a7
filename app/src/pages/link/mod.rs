//! `/invite/{token}` and `/reset/{token}`: whoever holds a one-time link chooses a password. Nobody else
//! has seen it, and the link opens nothing afterwards.

pub mod api;

use domain::access::LinkKind;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use crate::{
    components::{
        form_field::{FormAlert, Submit, TextField},
        nav::Brand,
        page_header::PageHeader,
        post_form::Post,
        suspense_error::{Load, loading},
        theme_toggle::ThemeToggle,
    },
    session::page_status,
};
use api::{Opened, UseLink, open_link};

#[component]
pub fn LinkPage() -> impl IntoView {
    let params = use_params_map();
    let token = Memo::new(move |_| params.read().get("token").unwrap_or_default());
    let link = loading(move || token.get(), open_link);
    view! {
        <main class="alone">
            <Brand/>
            <Load
                resource=link
                show={move |link: Option<Opened>| match link {
                    Some(link) => {
                        view! { <ChoosePassword token=token.get_untracked() link/> }.into_any()
                    }
                    None => view! { <Gone/> }.into_any(),
                }}
            />
            <ThemeToggle/>
        </main>
    }
    .into_any()
}

#[component]
fn ChoosePassword(token: String, link: Opened) -> impl IntoView {
    let post = Post::to::<UseLink>();
    let failure = post.failure();
    let Opened {
        kind,
        user,
        expires,
    } = link;
    let (title, about) = match kind {
        LinkKind::Invite => ("Welcome", format!("You will sign in as {user}.")),
        LinkKind::Reset => ("New password", format!("For {user}.")),
    };
    let about = format!("{about} This link can be used once, until {expires}.");
    view! {
        <PageHeader title about=about/>
        <form class="form" method="post" action=post.url()>
            <FormAlert failure fields=&["password", "repeat"]/>
            <input type="hidden" name="token" value=token/>
            // So that password managers know whose it is.
            <input type="text" name="username" value=user autocomplete="username" hidden readonly/>
            <TextField
                form="link"
                name="password"
                label="Password"
                kind="password"
                failure
                autocomplete="new-password"
                hint="At least 8 characters. Nobody else will know it."
                required=true
                autofocus=true
            />
            <TextField
                form="link"
                name="repeat"
                label="Password again"
                kind="password"
                failure
                autocomplete="new-password"
                required=true
            />
            <Submit label="Set password and sign in"/>
        </form>
    }
    .into_any()
}

#[component]
fn Gone() -> impl IntoView {
    page_status(410);
    view! {
        <PageHeader
            title="This link is used up"
            about="It was used, has expired, or was replaced by a newer one. Ask an administrator for another."
        />
        <div>
            <a class="btn" data-variant="outline" href="/login">
                "Sign in"
            </a>
        </div>
    }
    .into_any()
}
