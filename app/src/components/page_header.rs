//! The head of a page: its title, which is the document's title as well, a line below it, and what
//! can be done here.

use leptos::prelude::*;
use leptos_meta::Title;

#[component]
pub fn PageHeader(
    title: &'static str,
    #[prop(optional, into)] about: MaybeProp<String>,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <Title text=title/>
        <header class="page-head">
            <div>
                <h1>{title}</h1>
                <p>{move || about.get()}</p>
            </div>
            <div class="page-actions">{children.map(|children| children())}</div>
        </header>
    }
    .into_any()
}
