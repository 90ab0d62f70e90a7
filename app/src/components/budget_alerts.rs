//! Budgets that reached a limit: one line for each, the latest first.

use domain::budget::{BudgetAlert, BudgetEventKind};
use leptos::prelude::*;

use super::data_table::{Cell, Column, DataTable};
use crate::format;

const COLUMNS: &[Column] = &[
    Column::text("Budget"),
    Column::text("What happened"),
    Column::number("Spent"),
    Column::text("When"),
];

/// Nothing where nothing happened.
#[component]
pub fn BudgetAlerts(
    alerts: Vec<BudgetAlert>,
    /// Whether to say whose they are.
    named: bool,
) -> impl IntoView {
    if alerts.is_empty() {
        return ().into_any();
    }
    let rows = alerts.into_iter().map(move |alert| {
        let (text, tone) = what(alert.event.kind);
        let whose = whose(&alert, named);
        view! {
            <tr role="row">
                <Cell label="Budget" class="lead">
                    {whose}
                </Cell>
                <Cell label="What happened">
                    <span class="state" data-tone=tone>
                        {text}
                    </span>
                </Cell>
                <Cell label="Spent" class="num">
                    <span title=alert.event.spent.to_string()>
                        {format::money(alert.event.spent)} " of "
                        {format::money(alert.event.limit)}
                    </span>
                </Cell>
                <Cell label="When" class="figure whitespace-nowrap">
                    {alert.at_local}
                </Cell>
            </tr>
        }
    });
    view! {
        <section class="tile">
            <header>
                <div>
                    <h2>"Budget alerts"</h2>
                    <p>"Each is told once a day or month"</p>
                </div>
            </header>
            <DataTable caption="Budget alerts" columns=COLUMNS>
                {rows.collect_view()}
            </DataTable>
        </section>
    }
    .into_any()
}

fn whose(alert: &BudgetAlert, named: bool) -> String {
    let period = alert.event.period.title();
    if !named {
        return period.to_owned();
    }
    let kind = alert.event.scope.kind();
    let name = alert.name.as_deref().unwrap_or("deleted");
    format!("{period}, {kind} {name}")
}

/// What happened, and in which tone to say it.
const fn what(kind: BudgetEventKind) -> (&'static str, &'static str) {
    match kind {
        BudgetEventKind::SoftLimit => ("Warning", "warn"),
        BudgetEventKind::HardLimit => ("Used up", "bad"),
    }
}
