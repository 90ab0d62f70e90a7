//! The form for a new user. Without a password one is made and shown once.

use domain::{BudgetLimits, RateLimits};
use leptos::prelude::*;

use super::api::CreateUser;
use crate::components::{
    form_field::{FormAlert, SelectField, Submit, TextField},
    panel::SidePanel,
    post_form::{Post, PostForm},
    terms_form::{BudgetFields, LIMIT_FIELDS, LimitFields},
};

const FIELDS: &[&str] = &[
    "name",
    "email",
    "role",
    "password",
    "daily_budget",
    "monthly_budget",
    "soft_daily_budget",
    "soft_monthly_budget",
    "requests_per_minute",
    "tokens_per_minute",
    "parallel",
];

#[component]
pub fn NewUser(close: Signal<String>) -> impl IntoView {
    let create = Post::to::<CreateUser>();
    let failure = create.failure();
    let limits_open = failure
        .get_untracked()
        .and_then(|error| error.cause.input())
        .is_some_and(|name| LIMIT_FIELDS.contains(&name));
    let roles = [
        ("user", "User: own keys and usage"),
        ("viewer", "Read-only admin: sees everything"),
        ("admin", "Admin: manages everything"),
    ];
    let roles = roles.map(|(value, title)| (value.to_owned(), title.to_owned()));
    view! {
        <SidePanel title="New user" close>
            <section>
                <PostForm post=create class="form">
                    <FormAlert failure fields=FIELDS/>
                    <TextField
                        form="new-user"
                        name="name"
                        label="Name"
                        failure
                        required=true
                        autofocus=true
                        hint="What they sign in with."
                    />
                    <TextField
                        form="new-user"
                        name="email"
                        label="E-mail (optional)"
                        kind="email"
                        failure
                    />
                    <SelectField
                        form="new-user"
                        name="role"
                        label="Role"
                        failure
                        options=roles.to_vec()
                        selected="user"
                    />
                    <TextField
                        form="new-user"
                        name="password"
                        label="Password (optional)"
                        kind="password"
                        failure
                        autocomplete="new-password"
                        hint="Empty: one is made and shown once. They change it when they first sign in."
                    />
                    <BudgetFields form="new-user" failure budget=BudgetLimits::default()/>
                    <details class="more" open=limits_open>
                        <summary>"Limits"</summary>
                        <div class="form">
                            <LimitFields form="new-user" failure limits=RateLimits::default()/>
                        </div>
                    </details>
                    <Submit label="Create user" pending=create.pending()/>
                </PostForm>
            </section>
        </SidePanel>
    }
    .into_any()
}
