//! The pages for what is not there and for what is not allowed.

use leptos::prelude::*;

use crate::{
    components::{nav::Brand, page_header::PageHeader, theme_toggle::ThemeToggle},
    session::page_status,
};

/// 404, outside the frame: nobody needs to be signed in to be told.
#[component]
pub fn NotFound() -> impl IntoView {
    page_status(404);
    view! {
        <main class="alone">
            <Brand/>
            <PageHeader title="Page not found" about="There is nothing at this address."/>
            <a class="btn" href="/" rel="external">
                "Go to the start page"
            </a>
            <ThemeToggle/>
        </main>
    }
    .into_any()
}

/// 403, inside the frame.
#[component]
pub fn Forbidden() -> impl IntoView {
    page_status(403);
    view! {
        <PageHeader
            title="For admins only"
            about="Your account may not see this page. An admin can change your role."
        />
        <div>
            <a class="btn" href="/user-ui">
                "Go to your own pages"
            </a>
        </div>
    }
    .into_any()
}
