//! All keys: find them, see who uses them, make, change, rotate and end them.

pub mod api;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    components::{
        form_field::{FormAlert, SelectField, Submit},
        icon::Icon,
        key_form::{KEY_FIELDS, KeyFields},
        key_list::{KeyList, KeyRow, SHOW, SORT},
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
    CreateKey, DeleteKey, RevokeKey, RotateKey, SetKeyActive, UpdateKey, get_key, key_owners,
    list_keys,
};

const PATH: &str = "/admin-ui/keys";

#[component]
pub fn KeysPage() -> impl IntoView {
    let query = use_query_map();
    let url = Memo::new(move |_| ListUrl::read(|name| query.read().get(name)));
    let panel = Memo::new(move |_| url.read().panel);
    let actions = KeyActions {
        update: Post::to::<UpdateKey>(),
        rotate: Post::to::<RotateKey>(),
        set_active: Post::to::<SetKeyActive>(),
        revoke: Post::to::<RevokeKey>(),
        delete: Post::to::<DeleteKey>(),
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
        |(search, show, sort, team, page, _)| list_keys(search, show, sort, team, page),
    );
    let close = Signal::derive(move || url.read().with_panel(Panel::Closed).href(PATH));
    view! {
        <PageHeader title="Keys" about="What clients send instead of a provider’s key.">
            <a class="btn" href=move || url.read().with_panel(Panel::New).href(PATH)>
                <Icon name="plus"/>
                "New key"
            </a>
        </PageHeader>
        <Notice/>
        <div class="split">
            <div class="stack">
                <ListForm path=PATH label="Search by label, owner, tag or key" url show=SHOW sort=SORT/>
                <Load
                    resource=keys
                    show={move |page: domain::page::Page<KeyRow>| {
                        view! { {move || view! { <Listed url=url.get() page=page.clone()/> }} }
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
fn Listed(url: ListUrl, page: domain::page::Page<KeyRow>) -> impl IntoView {
    let extent = Extent::from(&page);
    if !page.rows.is_empty() {
        return view! {
            <KeyList path=PATH url=url.clone() keys=page.rows own=false/>
            <Pagination path=PATH url extent/>
        }
        .into_any();
    }
    let (text, href, action) = match url.search.is_empty() && url.show.is_empty() {
        true => (
            "No key here. Without one no client can use the router.",
            "/admin-ui/keys?new=1",
            "Create a key",
        ),
        false => ("No key is like that.", PATH, "Show all keys"),
    };
    view! {
        <Nothing text href action/>
    }
    .into_any()
}

#[component]
fn NewKey(team: Option<i64>, close: Signal<String>) -> impl IntoView {
    let create = Post::to::<CreateKey>();
    let failed = create.failure();
    let owners = loading(|| (), |()| key_owners());
    view! {
        <SidePanel title="New key" close>
            <section>
                <Load
                    resource=owners
                    show={move |owners: Vec<(String, String)>| {
                        let mine = owners.first().map(|(owner, _)| owner.clone());
                        let chosen = team.map(|team| format!("team-{team}")).or(mine);
                        view! {
                            <PostForm post=create class="form">
                                <FormAlert failure=failed fields=KEY_FIELDS/>
                                <SelectField
                                    form="new-key"
                                    name="owner"
                                    label="Owner"
                                    failure=failed
                                    options=owners
                                    selected=chosen.unwrap_or_default()
                                    hint="Whose budgets it spends."
                                />
                                <KeyFields form="new-key" failure=failed with_tags=true/>
                                <Submit label="Create key" pending=create.pending()/>
                            </PostForm>
                        }
                        .into_any()
                    }}
                />
            </section>
        </SidePanel>
    }
    .into_any()
}

#[component]
fn OneKey(id: i64, close: Signal<String>, actions: KeyActions) -> impl IntoView {
    let key = loading(move || actions.version(), move |_| get_key(id));
    on_cleanup(move || actions.clear());
    view! {
        <SidePanel title="Key" close>
            <Load
                resource=key
                show={move |key: KeyRow| {
                    view! { <KeyPanel key actions admin=true may_change=true/> }.into_any()
                }}
            />
        </SidePanel>
    }
    .into_any()
}
