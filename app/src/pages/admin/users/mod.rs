//! Users: find them, see what they spend, make and change them. The panel beside the list is
//! `new.rs` or `one.rs`.

pub mod access;
pub mod api;
mod new;
mod one;

use domain::account::{Role, UserSummary};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use serde::{Deserialize, Serialize};

use crate::{
    components::{
        budget_bar::SpendCell,
        data_table::{Cell, Column, DataTable},
        icon::Icon,
        nothing::Nothing,
        notice::Notice,
        page_header::PageHeader,
        pagination::{Extent, Pagination},
        post_form::Post,
        search_form::SearchForm,
        suspense_error::{Load, loading},
    },
    format,
    url::{ListUrl, Panel},
};
use api::{DeleteUser, ResetSpend, SetUserActive, UpdateBudget, UpdateLimits, list_users};
use new::NewUser;
use one::OneUser;

/// Where this page is.
pub const PATH: &str = "/admin-ui/users";

/// A user and when they were made, as printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRow {
    pub summary: UserSummary,
    /// In the reporting zone.
    pub created: String,
}

/// A user with what would go with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserDetail {
    pub row: UserRow,
    /// Labels of their keys, of the newest ones only.
    pub keys: Vec<String>,
    /// Names of the teams that they are in.
    pub teams: Vec<String>,
}

/// The actions of the panel after which the list is not the same any more.
#[derive(Clone, Copy, Debug)]
pub struct UserActions {
    pub set_active: Post,
    pub update_budget: Post,
    pub update_limits: Post,
    pub reset_spend: Post,
    pub delete: Post,
}

impl UserActions {
    fn new() -> Self {
        Self {
            set_active: Post::to::<SetUserActive>(),
            update_budget: Post::to::<UpdateBudget>(),
            update_limits: Post::to::<UpdateLimits>(),
            reset_spend: Post::to::<ResetSpend>(),
            delete: Post::to::<DeleteUser>(),
        }
    }

    /// Changes whenever one of them has ended, after which a user is not the same. Reactive.
    #[must_use]
    pub fn version(self) -> u32 {
        self.set_active.version()
            + self.update_budget.version()
            + self.update_limits.version()
            + self.reset_spend.version()
    }

    /// As [`Self::version`], and when a user has gone.
    #[must_use]
    pub fn list_version(self) -> u32 {
        self.version() + self.delete.version()
    }

    /// Forgets how they ended: an error about one user must not stand in the panel of the next.
    pub fn clear(self) {
        self.set_active.clear();
        self.update_budget.clear();
        self.update_limits.clear();
        self.reset_spend.clear();
        self.delete.clear();
    }
}

#[component]
pub fn UsersPage() -> impl IntoView {
    let query = use_query_map();
    let url = Memo::new(move |_| ListUrl::read(|name| query.read().get(name)));
    let panel = Memo::new(move |_| url.read().panel);
    let actions = UserActions::new();
    let users = loading(
        move || {
            let url = url.read();
            (url.search.clone(), url.page, actions.list_version())
        },
        |(search, page, _)| list_users(search, page),
    );
    let close = Signal::derive(move || url.read().with_panel(Panel::Closed).href(PATH));
    view! {
        <PageHeader title="Users" about="Who may use the router, and how much they may spend.">
            <a class="btn" href=move || url.read().with_panel(Panel::New).href(PATH)>
                <Icon name="plus"/>
                "New user"
            </a>
        </PageHeader>
        <Notice/>
        <div class="split">
            <div class="stack">
                <SearchForm
                    path=PATH
                    label="Search by name or e-mail"
                    search=Signal::derive(move || url.read().search.clone())
                />
                <Load
                    resource=users
                    show={move |page| {
                        // The open row follows the panel without fetching the list again.
                        view! {
                            {move || {
                                view! { <UserList url=url.get() page=page.clone()/> }
                            }}
                        }
                        .into_any()
                    }}
                />
            </div>
            {move || match panel.get() {
                Panel::Closed => ().into_any(),
                Panel::New => view! { <NewUser close/> }.into_any(),
                Panel::Item(id) => view! { <OneUser id close actions/> }.into_any(),
            }}
        </div>
    }
    .into_any()
}

const COLUMNS: &[Column] = &[
    Column::text("Name"),
    Column::minor("Role"),
    Column::number("Keys"),
    Column::text("Today"),
    Column::text("This month"),
    Column::text("Status"),
];

#[component]
fn UserList(url: ListUrl, page: domain::page::Page<UserRow>) -> impl IntoView {
    let extent = Extent::from(&page);
    if page.rows.is_empty() {
        let text = match url.search.is_empty() {
            true => "There is nobody on this page.",
            false => "Nobody’s name or e-mail address contains that.",
        };
        return view! { <Nothing text href=PATH action="Show all users"/> }.into_any();
    }
    let rows = page.rows.into_iter().map(|row| user_row(&url, row));
    let rows = rows.collect_view();
    view! {
        <DataTable caption="Users" columns=COLUMNS>
            {rows}
        </DataTable>
        <Pagination path=PATH url=url.clone() extent/>
    }
    .into_any()
}

fn user_row(url: &ListUrl, row: UserRow) -> impl IntoView + use<> {
    let UserSummary {
        user,
        keys,
        spent_today,
        spent_this_month,
    } = row.summary;
    let panel = Panel::Item(user.id.0);
    let open = url.panel == panel;
    let href = url.with_panel(panel).href(PATH);
    let (status, tone) = status(user.active);
    let role = match user.role {
        Role::Admin => view! { <span class="tag">"Admin"</span> }.into_any(),
        Role::Viewer => view! { <span class="tag">"Read-only admin"</span> }.into_any(),
        Role::User => view! { <span class="quiet">"User"</span> }.into_any(),
    };
    view! {
        <tr role="row" aria-current=open.then_some("true")>
            <Cell label="Name" class="lead">
                <span>
                    <a class="link font-medium" href=href>
                        {user.name}
                    </a>
                    <span class="sub">{user.email}</span>
                </span>
            </Cell>
            <Cell label="Role" class="minor">{role}</Cell>
            <Cell label="Keys" class="num">
                {format::count(u64::from(keys))}
            </Cell>
            <Cell label="Today">
                <SpendCell spend=spent_today limit=user.budget.daily/>
            </Cell>
            <Cell label="This month">
                <SpendCell spend=spent_this_month limit=user.budget.monthly/>
            </Cell>
            <Cell label="Status">
                <span class="state" data-tone=tone>
                    {status}
                </span>
            </Cell>
        </tr>
    }
    .into_any()
}

/// How a role reads.
const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Admin => "Admin",
        Role::Viewer => "Read-only admin",
        Role::User => "User",
    }
}

/// How a user's state reads, and in which tone.
const fn status(active: bool) -> (&'static str, &'static str) {
    match active {
        true => ("Active", "good"),
        false => ("Disabled", "off"),
    }
}
