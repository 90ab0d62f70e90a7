//! The document, the application and the whole route table.

use leptos::prelude::*;
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::{
    ParamSegment, SsrMode, StaticSegment,
    components::{ProtectedParentRoute, Route, Router, Routes},
    hooks::use_location,
};

use crate::{
    components::nav::{AdminFrame, UserFrame},
    error::Cause,
    pages::{
        account::AccountPage,
        admin::{
            audit::AuditPage, backends::BackendsPage, budgets::BudgetsPage, keys::KeysPage,
            models::ModelsPage, overview::AdminOverview, permissions::PermissionsPage,
            routing::RoutingPage, scripts::ScriptsPage, teams::TeamsPage, tokens::TokensPage,
            users::UsersPage,
        },
        errors::NotFound,
        link::LinkPage,
        login::LoginPage,
        logs::{AdminLogs, AdminRequest, MyLogs, MyRequest},
        me::{
            connect::MyConnectPage, keys::MyKeysPage, models::MyModelsPage, overview::MyOverview,
            playground::Playground, teams::MyTeamsPage,
        },
        reveal::RevealPage,
        usage::{AdminUsage, MyHistory, MyUsage},
        web::StatusPage,
    },
    session::SessionContext,
    theme, url,
};

/// The document around the application. Only the server makes it; it also sends the headers that
/// protect the page.
#[must_use]
pub fn shell(options: LeptosOptions) -> impl IntoView {
    #[cfg(feature = "ssr")]
    crate::server::protect();
    let style = format!("/{}/{}.css", options.site_pkg_dir, options.output_name);
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme::current().as_str()>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="robots" content="noindex"/>
                <meta name="color-scheme" content="light dark"/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="stylesheet" href=style/>
                <HydrationScripts options/>
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}

/// The application. Every page is rendered whole ([`SsrMode::Async`]): with the other modes a page
/// needs JavaScript to be put together, and its status would be sent before it is known.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    SessionContext::provide();
    // Tells the style sheet, and tests, that buttons which need a script work now.
    Effect::new(|_| {
        if let Some(html) = document().document_element() {
            // Setting an attribute of a fixed name cannot fail.
            let _ = html.set_attribute("data-hydrated", "");
        }
    });
    view! {
        <Title formatter=|page: String| match page.as_str() {
            "" => "LLM Router".to_owned(),
            _ => format!("{page} · LLM Router"),
        }/>
        <Router>
            <Routes fallback=NotFound>
                <Route path=StaticSegment("login") view=LoginPage ssr=SsrMode::Async/>
                <Route path=StaticSegment("web") view=StatusPage ssr=SsrMode::Async/>
                <Route
                    path=(StaticSegment("invite"), ParamSegment("token"))
                    view=LinkPage
                    ssr=SsrMode::Async
                />
                <Route
                    path=(StaticSegment("reset"), ParamSegment("token"))
                    view=LinkPage
                    ssr=SsrMode::Async
                />
                <ProtectedParentRoute
                    path=StaticSegment("admin-ui")
                    view=AdminFrame
                    condition=may_enter
                    redirect_path=way_in
                    ssr=SsrMode::Async
                >
                    <Route path=StaticSegment("") view=AdminOverview ssr=SsrMode::Async/>
                    <Route path=StaticSegment("backends") view=BackendsPage ssr=SsrMode::Async/>
                    <Route path=StaticSegment("models") view=ModelsPage ssr=SsrMode::Async/>
                    <Route path=StaticSegment("scripts") view=ScriptsPage ssr=SsrMode::Async/>
                    <Route path=StaticSegment("routing") view=RoutingPage ssr=SsrMode::Async/>
                    <Route
                        path=StaticSegment("permissions")
                        view=PermissionsPage
                        ssr=SsrMode::Async
                    />
                    <Route path=StaticSegment("users") view=UsersPage ssr=SsrMode::Async/>
                    <Route path=StaticSegment("keys") view=KeysPage ssr=SsrMode::Async/>
                    <Route path=StaticSegment("teams") view=TeamsPage ssr=SsrMode::Async/>
                    <Route path=StaticSegment("budgets") view=BudgetsPage ssr=SsrMode::Async/>
                    <Route path=StaticSegment("playground") view=Playground ssr=SsrMode::Async/>
                    <Route path=StaticSegment("usage") view=AdminUsage ssr=SsrMode::Async/>
                    <Route path=StaticSegment("logs") view=AdminLogs ssr=SsrMode::Async/>
                    <Route
                        path=(StaticSegment("logs"), ParamSegment("id"))
                        view=AdminRequest
                        ssr=SsrMode::Async
                    />
                    <Route path=StaticSegment("audit") view=AuditPage ssr=SsrMode::Async/>
                    <Route path=StaticSegment("tokens") view=TokensPage ssr=SsrMode::Async/>
                    <Route
                        path=(StaticSegment("reveal"), ParamSegment("token"))
                        view=RevealPage
                        ssr=SsrMode::Async
                    />
                </ProtectedParentRoute>
                <ProtectedParentRoute
                    path=StaticSegment("user-ui")
                    view=UserFrame
                    condition=may_enter
                    redirect_path=way_in
                    ssr=SsrMode::Async
                >
                    <Route path=StaticSegment("") view=MyOverview ssr=SsrMode::Async/>
                    <Route path=StaticSegment("keys") view=MyKeysPage ssr=SsrMode::Async/>
                    <Route path=StaticSegment("teams") view=MyTeamsPage ssr=SsrMode::Async/>
                    <Route path=StaticSegment("connect") view=MyConnectPage ssr=SsrMode::Async/>
                    <Route path=StaticSegment("models") view=MyModelsPage ssr=SsrMode::Async/>
                    <Route path=StaticSegment("playground") view=Playground ssr=SsrMode::Async/>
                    <Route path=StaticSegment("usage") view=MyUsage ssr=SsrMode::Async/>
                    <Route path=StaticSegment("history") view=MyHistory ssr=SsrMode::Async/>
                    <Route path=StaticSegment("logs") view=MyLogs ssr=SsrMode::Async/>
                    <Route
                        path=(StaticSegment("logs"), ParamSegment("id"))
                        view=MyRequest
                        ssr=SsrMode::Async
                    />
                    <Route
                        path=(StaticSegment("reveal"), ParamSegment("token"))
                        view=RevealPage
                        ssr=SsrMode::Async
                    />
                </ProtectedParentRoute>
                <ProtectedParentRoute
                    path=StaticSegment("account")
                    view=UserFrame
                    condition=is_signed_in
                    redirect_path=way_in
                    ssr=SsrMode::Async
                >
                    <Route path=StaticSegment("") view=AccountPage ssr=SsrMode::Async/>
                </ProtectedParentRoute>
            </Routes>
        </Router>
    }
}

/// `None` until the server has said who is asking. A failure that is no sign-out is let through:
/// the frame says what happened, where the sign-in page could only be wrong.
fn is_signed_in() -> Option<bool> {
    let me = SessionContext::here()?.me()?;
    Some(!matches!(me, Err(error) if error.cause == Cause::SignedOut))
}

/// Signed in, and with a password of one's own.
fn may_enter() -> Option<bool> {
    let me = SessionContext::here()?.me()?;
    Some(is_signed_in()? && !me.is_ok_and(|me| me.must_change_password))
}

/// Where those go who may not enter.
fn way_in() -> String {
    let me = SessionContext::here().and_then(SessionContext::known);
    if matches!(me, Some(Ok(me)) if me.must_change_password) {
        return "/account".to_owned();
    }
    let here = use_location();
    let (path, query) = (here.pathname.get_untracked(), here.search.get_untracked());
    match query.is_empty() {
        true => url::login(&path),
        false => url::login(&format!("{path}?{query}")),
    }
}
