//! How one user gets in: a one-time link by which they choose a password, and the sessions that they have.

use leptos::prelude::*;

use crate::{
    components::{
        form_field::{FormAlert, Submit},
        post_form::{Next, Post, PostForm},
        suspense_error::{Load, loading},
    },
    error::AppError,
    pages::account::sessions::{SessionList, SessionRow},
};

/// Makes a link; the answer is the page that shows it once.
#[server(prefix = "/_fn", endpoint = "admin/users/link")]
pub async fn make_link(id: i64, kind: String) -> Result<Next, AppError> {
    use domain::access::LinkKind;

    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let kind = LinkKind::parse(&kind)
        .ok_or_else(|| crate::server::refuse_with(crate::error::Cause::NotFound))?;
    let link = control.create_link(&admin, domain::UserId(id), kind).await;
    let link = link.map_err(crate::server::refuse)?;
    let page = crate::server::keep_secret(control::RevealedSecret {
        title: link.user.clone(),
        secret: link.url(&crate::server::base_url()),
        key: None,
        user: None,
    })?;
    let page = format!("/admin-ui/reveal/{page}");
    crate::server::follow(&page);
    Ok(Some(page))
}

/// A user's sessions, the last used first.
#[server(prefix = "/_fn", endpoint = "admin/users/sessions")]
pub async fn user_sessions(id: i64) -> Result<Vec<SessionRow>, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    let sessions = control.sessions_of(&admin, domain::UserId(id)).await;
    crate::server::session_rows(&control, sessions.map_err(crate::server::refuse)?)
}

/// Ends one of a user's sessions.
#[server(prefix = "/_fn", endpoint = "admin/users/end-session")]
pub async fn end_user_session(id: i64, handle: String) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let ended = control.end_session_of(&admin, domain::UserId(id), handle);
    ended.await.map_err(crate::server::refuse)?;
    Ok(None)
}

/// Ends all of a user's sessions.
#[server(prefix = "/_fn", endpoint = "admin/users/sign-out")]
pub async fn sign_user_out(id: i64) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let ended = control.sign_out_everywhere(&admin, domain::UserId(id));
    ended.await.map_err(crate::server::refuse)?;
    Ok(None)
}

#[component]
pub fn WaysIn(id: i64) -> impl IntoView {
    let link = Post::to::<MakeLink>();
    let end = Post::to::<EndUserSession>();
    let out = Post::to::<SignUserOut>();
    let sessions = loading(
        move || end.version() + out.version(),
        move |_| user_sessions(id),
    );
    let make = |kind: &'static str, label: &'static str| {
        view! {
            <button
                class="btn"
                data-variant="outline"
                data-size="sm"
                type="submit"
                name="kind"
                value=kind
            >
                {label}
            </button>
        }
    };
    view! {
        <section>
            <h3>"One-time link"</h3>
            <FormAlert failure=link.failure()/>
            <PostForm post=link class="row">
                <input type="hidden" name="id" value=id/>
                {make("invite", "Invite")}
                {make("reset", "Reset password")}
            </PostForm>
            <p class="quiet text-xs">
                "Whoever opens it chooses the password: an invitation within a week, a reset within a day. An older link of theirs opens nothing any more."
            </p>
        </section>
        <section>
            <h3>"Sessions"</h3>
            <FormAlert failure=end.failure()/>
            <Load
                resource=sessions
                show={move |rows: Vec<SessionRow>| {
                    view! { <SessionList rows end user=id/> }.into_any()
                }}
            />
            <FormAlert failure=out.failure()/>
            <PostForm post=out>
                <input type="hidden" name="id" value=id/>
                <Submit label="Sign out everywhere" variant="outline" pending=out.pending()/>
            </PostForm>
        </section>
    }
    .into_any()
}
