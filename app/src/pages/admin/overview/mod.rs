//! The admins' first page: what it costs, how much is used, and whether it works.

pub mod api;

use domain::{
    BackendId, NanoUsd,
    budget::BudgetAlert,
    configured::BackendHealth,
    report::{Bucket, NamedTotals, NearBudget, Overview},
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use serde::{Deserialize, Serialize};

use super::backends::Health;
use crate::{
    components::{
        budget_alerts::BudgetAlerts,
        budget_bar::SpendCell,
        chart_card::{Chart, ChartCard},
        data_table::{Cell, Column, DataTable},
        figures::{Figure, Figures},
        live,
        money::Money,
        notice::Notice,
        page_header::PageHeader,
        requests_table::RequestsTable,
        suspense_error::{Load, loading},
    },
    format,
};

/// What the chart shows per hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    #[default]
    Spend,
    Requests,
}

impl Measure {
    /// Reads `?chart=`.
    #[must_use]
    pub fn parse(text: Option<&str>) -> Self {
        match text {
            Some("requests") => Self::Requests,
            _ => Self::Spend,
        }
    }
}

/// The figures and the picture of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverviewPage {
    pub overview: Overview,
    pub measure: Measure,
    /// `None` where all hours are empty.
    pub chart: Option<Chart>,
}

/// The whole router's figures, and what was told about budgets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminOverviewPage {
    pub page: OverviewPage,
    /// The latest first.
    pub alerts: Vec<BudgetAlert>,
    /// The fullest first.
    pub near: Vec<NearBudget>,
    /// In the order in which they are preferred.
    pub backends: Vec<BackendLine>,
}

/// A backend and how it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendLine {
    /// `None`: it was never in force.
    pub id: Option<BackendId>,
    pub name: String,
    pub kind: String,
    pub health: BackendHealth,
}

#[component]
pub fn AdminOverview() -> impl IntoView {
    let measure = use_measure();
    let page = loading(move || measure.get(), api::admin_overview);
    live::refresh(page);
    view! {
        <PageHeader title="Overview" about="All users, all keys."/>
        <Notice/>
        <Load
            resource=page
            show={|all: AdminOverviewPage| {
                let page = all.page;
                let latest = page.overview.latest.clone();
                view! {
                    <Sums overview=page.overview.clone()/>
                    <BudgetAlerts alerts=all.alerts named=true/>
                    <div class="two">
                        <Backends backends=all.backends/>
                        <NearLimits near=all.near/>
                    </div>
                    <div class="two">
                        <ByHour page=page.clone() path="/admin-ui"/>
                        <ByModel models=page.overview.by_model/>
                    </div>
                    <Latest requests=latest own=false/>
                }
                .into_any()
            }}
        />
    }
    .into_any()
}

const BACKENDS: &[Column] = &[
    Column::text("Backend"),
    Column::text("State"),
    Column::number("Running"),
    Column::number("Calls"),
    Column::number("Failed"),
];

/// How each backend is; if not well, why, and when it is tried again.
#[component]
fn Backends(backends: Vec<BackendLine>) -> impl IntoView {
    let rows = backends.into_iter().map(|backend| {
        let BackendLine {
            id,
            name,
            kind,
            health,
        } = backend;
        let name = match id {
            Some(id) => view! {
                <a class="link" href=format!("/admin-ui/backends?open={}", id.0)>
                    {name}
                </a>
            }
            .into_any(),
            None => name.into_any(),
        };
        let (running, calls, failed) = (health.in_progress, health.calls, health.failed);
        view! {
            <tr role="row">
                <Cell label="Backend" class="lead">
                    <span class="clip block">{name} <span class="sub">{kind}</span></span>
                </Cell>
                <Cell label="State">
                    <Health health/>
                </Cell>
                <Cell label="Running" class="num">
                    {format::count(running)}
                </Cell>
                <Cell label="Calls" class="num">
                    {format::count(calls)}
                </Cell>
                <Cell label="Failed" class="num">
                    {format::count(failed)}
                </Cell>
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
        <section class="tile">
            <header>
                <div>
                    <h2>"Backends"</h2>
                    <p>"Now; counts since the router started"</p>
                </div>
            </header>
            <DataTable caption="Backends" columns=BACKENDS>
                {rows}
            </DataTable>
        </section>
    }
    .into_any()
}

const NEAR: &[Column] = &[
    Column::text("Whose"),
    Column::text("Spent"),
    Column::text("Starts anew"),
];

/// Budgets of which four fifths are used up.
#[component]
fn NearLimits(near: Vec<NearBudget>) -> impl IntoView {
    let content = if near.is_empty() {
        view! { <p class="quiet body">"No budget is four fifths used up."</p> }.into_any()
    } else {
        let rows = near.into_iter().map(|budget| {
            let href =
                (budget.kind == "user").then(|| format!("/admin-ui/users?open={}", budget.id));
            view! {
                <tr role="row">
                    <Cell label="Whose" class="lead">
                        <span class="clip block">
                            <a class="link" href=href>
                                {budget.name}
                            </a>
                            <span class="sub">{budget.kind} ", " {budget.period}</span>
                        </span>
                    </Cell>
                    <Cell label="Spent">
                        <SpendCell spend=budget.spend limit=budget.limit/>
                    </Cell>
                    <Cell label="Starts anew" class="nowrap figure">
                        {budget.resets_at_local}
                    </Cell>
                </tr>
            }
        });
        let rows = rows.collect_view();
        view! {
            <DataTable caption="Budgets near their limit" columns=NEAR>
                {rows}
            </DataTable>
        }
        .into_any()
    };
    view! {
        <section class="tile">
            <header>
                <h2>"Budgets near their limit"</h2>
            </header>
            {content}
        </section>
    }
    .into_any()
}

/// The measure that the URL names.
#[must_use]
pub fn use_measure() -> Memo<Measure> {
    let query = use_query_map();
    Memo::new(move |_| Measure::parse(query.read().get_str("chart")))
}

/// The four figures.
#[component]
pub fn Sums(overview: Overview) -> impl IntoView {
    let (today, month) = (overview.today, overview.this_month);
    let errors = match today.errors {
        0 => "none failed".to_owned(),
        n => format!("{} failed", format::count(n)),
    };
    let unpriced = match today.unpriced {
        0 => format!("since midnight, {}", overview.time_zone),
        n => format!("plus {} unpriced", format::count(n)),
    };
    let tokens = format!(
        "{} in, {} out",
        format::short_count(today.usage.total_input()),
        format::short_count(today.usage.output)
    );
    view! {
        <Figures>
            <Figure
                label="Spend today"
                value=format::money(today.cost)
                exact=today.cost.to_string()
                note=unpriced
            />
            <Figure
                label="Requests today"
                value=format::count(today.requests)
                exact=today.requests.to_string()
                note=errors
            />
            <Figure
                label="Tokens today"
                value=format::short_count(today.usage.total())
                exact=today.usage.total().to_string()
                note=tokens
            />
            <Figure
                label="Spend this month"
                value=format::money(month.cost)
                exact=month.cost.to_string()
                note=format!("{} requests", format::count(month.requests))
            />
        </Figures>
    }
    .into_any()
}

/// The chart with its two measures.
#[component]
pub fn ByHour(page: OverviewPage, path: &'static str) -> impl IntoView {
    let choice = |measure: Measure, title: &'static str, query: &'static str| {
        let here = measure == page.measure;
        view! {
            <a href=format!("{path}{query}") aria-current=here.then_some("true")>
                {title}
            </a>
        }
    };
    let choices = view! {
        <div class="segments" role="group" aria-label="What the chart shows">
            {choice(Measure::Spend, "Spend", "?chart=spend")}
            {choice(Measure::Requests, "Requests", "?chart=requests")}
        </div>
    };
    let title = match page.measure {
        Measure::Spend => "Spend by hour",
        Measure::Requests => "Requests by hour",
    };
    view! {
        <ChartCard
            title
            about=format!("Today, {}", page.overview.time_zone)
            chart=page.chart
            empty="Nothing yet today. The chart begins with the first request."
            choices=choices.into_any()
        >
            <HourTable hours=page.overview.by_hour/>
        </ChartCard>
    }
    .into_any()
}

const HOURS: &[Column] = &[
    Column::text("Hour"),
    Column::number("Spend"),
    Column::number("Requests"),
    Column::least("Failed"),
    Column::number("Tokens"),
];

#[component]
fn HourTable(hours: Vec<Bucket>) -> impl IntoView {
    let rows = hours.into_iter().map(|hour| {
        let totals = hour.totals;
        view! {
            <tr role="row">
                <Cell label="Hour" class="figure">
                    {hour.label}
                </Cell>
                <Cell label="Spend" class="num">
                    <Money amount=totals.cost/>
                </Cell>
                <Cell label="Requests" class="num">
                    {format::count(totals.requests)}
                </Cell>
                <Cell label="Failed" class="num least">
                    {format::count(totals.errors)}
                </Cell>
                <Cell label="Tokens" class="num">
                    {format::count(totals.usage.total())}
                </Cell>
            </tr>
        }
    });
    view! {
        <DataTable caption="Today by hour" columns=HOURS short=true>
            {rows.collect_view()}
        </DataTable>
    }
    .into_any()
}

const MODELS: &[Column] = &[
    Column::text("Model"),
    Column::number("Requests"),
    Column::number("Spend"),
];

/// This month's spend by model, the dearest first.
#[component]
pub fn ByModel(models: Vec<NamedTotals>) -> impl IntoView {
    let content = if models.is_empty() {
        view! { <p class="quiet body">"No model has been used this month."</p> }.into_any()
    } else {
        let rows = models.into_iter().map(|model| {
            let totals = model.totals;
            // All of it without a price is not the same as free.
            let all_unpriced = totals.unpriced > 0 && totals.unpriced == totals.requests;
            let cost: Option<NanoUsd> = (!all_unpriced).then_some(totals.cost);
            view! {
                <tr role="row">
                    <Cell label="Model" class="lead">
                        <span class="clip block" title=model.name.clone()>
                            {model.name.clone()}
                        </span>
                    </Cell>
                    <Cell label="Requests" class="num">
                        {format::count(totals.requests)}
                    </Cell>
                    <Cell label="Spend" class="num">
                        <Money amount=cost/>
                    </Cell>
                </tr>
            }
        });
        view! {
            <DataTable caption="This month by model" columns=MODELS short=true>
                {rows.collect_view()}
            </DataTable>
        }
        .into_any()
    };
    view! {
        <section class="tile">
            <header>
                <div>
                    <h2>"Spend by model"</h2>
                    <p>"This month"</p>
                </div>
            </header>
            {content}
        </section>
    }
    .into_any()
}

/// The latest requests, or how to make the first one.
#[component]
pub fn Latest(requests: Vec<domain::report::RequestSummary>, own: bool) -> impl IntoView {
    let content = if requests.is_empty() {
        let (href, action) = match own {
            true => ("/user-ui/keys?new=1", "Create a key"),
            false => ("/admin-ui/keys?new=1", "Create a key"),
        };
        view! {
            <div class="nothing">
                <p>
                    "No requests yet. Create a key and point a client at this server; its first request shows up here."
                </p>
                <a class="btn" data-variant="outline" href=href>
                    {action}
                </a>
            </div>
        }
        .into_any()
    } else {
        view! { <RequestsTable requests own/> }.into_any()
    };
    view! {
        <section class="tile">
            <header>
                <h2>"Latest requests"</h2>
            </header>
            {content}
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_measure_is_spend() {
        assert_eq!(Measure::parse(Some("requests")), Measure::Requests);
        assert_eq!(Measure::parse(Some("<script>")), Measure::Spend);
        assert_eq!(Measure::parse(None), Measure::Spend);
    }
}
