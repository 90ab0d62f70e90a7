//! The frame around all pages of the two houses: the side bar, which on a phone is a popover behind
//! a button, and the place of the page. Visitors who must change their password, and users who came
//! to the admins' house, are stopped here; what they could do there is refused by the server anyway.

use domain::Role;
use leptos::prelude::*;
use leptos_router::{
    components::{A, Outlet},
    hooks::use_location,
};

use super::{icon::Icon, theme_toggle::ThemeToggle};
use crate::{
    pages::{errors::Forbidden, sign_out::SignOut},
    session::{Me, SessionContext},
};

/// A link of the side bar.
struct Link {
    href: &'static str,
    title: &'static str,
    icon: &'static str,
    /// Only this very page counts as being there.
    exact: bool,
}

const ADMIN: &[Link] = &[
    Link {
        href: "/admin-ui",
        title: "Overview",
        icon: "gauge",
        exact: true,
    },
    Link {
        href: "/admin-ui/backends",
        title: "Backends",
        icon: "server",
        exact: false,
    },
    Link {
        href: "/admin-ui/models",
        title: "Models and prices",
        icon: "tags",
        exact: false,
    },
    Link {
        href: "/admin-ui/routing",
        title: "Routing",
        icon: "route",
        exact: false,
    },
    Link {
        href: "/admin-ui/permissions",
        title: "Permissions",
        icon: "shield",
        exact: false,
    },
    Link {
        href: "/admin-ui/scripts",
        title: "Scripts",
        icon: "braces",
        exact: false,
    },
    Link {
        href: "/admin-ui/users",
        title: "Users",
        icon: "users",
        exact: false,
    },
    Link {
        href: "/admin-ui/keys",
        title: "Keys",
        icon: "key-round",
        exact: false,
    },
    Link {
        href: "/admin-ui/teams",
        title: "Teams",
        icon: "users-round",
        exact: false,
    },
    Link {
        href: "/admin-ui/budgets",
        title: "Budgets",
        icon: "wallet",
        exact: false,
    },
    Link {
        href: "/admin-ui/playground",
        title: "Playground",
        icon: "message-square",
        exact: false,
    },
    Link {
        href: "/admin-ui/usage",
        title: "Usage",
        icon: "chart-column",
        exact: false,
    },
    Link {
        href: "/admin-ui/logs",
        title: "Requests",
        icon: "terminal",
        exact: false,
    },
    Link {
        href: "/admin-ui/audit",
        title: "Audit log",
        icon: "history",
        exact: false,
    },
    Link {
        href: "/admin-ui/tokens",
        title: "API tokens",
        icon: "ticket",
        exact: false,
    },
];

const OWN: &[Link] = &[
    Link {
        href: "/user-ui",
        title: "My usage",
        icon: "gauge",
        exact: true,
    },
    Link {
        href: "/user-ui/usage",
        title: "Usage over time",
        icon: "chart-column",
        exact: false,
    },
    Link {
        href: "/user-ui/logs",
        title: "My requests",
        icon: "terminal",
        exact: false,
    },
    Link {
        href: "/user-ui/keys",
        title: "My keys",
        icon: "key-round",
        exact: false,
    },
    Link {
        href: "/user-ui/connect",
        title: "Connect",
        icon: "terminal",
        exact: false,
    },
    Link {
        href: "/user-ui/models",
        title: "Models",
        icon: "boxes",
        exact: false,
    },
    Link {
        href: "/user-ui/playground",
        title: "My playground",
        icon: "message-square",
        exact: false,
    },
    Link {
        href: "/user-ui/teams",
        title: "My teams",
        icon: "users-round",
        exact: false,
    },
    Link {
        href: "/account",
        title: "Account",
        icon: "circle-user-round",
        exact: false,
    },
];

/// The frame of the admins' pages.
#[component]
pub fn AdminFrame() -> impl IntoView {
    frame(true, |me| match me.sees_all() {
        true => view! { <Outlet/> }.into_any(),
        false => view! { <Forbidden/> }.into_any(),
    })
}

/// The frame of everybody's own pages.
#[component]
pub fn UserFrame() -> impl IntoView {
    frame(false, |_| view! { <Outlet/> }.into_any())
}

/// `everyones`: what is shown there is everyone's, and for admins to change.
fn frame(everyones: bool, page: fn(&Me) -> AnyView) -> impl IntoView {
    // The guard above this has waited for the session.
    let me = SessionContext::here().and_then(SessionContext::known);
    match me {
        Some(Ok(me)) => {
            let content = page(&me);
            // The style sheet leaves out what such a visitor cannot do, and the server refuses it.
            let looks_only = everyones && !me.is_admin();
            view! {
                // The router would take the address and leave the focus where it is.
                <a class="skip" href="#main" rel="external">
                    "Skip to content"
                </a>
                <div class="frame">
                    <header class="topbar">
                        <Brand/>
                        <button
                            class="btn"
                            data-variant="ghost"
                            data-size="icon"
                            type="button"
                            popovertarget="menu"
                            aria-label="Menu"
                        >
                            <Icon name="menu"/>
                        </button>
                    </header>
                    <Side me/>
                    <main
                        class="main"
                        id="main"
                        data-looks-only=looks_only.then_some("true")
                    >
                        {content}
                    </main>
                </div>
            }
            .into_any()
        }
        _ => view! {
            <main class="alone">
                <h1>"Something went wrong on the server"</h1>
                <p>"It could not be found out who you are. The server's log says why."</p>
                <a class="btn" data-variant="outline" href="">
                    "Retry"
                </a>
            </main>
        }
        .into_any(),
    }
}

/// The name of the product and the way home.
#[component]
pub fn Brand() -> impl IntoView {
    view! {
        <a class="brand" href="/" rel="external">
            <img src="/favicon.svg" alt="" width="20" height="20"/>
            "LLM Router"
        </a>
    }
    .into_any()
}

#[component]
fn Side(me: Me) -> impl IntoView {
    let sees_all = me.sees_all();
    let here = use_location().pathname;
    // A popover does not close by itself when the router changes the page.
    Effect::new(move |before: Option<String>| {
        let now = here.get();
        if before.is_some_and(|before| before != now) {
            close_menu();
        }
        now
    });
    let links = |links: &'static [Link]| {
        let items = links.iter().map(|link| {
            view! {
                <li>
                    <A href=link.href exact=link.exact>
                        <Icon name=link.icon/>
                        {link.title}
                    </A>
                </li>
            }
        });
        view! { <ul>{items.collect_view()}</ul> }
    };
    view! {
        <nav class="side" id="menu" popover="auto" aria-label="Main">
            <Brand/>
            {sees_all.then(|| view! { <h2>"Router"</h2> {links(ADMIN)} })}
            <h2>"You"</h2>
            {links(OWN)}
            <div class="side-foot">
                <div class="who">
                    <strong>{me.name.clone()}</strong>
                    {match me.role {
                        Role::Admin => "Admin",
                        Role::Viewer => "Read-only admin",
                        Role::User => "User",
                    }}
                    " · LLM Router "
                    {me.version.clone()}
                </div>
                <ThemeToggle/>
                <ul>
                    <li>
                        <SignOut/>
                    </li>
                </ul>
            </div>
        </nav>
    }
    .into_any()
}

fn close_menu() {
    use leptos::wasm_bindgen::JsCast;
    let menu = document()
        .get_element_by_id("menu")
        .and_then(|menu| menu.dyn_into::<leptos::web_sys::HtmlElement>().ok());
    if let Some(menu) = menu {
        // It may not be open, which is what is wanted.
        let _ = menu.hide_popover();
    }
}
