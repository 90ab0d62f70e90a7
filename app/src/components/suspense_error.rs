//! The one way in which a page shows what it loads: a resting shape while it is on its way (on
//! client navigation only), a card with Retry where it failed, else the content. An error is never
//! an empty table.

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate},
};
use serde::{Serialize, de::DeserializeOwned};

use super::icon::Icon;
use crate::{
    error::{AppError, Cause},
    session::page_status,
    url,
};

/// Shows what `resource` loads. While it is fetched again, the old content stays.
#[component]
pub fn Load<T, F>(resource: Resource<Result<T, AppError>>, show: F) -> impl IntoView
where
    T: Clone + Send + Sync + Serialize + DeserializeOwned + 'static,
    F: Fn(T) -> AnyView + Clone + Send + Sync + 'static,
{
    view! {
        <Transition fallback=|| {
            view! { <div class="waiting" role="status" aria-label="Loading"></div> }
        }>
            {move || {
                let show = show.clone();
                Suspend::new(async move {
                    match resource.await {
                        Ok(value) => show(value),
                        Err(error) => {
                            let retry = Callback::new(move |()| resource.refetch());
                            view! { <ErrorCard error retry/> }.into_any()
                        }
                    }
                })
            }}
        </Transition>
    }
}

/// Says what went wrong where the content would be. A session that has ended leads to the sign-in
/// page and back.
#[component]
pub fn ErrorCard(error: AppError, retry: Callback<()>) -> impl IntoView {
    page_status(error.cause.status());
    let here = use_location();
    let signed_out = error.cause == Cause::SignedOut;
    let back = move || {
        let (path, query) = (here.pathname.get_untracked(), here.search.get_untracked());
        match query.is_empty() {
            true => path,
            false => format!("{path}?{query}"),
        }
    };
    if signed_out {
        let navigate = use_navigate();
        Effect::new(move |_| navigate(&url::login(&back()), NavigateOptions::default()));
    }
    view! {
        <section class="trouble" role="alert">
            <Icon name="triangle-alert"/>
            <div>
                <p>{error.to_string()}</p>
                // A plain link to this page is a Retry that needs no script.
                <a
                    class="btn"
                    data-variant="outline"
                    data-size="sm"
                    href=back()
                    on:click=move |click| {
                        click.prevent_default();
                        retry.run(());
                    }
                >
                    <Icon name="refresh-cw"/>
                    "Retry"
                </a>
            </div>
        </section>
    }
}
