//! One's own account: who one is, and the password. Whoever got a password from somebody else has
//! to choose their own here before anything else opens.

pub mod api;
pub mod sessions;

use leptos::prelude::*;

use crate::{
    components::{
        form_field::{FormAlert, Submit, TextField},
        notice::Notice,
        page_header::PageHeader,
        post_form::Post,
    },
    session::SessionContext,
};
use api::ChangePassword;
use sessions::MySessions;

const FIELDS: &[&str] = &["current", "password", "repeat"];

#[component]
pub fn AccountPage() -> impl IntoView {
    let me = SessionContext::here()
        .and_then(SessionContext::known)
        .and_then(Result::ok);
    let forced = me.as_ref().is_some_and(|me| me.must_change_password);
    let about = me.map(|me| format!("Signed in as {}.", me.name));
    let change = Post::to::<ChangePassword>();
    let failed = change.failure();
    view! {
        <PageHeader title="Account" about=about/>
        <Notice/>
        {forced
            .then(|| {
                view! {
                    <p class="trouble" role="status">
                        "Somebody else set your password. Choose your own to go on."
                    </p>
                }
            })}
        <section class="tile max-w-md">
            <header>
                <h2>"Change password"</h2>
            </header>
            <form class="form body" method="post" action=change.url()>
                <FormAlert failure=failed fields=FIELDS/>
                <TextField
                    form="password"
                    name="current"
                    label="Current password"
                    kind="password"
                    failure=failed
                    autocomplete="current-password"
                    required=true
                />
                <TextField
                    form="password"
                    name="password"
                    label="New password"
                    kind="password"
                    failure=failed
                    autocomplete="new-password"
                    hint="At least 8 characters."
                    required=true
                />
                <TextField
                    form="password"
                    name="repeat"
                    label="New password again"
                    kind="password"
                    failure=failed
                    autocomplete="new-password"
                    required=true
                />
                <div>
                    <Submit label="Change password"/>
                </div>
            </form>
        </section>
        {(!forced).then(|| view! { <MySessions/> })}
    }
    .into_any()
}
