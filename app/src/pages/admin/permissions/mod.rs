//! Which user's keys may use which backends: a box for each pair, saved together. The panel beside it,
//! `?open=3`, is what one user can ask for.

pub mod api;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    components::{
        form_field::{FormAlert, Submit},
        nothing::Nothing,
        page_header::PageHeader,
        pagination::{Extent, Pagination},
        panel::SidePanel,
        post_form::{Post, PostForm},
        search_form::SearchForm,
        suspense_error::{Load, loading},
    },
    url::{ListUrl, Panel},
};
use api::{Matrix, PermittedUser, Reach, SavePermissions, get_reach, list_permissions};

const PATH: &str = "/admin-ui/permissions";

#[component]
pub fn PermissionsPage() -> impl IntoView {
    let query = use_query_map();
    let url = Memo::new(move |_| ListUrl::read(|name| query.read().get(name)));
    let panel = Memo::new(move |_| url.read().panel);
    let save = Post::to::<SavePermissions>();
    let matrix = loading(
        move || {
            let url = url.read();
            (url.search.clone(), url.page, save.version())
        },
        |(search, page, _)| list_permissions(search, page),
    );
    let close = Signal::derive(move || url.read().with_panel(Panel::Closed).href(PATH));
    view! {
        <PageHeader
            title="Permissions"
            about="Which backends the keys of each user may use. Keys of teams may use all; a key’s own list of backends and models holds besides."
        />
        <div class="split">
            <div class="stack">
                <SearchForm
                    path=PATH
                    label="Search by name or e-mail"
                    search=Signal::derive(move || url.read().search.clone())
                />
                <Load
                    resource=matrix
                    show={move |matrix: Matrix| {
                        view! { <Boxes url=url.get_untracked() matrix save/> }.into_any()
                    }}
                />
            </div>
            {move || match panel.get() {
                Panel::Item(user) => view! { <Reached user close save/> }.into_any(),
                Panel::Closed | Panel::New => ().into_any(),
            }}
        </div>
    }
    .into_any()
}

#[component]
fn Boxes(url: ListUrl, matrix: Matrix, save: Post) -> impl IntoView {
    let extent = Extent::from(&matrix.users);
    if matrix.users.rows.is_empty() {
        return view! {
            <Nothing text="Nobody’s name is like that." href=PATH action="Show everyone"/>
        }
        .into_any();
    }
    let rule = match matrix.deny_unpermitted {
        true => "Whoever has no box ticked may use no backend (auth.deny_unpermitted is on).",
        false => {
            "Whoever has no box ticked may use all backends. From the first ticked box on, only those that are ticked."
        }
    };
    let titles = matrix.backends.iter().map(|(id, name)| {
        let label = format!("Permit {name} to everyone shown");
        view! {
            <th role="columnheader" scope="col">
                <span class="stack-tight">
                    {name.clone()}
                    <button
                        class="btn"
                        data-variant="ghost"
                        data-size="sm"
                        type="submit"
                        name="every"
                        value=*id
                        aria-label=label
                    >
                        "All"
                    </button>
                </span>
            </th>
        }
    });
    let titles = titles.collect_view();
    let rows = matrix
        .users
        .rows
        .iter()
        .map(|user| row(&url, &matrix, user));
    let rows = rows.collect_view();
    view! {
        <p class="quiet">{rule}</p>
        <FormAlert failure=save.failure()/>
        <PostForm post=save class="stack">
            <div class="data" tabindex="0" role="region" aria-label="Permissions">
                <table role="table" class="matrix">
                    <caption>"Permissions"</caption>
                    <thead role="rowgroup">
                        <tr role="row">
                            <th role="columnheader" scope="col">
                                "User"
                            </th>
                            <th role="columnheader" scope="col">
                                "May use"
                            </th>
                            {titles}
                        </tr>
                    </thead>
                    <tbody role="rowgroup">{rows}</tbody>
                </table>
            </div>
            <div>
                <Submit label="Save permissions" pending=save.pending()/>
            </div>
        </PostForm>
        <Pagination path=PATH url extent/>
    }
    .into_any()
}

fn row(url: &ListUrl, matrix: &Matrix, user: &PermittedUser) -> AnyView {
    let panel = Panel::Item(user.id);
    let open = url.panel == panel;
    let boxes = matrix.backends.iter().map(|(id, backend)| {
        let ticked = user.backends.contains(id);
        let pair = format!("{}-{id}", user.id);
        let before = ticked.then(|| {
            view! { <input type="hidden" name="before[]" value=pair.clone()/> }
        });
        view! {
            <td role="cell" data-label=backend.clone()>
                {before}
                <label class="tick-cell">
                    <input type="checkbox" name="permit[]" value=pair.clone() checked=ticked/>
                    <span class="sr-only">{format!("{} may use {backend}", user.name)}</span>
                </label>
            </td>
        }
    });
    let boxes = boxes.collect_view();
    let off = (!user.active).then_some("disabled");
    view! {
        <tr role="row" aria-current=open.then_some("true")>
            <td role="rowheader" data-label="User" class="lead">
                <input type="hidden" name="users[]" value=user.id/>
                <a class="link font-medium" href=url.with_panel(panel).href(PATH)>
                    {user.name.clone()}
                </a>
                <span class="sub">{off}</span>
            </td>
            <td role="cell" data-label="May use" class="quiet">
                {in_short(user, matrix.deny_unpermitted)}
            </td>
            {boxes}
        </tr>
    }
    .into_any()
}

const fn in_short(user: &PermittedUser, deny_unpermitted: bool) -> &'static str {
    match (user.backends.is_empty(), deny_unpermitted) {
        (false, _) => "Only these",
        (true, false) => "All",
        (true, true) => "None",
    }
}

#[component]
fn Reached(user: i64, close: Signal<String>, save: Post) -> impl IntoView {
    let reach = loading(move || (user, save.version()), |(user, _)| get_reach(user));
    view! {
        <SidePanel title="What can they ask for?" close>
            <Load resource=reach show=reached/>
        </SidePanel>
    }
    .into_any()
}

fn reached(reach: Reach) -> AnyView {
    let rule = match (reach.user.backends.is_empty(), reach.deny_unpermitted) {
        (false, _) => "Only the backends that are ticked for them.",
        (true, false) => "No backend is ticked for them, so that they may use all.",
        (true, true) => {
            "No backend is ticked for them, and auth.deny_unpermitted refuses everything then."
        }
    };
    let off = (!reach.user.active).then(|| {
        view! { <p class="wrong">"This user is disabled: no key of theirs works."</p> }
    });
    let models = reach.models.iter().map(|model| {
        let behind = match model.members {
            Some(members) => format!("group of {members}"),
            None => format!("on {}", model.backend),
        };
        view! {
            <li>
                {model.name.clone()}
                <span class="quiet">{format!(" {behind}")}</span>
            </li>
        }
    });
    let models = models.collect_view();
    let count = models.len();
    view! {
        <div class="body">
            <section>
                <dl class="facts">
                    <dt>"User"</dt>
                    <dd>
                        <a class="link" href=format!("/admin-ui/users?open={}", reach.user.id)>
                            {reach.user.name}
                        </a>
                    </dd>
                    <dt>"Rule"</dt>
                    <dd>{rule}</dd>
                </dl>
                {off}
            </section>
            <section>
                <h3>{format!("{count} models")}</h3>
                <ul class="plain">{models}</ul>
                <p class="quiet">"A key’s own list of models narrows this further."</p>
            </section>
        </div>
    }
    .into_any()
}
