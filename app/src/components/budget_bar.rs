//! Spending beside its limit. The bar is an SVG whose widths are attributes, because the
//! Content-Security-Policy refuses inline styles; its meaning stands beside it in words.

use domain::{NanoUsd, budget::BudgetStatus};
use leptos::prelude::*;

use crate::format::{self, Share};

/// The bar alone; nothing where there is no limit.
#[component]
pub fn BudgetBar(spend: NanoUsd, limit: NanoUsd) -> impl IntoView {
    Share::of(spend, limit).map(|share| {
        view! {
            <svg
                class="bar"
                data-tone=share.tone
                viewBox="0 0 100 6"
                preserveAspectRatio="none"
                aria-hidden="true"
            >
                <rect width="100" height="6"></rect>
                <rect width=share.percent.to_string() height="6"></rect>
                <path d="M50 0V6M80 0V6"></path>
            </svg>
        }
    })
}

/// Spending in a cell of a list: the amount, its limit, the bar.
#[component]
pub fn SpendCell(spend: NanoUsd, limit: NanoUsd) -> impl IntoView {
    let of = (limit > NanoUsd::ZERO).then(|| format!("of {}", format::money(limit)));
    view! {
        <span class="spend">
            <span title=spend.to_string()>
                {format::money(spend)} <span class="quiet">{of}</span>
            </span>
            <BudgetBar spend limit/>
        </span>
    }
    .into_any()
}

/// The budgets of a day and of a month.
#[component]
pub fn BudgetCards(
    budget: BudgetStatus,
    daily: &'static str,
    monthly: &'static str,
) -> impl IntoView {
    view! {
        <BudgetCard
            title=daily
            spend=budget.daily_spend
            limit=budget.daily_budget
            remaining=budget.daily_remaining
            resets_at=budget.daily_resets_at_local
            ends_at=budget.daily_ends_at_local
        />
        <BudgetCard
            title=monthly
            spend=budget.monthly_spend
            limit=budget.monthly_budget
            remaining=budget.monthly_remaining
            resets_at=budget.monthly_resets_at_local
            ends_at=budget.monthly_ends_at_local
        />
    }
    .into_any()
}

/// A whole budget: what is spent, what is left, and when it starts anew.
#[component]
fn BudgetCard(
    title: &'static str,
    spend: NanoUsd,
    limit: NanoUsd,
    /// `None` means unlimited.
    remaining: Option<NanoUsd>,
    /// In the reporting zone.
    resets_at: String,
    /// When it is used up at the present pace, where that is before it starts anew.
    ends_at: Option<String>,
) -> impl IntoView {
    let left = match remaining {
        None => "No limit".to_owned(),
        Some(left) if left <= NanoUsd::ZERO => {
            format!("{} used up; requests are refused", format::money(limit))
        }
        Some(left) => format!("{} of {} left", format::money(left), format::money(limit)),
    };
    let ends = ends_at
        .filter(|_| remaining.is_some_and(|left| left > NanoUsd::ZERO))
        .map(|at| {
            view! { <span class="quiet">"At this pace it is used up at " {at}</span> }
        });
    view! {
        <section class="spend">
            <h2>{title}</h2>
            <strong title=spend.to_string()>{format::money(spend)}</strong>
            <BudgetBar spend limit/>
            <span class="quiet">{left} ", starts anew at " {resets_at}</span>
            {ends}
        </section>
    }
    .into_any()
}
