//! The few numbers at the head of a page.

use leptos::prelude::*;

/// The frame; its children are [`Figure`]s.
#[component]
pub fn Figures(children: Children) -> impl IntoView {
    view! { <dl class="stats">{children()}</dl> }
}

/// One number, with what puts it into proportion.
#[component]
pub fn Figure(
    label: &'static str,
    value: String,
    /// The exact number.
    #[prop(into)]
    exact: String,
    #[prop(into)] note: String,
) -> impl IntoView {
    view! {
        <div>
            <dt>{label}</dt>
            <dd title=exact>{value}</dd>
            <dd>{note}</dd>
        </div>
    }
    .into_any()
}
