//! All keys: find them, see who uses them, make, disable and delete them.

pub mod api;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    components::{
        form_field::{FormAlert, SelectField, Submit},
        icon::Icon,
        key_form::{KEY_FIELDS, KeyFields},
        key_list::{KeyFacts, KeyList, KeyRow},
        notice::Notice,
        page_header::PageHeader,
        pagination::{Extent, Pagination},
        panel::SidePanel,
        post_form::{Post, PostForm},
        search_form::SearchForm,
        suspense_error::{Load, loading},
    },
    url::{ListUrl, Panel},
};
use api::{CreateKey, DeleteKey, SetKeyActive, get_key, key_owners, list_keys};

const PATH: &str = "/admin-ui/keys";

#[component]
pub fn KeysPage() -> impl IntoView {
    let query = use_query_map();
    let url = Memo::new(move |_| ListUrl::read(|name| query.read().get(name)));
    let panel = Memo::new(move |_| url.read().panel);
    let set_active = Post::to::<SetKeyActive>();
    let delete = Post::to::<DeleteKey>();
    let keys = loading(
        move || {
            let url = url.read();
            (
                url.search.clone(),
                url.page,
                set_active.version() + delete.version(),
            )
        },
        |(search, page, _)| list_keys(search, page),
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
                <SearchForm
                    path=PATH
                    label="Search by label, owner or key"
                    search=Signal::derive(move || url.read().search.clone())
                />
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
            <KeyList path=PATH url=url.clone() keys=page.rows own=false/>
            <Pagination path=PATH url extent/>
        }
        .into_any();
    }
    let (text, href, action) = match url.search.is_empty() {
        true => (
            "No key here. Without one no client can use the router.",
            "/admin-ui/keys?new=1",
            "Create a key",
        ),
        false => (
            "No key’s label, owner, beginning or end is that.",
            PATH,
            "Show all keys",
        ),
    };
    view! {
        <div class="tile nothing">
            <p>{text}</p>
            <a class="btn" data-variant="outline" href=href>
                {action}
            </a>
        </div>
    }
    .into_any()
}

#[component]
fn NewKey(close: Signal<String>) -> impl IntoView {
    let create = Post::to::<CreateKey>();
    let failed = create.failure();
    let owners = loading(|| (), |()| key_owners());
    view! {
        <SidePanel title="New key" close>
            <section>
                <Load
                    resource=owners
                    show={move |owners: Vec<(i64, String)>| {
                        let mine = owners.first().map(|(id, _)| id.to_string());
                        let options = owners.into_iter().map(|(id, name)| (id.to_string(), name));
                        view! {
                            <PostForm post=create class="form">
                                <FormAlert failure=failed fields=KEY_FIELDS/>
                                <SelectField
                                    form="new-key"
                                    name="owner"
                                    label="Owner"
                                    failure=failed
                                    options=options.collect()
                                    selected=mine.unwrap_or_default()
                                    hint="Whose budgets it spends."
                                />
                                <KeyFields form="new-key" failure=failed/>
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
fn OneKey(id: i64, close: Signal<String>, set_active: Post, delete: Post) -> impl IntoView {
    let key = loading(move || set_active.version(), move |_| get_key(id));
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
                    let id = key.summary.key.id.0;
                    let active = key.summary.key.active;
                    let label = key.summary.key.label.clone();
                    view! {
                        <div class="body">
                            <section>
                                <p class="font-medium">{label}</p>
                                <KeyFacts key/>
                            </section>
                            <section>
                                <FormAlert failure=set_active.failure()/>
                                <PostForm post=set_active>
                                    <input type="hidden" name="id" value=id/>
                                    <input type="hidden" name="active" value=(!active).to_string()/>
                                    <Submit
                                        label=if active { "Disable" } else { "Enable" }
                                        variant="outline"
                                        pending=set_active.pending()
                                    />
                                </PostForm>
                            </section>
                            <section>
                                <FormAlert failure=delete.failure()/>
                                <details class="danger">
                                    <summary>"Delete this key"</summary>
                                    <PostForm post=delete class="form">
                                        <p class="quiet">
                                            "Requests with it are refused from now on. This cannot be taken back; what it has spent stays in the history."
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
