//! The one way in which a page shows what it loads: a resting shape while it is on its way (on
//! client navigation only), a card with Retry where it failed, else the content. An error is never
//! an empty table.

use std::{pin::Pin, sync::Arc};

use codee::{Decoder, Encoder};
use leptos::{prelude::*, serde_json};
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

/// What a page loads.
pub type Loading<T> = Resource<Result<T, AppError>, Json>;

/// Loads with `fetch`, anew whenever `source` changes.
#[track_caller]
pub fn loading<S, T, Fut>(
    source: impl Fn() -> S + Send + Sync + 'static,
    fetch: impl Fn(S) -> Fut + Send + Sync + 'static,
) -> Loading<T>
where
    S: PartialEq + Clone + Send + Sync + 'static,
    T: Send + Sync + Serialize + DeserializeOwned + 'static,
    Fut: Future<Output = Result<T, AppError>> + Send + 'static,
{
    Resource::new_with_options(source, fetch, false)
}

/// JSON as Leptos' own codec writes it, but read as bytes, which is how answers of server functions
/// are read: so the browser gets one reader for each type and not two.
#[derive(Debug)]
pub struct Json;

impl<T: Serialize> Encoder<T> for Json {
    type Error = serde_json::Error;
    type Encoded = String;

    fn encode(value: &T) -> Result<String, Self::Error> {
        serde_json::to_string(value)
    }
}

impl<T: DeserializeOwned> Decoder<T> for Json {
    type Error = serde_json::Error;
    type Encoded = str;

    fn decode(text: &str) -> Result<T, Self::Error> {
        serde_json::from_slice(text.as_bytes())
    }
}

/// Shows what `resource` loads. While it is fetched again, the old content stays.
#[component]
pub fn Load<T, F>(resource: Loading<T>, show: F) -> impl IntoView
where
    T: Clone + Send + Sync + Serialize + DeserializeOwned + 'static,
    F: Fn(T) -> AnyView + Clone + Send + Sync + 'static,
{
    let content = Arc::new(move || {
        let show = show.clone();
        Box::pin(async move {
            match resource.await {
                Ok(value) => show(value),
                Err(error) => {
                    let retry = Callback::new(move |()| resource.refetch());
                    view! { <ErrorCard error retry/> }.into_any()
                }
            }
        }) as Content
    });
    load(content)
}

type Content = Pin<Box<dyn Future<Output = AnyView> + Send>>;

/// The part that is the same for all types.
fn load(content: Arc<dyn Fn() -> Content + Send + Sync>) -> AnyView {
    view! {
        <Transition fallback=|| {
            view! { <div class="waiting" role="status" aria-label="Loading"></div> }
        }>{move || Suspend::new(content())}</Transition>
    }
    .into_any()
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
    .into_any()
}
