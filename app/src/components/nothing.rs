//! What stands where a list has no row: one sentence, and what can be done next.

use leptos::prelude::*;

#[component]
pub fn Nothing(
    text: &'static str,
    /// Where the next action is.
    #[prop(into)]
    href: String,
    action: &'static str,
) -> impl IntoView {
    view! {
        <div class="tile nothing">
            <p>{text}</p>
            <a class="btn" data-variant="outline" href=href>
                {action}
            </a>
        </div>
    }
    .into_any()
}
