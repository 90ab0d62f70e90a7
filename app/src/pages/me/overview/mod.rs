//! One's own first page: what is left of the budgets, and what has been used.

pub mod api;

use domain::budget::{BudgetAlert, BudgetStatus};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    components::{
        budget_alerts::BudgetAlerts,
        budget_bar::BudgetCards,
        live,
        notice::Notice,
        page_header::PageHeader,
        suspense_error::{Load, loading},
    },
    pages::admin::overview::{ByHour, ByModel, Latest, OverviewPage, Sums, use_measure},
};

/// The figures of one user and their budgets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MyOverviewPage {
    pub page: OverviewPage,
    pub budget: BudgetStatus,
    /// What was told of them this month.
    pub alerts: Vec<BudgetAlert>,
}

#[component]
pub fn MyOverview() -> impl IntoView {
    let measure = use_measure();
    let page = loading(move || measure.get(), api::my_overview);
    live::refresh(page);
    view! {
        <PageHeader title="My usage" about="Requests with your own keys.">
            <a class="btn" href="/user-ui/keys?new=1">
                "New key"
            </a>
        </PageHeader>
        <Notice/>
        <Load
            resource=page
            show={|mine: MyOverviewPage| {
                let page = mine.page;
                let latest = page.overview.latest.clone();
                view! {
                    <Budgets budget=mine.budget/>
                    <BudgetAlerts alerts=mine.alerts named=false/>
                    <Sums overview=page.overview.clone()/>
                    <div class="two">
                        <ByHour page=page.clone() path="/user-ui"/>
                        <ByModel models=page.overview.by_model/>
                    </div>
                    <Latest requests=latest own=true/>
                }
                .into_any()
            }}
        />
    }
    .into_any()
}

#[component]
fn Budgets(budget: BudgetStatus) -> impl IntoView {
    view! {
        <div class="budgets">
            <BudgetCards budget daily="Today’s budget" monthly="This month’s budget"/>
        </div>
    }
    .into_any()
}
