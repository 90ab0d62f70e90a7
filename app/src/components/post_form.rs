//! A form that posts to a server function: with JavaScript in the background, without it as any
//! form does. Leptos' own `ActionForm` does the same with code of its own for each function; here
//! one piece of code serves all, which keeps a third of the weight from the browser.
//!
//! A server function behind such a form answers with a [`Next`].

use leptos::{
    ev::SubmitEvent,
    form::form_data_from_event,
    prelude::*,
    server::ServerActionError,
    server_fn::{
        ServerFn,
        error::{FromServerFnError, ServerFnUrlError},
    },
    task::spawn_local,
    web_sys::UrlSearchParams,
};
use leptos_router::{NavigateOptions, hooks::use_navigate};

use crate::error::{AppError, Cause};

/// A page to load as a whole document, where the answer must not pass through the browser's half;
/// `None` stays in this document.
pub type Next = Option<String>;

/// The header by which a server function says that the browser should go on to `Location`.
const REDIRECT: &str = leptos::server_fn::redirect::REDIRECT_HEADER;

/// A server function that forms post to, and how the last attempt went.
#[derive(Clone, Copy, Debug)]
pub struct Post {
    url: &'static str,
    error: RwSignal<Option<AppError>>,
    pending: RwSignal<bool>,
    version: RwSignal<u32>,
}

impl Post {
    /// Begins with the error that the URL brings back where no JavaScript was there to keep it.
    #[must_use]
    pub fn to<F>() -> Self
    where
        F: ServerFn<Output = Next, Error = AppError>,
    {
        Self::with_url(F::PATH, F::url())
    }

    fn with_url(path: &'static str, url: &'static str) -> Self {
        let error = use_context::<ServerActionError>()
            .filter(|error| error.path() == path)
            .map(|error| ServerFnUrlError::<AppError>::decode_err(error.err()));
        Self {
            url,
            error: RwSignal::new(error),
            pending: RwSignal::new(false),
            version: RwSignal::new(0),
        }
    }

    /// Where the form goes.
    #[must_use]
    pub fn url(self) -> &'static str {
        self.url
    }

    /// Why the last attempt failed.
    #[must_use]
    pub fn failure(self) -> Signal<Option<AppError>> {
        self.error.into()
    }

    /// The answer is on its way.
    #[must_use]
    pub fn pending(self) -> Signal<bool> {
        self.pending.into()
    }

    /// Grows with each success, for fetching again what has changed. Reactive.
    #[must_use]
    pub fn version(self) -> u32 {
        self.version.get()
    }

    /// Forgets why the last attempt failed.
    pub fn clear(self) {
        // In a panel's clean-up the page, and the signal with it, may be gone already.
        self.error.try_set(None);
    }

    fn submit(self, event: &SubmitEvent, navigate: impl Fn(&str) + 'static) {
        if event.default_prevented() || self.pending.get_untracked() {
            event.prevent_default();
            return;
        }
        // Where the browser lacks what is needed, the form goes its ordinary way.
        let Some(fields) = form_data_from_event(event)
            .ok()
            .and_then(|data| UrlSearchParams::new_with_str_sequence_sequence(&data).ok())
        else {
            return;
        };
        event.prevent_default();
        self.pending.set(true);
        spawn_local(async move {
            let outcome = send(self.url, fields).await;
            // The page may be gone by now, and its signals with it.
            self.pending.try_set(false);
            match outcome {
                Ok(answer) => {
                    self.error.try_set(None);
                    self.version.try_update(|version| *version += 1);
                    match answer {
                        Answer::Stay => {}
                        Answer::Navigate(to) => navigate(&to),
                        // A browser refuses only what is not a URL.
                        Answer::Load(page) => drop(window().location().set_href(&page)),
                    }
                }
                Err(error) => drop(self.error.try_set(Some(error))),
            }
        });
    }
}

/// What a server function answered.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Stay,
    /// Within this document.
    Navigate(String),
    /// As a document of its own.
    Load(String),
}

impl Answer {
    fn read(redirect: Option<String>, body: &str) -> Self {
        match (redirect, leptos::serde_json::from_str::<Next>(body)) {
            (_, Ok(Some(page))) => Self::Load(page),
            (Some(to), _) => Self::Navigate(to),
            _ => Self::Stay,
        }
    }
}

async fn send(url: &str, fields: UrlSearchParams) -> Result<Answer, AppError> {
    let unreachable = |_| AppError::from(Cause::Unreachable);
    let request = gloo_net::http::Request::post(url)
        .header("Accept", "application/json")
        .body(fields)
        .map_err(unreachable)?;
    let response = request.send().await.map_err(unreachable)?;
    let body = response.text().await.map_err(unreachable)?;
    if !response.ok() {
        return Err(AppError::de(body.into_bytes().into()));
    }
    let headers = response.headers();
    let redirect = headers.get(REDIRECT).and_then(|_| headers.get("Location"));
    Ok(Answer::read(redirect, &body))
}

/// The form. Its children are the inputs, named as the server function's arguments.
#[component]
pub fn PostForm(
    post: Post,
    #[prop(optional)] class: &'static str,
    children: Children,
) -> impl IntoView {
    let navigate = use_navigate();
    let submit = move |event: SubmitEvent| {
        let navigate = navigate.clone();
        post.submit(&event, move |to| navigate(to, NavigateOptions::default()));
    };
    view! {
        <form class=class method="post" action=post.url() on:submit=submit>
            {children()}
        </form>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_shows_a_secret_is_loaded_as_a_document() {
        let to = || Some("/admin-ui/users?done=user-deleted".to_owned());
        assert_eq!(Answer::read(None, "null"), Answer::Stay);
        assert_eq!(
            Answer::read(to(), "null"),
            Answer::Navigate("/admin-ui/users?done=user-deleted".to_owned())
        );
        assert_eq!(
            Answer::read(None, "\"/admin-ui/reveal/x\""),
            Answer::Load("/admin-ui/reveal/x".to_owned())
        );
    }
}
