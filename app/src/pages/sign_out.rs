//! Signing out: a form on every page, which loads a new document, so that nothing of the old visit
//! stays in memory.

use leptos::prelude::*;

use crate::{
    components::{
        icon::Icon,
        post_form::{Next, Post},
    },
    error::AppError,
};

/// Forgets the session.
#[server(name = EndSession, prefix = "/_fn", endpoint = "sign-out")]
pub async fn end_session() -> Result<Next, AppError> {
    crate::server::end_session().await?;
    leptos_axum::redirect("/login?done=signed-out");
    Ok(None)
}

#[component]
pub fn SignOut() -> impl IntoView {
    let post = Post::to::<EndSession>();
    view! {
        <form method="post" action=post.url()>
            <button type="submit">
                <Icon name="log-out"/>
                "Sign out"
            </button>
        </form>
    }
    .into_any()
}
