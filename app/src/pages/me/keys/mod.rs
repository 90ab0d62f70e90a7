//! One's own keys, and with `?team=` those of a team that one is in: make one, see what it is used
//! for, change, rotate and end it.

pub mod api;

use domain::team::TeamRole;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    components::{
        form_field::{FormAlert, Submit},
        icon::Icon,
        key_form::{KEY_FIELDS, KeyFields},
        key_list::{KeyList, SHOW, SORT_OWN},
        key_panel::{KeyActions, KeyPanel},
        list_form::ListForm,
        nothing::Nothing,
        notice::Notice,
        page_header::PageHeader,
        pagination::{Extent, Pagination},
        panel::SidePanel,
        post_form::{Post, PostForm},
        suspense_error::{Load, loading},
    },
    url::{ListUrl, Panel},
};
use api::{
    CreateMyKey, DeleteMyKey, MyKey, MyKeysList, RevokeMyKey, RotateMyKey, SetMyKeyActive,
    UpdateMyKey, get_my_key, list_my_keys,
};

const PATH: &str = "/user-ui/keys";

#[component]
pub fn MyKeysPage() -> impl IntoView {
    let query = use_query_map();
    let url = Memo::new(move |_| ListUrl::read(|name| query.read().get(name)));
    let panel = Memo::new(move |_| url.read().panel);
    let actions = KeyActions {
        update: Post::to::<UpdateMyKey>(),
        rotate: Post::to::<RotateMyKey>(),
        set_active: Post::to::<SetMyKeyActive>(),
        revoke: Post::to::<RevokeMyKey>(),
        delete: Post::to::<DeleteMyKey>(),
    };
    let keys = loading(
        move || {
            let url = url.get().with_panel(Panel::Closed);
            (
                url.search,
                url.show,
                url.sort,
                url.team,
                url.page,
                actions.list_version(),
            )
        },
        |(search, show, sort, team, page, _)| list_my_keys(search, show, sort, team, page),
    );
    let close = Signal::derive(move || url.read().with_panel(Panel::Closed).href(PATH));
    let about = move || {
        Some(match url.read().team {
            None => "What your clients send. Each spends your own budgets.".to_owned(),
            Some(_) => "What the team’s clients send. Each spends the team’s budgets.".to_owned(),
        })
    };
    view! {
        <PageHeader title="My keys" about=Signal::derive(about)>
            <a class="btn" href=move || url.read().with_panel(Panel::New).href(PATH)>
                <Icon name="plus"/>
                "New key"
            </a>
        </PageHeader>
        <Notice/>
        <div class="split">
            <div class="stack">
                <ListForm path=PATH label="Search by label or key" url show=SHOW sort=SORT_OWN/>
                <Load
                    resource=keys
                    show={move |list: MyKeysList| {
                        view! { {move || view! { <Listed url=url.get() list=list.clone()/> }} }
                            .into_any()
                    }}
                />
            </div>
            {move || match panel.get() {
                Panel::Closed => ().into_any(),
                Panel::New => view! { <NewKey team=url.get_untracked().team close/> }.into_any(),
                Panel::Item(id) => view! { <OneKey id close actions/> }.into_any(),
            }}
        </div>
    }
    .into_any()
}

#[component]
fn Listed(url: ListUrl, list: MyKeysList) -> impl IntoView {
    let MyKeysList { keys: page, team } = list;
    let whose = team.map(|summary| {
        let only_look = summary.role != Some(TeamRole::Owner);
        view! {
            <p class="quiet">
                "Keys of the team "
                <a class="link" href=format!("/user-ui/teams?open={}", summary.team.id.0)>
                    {summary.team.name}
                </a>
                {only_look.then_some(". Its owners make and change them.")}
            </p>
        }
    });
    let extent = Extent::from(&page);
    if !page.rows.is_empty() {
        return view! {
            {whose}
            <KeyList path=PATH url=url.clone() keys=page.rows own=true/>
            <Pagination path=PATH url extent/>
        }
        .into_any();
    }
    let new = url.with_panel(Panel::New).href(PATH);
    let (text, href, action) = match url.search.is_empty() && url.show.is_empty() {
        true => (
            "There is no key yet. Create one and put it into your client.",
            new,
            "Create a key",
        ),
        false => ("No key is like that.", PATH.to_owned(), "Show all my keys"),
    };
    view! {
        {whose}
        <Nothing text href action/>
    }
    .into_any()
}

#[component]
fn NewKey(team: Option<i64>, close: Signal<String>) -> impl IntoView {
    let create = Post::to::<CreateMyKey>();
    let failed = create.failure();
    view! {
        <SidePanel title="New key" close>
            <section>
                <PostForm post=create class="form">
                    <FormAlert failure=failed fields=KEY_FIELDS/>
                    {team.map(|team| view! { <input type="hidden" name="team" value=team/> })}
                    <KeyFields form="new-key" failure=failed with_tags=false/>
                    <Submit label="Create key" pending=create.pending()/>
                </PostForm>
            </section>
        </SidePanel>
    }
    .into_any()
}

#[component]
fn OneKey(id: i64, close: Signal<String>, actions: KeyActions) -> impl IntoView {
    let key = loading(move || actions.version(), move |_| get_my_key(id));
    on_cleanup(move || actions.clear());
    view! {
        <SidePanel title="Key" close>
            <Load
                resource=key
                show={move |MyKey { key, may_change }: MyKey| {
                    view! { <KeyPanel key actions admin=false may_change/> }.into_any()
                }}
            />
        </SidePanel>
    }
    .into_any()
}
