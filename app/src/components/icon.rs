//! One icon of the sprite `public/icons.svg`, as large and as dark as the text beside it.

use leptos::prelude::*;

/// `name` is the symbol's id in the sprite. Icons stand beside words or inside named buttons, so
/// that they are hidden from screen readers.
#[component]
pub fn Icon(name: &'static str) -> impl IntoView {
    view! {
        <svg class="icon" aria-hidden="true">
            <use href=format!("/icons.svg#{name}")></use>
        </svg>
    }
    .into_any()
}
