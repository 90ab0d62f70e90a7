//! One user: budgets, password, access, deletion. Each is a form of its own, and what cannot be
//! taken back asks for the user's name.

use domain::account::User;
use leptos::prelude::*;

use super::{
    UserActions, UserDetail, UserRow,
    access::WaysIn,
    api::{ResetPassword, get_user},
    role_name, status,
};
use crate::components::{
    budget_bar::SpendCell,
    form_field::{FormAlert, FormFailure, Submit, TextField},
    key_list::limits,
    panel::SidePanel,
    post_form::{Post, PostForm},
    suspense_error::{Load, loading},
    terms_form::{BUDGET_FIELDS, BudgetFields, ForgiveButtons, LIMIT_FIELDS, LimitFields},
};

#[component]
pub fn OneUser(id: i64, close: Signal<String>, actions: UserActions) -> impl IntoView {
    let user = loading(move || actions.version(), move |_| get_user(id));
    let reset_password = Post::to::<ResetPassword>();
    on_cleanup(move || actions.clear());
    view! {
        <SidePanel title="User" close>
            <Load
                resource=user
                show={move |detail: UserDetail| {
                    let row = detail.row.clone();
                    let user = row.summary.user.clone();
                    view! {
                        <div class="body">
                            <Facts row=row.clone()/>
                            <Budget user=user.clone() actions/>
                            <Limits user=user.clone() actions/>
                            <Access user=user.clone() actions/>
                            <WaysIn id=user.id.0/>
                            <section>
                                <h3>"Password"</h3>
                                <FormAlert failure=reset_password.failure()/>
                                <PostForm post=reset_password>
                                    <input type="hidden" name="id" value=user.id.0/>
                                    <Submit
                                        label="Set a new password"
                                        variant="outline"
                                        pending=reset_password.pending()
                                    />
                                </PostForm>
                                <p class="quiet text-xs">
                                    "Signs them out everywhere. The new password is shown once."
                                </p>
                            </section>
                            <Delete detail delete=actions.delete/>
                        </div>
                    }
                    .into_any()
                }}
            />
        </SidePanel>
    }
    .into_any()
}

#[component]
fn Facts(row: UserRow) -> impl IntoView {
    let user = row.summary.user;
    let (status, tone) = status(user.active);
    let keys = format!("/admin-ui/keys?q={}", crate::url::encode(&user.name));
    view! {
        <section>
            <dl class="facts">
                <dt>"Name"</dt>
                <dd class="font-medium">{user.name}</dd>
                <dt>"E-mail"</dt>
                <dd>{user.email.unwrap_or_else(|| "—".to_owned())}</dd>
                <dt>"Role"</dt>
                <dd>{role_name(user.role)}</dd>
                <dt>"Status"</dt>
                <dd>
                    <span class="state" data-tone=tone>
                        {status}
                    </span>
                </dd>
                <dt>"Keys"</dt>
                <dd>
                    <a class="link" href=keys>
                        {row.summary.keys}
                    </a>
                </dd>
                <dt>"Created"</dt>
                <dd>{row.created}</dd>
            </dl>
            <div class="form-row">
                <div>
                    <h3>"Today"</h3>
                    <SpendCell spend=row.summary.spent_today limit=user.budget.daily/>
                </div>
                <div>
                    <h3>"This month"</h3>
                    <SpendCell spend=row.summary.spent_this_month limit=user.budget.monthly/>
                </div>
            </div>
        </section>
    }
    .into_any()
}

#[component]
fn Budget(user: User, actions: UserActions) -> impl IntoView {
    let failed: FormFailure = actions.update_budget.failure();
    let reset_failed: FormFailure = actions.reset_spend.failure();
    let id = user.id.0;
    view! {
        <section>
            <h3>"Budgets"</h3>
            <PostForm post=actions.update_budget class="form">
                <FormAlert failure=failed fields=BUDGET_FIELDS/>
                <input type="hidden" name="id" value=id/>
                <BudgetFields form="budget" failure=failed budget=user.budget/>
                <div>
                    <Submit
                        label="Save budgets"
                        variant="outline"
                        pending=actions.update_budget.pending()
                    />
                </div>
            </PostForm>
            <FormAlert failure=reset_failed/>
            <PostForm post=actions.reset_spend class="row">
                <input type="hidden" name="id" value=id/>
                <ForgiveButtons/>
            </PostForm>
            <p class="quiet text-xs">"Forgiving starts the budget anew; the history stays."</p>
        </section>
    }
    .into_any()
}

#[component]
fn Limits(user: User, actions: UserActions) -> impl IntoView {
    let failure = actions.update_limits.failure();
    view! {
        <section>
            <h3>"Limits"</h3>
            <details class="more" open=failure.get_untracked().is_some()>
                <summary>{limits(&user.limits)}</summary>
                <PostForm post=actions.update_limits class="form">
                    <FormAlert failure fields=LIMIT_FIELDS/>
                    <input type="hidden" name="id" value=user.id.0/>
                    <LimitFields form="limits" failure limits=user.limits/>
                    <div>
                        <Submit
                            label="Save limits"
                            variant="outline"
                            pending=actions.update_limits.pending()
                        />
                    </div>
                </PostForm>
            </details>
        </section>
    }
    .into_any()
}

#[component]
fn Access(user: User, actions: UserActions) -> impl IntoView {
    let (label, about) = match user.active {
        true => (
            "Disable",
            "Signs them out and refuses their keys, at once. Nothing is lost.",
        ),
        false => ("Enable", "They can sign in and their keys work again."),
    };
    view! {
        <section>
            <h3>"Access"</h3>
            <FormAlert failure=actions.set_active.failure()/>
            <PostForm post=actions.set_active>
                <input type="hidden" name="id" value=user.id.0/>
                <input type="hidden" name="active" value=(!user.active).to_string()/>
                <Submit label variant="outline" pending=actions.set_active.pending()/>
            </PostForm>
            <p class="quiet text-xs">{about}</p>
        </section>
    }
    .into_any()
}

#[component]
fn Delete(detail: UserDetail, delete: Post) -> impl IntoView {
    let failed = delete.failure();
    let user = detail.row.summary.user;
    let all = usize::try_from(detail.row.summary.keys).unwrap_or(usize::MAX);
    let more = all.saturating_sub(detail.keys.len());
    let goes = match detail.keys.is_empty() {
        true => "They have no key".to_owned(),
        false => format!(
            "These keys go with them and stop working: {}",
            detail.keys.join(", ")
        ),
    };
    let more = (more > 0).then(|| format!(" and {more} more"));
    let teams = (!detail.teams.is_empty())
        .then(|| format!("They leave the teams {}. ", detail.teams.join(", ")));
    // Open where the last attempt failed.
    let open = failed.get_untracked().is_some();
    view! {
        <section>
            <details class="danger" open=open>
                <summary>"Delete this user"</summary>
                <PostForm post=delete class="form">
                    <p class="quiet">
                        {goes} {more} ". " {teams}
                        "What they have spent stays in the history. Type "
                        <strong class="text-foreground">{user.name.clone()}</strong> " to confirm."
                    </p>
                    <FormAlert failure=failed fields=&["confirm"]/>
                    <input type="hidden" name="id" value=user.id.0/>
                    <TextField
                        form="delete-user"
                        name="confirm"
                        label="Name"
                        failure=failed
                        required=true
                    />
                    <div>
                        <Submit
                            label="Delete user and keys"
                            variant="destructive"
                            pending=delete.pending()
                        />
                    </div>
                </PostForm>
            </details>
        </section>
    }
    .into_any()
}
