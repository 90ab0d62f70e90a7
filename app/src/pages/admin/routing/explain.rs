//! What would become of a request. The question stands in the URL, so that it can be passed on.

use domain::routing::{RouteCandidate, RouteExplanation};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::{
    PATH,
    api::{Supposed, explain},
};
use crate::{
    components::{
        data_table::{Cell, Column, DataTable},
        suspense_error::{Load, loading},
    },
    format,
};

#[component]
pub fn Explain() -> impl IntoView {
    let query = use_query_map();
    let supposed = Memo::new(move |_| {
        let query = query.read();
        let text = |name: &str| query.get(name).unwrap_or_default();
        let ticked = |name: &str| query.get(name).is_some();
        Supposed {
            model: text("model"),
            key_id: text("key_id"),
            dialect: text("dialect"),
            input_tokens: text("input_tokens"),
            stream: ticked("stream"),
            tools: ticked("tools"),
            images: ticked("images"),
        }
    });
    let explained = loading(move || supposed.get(), explain);
    view! {
        <section class="tile" id="explain">
            <header>
                <div>
                    <h2>"Explain a route"</h2>
                    <p>"What would become of a request. Nothing is called."</p>
                </div>
            </header>
            <div class="body stack">
                {move || view! { <Question asked=supposed.get()/> }}
                <Load
                    resource=explained
                    show={move |explained: Option<RouteExplanation>| match explained {
                        None => ().into_any(),
                        Some(explained) => answer(explained),
                    }}
                />
            </div>
        </section>
    }
    .into_any()
}

#[component]
fn Question(asked: Supposed) -> impl IntoView {
    let dialects = [
        ("openai", "Chat Completions"),
        ("responses", "Responses"),
        ("anthropic", "Messages"),
    ];
    let dialects = dialects.map(|(value, title)| {
        let selected = asked.dialect == value;
        view! {
            <option value=value selected=selected>
                {title}
            </option>
        }
    });
    let check = |name: &'static str, title: &'static str, checked: bool| {
        view! {
            <label class="tick">
                <input type="checkbox" name=name value="1" checked=checked/>
                {title}
            </label>
        }
    };
    view! {
        <form class="filters" method="get" action=format!("{PATH}#explain")>
            <label class="choice wide">
                <span>"Model"</span>
                <input class="input" name="model" value=asked.model required autocomplete="off"/>
            </label>
            <label class="choice">
                <span>"Asked in"</span>
                <select class="select" name="dialect">
                    {dialects.collect_view()}
                </select>
            </label>
            <label class="choice">
                <span>"Tokens of input"</span>
                <input
                    class="input"
                    name="input_tokens"
                    value=match asked.input_tokens.is_empty() {
                        true => "1000".to_owned(),
                        false => asked.input_tokens,
                    }
                    inputmode="numeric"
                />
            </label>
            <label class="choice">
                <span>"Key, by its number"</span>
                <input
                    class="input"
                    name="key_id"
                    value=asked.key_id
                    inputmode="numeric"
                    placeholder="anybody"
                />
            </label>
            <div class="ticks">
                {check("stream", "Stream", asked.stream)}
                {check("tools", "Tools", asked.tools)}
                {check("images", "Images", asked.images)}
            </div>
            <button class="btn" type="submit">
                "Explain"
            </button>
        </form>
    }
    .into_any()
}

const CANDIDATES: &[Column] = &[
    Column::number("Try"),
    Column::text("Deployment"),
    Column::text("State"),
    Column::number("Estimated cost"),
];

fn answer(explained: RouteExplanation) -> AnyView {
    let found = match explained.found_as.as_deref() {
        Some("group") => "a group",
        Some("alias") => "an alias",
        Some("backend_model") => "a model of one backend",
        Some("model") => "a model",
        _ => "nothing that can be used",
    };
    let rewritten = match explained.rewritten_to.is_empty() {
        true => String::new(),
        false => format!(", rewritten to {}", explained.rewritten_to.join(", then ")),
    };
    let strategy = explained.strategy.map(|s| format!(" (strategy {s})"));
    let summary = format!(
        "“{}”{rewritten} is {found}{}.",
        explained.model,
        strategy.unwrap_or_default()
    );
    let rows = explained
        .candidates
        .iter()
        .enumerate()
        .map(|(n, c)| candidate(n + 1, c));
    let rows = rows.collect_view();
    let excluded = explained.excluded.into_iter().map(|excluded| {
        view! {
            <li>
                <strong>{format!("{}/{}", excluded.backend, excluded.model)}</strong>
                ": "
                {excluded.reason}
            </li>
        }
    });
    let excluded = excluded.collect_view();
    let none_excluded = excluded.is_empty();
    view! {
        <div class="stack">
            <p>{summary}</p>
            {explained.error.map(|error| view! { <p class="wrong">{error}</p> })}
            {(!explained.candidates.is_empty())
                .then(|| {
                    view! {
                        <DataTable caption="Deployments in the order in which they would be tried" columns=CANDIDATES>
                            {rows}
                        </DataTable>
                    }
                })}
            {(!none_excluded)
                .then(|| {
                    view! {
                        <div>
                            <h3>"Left out"</h3>
                            <ul class="plain">{excluded}</ul>
                        </div>
                    }
                })}
        </div>
    }
    .into_any()
}

fn candidate(number: usize, candidate: &RouteCandidate) -> AnyView {
    let key = candidate.api_key.map(|key| format!(" by API key {key}"));
    let state = match &candidate.resting {
        None => "Ready".to_owned(),
        Some(rest) => format!(
            "{}, {} s",
            rest.reason.replace('_', " "),
            rest.remaining_ms / 1_000
        ),
    };
    let cost = match candidate.estimated_cost {
        Some(cost) => format::money(cost),
        None => "no price".to_owned(),
    };
    let deployment = format!("{}/{}", candidate.backend, candidate.model);
    view! {
        <tr role="row">
            <Cell label="Try" class="num">
                {number}
            </Cell>
            <Cell label="Deployment" class="lead">
                <span class="font-medium">{deployment}</span>
                <span class="quiet">{key}</span>
            </Cell>
            <Cell label="State">{state}</Cell>
            <Cell label="Estimated cost" class="num">
                {cost}
            </Cell>
        </tr>
    }
    .into_any()
}
