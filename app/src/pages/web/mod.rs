//! The status page, `/web`: how the router and its backends are, and what happened lately. No secret, no
//! address and no text of an error is on it, so that it can be shown to everybody.

pub mod api;

use std::time::Duration;

use domain::{
    configured::HealthState,
    status::{ActivityLine, BackendLine, RouterStatus},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use serde::{Deserialize, Serialize};

use crate::{
    components::{
        chart_card::{Chart, ChartCard},
        data_table::{Cell, Column, DataTable},
        figures::{Figure, Figures},
        live,
        nav::Brand,
        suspense_error::{Load, loading},
        theme_toggle::ThemeToggle,
    },
    format,
};

const PATH: &str = "/web";
/// Between two looks.
const PACE: Duration = Duration::from_secs(5);

/// What the chart of the second tab shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusMeasure {
    #[default]
    Requests,
    Tokens,
    Latency,
}

impl StatusMeasure {
    const ALL: [Self; 3] = [Self::Requests, Self::Tokens, Self::Latency];

    const fn word(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::Latency => "latency",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Requests => "Requests",
            Self::Tokens => "Tokens",
            Self::Latency => "Latency",
        }
    }
}

/// What happened, drawn and in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// `None` where there is nothing to draw.
    pub chart: Option<Chart>,
    pub time_zone: String,
    /// The oldest first.
    pub lines: Vec<ActivityLine>,
}

/// Ranges of the second tab, in hours, and what they are called.
const RANGES: [(u32, &str); 4] = [(1, "Hour"), (24, "Day"), (168, "Week"), (720, "30 days")];

#[component]
pub fn StatusPage() -> impl IntoView {
    let query = use_query_map();
    let analytics = Memo::new(move |_| query.read().get("tab").as_deref() == Some("analytics"));
    let tab = move |title: &'static str, href: &'static str, here: bool| {
        view! {
            <a href=href aria-current=here.then_some("true")>
                {title}
            </a>
        }
    };
    view! {
        <Title text="Status"/>
        <div class="public">
            <header class="public-bar">
                <Brand/>
                <nav class="segments" aria-label="Status page">
                    {move || tab("Status", PATH, !analytics.get())}
                    {move || tab("Analytics", "/web?tab=analytics", analytics.get())}
                </nav>
                <div class="themes">
                    <ThemeToggle/>
                </div>
            </header>
            <main id="content">
                {move || match analytics.get() {
                    true => view! { <Analytics/> }.into_any(),
                    false => view! { <Status/> }.into_any(),
                }}
            </main>
        </div>
    }
    .into_any()
}

#[component]
fn Status() -> impl IntoView {
    let status = loading(|| (), |()| api::get_router_status());
    live::every(status, PACE);
    view! {
        <Load resource=status show={|status: RouterStatus| view! { <Now status/> }.into_any()}/>
    }
    .into_any()
}

const BACKENDS: &[Column] = &[
    Column::text("Backend"),
    Column::text("State"),
    Column::number("Calls"),
    Column::number("Succeeded"),
    Column::least("Running"),
    Column::least("First content"),
    Column::least("Whole answer"),
    Column::least("Tokens/s"),
];

/// How it is, in a word and a tone.
const fn in_words(state: HealthState) -> (&'static str, &'static str) {
    match state {
        HealthState::Unused => ("Not used yet", "off"),
        HealthState::Well => ("Well", "good"),
        HealthState::Resting => ("Resting", "warn"),
        HealthState::Failing => ("Failing", "bad"),
        HealthState::Disabled => ("Off", "off"),
        HealthState::Broken => ("Not in force", "bad"),
    }
}

#[component]
fn Now(status: RouterStatus) -> impl IntoView {
    let ill =
        |line: &&BackendLine| matches!(line.state, HealthState::Failing | HealthState::Broken);
    let all = status.backends.len();
    let failing = status.backends.iter().filter(ill).count();
    let (title, tone) = match (all, failing) {
        (0, _) => ("There are no backends.", "off"),
        (_, 0) => ("All is well.", "good"),
        (all, failing) if all == failing => ("Nothing works at present.", "bad"),
        _ => ("Some backends fail; requests go to the others.", "warn"),
    };
    let sum = |of: fn(&BackendLine) -> u64| status.backends.iter().map(of).sum::<u64>();
    let (calls, failed) = (sum(|b| b.calls), sum(|b| b.failed));
    let (running, waiting) = (sum(|b| b.in_progress), sum(|b| b.waiting));
    let rows = status.backends.into_iter().map(backend_row).collect_view();
    view! {
        <h1 class="verdict">
            <span class="state" data-tone=tone>
                {title}
            </span>
        </h1>
        <Figures>
            <Figure
                label="Up for"
                value=up_for(status.uptime_s)
                exact=format!("{} s", status.uptime_s)
                note=format!("version {}", status.version)
            />
            <Figure
                label="Calls"
                value=format::count(calls)
                exact=calls.to_string()
                note=format!("{} failed", format::count(failed))
            />
            <Figure
                label="Running"
                value=format::count(running)
                exact=running.to_string()
                note=format!("{} waiting", format::count(waiting))
            />
            <Figure
                label="Backends"
                value=format!("{} of {all}", all - failing)
                exact=all.to_string()
                note="not failing"
            />
        </Figures>
        <DataTable caption="Backends" columns=BACKENDS>
            {rows}
        </DataTable>
        <p class="quiet">"Figures count since the router started. Looked at every 5 seconds."</p>
    }
    .into_any()
}

fn backend_row(line: BackendLine) -> AnyView {
    let (text, tone) = in_words(line.state);
    let next = line
        .next_try_ms
        .map(|ms| format!("tried again in {} s", ms.div_ceil(1_000)));
    let average = |ms: Option<u64>| ms.map_or_else(|| "—".to_owned(), millis);
    let succeeded = share(line.calls.saturating_sub(line.failed), line.calls);
    let speed = line
        .tokens_per_s
        .map_or_else(|| "—".to_owned(), format::count);
    view! {
        <tr role="row">
            <Cell label="Backend" class="lead">
                <span class="font-medium">{line.name}</span>
                <span class="sub">{line.kind}</span>
            </Cell>
            <Cell label="State">
                <span class="state" data-tone=tone>
                    {text}
                </span>
                <span class="sub">{next}</span>
            </Cell>
            <Cell label="Calls" class="num">
                {format::count(line.calls)}
            </Cell>
            <Cell label="Succeeded" class="num">
                {succeeded}
            </Cell>
            <Cell label="Running" class="num least">
                {format::count(line.in_progress)}
            </Cell>
            <Cell label="First content" class="num least">
                {average(line.first_chunk_ms)}
            </Cell>
            <Cell label="Whole answer" class="num least">
                {average(line.latency_ms)}
            </Cell>
            <Cell label="Tokens/s" class="num least">
                {speed}
            </Cell>
        </tr>
    }
    .into_any()
}

/// Such as `99.5 %`.
fn share(part: u64, whole: u64) -> String {
    match (part * 1_000).checked_div(whole) {
        Some(tenths) => format!("{}.{} %", tenths / 10, tenths % 10),
        None => "—".to_owned(),
    }
}

fn millis(ms: u64) -> String {
    format::duration(u32::try_from(ms).unwrap_or(u32::MAX))
}

/// Such as `3 d 4 h`.
fn up_for(seconds: u64) -> String {
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    let minutes = seconds / 60 % 60;
    match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[component]
fn Analytics() -> impl IntoView {
    let query = use_query_map();
    let measure = Memo::new(move |_| {
        let word = query.read().get("chart").unwrap_or_default();
        let mut all = StatusMeasure::ALL.into_iter();
        all.find(|measure| measure.word() == word)
            .unwrap_or_default()
    });
    let hours = Memo::new(move |_| {
        let said = query
            .read()
            .get("hours")
            .and_then(|hours| hours.parse().ok());
        said.filter(|said| RANGES.iter().any(|(hours, _)| hours == said))
            .unwrap_or(24)
    });
    let activity = loading(
        move || (hours.get(), measure.get()),
        |(hours, measure)| api::get_activity(hours, measure),
    );
    live::every(activity, PACE);
    view! {
        <h1 class="sr-only">"Analytics"</h1>
        <Load
            resource=activity
            show={move |activity: Activity| {
                view! {
                    <Drawn
                        activity
                        measure=measure.get_untracked()
                        hours=hours.get_untracked()
                    />
                }
                .into_any()
            }}
        />
    }
    .into_any()
}

const LINES: &[Column] = &[
    Column::text("From"),
    Column::number("Requests"),
    Column::number("Failed"),
    Column::number("Tokens"),
    Column::number("Latency"),
];

#[component]
fn Drawn(activity: Activity, measure: StatusMeasure, hours: u32) -> impl IntoView {
    let href = |hours: u32, measure: StatusMeasure| {
        format!(
            "{PATH}?tab=analytics&hours={hours}&chart={}",
            measure.word()
        )
    };
    let measures = StatusMeasure::ALL.map(|choice| {
        view! {
            <a href=href(hours, choice) aria-current=(choice == measure).then_some("true")>
                {choice.title()}
            </a>
        }
    });
    let ranges = RANGES.map(|(choice, title)| {
        view! {
            <a href=href(choice, measure) aria-current=(choice == hours).then_some("true")>
                {title}
            </a>
        }
    });
    let choices = view! {
        <div class="row">
            <div class="segments" role="group" aria-label="Range">
                {ranges.collect_view()}
            </div>
            <div class="segments" role="group" aria-label="What the chart shows">
                {measures.collect_view()}
            </div>
        </div>
    };
    let sum = |of: fn(&ActivityLine) -> u64| activity.lines.iter().map(of).sum::<u64>();
    let (requests, errors) = (sum(|line| line.requests), sum(|line| line.errors));
    let (input, output) = (
        sum(|line| line.input_tokens),
        sum(|line| line.output_tokens),
    );
    let took = activity
        .lines
        .iter()
        .map(|line| line.latency_ms.unwrap_or(0) * line.requests);
    let latency = took.sum::<u64>().checked_div(requests);
    let rows = activity.lines.into_iter().rev().map(|line| {
        let tokens = line.input_tokens + line.output_tokens;
        let latency = line.latency_ms.map_or_else(|| "—".to_owned(), millis);
        view! {
            <tr role="row">
                <Cell label="From" class="lead">
                    {line.label}
                </Cell>
                <Cell label="Requests" class="num">
                    {format::count(line.requests)}
                </Cell>
                <Cell label="Failed" class="num">
                    {format::count(line.errors)}
                </Cell>
                <Cell label="Tokens" class="num">
                    {format::count(tokens)}
                </Cell>
                <Cell label="Latency" class="num">
                    {latency}
                </Cell>
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
        <Figures>
            <Figure
                label="Requests"
                value=format::count(requests)
                exact=requests.to_string()
                note=format!("{} failed", format::count(errors))
            />
            <Figure
                label="Tokens"
                value=format::short_count(input + output)
                exact=(input + output).to_string()
                note=format!("{} in, {} out", format::short_count(input), format::short_count(output))
            />
            <Figure
                label="Succeeded"
                value=share(requests.saturating_sub(errors), requests)
                exact=format!("{} of {requests}", requests.saturating_sub(errors))
                note="of all requests"
            />
            <Figure
                label="Latency"
                value=latency.map_or_else(|| "—".to_owned(), millis)
                exact=latency.map_or_else(String::new, |ms| format!("{ms} ms"))
                note="on average"
            />
        </Figures>
        <ChartCard
            title="Over time"
            about=activity.time_zone
            chart=activity.chart
            empty="Nothing in this time."
            choices=choices.into_any()
        >
            <DataTable caption="Over time" columns=LINES>
                {rows}
            </DataTable>
        </ChartCard>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_two_units() {
        assert_eq!(up_for(59), "0 min");
        assert_eq!(up_for(3_661), "1 h 1 min");
        assert_eq!(up_for(86_400 * 3 + 3_600 * 4), "3 d 4 h");
    }
}
