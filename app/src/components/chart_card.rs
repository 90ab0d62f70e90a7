//! A chart with its title, its zone, and the same numbers in a table.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// A chart that the server drew: SVG in two widths, because text in a picture shrinks with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chart {
    /// What the axis counts, such as `US dollars`.
    pub unit: String,
    pub wide: String,
    pub narrow: String,
}

#[component]
pub fn ChartCard(
    title: &'static str,
    #[prop(into)] about: String,
    /// `None` where there is nothing to draw.
    chart: Option<Chart>,
    /// Said instead of an empty picture.
    empty: &'static str,
    /// Beside the title: what else the chart can show.
    choices: AnyView,
    /// The table with the same numbers.
    children: Children,
) -> impl IntoView {
    let unit = chart.as_ref().map(|chart| format!(", {}", chart.unit));
    let picture = match chart {
        Some(chart) => view! {
            <div class="plot">
                <div class="wide" inner_html=chart.wide></div>
                <div class="narrow" inner_html=chart.narrow></div>
            </div>
        }
        .into_any(),
        None => view! { <p class="quiet">{empty}</p> }.into_any(),
    };
    view! {
        <section class="tile">
            <header>
                <div>
                    <h2>{title}</h2>
                    <p>{about} {unit}</p>
                </div>
                {choices}
            </header>
            <div class="body">
                {picture} <details class="numbers">
                    <summary>"The numbers"</summary>
                    {children()}
                </details>
            </div>
        </section>
    }
    .into_any()
}
