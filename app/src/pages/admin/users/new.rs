//! The form for a new user. Without a password one is made and shown once.

use leptos::prelude::*;

use super::api::CreateUser;
use crate::components::{
    form_field::{FormAlert, SelectField, Submit, TextField},
    panel::SidePanel,
    post_form::{Post, PostForm},
};

const FIELDS: &[&str] = &[
    "name",
    "email",
    "role",
    "password",
    "daily_budget",
    "monthly_budget",
];

#[component]
pub fn NewUser(close: Signal<String>) -> impl IntoView {
    let create = Post::to::<CreateUser>();
    let failure = create.failure();
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
                    <div class="form-row">
                        <TextField
                            form="new-user"
                            name="daily_budget"
                            label="Daily budget, $"
                            failure
                            inputmode="decimal"
                            hint="Empty: no limit."
                        />
                        <TextField
                            form="new-user"
                            name="monthly_budget"
                            label="Monthly budget, $"
                            failure
                            inputmode="decimal"
                            hint="Empty: no limit."
                        />
                    </div>
                    <Submit label="Create user" pending=create.pending()/>
                </PostForm>
            </section>
        </SidePanel>
    }
    .into_any()
}
