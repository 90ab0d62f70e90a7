//! Signing out: a form on every page, which loads a new document, so that nothing of the old visit
//! stays in memory.

use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use crate::{components::icon::Icon, error::AppError};

/// Forgets the session.
#[server(name = EndSession, prefix = "/_fn", endpoint = "sign-out")]
pub async fn end_session() -> Result<(), AppError> {
    crate::server::end_session().await?;
    leptos_axum::redirect("/login?done=signed-out");
    Ok(())
}

#[component]
pub fn SignOut() -> impl IntoView {
    view! {
        <form method="post" action=EndSession::url()>
            <button type="submit">
                <Icon name="log-out"/>
                "Sign out"
            </button>
        </form>
    }
}
