//! The latest requests: who, which model, what it cost, how it ended.

use domain::{Outcome, report::RequestSummary};
use leptos::prelude::*;

use super::{
    data_table::{Cell, Column, DataTable},
    money::Money,
};
use crate::format;

const ALL: &[Column] = &[
    Column::text("Time"),
    Column::text("User"),
    Column::text("Model"),
    Column::minor("Backend"),
    Column::number("Tokens in / out"),
    Column::number("Cost"),
    Column::number("Duration"),
    Column::text("Result"),
];
const OWN: &[Column] = &[
    Column::text("Time"),
    Column::text("Key"),
    Column::text("Model"),
    Column::number("Tokens in / out"),
    Column::number("Cost"),
    Column::number("Duration"),
    Column::text("Result"),
];

/// How an outcome reads, and in which tone.
#[must_use]
pub const fn outcome(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Completed => ("Completed", "good"),
        Outcome::UpstreamError => ("Upstream error", "bad"),
        Outcome::StreamBroken => ("Broken off", "bad"),
        Outcome::ClientDisconnected => ("Client left", "off"),
        Outcome::Interrupted => ("Interrupted", "warn"),
        Outcome::Abandoned => ("Given up", "warn"),
    }
}

#[component]
pub fn RequestsTable(
    requests: Vec<RequestSummary>,
    /// Of one user only: no column for the user and none for the backend.
    own: bool,
) -> impl IntoView {
    let rows = requests.into_iter().map(move |request| row(request, own));
    view! {
        <DataTable caption="Latest requests" columns=if own { OWN } else { ALL }>
            {rows.collect_view()}
        </DataTable>
    }
    .into_any()
}

fn row(request: RequestSummary, own: bool) -> impl IntoView {
    let (result, tone) = outcome(request.outcome);
    let time = request.started_at_local;
    // Today's requests are what one looks for here: the time first, the date below it.
    let (day, clock) = match time.split_once(' ') {
        Some((day, clock)) => (day.to_owned(), clock.to_owned()),
        None => (String::new(), time),
    };
    let key = request.key_label;
    let (who, label, sub) = if own {
        (key.unwrap_or_else(|| "—".to_owned()), "Key", None)
    } else {
        (
            request.user.unwrap_or_else(|| "master key".to_owned()),
            "User",
            key,
        )
    };
    let sent_as = (request.upstream_model != request.request_model)
        .then(|| format!("as {}", request.upstream_model));
    let tokens = format!(
        "{}{} / {}",
        if request.usage_estimated { "≈ " } else { "" },
        format::count(request.usage.total_input()),
        format::count(request.usage.output)
    );
    let backend = request.backend.unwrap_or_else(|| "—".to_owned());
    let status = format!("{}", request.status);
    let why = request.error;
    let house = if own { "/user-ui" } else { "/admin-ui" };
    let detail = format!("{house}/logs/{}", request.request_id);
    view! {
        <tr role="row" id=request.request_id.to_string()>
            <Cell label="Time" class="nowrap figure">
                <a class="link" href=detail title=request.request_id.to_string()>
                    {clock}
                </a>
                <span class="sub">{day}</span>
            </Cell>
            <Cell label=label>
                <span>{who} <span class="sub">{sub}</span></span>
            </Cell>
            <Cell label="Model" class="lead">
                <span class="clip block">
                    {request.request_model} <span class="sub">{sent_as}</span>
                </span>
            </Cell>
            {(!own)
                .then(|| {
                    view! { <Cell label="Backend" class="minor nowrap">{backend}</Cell> }
                })}
            <Cell label="Tokens in / out" class="num">
                {tokens}
            </Cell>
            <Cell label="Cost" class="num">
                <Money amount=request.cost/>
            </Cell>
            <Cell label="Duration" class="num">
                {format::duration(request.duration_ms)}
            </Cell>
            <Cell label="Result">
                <span title=why>
                    <span class="state" data-tone=tone>
                        {result}
                    </span>
                    <span class="sub">"HTTP " {status}</span>
                </span>
            </Cell>
        </tr>
    }
    .into_any()
}
