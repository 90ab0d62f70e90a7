//! Sessions that are listed and ended, tokens of the admin API, one-time links.

use http::Method;
use serde_json::{Value, json};

use crate::support::{ADMIN_PASSWORD, MASTER_KEY, Reply, Session, TestApp, User};

async fn status(app: &TestApp, method: Method, path: &str, token: &str, body: Value) -> u16 {
    let request = app.request(method, path).bearer_auth(token).json(&body);
    Reply::of(request).await.status
}

async fn whoami(app: &TestApp, session: &Session) -> u16 {
    let call = app.call("/_fn/whoami", &[]).header("cookie", &session.0);
    Reply::of(call).await.status
}

/// A one-time link's path.
async fn link(app: &TestApp, user: &User, kind: &str) -> String {
    let path = format!("/admin/users/{}/link", user.id);
    let made = app.admin(Method::POST, &path, json!({"kind": kind})).await;
    made["url"].as_str().expect("a link").to_owned()
}

async fn use_link(app: &TestApp, link: &str, password: &str) -> Reply {
    let token = link.rsplit('/').next().expect("a token");
    let form = [
        ("token", token),
        ("password", password),
        ("repeat", password),
    ];
    Reply::of(app.call("/_fn/link/use", &form)).await
}

#[tokio::test]
async fn a_token_opens_what_its_scope_says_until_it_ends() {
    let app = TestApp::demo().await;
    let path = "/admin/users";
    let (all, read) = (app.token("admin").await, app.token("read").await);
    let new = json!({"name": "ada"});
    assert_eq!(app.get(path, &read).await.status, 200);
    assert_eq!(
        status(&app, Method::POST, path, &read, new.clone()).await,
        403
    );
    assert_eq!(status(&app, Method::POST, path, &all, new).await, 200);
    // It is not a client's key, and never one of a user.
    assert_eq!(app.get("/v1/models", &all).await.status, 401);
    assert_eq!(app.get("/user/me", &all).await.status, 401);

    // What it did is told by its name.
    let told = app.get("/admin/audit?search=ada", MASTER_KEY).await.json();
    assert_eq!(told["rows"][0]["actor"]["kind"], "token");
    assert_eq!(told["rows"][0]["actor"]["name"], "admin of master key");

    let tokens = app.get("/admin/tokens", MASTER_KEY).await;
    assert!(!tokens.text().contains(&all) && !tokens.text().contains(&read));
    let tokens = tokens.json();
    assert_eq!(tokens[0]["scope"], "read");
    assert!(tokens[0]["last_used_at"].is_i64());
    let revoke = format!("/admin/tokens/{}", tokens[0]["id"]);
    app.admin(Method::DELETE, &revoke, json!({})).await;
    assert_eq!(app.get(path, &read).await.status, 401);
    assert_eq!(app.get(path, &all).await.status, 200);

    let until = app.state.control.now().0 + 60_000;
    let body = json!({"name": "short", "scope": "admin", "expires_at": until});
    let short = app.admin(Method::POST, "/admin/tokens", body).await;
    let short = short["token"].as_str().expect("a token").to_owned();
    assert_eq!(app.get(path, &short).await.status, 200);
    app.clock.advance_ms(60_000);
    assert_eq!(app.get(path, &short).await.status, 401);
    let past = json!({"name": "past", "expires_at": until});
    let refused = status(&app, Method::POST, "/admin/tokens", MASTER_KEY, past);
    assert_eq!(refused.await, 400);
}

#[tokio::test]
async fn a_token_opens_no_more_than_its_owner_may_by_now() {
    let app = TestApp::demo().await;
    let admin = app.sign_in("admin", ADMIN_PASSWORD).await;
    let form = [
        ("name", "grace"),
        ("email", ""),
        ("role", "admin"),
        ("password", "a password of grace"),
        ("daily_budget", ""),
        ("monthly_budget", ""),
    ];
    let call = app.call("/_fn/admin/users/create", &form);
    Reply::of(call.header("cookie", &admin.0)).await;
    let grace = app.sign_in("grace", "a password of grace").await;
    let form = [
        ("name", "mine"),
        ("scope", "admin"),
        ("expires_in_days", "1"),
    ];
    let call = app.call("/_fn/admin/tokens/create", &form);
    let reply = Reply::of(call.header("cookie", &grace.0)).await;
    let page = reply.json();
    let request = app.request(Method::GET, page.as_str().expect("a page"));
    let shown = Reply::of(request.header("cookie", &grace.0)).await;
    let token = shown.text().split("lr-admin-").nth(1).expect("a token");
    let token: String = token
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    let token = format!("lr-admin-{token}");
    assert_eq!(app.get("/admin/users", &token).await.status, 200);

    let users = app.admin(Method::GET, "/admin/users", json!({})).await;
    let users = users.as_array().expect("users");
    let found = users.iter().find(|user| user["name"] == "grace");
    let path = format!("/admin/users/{}", found.expect("grace")["id"]);
    app.admin(Method::PATCH, &path, json!({"active": false}))
        .await;
    assert_eq!(app.get("/admin/users", &token).await.status, 401);
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one_or_all() {
    let app = TestApp::demo().await;
    let ada = app.user().await;
    let first = app.sign_in_first(&ada).await;
    let own = "a password of one's own";
    let second = app.sign_in("ada", own).await;
    let call = app.call("/_fn/account/sessions", &[]);
    let mine = Reply::of(call.header("cookie", &first.0)).await;
    for session in [&first, &second] {
        let id = session.0.split('=').nth(1).expect("an id");
        assert!(!mine.text().contains(id), "an id opens the session");
    }
    let mine = mine.json();
    let rows = mine.as_array().expect("sessions");
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["address"], "127.0.0.1");
    let other = rows
        .iter()
        .find(|row| row["this"] == false)
        .expect("another");
    let other = other["handle"].as_str().expect("a handle").to_owned();

    // Somebody else cannot end it, even knowing what it is called.
    let bob = app.user_with("bob", json!({})).await;
    let bob = app.sign_in_first(&bob).await;
    let end = |session: &Session| {
        let call = app.call("/_fn/account/end-session", &[("handle", &other)]);
        let call = call.header("cookie", &session.0);
        async { Reply::of(call).await.status }
    };
    assert_eq!(end(&bob).await, 404);
    assert_eq!(whoami(&app, &second).await, 200);
    assert_eq!(end(&first).await, 200);
    assert_eq!(whoami(&app, &first).await, 200);
    assert_eq!(whoami(&app, &second).await, 401);

    let login = json!({"username": "ada", "password": own});
    let login = Reply::of(app.request(Method::POST, "/user/login").json(&login)).await;
    let token = login.json()["token"].as_str().expect("a token").to_owned();
    assert_eq!(app.get("/user/me", &token).await.status, 200);
    let path = format!("/admin/users/{}/sessions", ada.id);
    let seen = app.admin(Method::GET, &path, json!({})).await;
    assert_eq!(seen.as_array().map(Vec::len), Some(1));
    app.admin(Method::DELETE, &path, json!({})).await;
    assert_eq!(whoami(&app, &first).await, 401);
    assert_eq!(app.get("/user/me", &token).await.status, 401);
    assert_eq!(app.admin(Method::GET, &path, json!({})).await, json!([]));
    assert_eq!(whoami(&app, &bob).await, 200);
}

#[tokio::test]
async fn a_link_is_good_for_one_password_and_for_its_time() {
    let app = TestApp::demo().await;
    let ada = app.user().await;
    let old = app.sign_in_first(&ada).await;
    let first = link(&app, &ada, "reset").await;
    let second = link(&app, &ada, "reset").await;
    let open = || {
        app.request(Method::GET, &second)
            .header("accept", "text/html")
    };
    let page = Reply::of(open()).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("New password"));
    // A newer one replaces the older; what is too short does not use it up.
    assert_eq!(
        use_link(&app, &first, "a password by link").await.status,
        404
    );
    assert_eq!(use_link(&app, &second, "short").await.status, 422);
    let used = use_link(&app, &second, "a password by link").await;
    assert!(used.status < 400, "{}", used.text());
    assert!(
        !used.header("set-cookie").is_empty(),
        "and one is signed in"
    );
    assert_eq!(whoami(&app, &old).await, 401, "the old session is not");
    app.sign_in("ada", "a password by link").await;
    assert_eq!(
        use_link(&app, &second, "another password").await.status,
        404
    );
    assert_eq!(Reply::of(open()).await.status, 410);

    let late = link(&app, &ada, "reset").await;
    let bob = app.user_with("bob", json!({})).await;
    let invite = link(&app, &bob, "invite").await;
    app.clock.advance_ms(24 * 3_600_000);
    assert_eq!(use_link(&app, &late, "too late by a day").await.status, 404);
    assert!(invite.starts_with("/invite/"), "{invite}");
    assert!(use_link(&app, &invite, "a password of bob").await.status < 400);
    app.sign_in("bob", "a password of bob").await;

    // What is in the database opens nothing, and the log knows who made which link for whom.
    let read = |name: &str| std::fs::read(app.folder.path().join(name)).unwrap_or_default();
    let files = [read("router.db"), read("router.db-wal")];
    assert!(!files[0].is_empty());
    for link in [&first, &second, &late, &invite] {
        let token = link.rsplit('/').next().expect("a token").as_bytes();
        let holds = |file: &Vec<u8>| file.windows(token.len()).any(|w| w == token);
        assert!(!files.iter().any(holds), "{link}");
    }
    let told = app.get("/admin/audit?search=bob", MASTER_KEY).await;
    assert!(told.text().contains("user.accept_invite"));
    let told = app.get("/admin/audit?action=user.invite", MASTER_KEY).await;
    assert_eq!(told.json()["rows"][0]["subject"]["id"], bob.id.to_string());
}
