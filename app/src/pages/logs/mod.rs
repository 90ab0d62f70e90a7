//! The log of requests: filters in the URL, pages that go on from the row where the one before ended, a
//! live tail, and a file with the same rows. For admins of everyone, for users their own; one view.

pub mod api;
mod one;
mod query;
mod tail;

use domain::request_log::{LogChoices, LogQuery, LogResult, RequestLog};
use leptos::prelude::*;

use crate::{
    components::{
        page_header::PageHeader,
        suspense_error::{Load, loading},
    },
    format,
    pages::usage::{House, range_fields, use_query_text},
};

pub use one::{AdminRequest, MyRequest};
pub use query::{log_href, parse};

/// Everyone's.
#[component]
pub fn AdminLogs() -> impl IntoView {
    logs(House::Admin)
}

/// One's own.
#[component]
pub fn MyLogs() -> impl IntoView {
    logs(House::Own)
}

fn logs(house: House) -> impl IntoView {
    let text = use_query_text();
    let log = match house {
        House::Admin => loading(move || text.get(), api::admin_logs),
        House::Own => loading(move || text.get(), api::my_logs),
    };
    let about = match house {
        House::Admin => "Every request that was let in, the newest first.",
        House::Own => "Every request with your own keys, the newest first.",
    };
    view! {
        <PageHeader title="Requests" about=about/>
        <Load
            resource=log
            show={move |log: RequestLog| content(house, text.get_untracked(), log)}
        />
    }
    .into_any()
}

fn path(house: House) -> &'static str {
    match house {
        House::Admin => "/admin-ui/logs",
        House::Own => "/user-ui/logs",
    }
}

fn content(house: House, text: String, log: RequestLog) -> AnyView {
    let query = parse(&text);
    let path = path(house);
    let found = match log.total {
        Some(total) => format!(
            "{} requests, {} to {}, {}",
            format::count(total),
            log.start_local,
            log.end_local,
            log.time_zone
        ),
        None => format!(
            "{} to {}, {}",
            log.start_local, log.end_local, log.time_zone
        ),
    };
    let pasted = query
        .search
        .as_deref()
        .is_some_and(|text| domain::RequestId::parse(text).is_some());
    let found = match pasted {
        true => "A request id: looked for in all dates".to_owned(),
        false => found,
    };
    let first = LogQuery {
        before: None,
        ..query.clone()
    };
    let newest = query.before.is_some().then(
        || view! { <a class="btn" data-variant="outline" href=log_href(&first, path)>"Newest"</a> },
    );
    let older = log.next.map(|before| {
        let next = LogQuery {
            before: Some(before),
            ..query.clone()
        };
        let words = match log.partial {
            true => "Look further back",
            false => "Older",
        };
        view! {
            <a class="btn" data-variant="outline" href=log_href(&next, path) rel="next">
                {words}
            </a>
        }
    });
    let partial = log.partial.then(|| {
        view! {
            <p class="quiet">
                "Nothing more among the 50,000 requests that were looked through; older ones may be there."
            </p>
        }
    });
    let empty = log.rows.is_empty() && !log.partial;
    let nothing = empty.then(|| {
        let action = match log_href(&first, path) == path {
            true => view! {
                <a class="btn" data-variant="outline" href=format!("{}/keys?new=1", house.base())>
                    "Create a key"
                </a>
            }
            .into_any(),
            false => view! {
                <a class="btn" data-variant="outline" href=path>
                    "Show all requests"
                </a>
            }
            .into_any(),
        };
        view! {
            <div class="nothing">
                <p>"No request fits. Choose a longer range or fewer filters, or make a first request."</p>
                {action}
            </div>
        }
    });
    // A page further back has no place where new rows could come in.
    let follows = query.before.is_none() && !pasted && query.range.until.is_none();
    view! {
        {filters(house, &query, &log.choices)}
        <div class="toolbar">
            <p class="quiet figure" id="found">
                {found}
            </p>
        </div>
        <tail::Rows
            rows=log.rows
            own={house == House::Own}
            events=follows.then(|| log_href(&first, &format!("{path}.events")))
            newest=log.newest
        />
        {nothing}
        {partial}
        <nav class="pages" aria-label="Pages">
            <div>{newest} {older}</div>
        </nav>
    }
    .into_any()
}

fn choice(
    name: &'static str,
    title: &'static str,
    chosen: Option<i64>,
    choices: &[(i64, String)],
) -> AnyView {
    // What is chosen stands there, though it may not be among the first by name.
    let missing = chosen.filter(|id| !choices.iter().any(|(one, _)| one == id));
    if choices.is_empty() && missing.is_none() {
        return ().into_any();
    }
    let options = choices.iter().map(|(id, title)| {
        view! {
            <option value=id.to_string() selected=chosen == Some(*id)>
                {title.clone()}
            </option>
        }
    });
    view! {
        <label class="choice">
            <span>{title}</span>
            <select class="select" name=name>
                <option value="">"Any"</option>
                {missing
                    .map(|id| {
                        view! {
                            <option value=id.to_string() selected=true>
                                {format!("Number {id}")}
                            </option>
                        }
                    })}
                {options.collect_view()}
            </select>
        </label>
    }
    .into_any()
}

const RESULTS: [(&str, &str); 6] = [
    ("failed", "Failed"),
    ("completed", "Completed"),
    ("upstream_error", "Upstream error"),
    ("stream_broken", "Broken off"),
    ("client_disconnected", "Client left"),
    ("interrupted", "Interrupted"),
];

fn filters(house: House, query: &LogQuery, choices: &LogChoices) -> AnyView {
    let path = path(house);
    let csv = LogQuery {
        before: None,
        ..query.clone()
    };
    let csv = log_href(&csv, &format!("{path}.csv"));
    let word = query.result.word();
    let known = RESULTS.iter().any(|(known, _)| *known == word);
    let status = matches!(query.result, LogResult::Status(_)) && !known;
    let shown = word.clone();
    let results = RESULTS.iter().map(|(word, title)| {
        view! {
            <option value=*word selected=shown == *word>
                {*title}
            </option>
        }
    });
    let statuses = [
        "400", "401", "403", "404", "408", "413", "429", "500", "502", "503", "504",
    ];
    let listed = statuses.contains(&word.as_str());
    let statuses = statuses.iter().map(|status| {
        view! {
            <option value=*status selected=shown == *status>
                {format!("HTTP {status}")}
            </option>
        }
    });
    let other = (status && !listed).then(|| {
        view! {
            <option value=word.clone() selected=true>
                {format!("HTTP {word}")}
            </option>
        }
    });
    let chosen = query.model.clone();
    let missing = chosen
        .clone()
        .filter(|model| !choices.models.contains(model));
    let models = choices.models.iter().map(|model| {
        view! {
            <option value=model.clone() selected=chosen.as_ref() == Some(model)>
                {model.clone()}
            </option>
        }
    });
    view! {
        <form class="filters" method="get" action=path role="search" aria-label="Filters">
            <label class="choice wide">
                <span>"Request id, model or error"</span>
                <input
                    class="input"
                    type="search"
                    name="q"
                    value=query.search.clone()
                    placeholder="req_…"
                    autocomplete="off"
                />
            </label>
            {range_fields(&query.range)}
            {choice("user", "User", query.user, &choices.users)}
            {choice("team", "Team", query.team, &choices.teams)}
            {choice("key", "Key", query.key, &choices.keys)}
            {choice("backend", "Backend", query.backend, &choices.backends)}
            <label class="choice">
                <span>"Model"</span>
                <select class="select" name="model">
                    <option value="">"Any"</option>
                    {missing
                        .map(|model| {
                            view! {
                                <option value=model.clone() selected=true>
                                    {model.clone()}
                                </option>
                            }
                        })}
                    {models.collect_view()}
                </select>
            </label>
            <label class="choice">
                <span>"Result"</span>
                <select class="select" name="result">
                    <option value="">"Any"</option>
                    {results.collect_view()}
                    {statuses.collect_view()}
                    {other}
                </select>
            </label>
            <label class="choice">
                <span>"Stream"</span>
                <select class="select" name="stream">
                    <option value="">"Any"</option>
                    <option value="yes" selected=query.stream == Some(true)>
                        "Streams"
                    </option>
                    <option value="no" selected=query.stream == Some(false)>
                        "Whole answers"
                    </option>
                </select>
            </label>
            <button class="btn" type="submit">
                "Filter"
            </button>
            <a class="btn" data-variant="ghost" href=path rel="external">
                "Clear"
            </a>
            <a class="btn" data-variant="outline" href=csv rel="external" download="">
                "CSV"
            </a>
        </form>
    }
    .into_any()
}
