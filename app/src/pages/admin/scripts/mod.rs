//! Scripts: the list in the order in which requests pass them, each with its editor, a panel to try it out,
//! its versions; and the secrets that scripts can ask for.

pub mod api;
mod editor;
mod one;
#[cfg(feature = "ssr")]
mod words;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    components::{
        data_table::{Cell, Column, DataTable},
        form_field::{FormAlert, Submit, TextField},
        icon::Icon,
        notice::Notice,
        page_header::PageHeader,
        post_form::{Post, PostForm},
        suspense_error::{Load, loading},
    },
    format,
    url::{ListUrl, Panel},
};
use api::{DeleteSecret, ScriptRow, ScriptState, Scripts, SecretRow, SetSecret, list_scripts};
use one::ScriptPanel;

/// Where this page is.
pub const PATH: &str = "/admin-ui/scripts";

/// The types: name in the API, title.
const TYPES: [(&str, &str); 5] = [
    ("global", "All requests"),
    ("per-user", "Those of a user"),
    ("per-key", "Those of a key"),
    ("per-backend", "Those to a backend"),
    ("per-user-backend", "Those of a user to a backend"),
];

fn type_title(name: &str) -> &'static str {
    let found = TYPES.iter().find(|(known, _)| *known == name);
    found.map_or("", |(_, title)| title)
}

#[component]
pub fn ScriptsPage() -> impl IntoView {
    let query = use_query_map();
    let panel = Memo::new(move |_| ListUrl::read(|name| query.read().get(name)).panel);
    view! {
        <Notice/>
        {move || match panel.get() {
            Panel::Closed => view! { <List/> }.into_any(),
            Panel::New => view! { <ScriptPanel id=None/> }.into_any(),
            Panel::Item(id) => view! { <ScriptPanel id=Some(id)/> }.into_any(),
        }}
    }
    .into_any()
}

#[component]
fn List() -> impl IntoView {
    let set = Post::to::<SetSecret>();
    let delete = Post::to::<DeleteSecret>();
    let scripts = loading(move || set.version() + delete.version(), |_| list_scripts());
    view! {
        <PageHeader
            title="Scripts"
            about="Change requests, answers and streams on their way, where no setting does."
        >
            <a class="btn" href=format!("{PATH}?new=1")>
                <Icon name="plus"/>
                "New script"
            </a>
        </PageHeader>
        <Load
            resource=scripts
            show={move |scripts: Scripts| {
                view! {
                    {rows(scripts.rows)}
                    <Secrets secrets=scripts.secrets set delete/>
                }
                .into_any()
            }}
        />
    }
    .into_any()
}

const COLUMNS: &[Column] = &[
    Column::text("Script"),
    Column::text("Takes part in"),
    Column::text("State"),
    Column::least("Calls"),
    Column::least("Failed"),
    Column::minor("On error"),
    Column::minor("Position"),
];

fn rows(rows: Vec<ScriptRow>) -> AnyView {
    if rows.is_empty() {
        return view! {
            <div class="tile nothing">
                <p>
                    "There are no scripts, and requests pass as they are. A script can redact, refuse, rewrite or add headers; there are ready-made ones to begin with."
                </p>
                <a class="btn" href=format!("{PATH}?new=1")>
                    "New script"
                </a>
            </div>
        }
        .into_any();
    }
    let rows = rows.into_iter().map(row).collect_view();
    view! {
        <DataTable caption="Scripts, in the order in which requests pass them" columns=COLUMNS>
            {rows}
        </DataTable>
    }
    .into_any()
}

fn row(row: ScriptRow) -> AnyView {
    let href = format!("{PATH}?open={}", row.id);
    let kind = type_title(&row.script_type);
    let fails = match row.on_error.as_str() {
        "fail" => "Refuse the request",
        _ => "Go on without it",
    };
    view! {
        <tr role="row">
            <Cell label="Script" class="lead">
                <a class="link font-medium" href=href>
                    {row.name}
                </a>
                <span class="sub">{format!("version {}", row.version)}</span>
            </Cell>
            <Cell label="Takes part in">
                <span>{kind}</span>
                <span class="sub">{row.target}</span>
            </Cell>
            <Cell label="State">{state(row.state)}</Cell>
            <Cell label="Calls" class="num least">
                {format::count(row.calls)}
            </Cell>
            <Cell label="Failed" class="num least">
                {format::count(row.failures)}
            </Cell>
            <Cell label="On error" class="minor">
                {fails}
            </Cell>
            <Cell label="Position" class="num minor">
                {row.position}
            </Cell>
        </tr>
    }
    .into_any()
}

/// How a script is, with the reason.
fn state(state: ScriptState) -> AnyView {
    let (text, tone, why) = match state {
        ScriptState::Active => ("Active", "good", None),
        ScriptState::Inactive => ("Inactive", "off", None),
        ScriptState::Suspended(at, why) => ("Suspended", "bad", Some(format!("since {at}: {why}"))),
        ScriptState::Broken(why) => ("Broken", "bad", Some(why)),
    };
    view! {
        <span>
            <span class="state" data-tone=tone>
                {text}
            </span>
            <span class="sub">{why}</span>
        </span>
    }
    .into_any()
}

#[component]
fn Secrets(secrets: Vec<SecretRow>, set: Post, delete: Post) -> impl IntoView {
    let failure = set.failure();
    let rows = secrets.into_iter().map(move |secret| {
        let label = format!("Delete {}", secret.name);
        view! {
            <li>
                <span>
                    <code>{secret.name.clone()}</code>
                    <span class="quiet">{format!(" set {}", secret.updated)}</span>
                </span>
                <PostForm post=delete>
                    <input type="hidden" name="name" value=secret.name/>
                    <button
                        class="btn"
                        data-variant="ghost"
                        data-size="icon-sm"
                        type="submit"
                        aria-label=label
                    >
                        <Icon name="trash-2"/>
                    </button>
                </PostForm>
            </li>
        }
    });
    let rows = rows.collect_view();
    let none = rows.is_empty();
    view! {
        <section class="tile">
            <header>
                <div>
                    <h2>"Secrets"</h2>
                    <p>"What scripts get by secrets.get(name). Values are never shown again."</p>
                </div>
            </header>
            <div class="body stack">
                <FormAlert failure=delete.failure()/>
                {match none {
                    true => view! { <p class="quiet">"There are none."</p> }.into_any(),
                    false => view! { <ul class="members">{rows}</ul> }.into_any(),
                }}
                <PostForm post=set class="form">
                    <FormAlert failure fields=&["name", "value"]/>
                    <div class="form-row">
                        <TextField form="secret" name="name" label="Name" failure required=true/>
                        <TextField
                            form="secret"
                            name="value"
                            label="Value"
                            kind="password"
                            failure
                            required=true
                            autocomplete="new-password"
                        />
                    </div>
                    <div>
                        <Submit label="Store secret" variant="outline" pending=set.pending()/>
                    </div>
                </PostForm>
            </div>
        </section>
    }
    .into_any()
}
