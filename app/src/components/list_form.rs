//! Searching, filtering and sorting a list. A plain GET form: all of it is in the URL, and the server
//! looks through all data and not only through what is shown. With JavaScript the page stays and only
//! the list is fetched anew.

use leptos::{ev::SubmitEvent, form::form_data_from_event, prelude::*};
use leptos_router::{NavigateOptions, hooks::use_navigate};

use super::icon::Icon;
use crate::url::ListUrl;

/// Words of the URL and what they are called.
pub type Choices = &'static [(&'static str, &'static str)];

#[component]
pub fn ListForm(
    path: &'static str,
    /// What is searched, for screen readers and inside the empty input.
    label: &'static str,
    #[prop(into)] url: Signal<ListUrl>,
    show: Choices,
    /// Empty: there is one order only.
    #[prop(optional)]
    sort: Choices,
) -> impl IntoView {
    let navigate = use_navigate();
    let submit = move |event: SubmitEvent| {
        // Where the browser lacks what is needed, the form goes its ordinary way.
        let Ok(data) = form_data_from_event(&event) else {
            return;
        };
        event.prevent_default();
        let said = |name: &str| data.get(name).as_string().unwrap_or_default();
        let to = ListUrl {
            search: said("q").trim().to_owned(),
            show: said("show"),
            sort: said("sort"),
            team: url.get_untracked().team,
            ..ListUrl::default()
        };
        navigate(&to.href(path), NavigateOptions::default());
    };
    let choice = move |name: &'static str, label: &'static str, choices: Choices| {
        let options = choices.iter().map(|(value, title)| {
            let chosen = move || {
                let url = url.read();
                let said = if name == "show" { &url.show } else { &url.sort };
                said == value
            };
            view! {
                <option value=*value selected=chosen>
                    {*title}
                </option>
            }
        });
        view! {
            <select class="select" name=name aria-label=label>
                {options.collect_view()}
            </select>
        }
    };
    view! {
        <div class="toolbar">
            <form class="wide" method="get" action=path role="search" on:submit=submit>
                <div class="search">
                    <Icon name="search"/>
                    <input
                        class="input"
                        type="search"
                        name="q"
                        value=move || url.read().search.clone()
                        placeholder=label
                        aria-label=label
                        autocomplete="off"
                    />
                </div>
                {move || {
                    url.read().team.map(|team| view! { <input type="hidden" name="team" value=team/> })
                }}
                {choice("show", "Show", show)}
                {(!sort.is_empty()).then(|| choice("sort", "Order", sort))}
                <button class="btn" data-variant="outline" type="submit">
                    "Search"
                </button>
            </form>
        </div>
    }
    .into_any()
}
