//! The steps that an admin takes: a backend, a key, a request. Each can be skipped.

use std::time::Duration;

use domain::{configured::BackendView, setup::SetupStep};
use leptos::prelude::*;

use super::{
    StepHeader,
    api::{Arrival, Ask, FirstKey as MakeKey, GoOn, arrivals},
};
use crate::{
    components::{
        form_field::{FormAlert, SelectField, Submit, TextField},
        live,
        post_form::Post,
        snippets::{Snippet, SnippetList},
        suspense_error::{Load, loading},
    },
    format,
    pages::admin::backends::{Health, NewBackend, origin},
};

/// How often it is looked for requests.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A form that leaves a step behind.
#[component]
fn Leave(step: SetupStep, label: &'static str, main: bool) -> impl IntoView {
    let post = Post::to::<GoOn>();
    let failure = post.failure();
    let variant = match main {
        true => "primary",
        false => "outline",
    };
    view! {
        <form class="form" method="post" action=post.url()>
            <FormAlert failure fields=&[]/>
            <input type="hidden" name="step" value=step.as_str()/>
            <div class="row">
                <button class="btn" data-variant=variant type="submit">
                    {label}
                </button>
                <a class="link" href="/admin-ui" rel="external">
                    "Do the rest later"
                </a>
            </div>
        </form>
    }
    .into_any()
}

#[component]
pub fn FirstBackend(backends: Vec<BackendView>, kind: Option<String>) -> impl IntoView {
    let only_demo = backends
        .iter()
        .all(|backend| backend.origin == domain::configured::Origin::BuiltIn);
    let about = match only_demo {
        true => {
            "Requests go to providers, or to servers of your own. So far only the demo answers, without network or key."
        }
        false => "Requests go to providers, or to servers of your own. These are there:",
    };
    let leave = match only_demo {
        true => "Stay with the demo for now",
        false => "Go on with these",
    };
    let there = backends.into_iter().map(|backend| {
        let BackendView {
            name,
            kind,
            health,
            origin: from,
            ..
        } = backend;
        view! {
            <li class="there">
                <span>
                    <strong>{name}</strong>
                    <span class="sub">{kind} ", " {origin(from).to_lowercase()}</span>
                </span>
                <Health health/>
            </li>
        }
    });
    let there = there.collect_view();
    let chosen = kind.is_some();
    let another = chosen.then(|| {
        view! {
            <a class="link" href="/setup" rel="external">
                "Another kind"
            </a>
        }
    });
    view! {
        <StepHeader at=SetupStep::Backend title="A backend" about/>
        <ul class="plain">{there}</ul>
        <section class="flex flex-col gap-3">
            <h2 class="font-medium">"Add one"</h2>
            <NewBackend kind path="/setup?" next="/setup"/>
            {another}
        </section>
        <Leave step=SetupStep::Backend label=leave main=!only_demo/>
    }
    .into_any()
}

#[component]
pub fn FirstKey() -> impl IntoView {
    let post = Post::to::<MakeKey>();
    let failure = post.failure();
    view! {
        <StepHeader
            at=SetupStep::Key
            title="A key"
            about="Programs send it with each request, and what they spend is counted by it. It is shown once, with what to paste into a program."
        />
        <form class="form" method="post" action=post.url()>
            <FormAlert failure fields=&["label"]/>
            <TextField
                form="setup"
                name="label"
                label="What it is for"
                failure
                value="my first key"
                required=true
            />
            <Submit label="Make the key"/>
        </form>
        <Leave step=SetupStep::Key label="Skip this" main=false/>
    }
    .into_any()
}

#[component]
pub fn FirstRequest(models: Vec<String>, snippets: Vec<Snippet>) -> impl IntoView {
    let post = Post::to::<Ask>();
    let failure = post.failure();
    let latest = loading(|| (), |()| arrivals());
    live::every(latest, LOOK_EVERY);
    let first = models.first().cloned().unwrap_or_default();
    let options: Vec<_> = models
        .into_iter()
        .map(|model| (model.clone(), model))
        .collect();
    view! {
        <StepHeader
            at=SetupStep::Try
            title="A request"
            about="Send one from here, or paste the text into a terminal, with your key in it. It arrives below."
        />
        <form class="form" method="post" action=post.url()>
            <FormAlert failure fields=&["model"]/>
            <SelectField
                form="setup"
                name="model"
                label="Model"
                failure
                options
                selected=first
            />
            <Submit label="Send a test request"/>
        </form>
        <SnippetList snippets open="curl"/>
        <section class="flex flex-col gap-3" aria-label="Requests that have arrived">
            <h2 class="font-medium">"Arrived"</h2>
            <Load resource=latest show=list_arrivals/>
        </section>
        <Leave step=SetupStep::Try label="Finish" main=true/>
    }
    .into_any()
}

fn list_arrivals(latest: Vec<Arrival>) -> AnyView {
    if latest.is_empty() {
        return view! {
            <p class="quiet">
                "Nothing yet. " <a class="link" href="/setup" rel="external">
                    "Look again"
                </a>
            </p>
        }
        .into_any();
    }
    let rows = latest.into_iter().map(|arrival| {
        let tone = match arrival.status {
            200..=299 => "good",
            _ => "bad",
        };
        view! {
            <li class="there">
                <span>
                    <a class="link" href=format!("/admin-ui/logs/{}", arrival.id) rel="external">
                        {arrival.model}
                    </a>
                    <span class="sub">
                        {arrival.at} ", " {format::duration(arrival.duration_ms)}
                    </span>
                </span>
                <span>
                    <span class="state" data-tone=tone>
                        "HTTP " {arrival.status}
                    </span>
                    {arrival.error.map(|error| view! { <span class="sub">{error}</span> })}
                </span>
            </li>
        }
    });
    view! { <ul class="plain">{rows.collect_view()}</ul> }.into_any()
}
