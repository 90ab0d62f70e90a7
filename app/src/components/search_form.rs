//! Searching a list. A plain GET form: the words are in the URL, and the server searches all data
//! and not only what is shown.

use leptos::prelude::*;
use leptos_router::components::Form;

use super::icon::Icon;

#[component]
pub fn SearchForm(
    path: &'static str,
    /// What is searched, for screen readers and inside the empty input.
    label: &'static str,
    #[prop(into)] search: Signal<String>,
) -> impl IntoView {
    view! {
        <div class="toolbar">
            <Form method="GET" action=path attr:role="search">
                <div class="search">
                    <Icon name="search"/>
                    <input
                        class="input"
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
            </Form>
        </div>
    }
}
