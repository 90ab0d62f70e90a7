//! The models that one may use, with their prices, and the way to use each.

pub mod api;

use domain::routing::OfferedModel;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    components::{
        data_table::{Cell, Column, DataTable},
        money::Money,
        nothing::Nothing,
        page_header::PageHeader,
        search_form::SearchForm,
        suspense_error::{Load, loading},
    },
    format,
    url::{ListUrl, encode},
};
use api::list_my_models;

const PATH: &str = "/user-ui/models";

#[component]
pub fn MyModelsPage() -> impl IntoView {
    let query = use_query_map();
    let url = Memo::new(move |_| ListUrl::read(|name| query.read().get(name)));
    let models = loading(move || url.read().search.clone(), list_my_models);
    view! {
        <PageHeader
            title="Models"
            about="What your keys may ask for. Prices are in dollars per million tokens."
        />
        <SearchForm
            path=PATH
            label="Search by name"
            search=Signal::derive(move || url.read().search.clone())
        />
        <Load
            resource=models
            show={move |models: Vec<OfferedModel>| {
                view! { <Listed models searched=!url.read_untracked().search.is_empty()/> }
                    .into_any()
            }}
        />
    }
    .into_any()
}

const COLUMNS: &[Column] = &[
    Column::text("Model"),
    Column::number("Input"),
    Column::number("Cached input"),
    Column::number("Output"),
    Column::number("Longest answer"),
    Column::text("Use it"),
];

#[component]
fn Listed(models: Vec<OfferedModel>, searched: bool) -> impl IntoView {
    if models.is_empty() {
        let text = match searched {
            true => "No model’s name contains that.",
            false => {
                "There is no model that you may use. An admin can add a backend, or allow you one."
            }
        };
        return view! {
            <Nothing text href=PATH action="Show all models"/>
        }
        .into_any();
    }
    let rows = models.into_iter().map(|model| {
        let name = encode(&model.name);
        let behind = match model.members {
            Some(n) => format!("group of {n}, first {} on {}", model.model, model.backend),
            None if model.model == model.name => format!("on {}", model.backend),
            None => format!("{} on {}", model.model, model.backend),
        };
        let longer = model.rates.as_ref().and_then(|rates| {
            let above = rates.long_context.first()?.above;
            Some(format!("dearer above {} tokens", format::count(above)))
        });
        let rates = model.rates.as_ref().map(|rates| rates.rates);
        let longest = model.max_output_tokens;
        let longest = longest.map_or_else(|| "—".to_owned(), format::count);
        let [lead, of_link, of_trial] = [(); 3].map(|()| model.name.clone());
        let chat = model.chats.then(|| {
            view! {
                <a class="link" href=format!("/user-ui/playground?model={name}")>
                    "Try"
                    <span class="sr-only">" " {of_trial}</span>
                </a>
            }
        });
        view! {
            <tr role="row">
                <Cell label="Model" class="lead">
                    <span class="font-medium">{lead}</span>
                    <span class="sub">{behind}</span>
                </Cell>
                <Cell label="Input" class="num">
                    <Money amount=rates.map(|rates| rates.input)/>
                    <span class="sub">{longer}</span>
                </Cell>
                <Cell label="Cached input" class="num">
                    <Money amount=rates.map(|rates| rates.cache_read)/>
                </Cell>
                <Cell label="Output" class="num">
                    <Money amount=rates.map(|rates| rates.output)/>
                </Cell>
                <Cell label="Longest answer" class="num">
                    {longest}
                </Cell>
                <Cell label="Use it" class="nowrap">
                    <span class="row">
                        <a class="link" href=format!("/user-ui/connect?model={name}")>
                            "Connect"
                            <span class="sr-only">" to " {of_link}</span>
                        </a>
                        {chat}
                    </span>
                </Cell>
            </tr>
        }
    });
    view! {
        <DataTable caption="Models" columns=COLUMNS>
            {rows.collect_view()}
        </DataTable>
    }
    .into_any()
}
