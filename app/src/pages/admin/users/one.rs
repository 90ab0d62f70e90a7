//! One user: budgets, password, access, deletion. Each is a form of its own, and what cannot be
//! taken back asks for the user's name.

use domain::{NanoUsd, account::User, budget::BudgetPeriod};
use leptos::prelude::*;

use super::{
    UserActions, UserRow,
    access::WaysIn,
    api::{ResetPassword, get_user},
    role_name, status,
};
use crate::components::{
    budget_bar::SpendCell,
    form_field::{FormAlert, FormFailure, Submit, TextField},
    panel::SidePanel,
    post_form::{Post, PostForm},
    suspense_error::{Load, loading},
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
                show={move |row: UserRow| {
                    let user = row.summary.user.clone();
                    view! {
                        <div class="body">
                            <Facts row=row.clone()/>
                            <Budget user=user.clone() actions/>
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
                            <Delete user delete=actions.delete/>
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
    let typed = |limit: NanoUsd| match limit {
        NanoUsd::ZERO => String::new(),
        limit => limit.to_usd_string(),
    };
    let id = user.id.0;
    let reset = |period: BudgetPeriod, label: &'static str| {
        view! {
            <button
                class="btn"
                data-variant="outline"
                data-size="sm"
                type="submit"
                name="period"
                value=period.as_str()
            >
                {label}
            </button>
        }
    };
    view! {
        <section>
            <h3>"Budgets"</h3>
            <PostForm post=actions.update_budget class="form">
                <FormAlert
                    failure=failed
                    fields=&[
                        "daily_budget",
                        "monthly_budget",
                        "soft_daily_budget",
                        "soft_monthly_budget",
                    ]
                />
                <input type="hidden" name="id" value=id/>
                <div class="form-row">
                    <TextField
                        form="budget"
                        name="daily_budget"
                        label="Daily, $"
                        failure=failed
                        value=typed(user.budget.daily)
                        inputmode="decimal"
                        hint="Empty: no limit."
                    />
                    <TextField
                        form="budget"
                        name="monthly_budget"
                        label="Monthly, $"
                        failure=failed
                        value=typed(user.budget.monthly)
                        inputmode="decimal"
                        hint="Empty: no limit."
                    />
                </div>
                <div class="form-row">
                    <TextField
                        form="budget"
                        name="soft_daily_budget"
                        label="Warn in a day at, $"
                        failure=failed
                        value=typed(user.budget.soft_daily)
                        inputmode="decimal"
                        hint="Refuses nothing."
                    />
                    <TextField
                        form="budget"
                        name="soft_monthly_budget"
                        label="Warn in a month at, $"
                        failure=failed
                        value=typed(user.budget.soft_monthly)
                        inputmode="decimal"
                        hint="Refuses nothing."
                    />
                </div>
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
                {reset(BudgetPeriod::Daily, "Forgive today’s spend")}
                {reset(BudgetPeriod::Monthly, "Forgive this month’s")}
            </PostForm>
            <p class="quiet text-xs">"Forgiving starts the budget anew; the history stays."</p>
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
fn Delete(user: User, delete: Post) -> impl IntoView {
    let failed = delete.failure();
    // Open where the last attempt failed.
    let open = failed.get_untracked().is_some();
    view! {
        <section>
            <details class="danger" open=open>
                <summary>"Delete this user"</summary>
                <PostForm post=delete class="form">
                    <p class="quiet">
                        "Their keys go with them and stop working. What they have spent stays in the history. Type "
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
