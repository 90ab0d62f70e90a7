//! `/setup`: the first steps with a new router. The token in the log opens the first one, the admin's name and
//! password; a backend, a key and a request follow, for the admin to do, to skip, or to go on with later. Plain
//! forms all of them: each answer is a new document.

pub mod api;
mod steps;

use domain::setup::SetupStep;
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
    session::page_status,
};
use api::{Claim, SetupView, load_setup};
use steps::{FirstBackend, FirstKey, FirstRequest};

#[component]
pub fn SetupPage() -> impl IntoView {
    let query = use_query_map();
    let token = Memo::new(move |_| query.read().get("token"));
    // Of the backend's form; a new one is listed when the address loses it again.
    let kind = Memo::new(move |_| query.read().get("kind"));
    let view = loading(
        move || (token.get(), kind.get()),
        |(token, _)| load_setup(token),
    );
    view! {
        <main class="alone wide">
            <Brand/>
            <Load
                resource=view
                show={move |view: SetupView| match view {
                    SetupView::Token { wrong } => view! { <WantsToken wrong/> }.into_any(),
                    SetupView::Admin => {
                        let token = token.get_untracked().unwrap_or_default();
                        view! { <FirstAdmin token/> }.into_any()
                    }
                    SetupView::SignIn => view! { <GoOnLater/> }.into_any(),
                    SetupView::Backend { backends } => {
                        view! { <FirstBackend backends kind=kind.get_untracked()/> }.into_any()
                    }
                    SetupView::Key => view! { <FirstKey/> }.into_any(),
                    SetupView::Try { models, snippets } => {
                        view! { <FirstRequest models snippets/> }.into_any()
                    }
                    SetupView::Over => view! { <Over/> }.into_any(),
                }}
            />
            <ThemeToggle/>
        </main>
    }
    .into_any()
}

/// Which step it is.
#[component]
fn Steps(at: SetupStep) -> impl IntoView {
    let steps = SetupStep::ALL.into_iter().map(|step| {
        let name = match step {
            SetupStep::Admin => "You",
            SetupStep::Backend => "A backend",
            SetupStep::Key => "A key",
            SetupStep::Try => "A request",
        };
        view! { <li aria-current=(step == at).then_some("step")>{name}</li> }
    });
    view! { <ol class="steps" aria-label="Steps">{steps.collect_view()}</ol> }.into_any()
}

/// The head of a step.
#[component]
fn StepHeader(at: SetupStep, title: &'static str, about: &'static str) -> impl IntoView {
    view! {
        <Steps at/>
        <PageHeader title about/>
        <Notice/>
    }
    .into_any()
}

/// Whoever has no token, or a wrong one.
#[component]
fn WantsToken(wrong: bool) -> impl IntoView {
    if wrong {
        page_status(403);
    }
    let trouble = wrong.then(|| {
        view! {
            <p class="trouble" role="alert">
                "That is not the token of this start. Each start prints a new one."
            </p>
        }
    });
    view! {
        <PageHeader
            title="This router is new"
            about="Its log has an address that opens the set-up, beside the first password. Open that address, or paste the token in it here."
        />
        <form class="form" method="get" action="/setup">
            {trouble}
            <div class="field">
                <label for="setup-token">"Token"</label>
                <input id="setup-token" name="token" type="text" autocomplete="off" required/>
            </div>
            <Submit label="Go on"/>
        </form>
        <p class="quiet">
            "Or " <a class="link" href="/login" rel="external">
                "sign in"
            </a> " with the name and the password that the log shows; then there is nothing to set up."
        </p>
    }
    .into_any()
}

#[component]
fn FirstAdmin(token: String) -> impl IntoView {
    let post = Post::to::<Claim>();
    let failure = post.failure();
    view! {
        <StepHeader
            at=SetupStep::Admin
            title="Welcome"
            about="Choose how you sign in. The password that the log shows is worth nothing from then on."
        />
        <form class="form" method="post" action=post.url()>
            <FormAlert failure fields=&["name", "password", "repeat"]/>
            <input type="hidden" name="token" value=token/>
            <TextField
                form="setup"
                name="name"
                label="Name"
                failure
                value="admin"
                autocomplete="username"
                required=true
                autofocus=true
            />
            <TextField
                form="setup"
                name="password"
                label="Password"
                kind="password"
                failure
                autocomplete="new-password"
                hint="At least 8 characters."
                required=true
            />
            <TextField
                form="setup"
                name="repeat"
                label="Password again"
                kind="password"
                failure
                autocomplete="new-password"
                required=true
            />
            <Submit label="Go on"/>
        </form>
    }
    .into_any()
}

/// The first step was taken; the rest is for the admin.
#[component]
fn GoOnLater() -> impl IntoView {
    view! {
        <PageHeader
            title="Nearly set up"
            about="This router has an administrator. Sign in to go on with the set-up."
        />
        <div>
            <a class="btn" href="/login?next=%2Fsetup" rel="external">
                "Sign in"
            </a>
        </div>
    }
    .into_any()
}

#[component]
fn Over() -> impl IntoView {
    page_status(410);
    view! {
        <PageHeader title="This router is set up" about="That is done once."/>
        <div>
            <a class="btn" data-variant="outline" href="/" rel="external">
                "Go to the dashboards"
            </a>
        </div>
    }
    .into_any()
}
