//! One's own keys: make, disable and delete them.

pub mod api;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    components::{
        form_field::{FormAlert, Submit},
        icon::Icon,
        key_form::{KEY_FIELDS, KeyFields},
        key_list::{KeyFacts, KeyList, KeyRow},
        notice::Notice,
        page_header::PageHeader,
        pagination::{Extent, Pagination},
        panel::SidePanel,
        post_form::{Post, PostForm},
        suspense_error::{Load, loading},
    },
    url::{ListUrl, Panel},
};
use api::{CreateMyKey, DeleteMyKey, SetMyKeyActive, get_my_key, list_my_keys};

const PATH: &str = "/user-ui/keys";

#[component]
pub fn MyKeysPage() -> impl IntoView {
    let query = use_query_map();
    let url = Memo::new(move |_| ListUrl::read(|name| query.read().get(name)));
    let panel = Memo::new(move |_| url.read().panel);
    let set_active = Post::to::<SetMyKeyActive>();
    let delete = Post::to::<DeleteMyKey>();
    let keys = loading(
        move || (url.read().page, set_active.version() + delete.version()),
        |(page, _)| list_my_keys(page),
    );
    let close = Signal::derive(move || url.read().with_panel(Panel::Closed).href(PATH));
    view! {
        <PageHeader title="My keys" about="What your clients send. Each spends your own budgets.">
            <a class="btn" href=move || url.read().with_panel(Panel::New).href(PATH)>
                <Icon name="plus"/>
                "New key"
            </a>
        </PageHeader>
        <Notice/>
        <div class="split">
            <div class="stack">
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
                Panel::New => view! { <NewKey close/> }.into_any(),
                Panel::Item(id) => view! { <OneKey id close set_active delete/> }.into_any(),
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
            <KeyList path=PATH url=url.clone() keys=page.rows own=true/>
            <Pagination path=PATH url extent/>
        }
        .into_any();
    }
    view! {
        <div class="tile nothing">
            <p>"You have no key yet. Create one and put it into your client."</p>
            <a class="btn" data-variant="outline" href="/user-ui/keys?new=1">
                "Create a key"
            </a>
        </div>
    }
    .into_any()
}

#[component]
fn NewKey(close: Signal<String>) -> impl IntoView {
    let create = Post::to::<CreateMyKey>();
    let failed = create.failure();
    view! {
        <SidePanel title="New key" close>
            <section>
                <PostForm post=create class="form">
                    <FormAlert failure=failed fields=KEY_FIELDS/>
                    <KeyFields form="new-key" failure=failed/>
                    <Submit label="Create key" pending=create.pending()/>
                </PostForm>
            </section>
        </SidePanel>
    }
    .into_any()
}

#[component]
fn OneKey(id: i64, close: Signal<String>, set_active: Post, delete: Post) -> impl IntoView {
    let key = loading(move || set_active.version(), move |_| get_my_key(id));
    // An error about one key must not stand in the panel of the next.
    on_cleanup(move || {
        set_active.clear();
        delete.clear();
    });
    view! {
        <SidePanel title="Key" close>
            <Load
                resource=key
                show={move |key: KeyRow| {
                    let active = key.summary.key.active;
                    let by_admin = !active && key.summary.key.disabled_by_admin;
                    let label = key.summary.key.label.clone();
                    view! {
                        <div class="body">
                            <section>
                                <p class="font-medium">{label}</p>
                                <KeyFacts key/>
                            </section>
                            <section>
                                <FormAlert failure=set_active.failure()/>
                                {by_admin.then_some("An admin disabled this key; only an admin can enable it again.")}
                                <PostForm post=set_active>
                                    <input type="hidden" name="id" value=id/>
                                    <input type="hidden" name="active" value=(!active).to_string()/>
                                    {(!by_admin).then(|| view! {
                                        <Submit
                                            label=if active { "Disable" } else { "Enable" }
                                            variant="outline"
                                            pending=set_active.pending()
                                        />
                                    })}
                                </PostForm>
                            </section>
                            <section>
                                <FormAlert failure=delete.failure()/>
                                <details class="danger">
                                    <summary>"Delete this key"</summary>
                                    <PostForm post=delete class="form">
                                        <p class="quiet">
                                            "Your clients that send it are refused from now on. This cannot be taken back."
                                        </p>
                                        <input type="hidden" name="id" value=id/>
                                        <div>
                                            <Submit
                                                label="Delete key"
                                                variant="destructive"
                                                pending=delete.pending()
                                            />
                                        </div>
                                    </PostForm>
                                </details>
                            </section>
                        </div>
                    }
                    .into_any()
                }}
            />
        </SidePanel>
    }
    .into_any()
}
