//! The teams that one is in: what they spend and who else is in them; owners manage members and keys.

pub mod api;

use domain::team::TeamSummary;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    components::{
        nothing::Nothing,
        notice::Notice,
        page_header::PageHeader,
        panel::SidePanel,
        post_form::Post,
        suspense_error::{Load, loading},
        team_panel::{MemberActions, Members, TeamDetail, TeamFacts, TeamList},
    },
    url::{ListUrl, Panel},
};
use api::{RemoveMyTeamMember, SetMyTeamMember, get_my_team, list_my_teams};

const PATH: &str = "/user-ui/teams";

#[component]
pub fn MyTeamsPage() -> impl IntoView {
    let query = use_query_map();
    let url = Memo::new(move |_| ListUrl::read(|name| query.read().get(name)));
    let panel = Memo::new(move |_| url.read().panel);
    let actions = MemberActions {
        set: Post::to::<SetMyTeamMember>(),
        remove: Post::to::<RemoveMyTeamMember>(),
    };
    let teams = loading(move || actions.version(), |_| list_my_teams());
    let close = Signal::derive(move || url.read().with_panel(Panel::Closed).href(PATH));
    view! {
        <PageHeader title="My teams" about="A team’s keys spend its budget and not yours."/>
        <Notice/>
        <div class="split">
            <div class="stack">
                <Load
                    resource=teams
                    show={move |teams: Vec<TeamSummary>| {
                        view! { {move || view! { <Listed url=url.get() teams=teams.clone()/> }} }
                            .into_any()
                    }}
                />
            </div>
            {move || match panel.get() {
                Panel::Item(id) => view! { <OneTeam id close actions/> }.into_any(),
                Panel::Closed | Panel::New => ().into_any(),
            }}
        </div>
    }
    .into_any()
}

#[component]
fn Listed(url: ListUrl, teams: Vec<TeamSummary>) -> impl IntoView {
    if teams.is_empty() {
        return view! {
            <Nothing text="You are in no team. An admin, or an owner of a team, can add you." href="/user-ui/keys" action="Go to my keys"/>
        }
        .into_any();
    }
    view! { <TeamList path=PATH url teams/> }.into_any()
}

#[component]
fn OneTeam(id: i64, close: Signal<String>, actions: MemberActions) -> impl IntoView {
    let team = loading(move || actions.version(), move |_| get_my_team(id));
    on_cleanup(move || actions.clear());
    view! {
        <SidePanel title="Team" close>
            <Load
                resource=team
                show={move |detail: TeamDetail| {
                    let may_run = detail.may_run;
                    let new_key = format!("/user-ui/keys?team={id}&new=1");
                    view! {
                        <div class="body">
                            <TeamFacts detail=detail.clone() keys_path="/user-ui/keys"/>
                            {may_run
                                .then(|| {
                                    view! {
                                        <section><div class="row">
                                            <a
                                                class="btn"
                                                data-variant="outline"
                                                data-size="sm"
                                                href=new_key
                                            >
                                                "New key of the team"
                                            </a>
                                        </div></section>
                                    }
                                })}
                            <Members detail actions/>
                        </div>
                    }
                    .into_any()
                }}
            />
        </SidePanel>
    }
    .into_any()
}
