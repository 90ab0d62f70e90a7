//! Searching a list. A plain GET form: the words are in the URL, and the server searches all data
//! and not only what is shown. With JavaScript the page stays and only the list is fetched anew.

use leptos::{ev::SubmitEvent, html, prelude::*};
use leptos_router::{NavigateOptions, hooks::use_navigate};

use super::icon::Icon;
use crate::url::ListUrl;

#[component]
pub fn SearchForm(
    path: &'static str,
    /// What is searched, for screen readers and inside the empty input.
    label: &'static str,
    #[prop(into)] search: Signal<String>,
) -> impl IntoView {
    let words = NodeRef::<html::Input>::new();
    let navigate = use_navigate();
    let submit = move |event: SubmitEvent| {
        let Some(words) = words.get_untracked() else {
            return;
        };
        event.prevent_default();
        let url = ListUrl {
            search: words.value().trim().to_owned(),
            ..ListUrl::default()
        };
        navigate(&url.href(path), NavigateOptions::default());
    };
    view! {
        <div class="toolbar">
            <form method="get" action=path role="search" on:submit=submit>
                <div class="search">
                    <Icon name="search"/>
                    <input
                        class="input"
                        node_ref=words
                        type="search"
                        name="q"
                        value=search
                        placeholder=label
                        aria-label=label
                        autocomplete="off"
                    />
                </div>
                <button class="btn" data-variant="outline" type="submit">
                    "Search"
                </button>
            </form>
        </div>
    }
    .into_any()
}
