//! Teams: find them, see what they spend, make and change them, and say who is in them.

pub mod api;

use domain::{BudgetLimits, RateLimits, page::Page, team::TeamSummary};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    components::{
        form_field::{FormAlert, Submit, TextField},
        icon::Icon,
        nothing::Nothing,
        notice::Notice,
        page_header::PageHeader,
        pagination::{Extent, Pagination},
        panel::SidePanel,
        post_form::{Post, PostForm},
        search_form::SearchForm,
        suspense_error::{Load, loading},
        team_panel::{MemberActions, Members, TeamDetail, TeamFacts, TeamList},
        terms_form::{BudgetFields, LimitFields},
    },
    format,
    url::{ListUrl, Panel},
};
use api::{
    CreateTeam, DeleteTeam, RemoveTeamMember, SetTeamActive, SetTeamMember, UpdateTeam, get_team,
    list_teams,
};

const PATH: &str = "/admin-ui/teams";

const FIELDS: &[&str] = &[
    "name",
    "daily_budget",
    "monthly_budget",
    "soft_daily_budget",
    "soft_monthly_budget",
    "requests_per_minute",
    "tokens_per_minute",
    "parallel",
];

#[derive(Clone, Copy, Debug)]
struct TeamActions {
    update: Post,
    set_active: Post,
    delete: Post,
    members: MemberActions,
}

impl TeamActions {
    /// Changes whenever one of them has ended. Reactive.
    fn version(self) -> u32 {
        self.update.version() + self.set_active.version() + self.members.version()
    }

    /// Forgets how they ended.
    fn clear(self) {
        self.update.clear();
        self.set_active.clear();
        self.delete.clear();
        self.members.clear();
    }
}

#[component]
pub fn TeamsPage() -> impl IntoView {
    let query = use_query_map();
    let url = Memo::new(move |_| ListUrl::read(|name| query.read().get(name)));
    let panel = Memo::new(move |_| url.read().panel);
    let actions = TeamActions {
        update: Post::to::<UpdateTeam>(),
        set_active: Post::to::<SetTeamActive>(),
        delete: Post::to::<DeleteTeam>(),
        members: MemberActions {
            set: Post::to::<SetTeamMember>(),
            remove: Post::to::<RemoveTeamMember>(),
        },
    };
    let create = Post::to::<CreateTeam>();
    let teams = loading(
        move || {
            let url = url.read();
            let changes = actions.version() + actions.delete.version() + create.version();
            (url.search.clone(), url.page, changes)
        },
        |(search, page, _)| list_teams(search, page),
    );
    let close = Signal::derive(move || url.read().with_panel(Panel::Closed).href(PATH));
    view! {
        <PageHeader title="Teams" about="People who share keys and a budget.">
            <a class="btn" href=move || url.read().with_panel(Panel::New).href(PATH)>
                <Icon name="plus"/>
                "New team"
            </a>
        </PageHeader>
        <Notice/>
        <div class="split">
            <div class="stack">
                <SearchForm
                    path=PATH
                    label="Search by name"
                    search=Signal::derive(move || url.read().search.clone())
                />
                <Load
                    resource=teams
                    show={move |page: Page<TeamSummary>| {
                        view! { {move || view! { <Listed url=url.get() page=page.clone()/> }} }
                            .into_any()
                    }}
                />
            </div>
            {move || match panel.get() {
                Panel::Closed => ().into_any(),
                Panel::New => view! { <NewTeam close create/> }.into_any(),
                Panel::Item(id) => view! { <OneTeam id close actions/> }.into_any(),
            }}
        </div>
    }
    .into_any()
}

#[component]
fn Listed(url: ListUrl, page: Page<TeamSummary>) -> impl IntoView {
    let extent = Extent::from(&page);
    if !page.rows.is_empty() {
        return view! {
            <TeamList path=PATH url=url.clone() teams=page.rows/>
            <Pagination path=PATH url extent/>
        }
        .into_any();
    }
    let (text, href, action) = match url.search.is_empty() {
        true => (
            "There is no team yet. A team has members, keys of its own, and a budget that only those spend.",
            "/admin-ui/teams?new=1",
            "Create a team",
        ),
        false => ("No team’s name contains that.", PATH, "Show all teams"),
    };
    view! {
        <Nothing text href action/>
    }
    .into_any()
}

#[component]
fn NewTeam(close: Signal<String>, create: Post) -> impl IntoView {
    let failure = create.failure();
    on_cleanup(move || create.clear());
    view! {
        <SidePanel title="New team" close>
            <section>
                <PostForm post=create class="form">
                    <FormAlert failure fields=FIELDS/>
                    <TextField
                        form="new-team"
                        name="name"
                        label="Name"
                        failure
                        required=true
                        autofocus=true
                    />
                    <BudgetFields form="new-team" failure budget=BudgetLimits::default()/>
                    <LimitFields form="new-team" failure limits=RateLimits::default()/>
                    <Submit label="Create team" pending=create.pending()/>
                </PostForm>
            </section>
        </SidePanel>
    }
    .into_any()
}

#[component]
fn OneTeam(id: i64, close: Signal<String>, actions: TeamActions) -> impl IntoView {
    let team = loading(move || actions.version(), move |_| get_team(id));
    on_cleanup(move || actions.clear());
    view! {
        <SidePanel title="Team" close>
            <Load
                resource=team
                show={move |detail: TeamDetail| {
                    let new_key = format!("/admin-ui/keys?team={id}&new=1");
                    let history = format!("/admin-ui/budgets?of=team-{id}");
                    view! {
                        <div class="body">
                            <TeamFacts detail=detail.clone() keys_path="/admin-ui/keys"/>
                            <section>
                                <div class="row">
                                <a class="btn" data-variant="outline" data-size="sm" href=new_key>
                                    "New key of the team"
                                </a>
                                <a class="btn" data-variant="outline" data-size="sm" href=history>
                                    "Budget history"
                                </a>
                                </div>
                            </section>
                            <Members detail=detail.clone() actions=actions.members/>
                            <Edit summary=detail.summary.clone() actions/>
                            <Access summary=detail.summary.clone() actions/>
                            <Delete summary=detail.summary delete=actions.delete/>
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
fn Edit(summary: TeamSummary, actions: TeamActions) -> impl IntoView {
    let failure = actions.update.failure();
    let team = summary.team;
    view! {
        <section>
            <details class="more" open=failure.get_untracked().is_some()>
                <summary>"Name, budgets and limits"</summary>
                <PostForm post=actions.update class="form">
                    <FormAlert failure fields=FIELDS/>
                    <input type="hidden" name="id" value=team.id.0/>
                    <TextField
                        form="team"
                        name="name"
                        label="Name"
                        failure
                        value=team.name
                        required=true
                    />
                    <BudgetFields form="team" failure budget=team.budget/>
                    <LimitFields form="team" failure limits=team.limits/>
                    <div>
                        <Submit label="Save team" pending=actions.update.pending()/>
                    </div>
                </PostForm>
            </details>
        </section>
    }
    .into_any()
}

#[component]
fn Access(summary: TeamSummary, actions: TeamActions) -> impl IntoView {
    let active = summary.team.active;
    view! {
        <section>
            <FormAlert failure=actions.set_active.failure()/>
            <PostForm post=actions.set_active>
                <input type="hidden" name="id" value=summary.team.id.0/>
                <input type="hidden" name="active" value=(!active).to_string()/>
                <Submit
                    label=if active { "Disable" } else { "Enable" }
                    variant="outline"
                    pending=actions.set_active.pending()
                />
            </PostForm>
            <p class="quiet text-xs">
                {if active {
                    "Refuses the team’s keys, at once. Nothing is lost."
                } else {
                    "The team’s keys work again."
                }}
            </p>
        </section>
    }
    .into_any()
}

#[component]
fn Delete(summary: TeamSummary, delete: Post) -> impl IntoView {
    let failure = delete.failure();
    let goes = format!(
        "With it go its {} keys, which stop working; its {} members stay users. What it has spent stays in the history. Type ",
        format::count(u64::from(summary.keys)),
        format::count(u64::from(summary.members)),
    );
    view! {
        <section>
            <details class="danger" open=failure.get_untracked().is_some()>
                <summary>"Delete this team"</summary>
                <PostForm post=delete class="form">
                    <p class="quiet">
                        {goes} <strong class="text-foreground">{summary.team.name}</strong>
                        " to confirm."
                    </p>
                    <FormAlert failure fields=&["confirm"]/>
                    <input type="hidden" name="id" value=summary.team.id.0/>
                    <TextField
                        form="delete-team"
                        name="confirm"
                        label="Name of the team"
                        failure
                        required=true
                    />
                    <div>
                        <Submit
                            label="Delete team and keys"
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
