//! Deny by default: every route and every server function, as seen by everybody. A route that is not
//! in the tables here fails the test, so that whoever adds one decides who may use it.

use std::collections::BTreeSet;

use http::Method;
use leptos::server_fn::axum::server_fn_paths;
use reqwest::RequestBuilder;

use crate::support::{ADMIN_PASSWORD, MASTER_KEY, Reply, Session, TestApp, User, ask};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Anonymous,
    UserKey,
    MasterKey,
    /// An API token of the admin's that opens everything.
    AdminToken,
    /// One that only looks.
    ReadToken,
    /// A session that was good once.
    ExpiredSession,
    /// A user whose generated password is still to be changed.
    NewUserSession,
    UserSession,
    /// The owner of a team.
    TeamOwnerSession,
    /// A read-only admin.
    ViewerSession,
    AdminSession,
}

use Role::{
    AdminSession, AdminToken, Anonymous, ExpiredSession, MasterKey, NewUserSession, ReadToken,
    TeamOwnerSession, UserKey, UserSession, ViewerSession,
};

const ROLES: [Role; 11] = [
    Anonymous,
    UserKey,
    MasterKey,
    AdminToken,
    ReadToken,
    ExpiredSession,
    NewUserSession,
    UserSession,
    TeamOwnerSession,
    ViewerSession,
    AdminSession,
];

const ALL: &[Role] = &ROLES;
const KEYS: &[Role] = &[UserKey, MasterKey];
/// Who manages by the API; what is got and not changed is for [`READERS`], too.
const MASTER: &[Role] = &[MasterKey, AdminToken];
const READERS: &[Role] = &[MasterKey, AdminToken, ReadToken];
const SIGNED_IN: &[Role] = &[
    NewUserSession,
    UserSession,
    TeamOwnerSession,
    ViewerSession,
    AdminSession,
];
const USERS: &[Role] = &[UserSession, TeamOwnerSession, ViewerSession, AdminSession];
/// Who may look at everything.
const VIEWERS: &[Role] = &[ViewerSession, AdminSession];
/// Who may change everything.
const ADMINS: &[Role] = &[AdminSession];

/// The server with somebody of each role.
struct House {
    app: TestApp,
    user: User,
    /// Of a new user, a user, an admin.
    sessions: [Session; 3],
    owner: Session,
    viewer: Session,
    expired: Session,
    tokens: [String; 2],
}

impl House {
    async fn build() -> Self {
        let app = TestApp::demo().await;
        let (user, new) = (
            app.user().await,
            app.user_with("new", serde_json::json!({})).await,
        );
        let sessions = [
            app.sign_in(&new.name, &new.password).await,
            app.sign_in_first(&user).await,
            app.sign_in("admin", ADMIN_PASSWORD).await,
        ];
        let owner = app.user_with("owner", serde_json::json!({})).await;
        let team = serde_json::json!({"name": "team"});
        let team = app.admin(Method::POST, "/admin/teams", team).await;
        let member = serde_json::json!({"user_id": owner.id, "role": "owner"});
        let path = format!("/admin/teams/{}/members", team["id"]);
        app.admin(Method::POST, &path, member).await;
        let owner = app.sign_in_first(&owner).await;
        Self {
            viewer: app.viewer(&sessions[2]).await,
            expired: app.expired("admin", ADMIN_PASSWORD).await,
            tokens: [app.token("admin").await, app.token("read").await],
            app,
            user,
            sessions,
            owner,
        }
    }

    fn as_role(&self, role: Role, request: RequestBuilder) -> RequestBuilder {
        let [new, user, admin] = &self.sessions;
        let [all, read] = &self.tokens;
        match role {
            Anonymous => request,
            UserKey => request.bearer_auth(&self.user.key),
            MasterKey => request.bearer_auth(MASTER_KEY),
            AdminToken => request.bearer_auth(all),
            ReadToken => request.bearer_auth(read),
            ExpiredSession => request.header("cookie", &self.expired.0),
            NewUserSession => request.header("cookie", &new.0),
            UserSession => request.header("cookie", &user.0),
            TeamOwnerSession => request.header("cookie", &self.owner.0),
            ViewerSession => request.header("cookie", &self.viewer.0),
            AdminSession => request.header("cookie", &admin.0),
        }
    }

    /// Asks as everybody; who is not among `allowed` must be refused.
    async fn assert_only(&self, allowed: &[Role], what: &str, ask: impl Fn() -> RequestBuilder) {
        for role in ROLES {
            let reply = head_or_all(self.as_role(role, ask())).await;
            let refused = matches!(reply.status, 401 | 403);
            assert_eq!(
                !refused,
                allowed.contains(&role),
                "{what} as {role:?}: {} {}",
                reply.status,
                reply.text()
            );
            assert_ne!(reply.status, 500, "{what} as {role:?}");
        }
    }
}

/// The answer; of an endless one only the head.
async fn head_or_all(request: RequestBuilder) -> Reply {
    let response = request.send().await.expect("an answer");
    let kind = response.headers().get("content-type");
    if kind.is_some_and(|kind| kind == "text/event-stream") {
        return Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: bytes::Bytes::new(),
        };
    }
    Reply::rest_of(response).await
}

type Route = (Method, String, &'static [Role], &'static str);

fn proxied_paths() -> Vec<String> {
    server::proxy::openai_paths()
        .into_iter()
        .map(|(path, ..)| path)
        .collect()
}

/// The routes of `router.rs`, who may use them, and a body that harms nothing.
fn routes() -> Vec<Route> {
    use Method as M;
    let (chat, user) = ("CHAT", r#"{"name":""}"#);
    let proxied = proxied_paths().into_iter().flat_map(|path| {
        // Codex asks here whether it may have a WebSocket, before it says who it is.
        let probe = path
            .ends_with("/responses")
            .then(|| (M::GET, path.clone(), ALL, ""));
        std::iter::once((M::POST, path, KEYS, chat)).chain(probe)
    });
    let others = [
        (M::POST, "/v1/messages", KEYS, chat),
        (M::POST, "/anthropic/v1/messages", KEYS, chat),
        (M::POST, "/v1/messages/count_tokens", KEYS, chat),
        (M::POST, "/anthropic/v1/messages/count_tokens", KEYS, chat),
        (M::POST, "/anthropic/v1/count_tokens", KEYS, chat),
        (M::GET, "/v1/models", KEYS, ""),
        (M::GET, "/models", KEYS, ""),
        (M::GET, "/openai/models", KEYS, ""),
        (M::GET, "/openai/v1/models", KEYS, ""),
        (M::GET, "/anthropic/v1/models", KEYS, ""),
        (M::GET, "/v1/models/{*name}", KEYS, ""),
        (M::GET, "/openai/v1/models/{*name}", KEYS, ""),
        (M::GET, "/anthropic/v1/models/{*name}", KEYS, ""),
        (M::GET, "/v1/budget", KEYS, ""),
        (M::GET, "/health", ALL, ""),
        // What the API looks like is no secret.
        (M::GET, "/openapi.json", ALL, ""),
        (M::GET, "/docs", ALL, ""),
        (M::GET, "/docs/{*file}", ALL, ""),
        (M::GET, "/redoc", ALL, ""),
        (M::GET, "/redoc/reference.css", ALL, ""),
        (M::GET, "/", ALL, ""),
        (M::GET, "/auth/oidc/start", ALL, ""),
        (M::GET, "/auth/oidc/callback", ALL, ""),
        (M::POST, "/playground/chat", USERS, chat),
        (M::GET, "/admin/users", MASTER, ""),
        (M::POST, "/admin/users", MASTER, user),
        (M::GET, "/admin/users/{id}", MASTER, ""),
        (M::PUT, "/admin/users/{id}", MASTER, "{}"),
        (M::PATCH, "/admin/users/{id}", MASTER, "{}"),
        (M::POST, "/admin/users/{id}/regenerate-api-key", MASTER, ""),
        (M::DELETE, "/admin/users/{id}", MASTER, ""),
        (M::GET, "/admin/users/{id}/keys", MASTER, ""),
        (M::POST, "/admin/users/{id}/keys", MASTER, "[]"),
        (M::GET, "/admin/users/{id}/sessions", MASTER, ""),
        (M::DELETE, "/admin/users/{id}/sessions", MASTER, ""),
        (M::DELETE, "/admin/users/{id}/sessions/{handle}", MASTER, ""),
        (M::POST, "/admin/users/{id}/link", MASTER, "{}"),
        (M::GET, "/admin/tokens", MASTER, ""),
        (M::POST, "/admin/tokens", MASTER, "[]"),
        (M::DELETE, "/admin/tokens/{token}", MASTER, ""),
        (M::PATCH, "/admin/keys/{key}", MASTER, "{}"),
        (M::DELETE, "/admin/keys/{key}", MASTER, ""),
        (M::POST, "/admin/keys/{key}/rotate", MASTER, "{}"),
        (M::POST, "/admin/keys/{key}/revoke", MASTER, ""),
        (M::GET, "/admin/teams", MASTER, ""),
        (M::POST, "/admin/teams", MASTER, "[]"),
        (M::GET, "/admin/teams/{id}", MASTER, ""),
        (M::PATCH, "/admin/teams/{id}", MASTER, "{}"),
        (M::DELETE, "/admin/teams/{id}", MASTER, ""),
        (M::GET, "/admin/teams/{id}/members", MASTER, ""),
        (M::POST, "/admin/teams/{id}/members", MASTER, "[]"),
        (M::DELETE, "/admin/teams/{id}/members/{user}", MASTER, ""),
        (M::GET, "/admin/teams/{id}/keys", MASTER, ""),
        (M::POST, "/admin/teams/{id}/keys", MASTER, "[]"),
        (M::POST, "/admin/login", ALL, "{}"),
        (M::POST, "/user/login", ALL, "{}"),
        // Only by a token of one's own, which none of these roles has.
        (M::POST, "/user/change-password", &[], "{}"),
        (M::GET, "/user/me", &[], ""),
        (M::GET, "/user/keys", &[], ""),
        (M::GET, "/user/usage/daily", &[], ""),
        (M::GET, "/user/usage/monthly", &[], ""),
        (M::GET, "/user/history", &[], ""),
        (M::GET, "/user/daily-history", &[], ""),
        (M::GET, "/status", MASTER, ""),
        (M::GET, "/backend/info", MASTER, ""),
        (M::GET, "/metrics", MASTER, ""),
        (M::GET, "/analytics/requests", MASTER, ""),
        (M::GET, "/analytics/tokens", MASTER, ""),
        (M::GET, "/analytics/summary", MASTER, ""),
        (M::GET, "/router/stats", MASTER, ""),
        (M::GET, "/router/health", MASTER, ""),
        (M::GET, "/router/rate-limits", MASTER, ""),
        (M::POST, "/router/reset-stats", MASTER, ""),
        (M::GET, "/auth/status", MASTER, ""),
        (M::GET, "/auth/metrics", MASTER, ""),
        (M::POST, "/auth/reload-keys", MASTER, ""),
        (M::POST, "/auth/reset-metrics", MASTER, ""),
        (M::GET, "/admin/analytics/usage", MASTER, ""),
        (M::GET, "/admin/analytics/requests", MASTER, ""),
        (M::GET, "/admin/dashboard/summary", MASTER, ""),
        (M::GET, "/admin/audit", MASTER, ""),
        (M::GET, "/admin/aws-status", MASTER, ""),
        (M::GET, "/admin-ui/audit.csv", VIEWERS, ""),
        (M::POST, "/admin/reload", MASTER, "[]"),
        (M::POST, "/admin/route/explain", READERS, "[]"),
        (M::GET, "/admin/backends", MASTER, ""),
        (M::POST, "/admin/backends", MASTER, "[]"),
        (M::POST, "/admin/backends/test", MASTER, "[]"),
        (M::GET, "/admin/backends/{id}", MASTER, ""),
        (M::PUT, "/admin/backends/{id}", MASTER, "[]"),
        (M::PATCH, "/admin/backends/{id}", MASTER, "[]"),
        (M::DELETE, "/admin/backends/{id}", MASTER, ""),
        (M::POST, "/admin/backends/{id}/refresh-models", MASTER, ""),
        (M::POST, "/admin/backends/{id}/clear-cooldown", MASTER, ""),
        (M::GET, "/admin/groups", MASTER, ""),
        (M::POST, "/admin/groups", MASTER, "[]"),
        (M::PUT, "/admin/groups/{id}", MASTER, "[]"),
        (M::DELETE, "/admin/groups/{id}", MASTER, ""),
        (M::GET, "/admin/rewrites", MASTER, ""),
        (M::POST, "/admin/rewrites", MASTER, "[]"),
        (M::PUT, "/admin/rewrites/{id}", MASTER, "[]"),
        (M::DELETE, "/admin/rewrites/{id}", MASTER, ""),
        (M::GET, "/admin/permissions", MASTER, ""),
        (M::POST, "/admin/permissions", MASTER, "[]"),
        (M::DELETE, "/admin/permissions", MASTER, ""),
        (M::GET, "/admin/permissions/user/{id}", MASTER, ""),
        (M::GET, "/admin/permissions/backend/{id}", MASTER, ""),
        (M::GET, "/admin/prices", MASTER, ""),
        (M::PUT, "/admin/prices/{deployment}", MASTER, "[]"),
        (M::DELETE, "/admin/prices/{deployment}", MASTER, ""),
        (M::GET, "/admin/scripts", MASTER, ""),
        (M::POST, "/admin/scripts", MASTER, "[]"),
        (M::GET, "/admin/scripts/active", MASTER, ""),
        (M::GET, "/admin/scripts/type/{type}", MASTER, ""),
        (M::GET, "/admin/scripts/{id}", MASTER, ""),
        (M::PUT, "/admin/scripts/{id}", MASTER, "[]"),
        (M::DELETE, "/admin/scripts/{id}", MASTER, ""),
        (M::POST, "/admin/scripts/{id}/activate", MASTER, ""),
        (M::POST, "/admin/scripts/{id}/deactivate", MASTER, ""),
        (M::POST, "/admin/scripts/{id}/test", MASTER, "[]"),
        (M::GET, "/admin/scripts/{id}/versions", MASTER, ""),
        (M::POST, "/admin/scripts/{id}/rollback", MASTER, "[]"),
        (M::GET, "/admin/script-secrets", MASTER, ""),
        (M::PUT, "/admin/script-secrets/{name}", MASTER, "[]"),
        (M::DELETE, "/admin/script-secrets/{name}", MASTER, ""),
        (M::GET, "/admin/budget-alerts", MASTER, ""),
        (M::GET, "/admin/usage", MASTER, ""),
        (M::GET, "/admin/monthly-history", MASTER, ""),
        (M::GET, "/admin-ui/scripts.d.ts", VIEWERS, ""),
        (M::GET, "/admin-ui/usage.csv", VIEWERS, ""),
        (M::GET, "/user-ui/usage.csv", USERS, ""),
        (M::GET, "/admin-ui/logs.csv", VIEWERS, ""),
        (M::GET, "/user-ui/logs.csv", USERS, ""),
        (M::GET, "/admin-ui/logs.events", VIEWERS, ""),
        (M::GET, "/user-ui/logs.events", USERS, ""),
    ];
    others
        .map(|(method, path, roles, body)| (method, path.to_owned(), roles, body))
        .into_iter()
        .chain(proxied)
        .collect()
}

/// Pages and what they load: not for programs, and not in the OpenAPI document.
fn is_of_a_page(path: &str) -> bool {
    let pages = [
        "/playground/",
        "/admin-ui/",
        "/user-ui/",
        "/auth/oidc/",
        "/docs",
        "/redoc",
    ];
    matches!(path, "/" | "/openapi.json") || pages.iter().any(|page| path.starts_with(page))
}

/// The same routes and the same credentials are in the OpenAPI document.
#[tokio::test]
async fn the_document_names_every_route_and_who_may_use_it() {
    let app = TestApp::demo().await;
    let reply = Reply::of(app.request(Method::GET, "/openapi.json")).await;
    assert_eq!(reply.status, 200);
    let document = reply.json();
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let schemes = operation["security"].as_array().expect("security");
            let schemes = schemes
                .iter()
                .flat_map(|s| s.as_object().expect("a scheme").keys());
            let schemes: Vec<&str> = schemes.map(String::as_str).collect();
            documented.insert(format!("{} {path} {schemes:?}", method.to_uppercase()));
        }
    }
    let table = routes();
    let table = table.iter().filter(|route| !is_of_a_page(&route.1));
    let table: BTreeSet<String> = table
        .map(|(method, path, allowed, _)| {
            let schemes: &[&str] = match *allowed {
                allowed if allowed == ALL => &[],
                allowed if allowed == KEYS => &["virtual_key", "virtual_key_header"],
                [] => &["user_token", "user_bearer"],
                _ => &["admin_bearer", "admin_key"],
            };
            format!("{method} {} {schemes:?}", path.replace("{*", "{"))
        })
        .collect();
    assert_eq!(documented, table);
}

#[tokio::test]
async fn every_route_is_for_those_who_are_named() {
    let routes = routes();
    let source = concat!(
        include_str!("../../src/router.rs"),
        include_str!("../../src/proxy/mod.rs"),
        include_str!("../../src/site.rs")
    );
    let proxied = proxied_paths();
    let in_the_source: BTreeSet<&str> = source
        .split(".route(")
        .skip(1)
        .filter(|rest| rest.trim_start().starts_with('"'))
        .filter_map(|rest| rest.split('"').nth(1))
        .chain(proxied.iter().map(String::as_str))
        .collect();
    let in_the_table: BTreeSet<&str> = routes.iter().map(|route| route.1.as_str()).collect();
    assert_eq!(in_the_source, in_the_table);

    let house = House::build().await;
    let concrete = |path: &str| {
        let path = path
            .replace("{*name}", "demo")
            .replace("{*file}", "index.html");
        [
            "{id}",
            "{key}",
            "{user}",
            "{deployment}",
            "{type}",
            "{name}",
            "{token}",
            "{handle}",
        ]
        .iter()
        .fold(path, |path, name| path.replace(name, "999999"))
    };
    for (method, path, allowed, body) in &routes {
        let (what, path) = (format!("{method} {path}"), concrete(path));
        let body = body.replace("CHAT", &ask("demo"));
        let request = || {
            let request = house.app.request(method.clone(), &path);
            request
                .header("content-type", "application/json")
                .body(body.clone())
        };
        let reads = *method == Method::GET && *allowed == MASTER;
        let allowed = if reads { READERS } else { allowed };
        house.assert_only(allowed, &what, request).await;
    }
    // What is not in the table does not exist.
    for path in in_the_table {
        let listed = |method| {
            routes
                .iter()
                .any(|route| route.1 == path && route.0 == method)
        };
        for method in [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ] {
            if !listed(method.clone()) {
                let request = house.app.request(method.clone(), &concrete(path));
                let request = house.as_role(MasterKey, request);
                assert_eq!(Reply::of(request).await.status, 405, "{method} {path}");
            }
        }
    }
    // And whoever comes with a credential that is none is refused everywhere.
    for (method, path, allowed, _) in &routes {
        if !allowed.contains(&Anonymous) {
            let request = house.app.request(method.clone(), &concrete(path));
            let reply = Reply::of(request.bearer_auth("sk-wrong")).await;
            assert_eq!(reply.status, 401, "{method} {path}");
        }
    }
}

type Form = &'static [(&'static str, &'static str)];

const NOBODY: (&str, &str) = ("id", "999999");

const LIST: Form = &[("search", ""), ("show", ""), ("sort", ""), ("page", "1")];

/// The server functions, who may call them, and a form that harms nothing.
const FUNCTIONS: &[(&str, &[Role], Form)] = &[
    (
        "sign-in",
        ALL,
        &[("name", "nobody"), ("password", "x"), ("next", "")],
    ),
    ("sign-in/provider", ALL, &[]),
    ("theme", ALL, &[("theme", "dark")]),
    ("whoami", SIGNED_IN, &[]),
    (
        "account/password",
        SIGNED_IN,
        &[("current", "x"), ("password", "y"), ("repeat", "z")],
    ),
    ("reveal", SIGNED_IN, &[("token", "x")]),
    ("me/overview", USERS, &[("measure", "spend")]),
    ("me/keys/list", USERS, LIST),
    ("me/usage", USERS, &[("query", "")]),
    ("me/logs/list", USERS, &[("query", "")]),
    ("me/logs/get", USERS, &[("id", "req_1")]),
    ("admin/usage", VIEWERS, &[("query", "")]),
    ("admin/logs/list", VIEWERS, &[("query", "")]),
    ("admin/logs/get", VIEWERS, &[("id", "req_1")]),
    ("me/keys/get", USERS, &[NOBODY]),
    ("me/keys/create", USERS, &[("label", "x")]),
    ("me/keys/update", USERS, &[NOBODY, ("label", "x")]),
    ("me/keys/rotate", USERS, &[NOBODY, ("grace", "0")]),
    ("me/keys/revoke", USERS, &[NOBODY]),
    ("me/keys/set-active", USERS, &[NOBODY, ("active", "false")]),
    ("me/keys/delete", USERS, &[NOBODY]),
    ("me/teams/list", USERS, &[]),
    ("me/teams/get", USERS, &[NOBODY]),
    (
        "me/teams/set-member",
        USERS,
        &[("team", "999999"), ("member", "x"), ("role", "owner")],
    ),
    (
        "me/teams/remove-member",
        USERS,
        &[("team", "999999"), ("user", "999999")],
    ),
    ("me/connect", USERS, &[("model", "demo")]),
    ("me/models/list", USERS, &[("search", "")]),
    ("me/playground/page", USERS, &[("exact", "true")]),
    ("me/playground/ask", USERS, &[("house", ""), ("prompt", "")]),
    ("me/playground/receipt", USERS, &[("request_id", "x")]),
    (
        "me/playground/code",
        USERS,
        &[("model_1", "demo"), ("prompt", "x")],
    ),
    ("admin/overview", VIEWERS, &[("measure", "spend")]),
    ("notes", SIGNED_IN, &[("token", "x")]),
    // For everybody where `dashboard.public_status` is on; see status.rs.
    ("status", SIGNED_IN, &[]),
    (
        "status/activity",
        SIGNED_IN,
        &[("hours", "24"), ("measure", "requests")],
    ),
    ("admin/backends/list", VIEWERS, &[]),
    ("admin/backends/get", VIEWERS, &[NOBODY]),
    (
        "admin/backends/save",
        ADMINS,
        &[
            ("form[kind]", ""),
            ("form[name]", ""),
            ("form[priority]", ""),
            ("act", "save"),
        ],
    ),
    (
        "admin/backends/enable",
        ADMINS,
        &[("entry", "999999"), ("enabled", "false")],
    ),
    (
        "admin/backends/move",
        ADMINS,
        &[("entry", "999999"), ("up", "true")],
    ),
    (
        "admin/backends/delete",
        ADMINS,
        &[("entry", "999999"), ("confirm", "x")],
    ),
    ("admin/backends/clear-cooldown", ADMINS, &[NOBODY]),
    ("admin/backends/refresh-models", ADMINS, &[NOBODY]),
    ("admin/scripts/list", VIEWERS, &[]),
    ("admin/scripts/get", VIEWERS, &[NOBODY]),
    ("admin/scripts/save", ADMINS, &[("name", "")]),
    (
        "admin/scripts/set-active",
        ADMINS,
        &[NOBODY, ("active", "true")],
    ),
    (
        "admin/scripts/roll-back",
        ADMINS,
        &[NOBODY, ("version", "1")],
    ),
    ("admin/scripts/delete", ADMINS, &[NOBODY, ("confirm", "x")]),
    (
        "admin/scripts/set-secret",
        ADMINS,
        &[("name", ""), ("value", "x")],
    ),
    ("admin/scripts/delete-secret", ADMINS, &[("name", "x")]),
    ("admin/scripts/record", ADMINS, &[("on", "false")]),
    ("admin/routing/list", VIEWERS, &[]),
    ("admin/routing/group", VIEWERS, &[NOBODY]),
    (
        "admin/routing/save-group",
        ADMINS,
        &[("form[name]", ""), ("form[strategy]", "")],
    ),
    ("admin/routing/delete-group", ADMINS, &[("entry", "999999")]),
    (
        "admin/routing/create-rewrite",
        ADMINS,
        &[("source", ""), ("target", "")],
    ),
    (
        "admin/routing/delete-rewrite",
        ADMINS,
        &[("entry", "999999")],
    ),
    (
        "admin/routing/explain",
        VIEWERS,
        &[
            ("supposed[model]", "demo"),
            ("supposed[key_id]", ""),
            ("supposed[dialect]", ""),
            ("supposed[input_tokens]", ""),
            ("supposed[stream]", "false"),
            ("supposed[tools]", "false"),
            ("supposed[images]", "false"),
        ],
    ),
    (
        "admin/prices/list",
        VIEWERS,
        &[("search", ""), ("show", ""), ("page", "1")],
    ),
    ("admin/prices/get", VIEWERS, &[NOBODY]),
    ("admin/prices/set", ADMINS, &[NOBODY]),
    ("admin/prices/withdraw", ADMINS, &[NOBODY]),
    (
        "admin/permissions/list",
        VIEWERS,
        &[("search", ""), ("page", "1")],
    ),
    ("admin/permissions/reach", VIEWERS, &[("user", "999999")]),
    ("admin/permissions/save", ADMINS, &[("users[]", "999999")]),
    (
        "admin/users/list",
        VIEWERS,
        &[("search", ""), ("page", "1")],
    ),
    ("admin/users/get", VIEWERS, &[NOBODY]),
    (
        "admin/users/create",
        ADMINS,
        &[
            ("name", ""),
            ("email", ""),
            ("role", "user"),
            ("password", ""),
            ("daily_budget", ""),
            ("monthly_budget", ""),
        ],
    ),
    (
        "admin/users/set-active",
        ADMINS,
        &[NOBODY, ("active", "false")],
    ),
    (
        "admin/users/budget",
        ADMINS,
        &[
            NOBODY,
            ("daily_budget", "1"),
            ("monthly_budget", "1"),
            ("soft_daily_budget", "1"),
            ("soft_monthly_budget", "1"),
        ],
    ),
    (
        "admin/users/reset-spend",
        ADMINS,
        &[NOBODY, ("period", "daily")],
    ),
    ("admin/users/limits", ADMINS, &[NOBODY, ("parallel", "1")]),
    ("admin/users/reset-password", ADMINS, &[NOBODY]),
    ("admin/users/delete", ADMINS, &[NOBODY, ("confirm", "x")]),
    ("admin/keys/list", VIEWERS, LIST),
    ("admin/keys/get", VIEWERS, &[NOBODY]),
    ("admin/keys/owners", ADMINS, &[]),
    (
        "admin/keys/create",
        ADMINS,
        &[("owner", "user-999999"), ("label", "x")],
    ),
    ("admin/keys/update", ADMINS, &[NOBODY, ("label", "x")]),
    ("admin/keys/rotate", ADMINS, &[NOBODY, ("grace", "0")]),
    ("admin/keys/revoke", ADMINS, &[NOBODY]),
    (
        "admin/teams/list",
        VIEWERS,
        &[("search", ""), ("page", "1")],
    ),
    ("admin/teams/get", VIEWERS, &[NOBODY]),
    ("admin/teams/create", ADMINS, &[("name", "")]),
    ("admin/teams/update", ADMINS, &[NOBODY, ("name", "x")]),
    (
        "admin/teams/set-active",
        ADMINS,
        &[NOBODY, ("active", "false")],
    ),
    (
        "admin/teams/set-member",
        ADMINS,
        &[("team", "999999"), ("member", "x"), ("role", "owner")],
    ),
    (
        "admin/teams/remove-member",
        ADMINS,
        &[("team", "999999"), ("user", "999999")],
    ),
    ("admin/teams/delete", ADMINS, &[NOBODY, ("confirm", "x")]),
    (
        "admin/budgets/list",
        VIEWERS,
        &[("search", ""), ("show", ""), ("page", "1")],
    ),
    ("admin/budgets/history", VIEWERS, &[("of", "user-999999")]),
    ("admin/budgets/set", ADMINS, &[("of", "user-999999")]),
    ("admin/budgets/clear", ADMINS, &[("of", "key-999999")]),
    (
        "admin/budgets/reset",
        ADMINS,
        &[("of", "user-999999"), ("period", "daily")],
    ),
    (
        "admin/keys/set-active",
        ADMINS,
        &[NOBODY, ("active", "false")],
    ),
    ("admin/keys/delete", ADMINS, &[NOBODY]),
    (
        "admin/audit/list",
        VIEWERS,
        &[("page", "1"), ("filter[q]", "")],
    ),
    ("admin/tokens/list", VIEWERS, &[]),
    (
        "admin/tokens/create",
        ADMINS,
        &[("name", ""), ("scope", "read"), ("expires_in_days", "1")],
    ),
    ("admin/tokens/revoke", ADMINS, &[NOBODY]),
    ("admin/users/link", ADMINS, &[NOBODY, ("kind", "reset")]),
    ("admin/users/sessions", VIEWERS, &[NOBODY]),
    (
        "admin/users/end-session",
        ADMINS,
        &[NOBODY, ("handle", "x")],
    ),
    ("admin/users/sign-out", ADMINS, &[NOBODY]),
    ("account/sessions", SIGNED_IN, &[]),
    ("account/end-session", SIGNED_IN, &[("handle", "x")]),
    ("link/open", ALL, &[("token", "x")]),
    (
        "link/use",
        ALL,
        &[("token", "x"), ("password", "y"), ("repeat", "y")],
    ),
    ("sign-out", ALL, &[]),
];

#[tokio::test]
async fn every_server_function_is_for_those_who_are_named() {
    let house = House::build().await;
    let registered: BTreeSet<String> = server_fn_paths()
        .map(|(path, method)| format!("{method} {path}"))
        .collect();
    let in_the_table: BTreeSet<String> = FUNCTIONS
        .iter()
        .map(|(path, ..)| format!("POST /_fn/{path}"))
        .collect();
    assert_eq!(registered, in_the_table);

    for (path, allowed, form) in FUNCTIONS {
        let path = format!("/_fn/{path}");
        house
            .assert_only(allowed, &path, || house.app.call(&path, form))
            .await;
    }
}

#[tokio::test]
async fn other_sites_cannot_act_in_a_visitors_name() {
    let house = House::build().await;
    let ways: [&[(&str, &str)]; 4] = [
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
    ];
    for (path, ..) in FUNCTIONS {
        for way in ways {
            let request = house.app.request(Method::POST, &format!("/_fn/{path}"));
            let request = way
                .iter()
                .fold(request, |r, (name, value)| r.header(*name, *value));
            let request = house.as_role(AdminSession, request.form(&[NOBODY]));
            let reply = Reply::of(request).await;
            assert_eq!((reply.status, path), (403, path), "{way:?}");
        }
    }
    // The session is as good as before.
    let whoami = house.app.call("/_fn/whoami", &[]);
    assert_eq!(
        Reply::of(house.as_role(AdminSession, whoami)).await.status,
        200
    );
}

#[tokio::test]
async fn a_form_that_lacks_inputs_is_the_callers_mistake() {
    let app = TestApp::demo().await;
    for form in [&[("name", "admin")][..], &[]] {
        let reply = Reply::of(app.call("/_fn/sign-in", form)).await;
        assert_eq!(reply.status, 400, "{}", reply.text());
    }
}

#[tokio::test]
async fn a_session_ends_with_signing_out_a_new_password_or_its_user() {
    let house = House::build().await;
    let app = &house.app;
    let whoami = |session: &Session| {
        let request = app.call("/_fn/whoami", &[]).header("cookie", &session.0);
        async { Reply::of(request).await.status }
    };
    let second = app.sign_in("ada", "a password of one's own").await;
    assert_eq!(whoami(&second).await, 200);
    let out = app.call("/_fn/sign-out", &[]).header("cookie", &second.0);
    Reply::of(out).await;
    assert_eq!(
        (whoami(&second).await, whoami(&house.sessions[1]).await),
        (401, 200)
    );

    let third = app.sign_in("ada", "a password of one's own").await;
    let form = [
        ("current", "a password of one's own"),
        ("password", "another of one's own"),
        ("repeat", "another of one's own"),
    ];
    let change = app.call("/_fn/account/password", &form);
    Reply::of(change.header("cookie", &third.0)).await;
    assert_eq!(
        (whoami(&third).await, whoami(&house.sessions[1]).await),
        (200, 401)
    );

    let path = format!("/admin/users/{}", house.user.id);
    app.admin(Method::PATCH, &path, serde_json::json!({"active": false}))
        .await;
    assert_eq!(whoami(&third).await, 401);
}

#[tokio::test]
async fn pages_are_for_those_who_are_signed_in() {
    let house = House::build().await;
    let pages = [
        "/admin-ui",
        "/admin-ui/users",
        "/admin-ui/keys",
        "/admin-ui/teams",
        "/admin-ui/budgets",
        "/admin-ui/backends",
        "/admin-ui/models",
        "/admin-ui/routing",
        "/admin-ui/scripts",
        "/admin-ui/permissions",
        "/admin-ui/playground",
        "/user-ui",
        "/user-ui/keys",
        "/user-ui/teams",
        "/user-ui/connect",
        "/user-ui/models",
        "/user-ui/playground",
        "/admin-ui/usage",
        "/admin-ui/logs",
        "/user-ui/usage",
        "/user-ui/history",
        "/user-ui/logs",
        "/account",
        "/admin-ui/audit",
        "/admin-ui/tokens",
        "/admin-ui/reveal/x",
        "/user-ui/reveal/x",
    ];
    for page in pages {
        let get = || {
            house
                .app
                .request(Method::GET, page)
                .header("accept", "text/html")
        };
        for role in [Anonymous, UserKey, MasterKey] {
            let reply = Reply::of(house.as_role(role, get())).await;
            let login = reply.header("location").starts_with("/login");
            assert!(
                reply.status == 302 && login,
                "{page} as {role:?}: {}",
                reply.status
            );
        }
        let user = Reply::of(house.as_role(UserSession, get())).await;
        let admin = Reply::of(house.as_role(AdminSession, get())).await;
        let expected = match (page.starts_with("/admin-ui"), page.contains("reveal")) {
            // There is nothing to reveal any more.
            (true, true) => [403, 410],
            (true, false) => [403, 200],
            (false, true) => [410, 410],
            (false, false) => [200, 200],
        };
        assert_eq!(([user.status, admin.status], page), (expected, page));
        for header in [
            "x-frame-options",
            "x-content-type-options",
            "referrer-policy",
        ] {
            assert!(!admin.header(header).is_empty(), "{page}: {header}");
        }
    }
}
