//! Backends: what they are, how they are, and the form for each. Those of the configuration file and the
//! environment are shown and not changed here.

pub mod api;
mod form;
mod one;
#[cfg(feature = "ssr")]
mod words;

use domain::configured::{BackendHealth, BackendView, HealthState, Origin};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    components::{
        data_table::{Cell, Column, DataTable},
        icon::Icon,
        live::refresh,
        notice::Notice,
        page_header::PageHeader,
        panel::SidePanel,
        post_form::Post,
        suspense_error::{Load, loading},
    },
    format,
    url::{ListUrl, Panel},
};
use api::{
    ClearCooldown, DeleteBackend, EnableBackend, MoveBackend, RefreshModels, SaveBackend,
    list_backends,
};
use form::NewBackend;
use one::OneBackendPanel;

/// Where this page is.
pub const PATH: &str = "/admin-ui/backends";

/// The actions of the panel.
#[derive(Clone, Copy, Debug)]
pub struct BackendActions {
    pub save: Post,
    pub enable: Post,
    pub reorder: Post,
    pub delete: Post,
    pub clear: Post,
    pub refresh: Post,
}

impl BackendActions {
    fn new() -> Self {
        Self {
            save: Post::to::<SaveBackend>(),
            enable: Post::to::<EnableBackend>(),
            reorder: Post::to::<MoveBackend>(),
            delete: Post::to::<DeleteBackend>(),
            clear: Post::to::<ClearCooldown>(),
            refresh: Post::to::<RefreshModels>(),
        }
    }

    fn all(self) -> [Post; 6] {
        [
            self.save,
            self.enable,
            self.reorder,
            self.delete,
            self.clear,
            self.refresh,
        ]
    }

    /// Changes whenever one of them has ended. Reactive.
    #[must_use]
    pub fn version(self) -> u32 {
        self.all().iter().map(|post| post.version()).sum()
    }

    /// Forgets how they ended: an error about one backend must not stand in the panel of the next.
    pub fn forget(self) {
        self.all().iter().for_each(|post| post.clear());
    }
}

#[component]
pub fn BackendsPage() -> impl IntoView {
    let query = use_query_map();
    let url = Memo::new(move |_| ListUrl::read(|name| query.read().get(name)));
    let kind = Memo::new(move |_| query.read().get("kind"));
    let panel = Memo::new(move |_| url.read().panel);
    let actions = BackendActions::new();
    let backends = loading(move || actions.version(), |_| list_backends());
    refresh(backends);
    let close = Signal::derive(move || url.read().with_panel(Panel::Closed).href(PATH));
    view! {
        <PageHeader title="Backends" about="Where requests go: providers and servers of your own.">
            <a class="btn" href=move || url.read().with_panel(Panel::New).href(PATH)>
                <Icon name="plus"/>
                "Add backend"
            </a>
        </PageHeader>
        <Notice/>
        <div class="split">
            <div class="stack">
                <Load
                    resource=backends
                    show={move |backends: Vec<BackendView>| {
                        view! { {move || list(&url.get(), &backends)} }.into_any()
                    }}
                />
            </div>
            {move || match panel.get() {
                Panel::Closed => ().into_any(),
                Panel::New => {
                    view! {
                        <SidePanel title="New backend" close>
                            {move || view! { <NewBackend kind=kind.get()/> }}
                        </SidePanel>
                    }
                    .into_any()
                }
                Panel::Item(id) => view! { <OneBackendPanel id close actions/> }.into_any(),
            }}
        </div>
    }
    .into_any()
}

const COLUMNS: &[Column] = &[
    Column::text("Name"),
    Column::text("State"),
    Column::number("Calls"),
    Column::least("Failed"),
    Column::least("Models"),
    Column::minor("Set in"),
    Column::number("Priority"),
];

fn list(url: &ListUrl, backends: &[BackendView]) -> AnyView {
    let only_demo = backends.iter().all(|b| b.origin == Origin::BuiltIn);
    let rows = backends.iter().map(|backend| row(url, backend));
    let rows = rows.collect_view();
    view! {
        {only_demo
            .then(|| {
                view! {
                    <div class="tile nothing">
                        <p>
                            "Only the demo answers so far. Add a provider with its API key, or a server of your own."
                        </p>
                        <a class="btn" href=format!("{PATH}?new=1")>
                            "Add backend"
                        </a>
                    </div>
                }
            })}
        <DataTable caption="Backends" columns=COLUMNS>
            {rows}
        </DataTable>
    }
    .into_any()
}

fn row(url: &ListUrl, backend: &BackendView) -> AnyView {
    let panel = backend.id.map(|id| Panel::Item(id.0));
    let open = panel == Some(url.panel);
    let name = backend.name.clone();
    let name = match panel {
        Some(panel) => view! {
            <a class="link font-medium" href=url.with_panel(panel).href(PATH)>
                {name}
            </a>
        }
        .into_any(),
        None => view! { <span class="font-medium">{name}</span> }.into_any(),
    };
    let where_to = match backend.base_url.is_empty() {
        true => backend.kind.clone(),
        false => backend.base_url.trim_start_matches("https://").to_owned(),
    };
    let BackendView {
        health,
        origin: from,
        priority,
        ..
    } = backend.clone();
    // The built-in one comes after all others, whatever its number.
    let priority = match from {
        Origin::BuiltIn => "last".to_owned(),
        _ => priority.to_string(),
    };
    let (calls, failed, models) = (health.calls, health.failed, backend.models.len());
    view! {
        <tr role="row" aria-current=open.then_some("true")>
            <Cell label="Name" class="lead">
                <span>
                    {name}
                    <span class="sub">{where_to}</span>
                </span>
            </Cell>
            <Cell label="State">
                <Health health/>
            </Cell>
            <Cell label="Calls" class="num">
                {format::count(calls)}
            </Cell>
            <Cell label="Failed" class="num least">
                {format::count(failed)}
            </Cell>
            <Cell label="Models" class="num least">
                {models}
            </Cell>
            <Cell label="Set in" class="minor">
                <span class="quiet">{origin(from)}</span>
            </Cell>
            <Cell label="Priority" class="num">
                {priority}
            </Cell>
        </tr>
    }
    .into_any()
}

/// Where a setting comes from, as it reads.
#[must_use]
pub const fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::File => "File",
        Origin::Environment => "Environment",
        Origin::BuiltIn => "Built in",
        Origin::Dashboard => "Here",
    }
}

/// How a backend is, with the reason and the next try.
#[component]
pub fn Health(health: BackendHealth) -> impl IntoView {
    let (text, tone) = match health.state {
        HealthState::Unused => ("Not used yet", "off"),
        HealthState::Well => ("Well", "good"),
        HealthState::Resting => ("Resting", "warn"),
        HealthState::Failing => ("Failing", "bad"),
        HealthState::Disabled => ("Off", "off"),
        HealthState::Broken => ("Not in force", "bad"),
    };
    let next = health.next_try_ms.map(|ms| {
        let seconds = ms.div_ceil(1_000);
        format!(" Tried again in {seconds} s.")
    });
    let reason = match health.reason.is_empty() {
        true => next,
        false => Some(format!("{}.{}", health.reason, next.unwrap_or_default())),
    };
    view! {
        <span>
            <span class="state" data-tone=tone>
                {text}
            </span>
            {reason.map(|reason| view! { <span class="sub">{reason}</span> })}
        </span>
    }
    .into_any()
}
