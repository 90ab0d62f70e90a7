//! A team's members, and how it is shown: the same for admins and for those who are in it.

use domain::team::{TeamMember, TeamRole, TeamSummary};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    budget_bar::SpendCell,
    data_table::{Cell, Column, DataTable},
    form_field::{FormAlert, SelectField, Submit, TextField},
    key_list::limits,
    post_form::{Post, PostForm},
};
use crate::{
    format,
    url::{ListUrl, Panel},
};

/// A team with its members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamDetail {
    pub summary: TeamSummary,
    pub members: Vec<TeamMember>,
    /// In the reporting zone.
    pub created: String,
    /// Whether who asks may manage members and keys.
    pub may_run: bool,
}

/// Where the forms about members go.
#[derive(Clone, Copy, Debug)]
pub struct MemberActions {
    pub set: Post,
    pub remove: Post,
}

impl MemberActions {
    /// Changes whenever one of them has ended. Reactive.
    #[must_use]
    pub fn version(self) -> u32 {
        self.set.version() + self.remove.version()
    }

    /// Forgets how they ended.
    pub fn clear(self) {
        self.set.clear();
        self.remove.clear();
    }
}

const COLUMNS: &[Column] = &[
    Column::text("Team"),
    Column::number("Members"),
    Column::number("Keys"),
    Column::text("Today"),
    Column::text("This month"),
    Column::text("Status"),
];

/// Teams in a list.
#[component]
pub fn TeamList(path: &'static str, url: ListUrl, teams: Vec<TeamSummary>) -> impl IntoView {
    let rows = teams.into_iter().map(move |summary| {
        let panel = Panel::Item(summary.team.id.0);
        let open = url.panel == panel;
        let href = url.with_panel(panel).href(path);
        let (status, tone) = match summary.team.active {
            true => ("Active", "good"),
            false => ("Disabled", "off"),
        };
        let role = summary.role.map(role_title);
        view! {
            <tr role="row" aria-current=open.then_some("true")>
                <Cell label="Team" class="lead">
                    <span>
                        <a class="link font-medium" href=href>
                            {summary.team.name}
                        </a>
                        <span class="sub">{role}</span>
                    </span>
                </Cell>
                <Cell label="Members" class="num">
                    {format::count(u64::from(summary.members))}
                </Cell>
                <Cell label="Keys" class="num">
                    {format::count(u64::from(summary.keys))}
                </Cell>
                <Cell label="Today">
                    <SpendCell spend=summary.spent_today limit=summary.team.budget.daily/>
                </Cell>
                <Cell label="This month">
                    <SpendCell spend=summary.spent_this_month limit=summary.team.budget.monthly/>
                </Cell>
                <Cell label="Status">
                    <span class="state" data-tone=tone>
                        {status}
                    </span>
                </Cell>
            </tr>
        }
    });
    view! {
        <DataTable caption="Teams" columns=COLUMNS>
            {rows.collect_view()}
        </DataTable>
    }
    .into_any()
}

const fn role_title(role: TeamRole) -> &'static str {
    match role {
        TeamRole::Owner => "You are an owner",
        TeamRole::Member => "You are a member",
    }
}

/// What is known of a team.
#[component]
pub fn TeamFacts(detail: TeamDetail, keys_path: &'static str) -> impl IntoView {
    let TeamDetail {
        summary, created, ..
    } = detail;
    let team = summary.team;
    let (status, tone) = match team.active {
        true => ("Active", "good"),
        false => ("Disabled: its keys are refused", "off"),
    };
    view! {
        <section>
            <p class="font-medium">{team.name}</p>
            <dl class="facts">
                <dt>"Status"</dt>
                <dd>
                    <span class="state" data-tone=tone>
                        {status}
                    </span>
                </dd>
                <dt>"Keys"</dt>
                <dd>
                    <a class="link" href=format!("{keys_path}?team={}", team.id.0)>
                        {summary.keys}
                        " keys"
                    </a>
                </dd>
                <dt>"Limits"</dt>
                <dd>{limits(&team.limits)}</dd>
                <dt>"Created"</dt>
                <dd>{created}</dd>
            </dl>
            <div class="form-row">
                <div>
                    <h3>"Today"</h3>
                    <SpendCell spend=summary.spent_today limit=team.budget.daily/>
                </div>
                <div>
                    <h3>"This month"</h3>
                    <SpendCell spend=summary.spent_this_month limit=team.budget.monthly/>
                </div>
            </div>
        </section>
    }
    .into_any()
}

/// Who is in the team; whoever may run it adds, changes and removes people here.
#[component]
pub fn Members(detail: TeamDetail, actions: MemberActions) -> impl IntoView {
    let team = detail.summary.team.id.0;
    let may_run = detail.may_run;
    let remove = actions.remove;
    let rows = detail.members.into_iter().map(move |member| {
        let [name, of_role, of_removal] = [(); 3].map(|()| member.name.clone());
        let role = match member.role {
            TeamRole::Owner => "Owner",
            TeamRole::Member => "Member",
        };
        let (other, other_title) = match member.role {
            TeamRole::Owner => (TeamRole::Member, "Make a member"),
            TeamRole::Member => (TeamRole::Owner, "Make an owner"),
        };
        let changes = may_run.then(|| {
            view! {
                <div class="row">
                    <PostForm post=actions.set>
                        <input type="hidden" name="team" value=team/>
                        <input type="hidden" name="member" value=name/>
                        <input type="hidden" name="role" value=other.as_str()/>
                        <button class="btn" data-variant="outline" data-size="sm" type="submit">
                            {other_title}
                            <span class="sr-only">": " {of_role}</span>
                        </button>
                    </PostForm>
                    <PostForm post=remove>
                        <input type="hidden" name="team" value=team/>
                        <input type="hidden" name="user" value=member.user_id.0/>
                        <button class="btn" data-variant="outline" data-size="sm" type="submit">
                            "Remove"
                            <span class="sr-only">": " {of_removal}</span>
                        </button>
                    </PostForm>
                </div>
            }
        });
        view! {
            <li>
                <span>
                    {member.name} " " <span class="tag">{role}</span>
                </span>
                {changes}
            </li>
        }
    });
    let rows: Vec<_> = rows.collect();
    let none = rows.is_empty().then_some("Nobody yet.");
    let failure = actions.set.failure();
    let roles = [
        ("member", "Member: sees"),
        ("owner", "Owner: manages members and keys"),
    ];
    let roles = roles.map(|(value, title)| (value.to_owned(), title.to_owned()));
    view! {
        <section>
            <h3>"Members"</h3>
            <FormAlert failure=remove.failure()/>
            <ul class="members">{rows}</ul>
            <p class="quiet">{none}</p>
            {may_run
                .then(|| {
                    view! {
                        <PostForm post=actions.set class="form">
                            <FormAlert failure fields=&["member"]/>
                            <input type="hidden" name="team" value=team/>
                            <TextField
                                form="add-member"
                                name="member"
                                label="User’s name"
                                failure
                                hint="Who can sign in already."
                            />
                            <SelectField
                                form="add-member"
                                name="role"
                                label="Role"
                                failure
                                options=roles.to_vec()
                                selected="member"
                            />
                            <div>
                                <Submit label="Add to team" variant="outline" pending=actions.set.pending()/>
                            </div>
                        </PostForm>
                    }
                })}
        </section>
    }
    .into_any()
}
