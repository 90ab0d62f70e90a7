//! Usage over time and by whose it is: for admins of everyone, for users their own. The same view twice;
//! what it may show is decided by the server function that it asks.

pub mod api;
mod query;

use domain::{
    report::{Latency, Totals},
    usage_report::{BucketSize, RangeChoice, UsageGroup, UsageLine, UsageReport},
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use serde::{Deserialize, Serialize};

use crate::{
    components::{
        chart_card::{Chart, ChartCard},
        data_table::{Cell, Column, DataTable},
        figures::{Figure, Figures},
        live,
        money::Money,
        page_header::PageHeader,
        suspense_error::{Load, loading},
    },
    format,
};

pub use query::{UsageMeasure, UsageUrl, href, pairs, range_pairs, read_range, reader};

/// Whose pages these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum House {
    Admin,
    Own,
}

impl House {
    /// Where its pages are.
    #[must_use]
    pub const fn base(self) -> &'static str {
        match self {
            Self::Admin => "/admin-ui",
            Self::Own => "/user-ui",
        }
    }
}

/// The report and the picture of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsagePage {
    pub report: UsageReport,
    pub measure: UsageMeasure,
    /// `None` where there is nothing to draw.
    pub chart: Option<Chart>,
    /// What the colours of the picture stand for, in their order.
    pub legend: Vec<String>,
}

/// Everyone's.
#[component]
pub fn AdminUsage() -> impl IntoView {
    usage(House::Admin, "")
}

/// One's own.
#[component]
pub fn MyUsage() -> impl IntoView {
    usage(House::Own, "")
}

/// One's own, month by month.
#[component]
pub fn MyHistory() -> impl IntoView {
    usage(House::Own, "range=year&bucket=month")
}

/// The query string of the page, without its question mark.
#[must_use]
pub fn use_query_text() -> Memo<String> {
    let query = use_query_map();
    Memo::new(move |_| {
        let text = query.read().to_query_string();
        text.trim_start_matches('?').to_owned()
    })
}

/// `otherwise`: what is shown where the URL says nothing.
fn usage(house: House, otherwise: &'static str) -> impl IntoView {
    let said = use_query_text();
    let text = Memo::new(move |_| match said.get() {
        nothing if nothing.is_empty() => otherwise.to_owned(),
        text => text,
    });
    let page = match house {
        House::Admin => loading(move || text.get(), api::admin_usage),
        House::Own => loading(move || text.get(), api::my_usage),
    };
    live::refresh(page);
    let about = match house {
        House::Admin => "Spend, tokens, requests and times of everyone.",
        House::Own => "Spend, tokens, requests and times of your own keys.",
    };
    view! {
        <PageHeader title="Usage" about=about/>
        {move || filters(house, UsageUrl::parse(&text.get()))}
        <Load
            resource=page
            show={move |page: UsagePage| content(house, UsageUrl::parse(&text.get_untracked()), page)}
        />
    }
    .into_any()
}

/// The choice of a stretch of time, for this page and the log.
pub fn range_fields(range: &RangeChoice) -> AnyView {
    let exact = range.since.is_some() || range.until.is_some();
    let chosen = range.named.clone();
    let days = range.from.is_some() || range.to.is_some();
    let options = RangeChoice::NAMED.iter().map(|(word, title)| {
        let here = !days && !exact && chosen.as_deref().unwrap_or("7d") == *word;
        view! {
            <option value=*word selected=here>
                {*title}
            </option>
        }
    });
    let moment = |name: &'static str, at: Option<domain::Timestamp>| {
        at.map(|at| view! { <input type="hidden" name=name value=at.0.to_string()/> })
    };
    view! {
        <label class="choice">
            <span>"Range"</span>
            <select class="select" name="range">
                {(days || exact)
                    .then(|| view! { <option value="" selected=true>"As chosen"</option> })}
                {options.collect_view()}
            </select>
        </label>
        <label class="choice">
            <span>"From"</span>
            <input class="input" type="date" name="from" value=range.from.clone()/>
        </label>
        <label class="choice">
            <span>"To"</span>
            <input class="input" type="date" name="to" value=range.to.clone()/>
        </label>
        {moment("since", range.since)}
        {moment("until", range.until)}
    }
    .into_any()
}

/// A GET form: what is chosen stands in the URL, with JavaScript or without.
fn filters(house: House, url: UsageUrl) -> AnyView {
    let path = format!("{}/usage", house.base());
    let buckets = BucketSize::ALL.iter().map(|bucket| {
        view! {
            <option value=bucket.as_str() selected=url.query.bucket == Some(*bucket)>
                {bucket_title(*bucket)}
            </option>
        }
    });
    let groups = UsageGroup::ALL
        .iter()
        .filter(|group| {
            house == House::Admin || matches!(group, UsageGroup::Key | UsageGroup::Model)
        })
        .map(|group| {
            view! {
                <option value=group.as_str() selected=url.query.group == *group>
                    {group_title(*group)}
                </option>
            }
        });
    let user = url.query.user.filter(|_| house == House::Admin);
    let csv = url.href(&format!("{path}.csv"));
    view! {
        <form class="filters" method="get" action=path.clone() aria-label="What is shown">
            {range_fields(&url.query.range)}
            <label class="choice">
                <span>"By time"</span>
                <select class="select" name="bucket">
                    <option value="" selected=url.query.bucket.is_none()>
                        "As fits"
                    </option>
                    {buckets.collect_view()}
                </select>
            </label>
            <label class="choice">
                <span>"Group by"</span>
                <select class="select" name="group">
                    {groups.collect_view()}
                </select>
            </label>
            {user.map(|id| view! { <input type="hidden" name="user" value=id.to_string()/> })}
            <input type="hidden" name="chart" value=url.measure.word()/>
            <button class="btn" type="submit">
                "Show"
            </button>
            <a class="btn" data-variant="ghost" href=path.clone() rel="external">
                "Clear"
            </a>
            <a class="btn" data-variant="outline" href=csv rel="external" download="">
                "CSV"
            </a>
        </form>
    }
    .into_any()
}

const fn bucket_title(bucket: BucketSize) -> &'static str {
    match bucket {
        BucketSize::Minute => "Minute",
        BucketSize::Hour => "Hour",
        BucketSize::Day => "Day",
        BucketSize::Month => "Month",
    }
}

const fn group_title(group: UsageGroup) -> &'static str {
    match group {
        UsageGroup::User => "User",
        UsageGroup::Team => "Team",
        UsageGroup::Key => "Key",
        UsageGroup::Model => "Model",
        UsageGroup::Backend => "Backend",
    }
}

/// `1.25 %`; `—` where there was no request.
#[must_use]
pub fn error_rate(totals: &Totals) -> String {
    if totals.requests == 0 {
        return "—".to_owned();
    }
    let hundredths = totals.errors.saturating_mul(10_000) / totals.requests;
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

fn content(house: House, url: UsageUrl, page: UsagePage) -> AnyView {
    let report = page.report;
    if report.total.requests == 0 {
        let said = format!(
            "No requests from {} to {}, {}. Choose a longer range, or make a first request.",
            report.start_local, report.end_local, report.time_zone
        );
        return view! {
            <div class="nothing">
                <p>{said}</p>
                <a class="btn" data-variant="outline" href=format!("{}/keys?new=1", house.base())>
                    "Create a key"
                </a>
            </div>
        }
        .into_any();
    }
    let title = match page.measure {
        UsageMeasure::Spend => "Spend over time",
        UsageMeasure::Requests => "Requests over time",
        UsageMeasure::Tokens => "Tokens over time",
        UsageMeasure::Errors => "Errors over time",
        UsageMeasure::Latency => "Duration over time",
        UsageMeasure::FirstChunk => "Time to first chunk over time",
    };
    let (by_time, by_bucket) = (report.clone(), report.bucket.as_str());
    let choices = {
        let url = url.clone();
        let links = UsageMeasure::ALL.map(|(measure, _, name)| {
            let state = UsageUrl {
                measure,
                ..url.clone()
            };
            let here = measure == page.measure;
            view! {
                <a
                    href=state.href(&format!("{}/usage", house.base()))
                    aria-current=here.then_some("true")
                >
                    {name}
                </a>
            }
        });
        view! {
            <div class="segments" role="group" aria-label="What the chart shows">
                {links.into_iter().collect_view()}
            </div>
        }
    };
    let about = format!(
        "{} to {}, {}, by {}",
        report.start_local,
        report.end_local,
        report.time_zone,
        report.bucket.as_str()
    );
    let coarser = report.coarser.then(|| {
        view! {
            <p class="quiet">
                "The range is too long for what was chosen; it is shown by " {by_bucket} "."
            </p>
        }
    });
    let legend = page.legend.iter().enumerate().map(|(index, name)| {
        view! { <li data-series=(index + 1).to_string()>{name.clone()}</li> }
    });
    let user = url.query.user;
    view! {
        <Sums report=report.clone()/>
        {coarser}
        <ChartCard
            title
            about
            chart=page.chart
            empty="Nothing to draw for this measure in this range."
            choices=choices.into_any()
        >
            <BucketTable house report=by_time user/>
        </ChartCard>
        <ul class="legend" aria-label="Colours of the chart">
            {legend.collect_view()}
        </ul>
        <LineTable house report url/>
    }
    .into_any()
}

#[component]
fn Sums(report: UsageReport) -> impl IntoView {
    let total = report.total;
    let unpriced = match total.unpriced {
        0 => "all of it priced".to_owned(),
        n => format!("plus {} unpriced", format::count(n)),
    };
    let tokens = format!(
        "{} in ({} cached), {} out",
        format::short_count(total.usage.total_input()),
        format::short_count(total.usage.cache_read),
        format::short_count(total.usage.output)
    );
    let errors = format!(
        "{} failed, {}",
        format::count(total.errors),
        error_rate(&total)
    );
    let times = report.latency;
    let first = format!(
        "p95 {}, p99 {}; first chunk {}",
        time(times.p95_ms),
        time(times.p99_ms),
        time(times.first_chunk_p50_ms)
    );
    view! {
        <Figures>
            <Figure
                label="Spend"
                value=format::money(total.cost)
                exact=total.cost.to_string()
                note=unpriced
            />
            <Figure
                label="Requests"
                value=format::count(total.requests)
                exact=total.requests.to_string()
                note=errors
            />
            <Figure
                label="Tokens"
                value=format::short_count(total.usage.total())
                exact=total.usage.total().to_string()
                note=tokens
            />
            <Figure
                label="Duration, median"
                value=time(times.p50_ms)
                exact="of complete answers, to a tenth or so"
                note=first
            />
        </Figures>
    }
    .into_any()
}

fn time(ms: Option<u32>) -> String {
    ms.map_or_else(|| "—".to_owned(), format::duration)
}

const BUCKETS: &[Column] = &[
    Column::text("From"),
    Column::number("Spend"),
    Column::number("Requests"),
    Column::number("Failed"),
    Column::number("Error rate"),
    Column::number("Input"),
    Column::number("Cached"),
    Column::number("Output"),
    Column::number("p50"),
    Column::number("p95"),
    Column::number("p99"),
    Column::number("First chunk p50"),
    Column::number("p95 "),
    Column::number("p99 "),
];

/// The cells that the tables by time and by group have in common.
fn numbers(totals: Totals, latency: Latency) -> AnyView {
    view! {
        <Cell label="Spend" class="num">
            <Money amount=totals.cost/>
        </Cell>
        <Cell label="Requests" class="num">
            {format::count(totals.requests)}
        </Cell>
        <Cell label="Failed" class="num">
            {format::count(totals.errors)}
        </Cell>
        <Cell label="Error rate" class="num nowrap">
            {error_rate(&totals)}
        </Cell>
        <Cell label="Input" class="num">
            {format::count(totals.usage.total_input())}
        </Cell>
        <Cell label="Cached" class="num">
            {format::count(totals.usage.cache_read)}
        </Cell>
        <Cell label="Output" class="num">
            {format::count(totals.usage.output)}
        </Cell>
        <Cell label="p50" class="num nowrap">
            {time(latency.p50_ms)}
        </Cell>
        <Cell label="p95" class="num nowrap">
            {time(latency.p95_ms)}
        </Cell>
        <Cell label="p99" class="num nowrap">
            {time(latency.p99_ms)}
        </Cell>
        <Cell label="First chunk p50" class="num nowrap">
            {time(latency.first_chunk_p50_ms)}
        </Cell>
        <Cell label="First chunk p95" class="num nowrap">
            {time(latency.first_chunk_p95_ms)}
        </Cell>
        <Cell label="First chunk p99" class="num nowrap">
            {time(latency.first_chunk_p99_ms)}
        </Cell>
    }
    .into_any()
}

fn total_row(report: &UsageReport) -> AnyView {
    view! {
        <tr role="row" class="total">
            <Cell label="Total" class="lead">
                "Total"
            </Cell>
            {numbers(report.total, report.latency)}
        </tr>
    }
    .into_any()
}

/// By time. A row leads to the requests that it sums up.
#[component]
fn BucketTable(house: House, report: UsageReport, user: Option<i64>) -> impl IntoView {
    let total = total_row(&report);
    let rows = report
        .buckets
        .into_iter()
        .filter(|bucket| bucket.totals.requests > 0);
    let rows = rows.map(|bucket| {
        let log = href(
            &format!("{}/logs", house.base()),
            &[
                ("since", bucket.start.0.to_string()),
                ("until", bucket.end.0.to_string()),
                ("user", user.map(|id| id.to_string()).unwrap_or_default()),
            ],
        );
        view! {
            <tr role="row">
                <Cell label="From" class="lead nowrap figure">
                    <a class="link" href=log>
                        {bucket.label}
                    </a>
                </Cell>
                {numbers(bucket.totals, bucket.latency)}
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
        <DataTable caption="Usage over time" columns=BUCKETS>
            {rows}
            {total}
        </DataTable>
    }
    .into_any()
}

const LINES: &[Column] = &[
    Column::text("Name"),
    Column::number("Spend"),
    Column::number("Requests"),
    Column::number("Failed"),
    Column::number("Error rate"),
    Column::number("Input"),
    Column::number("Cached"),
    Column::number("Output"),
    Column::number("p50"),
    Column::number("p95"),
    Column::number("p99"),
    Column::number("First chunk p50"),
    Column::number("p95 "),
    Column::number("p99 "),
];

/// By whose it is. A row leads to its requests.
#[component]
fn LineTable(house: House, report: UsageReport, url: UsageUrl) -> impl IntoView {
    let total = total_row(&report);
    let group = report.group;
    let caption = match group {
        UsageGroup::User => "Usage by user",
        UsageGroup::Team => "Usage by team",
        UsageGroup::Key => "Usage by key",
        UsageGroup::Model => "Usage by model",
        UsageGroup::Backend => "Usage by backend",
    };
    let rows = report.lines.into_iter().map(|line| {
        let log = log_of(house, group, &line, &url);
        view! {
            <tr role="row">
                <Cell label="Name" class="lead">
                    <a class="link clip block" href=log title=line.name.clone()>
                        {line.name.clone()}
                    </a>
                </Cell>
                {numbers(line.totals, line.latency)}
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
        <section class="tile">
            <header>
                <div>
                    <h2>{caption}</h2>
                    <p>"The dearest first"</p>
                </div>
            </header>
            <DataTable caption columns=LINES>
                {rows}
                {total}
            </DataTable>
        </section>
    }
    .into_any()
}

/// The requests of a line. Those that have no user, key, or team cannot be named there, so that the whole
/// range is shown.
fn log_of(house: House, group: UsageGroup, line: &UsageLine, url: &UsageUrl) -> Option<String> {
    let filter = line.filter.clone()?;
    let mut pairs = range_pairs(&url.query.range);
    if group != UsageGroup::User
        && let Some(user) = url.query.user
    {
        pairs.push(("user", user.to_string()));
    }
    pairs.push((group.as_str(), filter));
    Some(href(&format!("{}/logs", house.base()), &pairs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_two_digits_and_nothing_has_none() {
        let totals = |errors, requests| Totals {
            errors,
            requests,
            ..Totals::default()
        };
        assert_eq!(error_rate(&totals(0, 0)), "—");
        assert_eq!(error_rate(&totals(1, 3)), "33.33 %");
        assert_eq!(error_rate(&totals(1, 2_000)), "0.05 %");
    }
}
