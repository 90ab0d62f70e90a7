//! One group: its form, with some rows to spare for further members.

use domain::configured::{GroupView, MemberView};
use leptos::prelude::*;

use super::{
    STRATEGIES,
    api::{OneGroup, get_group, kept_as},
};
use crate::components::{
    form_field::{CheckField, FormAlert, FormFailure, SelectField, Submit, TextField},
    panel::SidePanel,
    post_form::{Post, PostForm},
    suspense_error::{Load, loading},
};

/// Empty rows behind the members that there are.
const SPARE: usize = 3;

const FIELDS: &[&str] = &["name", "strategy", "hedge_share", "hedge_after"];

#[component]
pub fn GroupPanel(
    id: Option<i64>,
    close: Signal<String>,
    save: Post,
    delete: Post,
) -> impl IntoView {
    let group = loading(move || save.version(), move |_| get_group(id));
    on_cleanup(move || {
        save.clear();
        delete.clear();
    });
    let title = if id.is_some() { "Group" } else { "New group" };
    view! {
        <SidePanel title close>
            <Load
                resource=group
                show={move |one: OneGroup| {
                    view! {
                        <div class="body">
                            <section>
                                <GroupFields id one save/>
                            </section>
                            {id.map(|entry| view! { <Delete entry delete/> })}
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
fn GroupFields(id: Option<i64>, one: OneGroup, save: Post) -> impl IntoView {
    let failure = save.failure();
    let group = one.group.unwrap_or_else(empty);
    let strategies = STRATEGIES.map(|(id, title, about)| {
        let title = format!("{title}: {about}");
        (id.to_owned(), title)
    });
    let after = group.hedge_after_ms.map(|ms| format!("{ms}ms"));
    let count = group.members.len() + SPARE;
    let members = group.members.into_iter().map(Some);
    let members = members.chain(std::iter::repeat_with(|| None));
    let rows = members
        .take(count)
        .enumerate()
        .map(move |(number, member)| member_row(number, member, failure));
    let targets = one
        .targets
        .into_iter()
        .map(|target| view! { <option value=target></option> });
    view! {
        <PostForm post=save class="form">
            <FormAlert failure fields=FIELDS/>
            {id.map(|id| view! { <input type="hidden" name="entry" value=id/> })}
            <TextField
                form="group"
                name="name"
                input="form[name]"
                label="Name"
                failure
                value=group.name
                required=true
                hint="What clients ask for as their model."
            />
            <SelectField
                form="group"
                name="strategy"
                input="form[strategy]"
                label="Strategy"
                failure
                options=strategies.to_vec()
                selected=group.strategy
            />
            <fieldset class="members">
                <legend>"Members"</legend>
                <datalist id="group-targets">{targets.collect_view()}</datalist>
                {rows.collect_view()}
                <p class="quiet text-xs">
                    "Lower tiers are tried first. A member with a condition takes only such requests: tools: true, max_input_tokens: 8000, hours: \"22:00-06:00\"."
                </p>
            </fieldset>
            <details class="more" open=group.hedge_share.is_some() || group.continue_streams>
                <summary>"Slow and broken streams"</summary>
                <div class="form">
                    <CheckField
                        form="group"
                        name="form[continue_streams]"
                        label="Go on with a text that breaks off, by another member"
                        checked=group.continue_streams
                    />
                    <div class="form-row">
                        <TextField
                            form="group"
                            name="hedge_share"
                            input="form[hedge_share]"
                            label="Second calls, % of spend"
                            failure
                            value=group.hedge_share.map_or_else(String::new, |s| s.to_string())
                            inputmode="numeric"
                            hint="Empty: none."
                        />
                        <TextField
                            form="group"
                            name="hedge_after"
                            input="form[hedge_after]"
                            label="Not before"
                            failure
                            value=after.unwrap_or_default()
                            hint="Such as 500ms."
                        />
                    </div>
                </div>
            </details>
            <TextField
                form="group"
                name="note"
                input="form[note]"
                label="Note (optional)"
                failure
                value=group.note
            />
            <div>
                <Submit
                    label=if id.is_some() { "Save group" } else { "Create group" }
                    pending=save.pending()
                />
            </div>
        </PostForm>
    }
    .into_any()
}

fn member_row(number: usize, member: Option<MemberView>, failure: FormFailure) -> AnyView {
    let (target, weight, priority, when) = match member {
        Some(m) => (
            format!("{}/{}", m.backend, m.model),
            m.weight.to_string(),
            m.priority.to_string(),
            m.when,
        ),
        None => Default::default(),
    };
    let nth = number + 1;
    let input = |field: &str, title: &'static str, value: String, list: Option<&'static str>| {
        let name = format!("form[members][{number}][{field}]");
        // What was typed is there again where no JavaScript has kept it.
        let error = failure.get_untracked();
        let kept = error
            .as_ref()
            .map(|error| error.kept(&kept_as(number, field)));
        let value = kept.map_or(value, |kept| kept.unwrap_or_default().to_owned());
        view! {
            <label class=field.to_owned()>
                <span>{title}</span>
                <input
                    class="input"
                    name=name
                    value=value
                    list=list
                    aria-label=format!("Member {nth}: {title}")
                    autocomplete="off"
                    spellcheck="false"
                    autocapitalize="none"
                />
            </label>
        }
    };
    view! {
        <div class="member">
            {input("target", "Backend/model", target, Some("group-targets"))}
            {input("weight", "Weight", weight, None)}
            {input("priority", "Tier", priority, None)}
            {input("when", "Condition", when, None)}
        </div>
    }
    .into_any()
}

fn empty() -> GroupView {
    GroupView {
        id: None,
        name: String::new(),
        strategy: "priority".to_owned(),
        continue_streams: false,
        hedge_share: None,
        hedge_after_ms: None,
        members: Vec::new(),
        origin: domain::configured::Origin::Dashboard,
        problem: None,
        saved: None,
        note: String::new(),
    }
}

#[component]
fn Delete(entry: i64, delete: Post) -> impl IntoView {
    view! {
        <section>
            <details class="danger">
                <summary>"Delete this group"</summary>
                <FormAlert failure=delete.failure()/>
                <PostForm post=delete class="form">
                    <p class="quiet">"Clients that ask for its name are refused from then on."</p>
                    <input type="hidden" name="entry" value=entry/>
                    <div>
                        <Submit
                            label="Delete group"
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
