//! The sessions of a user, one's own or, for admins, anybody's: where and when each was begun, and a button
//! that ends it.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    components::{
        form_field::FormAlert,
        post_form::{Next, Post, PostForm},
        suspense_error::{Load, loading},
    },
    error::AppError,
};

/// A session, its times as printed in the reporting zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    pub handle: String,
    /// The browser, in a few words.
    pub agent: String,
    pub address: Option<String>,
    pub begun: Option<String>,
    /// Without activity it ends then.
    pub expires: String,
    /// The session that asks.
    pub this: bool,
}

/// One's own sessions, the last used first.
#[server(prefix = "/_fn", endpoint = "account/sessions")]
pub async fn my_sessions() -> Result<Vec<SessionRow>, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::principal().await?;
    let sessions = control.my_sessions(&principal).await;
    crate::server::session_rows(&control, sessions.map_err(crate::server::refuse)?)
}

/// Ends one of one's own sessions.
#[server(prefix = "/_fn", endpoint = "account/end-session")]
pub async fn end_my_session(handle: String) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::principal().await?;
    let ended = control.end_my_session(&principal, handle).await;
    ended.map_err(crate::server::refuse)?;
    Ok(None)
}

/// What a browser calls itself, in words: `Firefox on Linux`.
#[must_use]
pub fn browser(agent: &str) -> String {
    let first = |known: &[(&str, &'static str)]| {
        let found = known.iter().find(|(mark, _)| agent.contains(mark));
        found.map(|(_, name)| *name)
    };
    // Each of these calls itself by the names of those below it, too.
    let program = first(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = first(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (program, system) {
        (Some(program), Some(system)) => format!("{program} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "Unknown program".to_owned(),
    }
}

/// The list. `user`: whose, where that is not oneself.
#[component]
pub fn SessionList(
    rows: Vec<SessionRow>,
    end: Post,
    #[prop(optional)] user: Option<i64>,
) -> impl IntoView {
    if rows.is_empty() {
        return view! { <p class="quiet">"Nobody is signed in."</p> }.into_any();
    }
    let items = rows.into_iter().map(move |row| {
        let title = row.agent.clone();
        let facts = [row.address, row.begun.map(|begun| format!("since {begun}"))];
        let facts: Vec<String> = facts.into_iter().flatten().collect();
        let button = (!row.this).then(|| {
            view! {
                <PostForm post=end>
                    {user.map(|id| view! { <input type="hidden" name="id" value=id/> })}
                    <input type="hidden" name="handle" value=row.handle.clone()/>
                    <button
                        class="btn"
                        data-variant="outline"
                        data-size="sm"
                        type="submit"
                        aria-label=format!("End the session of {title}")
                    >
                        "End"
                    </button>
                </PostForm>
            }
        });
        view! {
            <li>
                <span>
                    {row.agent} {row.this.then_some(" (this one)")}
                    <span class="sub">{facts.join(" · ")}</span>
                </span>
                {button}
            </li>
        }
    });
    view! { <ul class="sessions">{items.collect_view()}</ul> }.into_any()
}

#[component]
pub fn MySessions() -> impl IntoView {
    let end = Post::to::<EndMySession>();
    let sessions = loading(move || end.version(), |_| my_sessions());
    view! {
        <section class="tile max-w-md">
            <header>
                <h2>"Sessions"</h2>
                <p>"Where you are signed in."</p>
            </header>
            <div class="body">
                <FormAlert failure=end.failure()/>
                <Load
                    resource=sessions
                    show={move |rows: Vec<SessionRow>| {
                        view! { <SessionList rows end/> }.into_any()
                    }}
                />
            </div>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_named_as_people_know_them() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                      Chrome/140.0.0.0 Safari/537.36";
        assert_eq!(browser(chrome), "Chrome on Linux");
        assert_eq!(browser(&format!("{chrome} Edg/140.0")), "Edge on Linux");
        assert_eq!(browser("node"), "Unknown program");
    }
}
