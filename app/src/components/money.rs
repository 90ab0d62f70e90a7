//! An amount of money: rounded to what the eye needs, exact in the tooltip.

use domain::NanoUsd;
use leptos::prelude::*;

use crate::format;

/// `None` is a request without a price, which is not the same as one that cost nothing.
#[component]
pub fn Money(#[prop(into)] amount: Option<NanoUsd>) -> impl IntoView {
    match amount {
        Some(amount) => view! {
            <span class="figure" title=amount.to_string()>
                {format::money(amount)}
            </span>
        }
        .into_any(),
        None => view! { <span class="quiet">"unpriced"</span> }.into_any(),
    }
}
