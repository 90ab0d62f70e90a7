//! How to connect: for one of one's keys and a model, what to paste into each client. A key itself is
//! shown only where it was made, so that a placeholder stands for it here.

pub mod api;

use leptos::{ev::SubmitEvent, form::form_data_from_event, prelude::*};
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};

use crate::{
    components::{
        nothing::Nothing,
        page_header::PageHeader,
        snippets::SnippetList,
        suspense_error::{Load, loading},
    },
    url::encode,
};
use api::{ConnectPage, connect};

const PATH: &str = "/user-ui/connect";

#[component]
pub fn MyConnectPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        let query = query.read();
        let key: Option<i64> = query.get_str("key").and_then(|key| key.parse().ok());
        (key, query.get("model").unwrap_or_default())
    });
    let client = move || {
        query
            .read_untracked()
            .get("client")
            .unwrap_or("curl".to_owned())
    };
    let page = loading(move || asked.get(), |(key, model)| connect(key, model));
    view! {
        <PageHeader title="Connect" about="What to paste into your programs."/>
        <Load
            resource=page
            show={move |page: ConnectPage| view! { <Shown page client=client()/> }.into_any()}
        />
    }
    .into_any()
}

#[component]
fn Shown(page: ConnectPage, client: String) -> impl IntoView {
    let navigate = use_navigate();
    let submit = move |event: SubmitEvent| {
        let Ok(data) = form_data_from_event(&event) else {
            return;
        };
        event.prevent_default();
        let said = |name: &str| encode(&data.get(name).as_string().unwrap_or_default());
        let to = format!("{PATH}?key={}&model={}", said("key"), said("model"));
        navigate(&to, NavigateOptions::default());
    };
    if page.models.is_empty() {
        return view! {
            <Nothing text="There is no model that you may use yet, so that there is nothing to connect to." href="/user-ui/models" action="Look at the models"/>
        }
        .into_any();
    }
    let without_key = page.keys.is_empty();
    let keys = page.keys.into_iter().map(|(id, name)| {
        view! {
            <option value=id selected=page.key == Some(id)>
                {name}
            </option>
        }
    });
    let keys: Vec<_> = keys.collect();
    let models = page.models.into_iter().map(|name| {
        let chosen = name == page.model;
        let title = name.clone();
        view! {
            <option value=name selected=chosen>
                {title}
            </option>
        }
    });
    let models: Vec<_> = models.collect();
    view! {
        <form class="tile connect" method="get" action=PATH on:submit=submit>
            <div class="field">
                <label for="connect-key">"Key"</label>
                <select id="connect-key" name="key">
                    <option value="">"Any key"</option>
                    {keys}
                </select>
            </div>
            <div class="field">
                <label for="connect-model">"Model"</label>
                <select id="connect-model" name="model">
                    {models}
                </select>
            </div>
            <button class="btn" data-variant="outline" type="submit">
                "Show"
            </button>
        </form>
        <p class="quiet">
            "This server is " <code>{page.base_url}</code> ". Put your key in the place of "
            <code>{page.placeholder}</code> ": a key is shown only once, when it is made. "
            {without_key.then_some("You have none yet. ")}
            <a class="link" href="/user-ui/keys?new=1">
                "Create a key"
            </a> " to get these texts with the key in them."
        </p>
        <SnippetList snippets=page.snippets open=client/>
    }
    .into_any()
}
