//! The first steps in a browser: what opens them, that they are taken once, and that a router whose
//! administrator is given has none.

use http::Method;
use serde_json::{Value, json};

use crate::support::{ADMIN_PASSWORD, MASTER_KEY, Reply, Session, Setup, TestApp};

const PASSWORD: &str = "a password of one's own";

fn new_router() -> Setup {
    Setup {
        without_password: true,
        ..Setup::default()
    }
}

fn token(app: &TestApp) -> String {
    app.printed.setup_token.clone().expect("a token")
}

async fn page(app: &TestApp, path: &str, session: Option<&Session>) -> Reply {
    let request = app.request(Method::GET, path).header("accept", "text/html");
    Reply::of(match session {
        Some(session) => request.header("cookie", &session.0),
        None => request,
    })
    .await
}

async fn start(app: &TestApp) -> String {
    let reply = page(app, "/", None).await;
    assert_eq!(reply.status, 303);
    reply.header("location").to_owned()
}

async fn claim(app: &TestApp, token: &str, name: &str, password: &str, repeat: &str) -> Reply {
    let form = [
        ("token", token),
        ("name", name),
        ("password", password),
        ("repeat", repeat),
    ];
    Reply::of(app.call("/_fn/setup/claim", &form)).await
}

async fn state(app: &TestApp, session: Option<&Session>) -> Value {
    let call = app.call("/_fn/setup/state", &[]);
    let reply = Reply::of(match session {
        Some(session) => call.header("cookie", &session.0),
        None => call,
    })
    .await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

async fn call(app: &TestApp, session: &Session, function: &str, form: &[(&str, &str)]) -> Reply {
    let call = app.call(&format!("/_fn/{function}"), form);
    Reply::of(call.header("cookie", &session.0)).await
}

fn session_of(reply: &Reply) -> Session {
    let cookie = reply.header("set-cookie").split(';').next();
    Session(cookie.expect("a cookie").to_owned())
}

async fn signs_in(app: &TestApp, name: &str, password: &str) -> bool {
    let form = [("name", name), ("password", password), ("next", "")];
    Reply::of(app.call("/_fn/sign-in", &form)).await.status == 200
}

#[tokio::test]
async fn the_token_of_the_log_opens_it_once() {
    let app = TestApp::start(new_router()).await;
    let token = token(&app);
    assert_eq!(start(&app).await, "/setup");
    let program = Reply::of(app.request(Method::GET, "/")).await;
    assert_eq!(program.json()["name"], "LLM Router");
    let closed = page(&app, "/setup", None).await;
    assert_eq!(closed.status, 200);
    assert!(closed.text().contains("This router is new"));
    let wrong = page(&app, "/setup?token=wrong", None).await;
    assert_eq!(wrong.status, 403);
    assert!(!wrong.text().contains("type=\"password\""));
    assert_eq!(claim(&app, "wrong", "eve", PASSWORD, PASSWORD).await.status, 403);
    let open = page(&app, &format!("/setup?token={token}"), None).await;
    assert_eq!(open.status, 200);
    assert!(open.text().contains("type=\"password\""));

    // What cannot be a name or a password does not use it up.
    let differs = claim(&app, &token, "grace", PASSWORD, "another password").await;
    assert_eq!(differs.status, 422, "{}", differs.text());
    assert_eq!(claim(&app, &token, "grace", "short", "short").await.status, 422);
    assert_eq!(claim(&app, &token, "", PASSWORD, PASSWORD).await.status, 422);
    let done = claim(&app, &token, "grace", PASSWORD, PASSWORD).await;
    assert_eq!((done.status, done.header("location")), (200, "/setup"));
    let grace = session_of(&done);
    let whoami = call(&app, &grace, "whoami", &[]).await.json();
    assert_eq!((&whoami["name"], &whoami["role"]), (&json!("grace"), &json!("admin")));

    // Nobody else, and not once more.
    assert_eq!(claim(&app, &token, "eve", PASSWORD, PASSWORD).await.status, 403);
    assert_eq!(start(&app).await, "/login");
    let late = page(&app, &format!("/setup?token={token}"), None).await;
    assert!(!late.text().contains("type=\"password\""));
    assert_eq!(state(&app, None).await, "SignIn");
    let generated = app.printed.password.clone().expect("a password");
    assert!(!signs_in(&app, "admin", &generated).await);
    assert!(!signs_in(&app, "grace", &generated).await);
    assert!(signs_in(&app, "grace", PASSWORD).await);
    let users = app.admin(Method::GET, "/admin/users", json!({})).await;
    assert_eq!(users.as_array().map(Vec::len), Some(1), "it is the same admin");
    let told = app.get("/admin/audit?action=setup.claim", MASTER_KEY).await;
    assert_eq!(told.json()["rows"].as_array().map(Vec::len), Some(1));
    assert!(!told.text().contains(&token));

    // It opens nothing after a restart either, and is nowhere in the files.
    let app = app.restart().await;
    assert_eq!(app.printed.setup_token, None);
    assert_eq!(claim(&app, &token, "eve", PASSWORD, PASSWORD).await.status, 403);
    let read = |name: &str| std::fs::read(app.folder.path().join(name)).unwrap_or_default();
    for file in [read("router.db"), read("router.db-wal")] {
        assert!(!file.windows(token.len()).any(|w| w == token.as_bytes()));
    }
}

#[tokio::test]
async fn the_steps_lead_to_a_first_request_and_can_be_gone_on_with() {
    let app = TestApp::start(new_router()).await;
    let done = claim(&app, &token(&app), "admin", PASSWORD, PASSWORD).await;
    let admin = session_of(&done);
    let view = state(&app, Some(&admin)).await;
    assert_eq!(view["Backend"]["backends"][0]["name"], "demo");
    let overview = page(&app, "/admin-ui", Some(&admin)).await;
    assert!(overview.text().contains("The set-up is not finished"));

    // A backend that is added here leads back here; nothing leads elsewhere.
    let add = |name: &'static str, next: &'static str| {
        [
            ("form[kind]", "openai_compatible"),
            ("form[name]", name),
            ("form[base_url]", "http://127.0.0.1:1/v1"),
            ("form[api_keys]", "sk-1"),
            ("form[models]", "m"),
            ("form[unpriced]", "allow"),
            ("form[priority]", "5"),
            ("form[enabled]", "on"),
            ("act", "save"),
            ("next", next),
        ]
    };
    let save = "admin/backends/save";
    let saved = call(&app, &admin, save, &add("mine", "/setup")).await;
    assert_eq!((saved.status, saved.header("location")), (200, "/setup"));
    let astray = call(&app, &admin, save, &add("other", "//evil.example")).await;
    assert!(astray.header("location").starts_with("/admin-ui/backends?"));

    // Another session of the same admin finds it where it was.
    let again = app.sign_in("admin", PASSWORD).await;
    let view = state(&app, Some(&again)).await;
    assert_eq!(view["Backend"]["backends"].as_array().map(Vec::len), Some(3));
    let went = call(&app, &again, "setup/go-on", &[("step", "backend")]).await;
    assert_eq!((went.status, went.header("location")), (200, "/setup"));
    // A form that was sent twice skips nothing.
    call(&app, &again, "setup/go-on", &[("step", "backend")]).await;
    assert_eq!(state(&app, Some(&admin)).await, "Key");
    let made = call(&app, &admin, "setup/key", &[("label", "mine")]).await;
    let reveal = made.json().as_str().expect("a page").to_owned();
    let shown = page(&app, &reveal, Some(&admin)).await;
    let text = shown.text();
    let key = text.split("sk-lr-").nth(1).expect("a key");
    let key: String = key.chars().take_while(char::is_ascii_alphanumeric).collect();
    assert!(text.contains("href=\"/setup\""), "and back");

    let view = state(&app, Some(&admin)).await;
    let models = view["Try"]["models"].as_array().expect("models");
    assert!(models.contains(&json!("m")), "{models:?}");
    assert_eq!(models.last(), Some(&json!("demo")));
    let none = call(&app, &admin, "setup/arrivals", &[]).await;
    assert_eq!(none.json(), json!([]));
    let asked = call(&app, &admin, "setup/ask", &[("model", "demo")]).await;
    assert_eq!(asked.header("location"), "/setup?done=request-answered");
    let reply = Reply::of(app.chat(&format!("sk-lr-{key}"), crate::support::ask("demo"))).await;
    assert_eq!(reply.status, 200);
    let arrived = call(&app, &admin, "setup/arrivals", &[]).await.json();
    let statuses: Vec<_> = arrived.as_array().expect("rows").iter().map(|row| &row["status"]).collect();
    assert_eq!(statuses, [200, 200]);
    // What does not answer says so.
    let refused = call(&app, &admin, "setup/ask", &[("model", "nothing-of-the-kind")]).await;
    assert_eq!(refused.status, 422, "{}", refused.text());

    let end = call(&app, &admin, "setup/go-on", &[("step", "try")]).await;
    assert_eq!(end.header("location"), "/admin-ui");
    assert_eq!(page(&app, "/setup", Some(&admin)).await.status, 410);
    let overview = page(&app, "/admin-ui", Some(&admin)).await;
    assert!(!overview.text().contains("The set-up is not finished"));
}

#[tokio::test]
async fn only_an_admin_takes_the_steps() {
    let app = TestApp::start(new_router()).await;
    let done = claim(&app, &token(&app), "admin", PASSWORD, PASSWORD).await;
    let (admin, ada) = (session_of(&done), app.user().await);
    let ada = app.sign_in_first(&ada).await;
    let viewer = app.viewer(&admin).await;
    for who in [&ada, &viewer] {
        assert_eq!(page(&app, "/setup", Some(who)).await.status, 403);
        let went = call(&app, who, "setup/go-on", &[("step", "backend")]).await;
        assert_eq!(went.status, 403);
    }
    assert!(state(&app, Some(&admin)).await["Backend"].is_object());
}

#[tokio::test]
async fn each_start_has_a_token_until_somebody_is_in() {
    let app = TestApp::start(new_router()).await;
    let (first, password) = (token(&app), app.printed.password.clone().expect("a password"));
    let app = app.restart().await;
    let second = token(&app);
    assert_ne!(first, second);
    assert_eq!(app.printed.password, None, "as ever, it is shown once");
    assert_eq!(claim(&app, &first, "eve", PASSWORD, PASSWORD).await.status, 403);
    assert_eq!(page(&app, &format!("/setup?token={second}"), None).await.status, 200);

    // The way without a browser's steps: the password that was printed.
    assert!(signs_in(&app, "admin", &password).await);
    assert_eq!(claim(&app, &second, "eve", PASSWORD, PASSWORD).await.status, 403);
    assert_eq!(page(&app, "/setup", None).await.status, 410);
    assert_eq!(start(&app).await, "/login");
    let app = app.restart().await;
    assert_eq!(app.printed.setup_token, None);
}

#[tokio::test]
async fn where_the_password_is_given_there_is_no_set_up() {
    let app = TestApp::demo().await;
    assert_eq!(app.printed.setup_token, None);
    assert_eq!(start(&app).await, "/login");
    assert_eq!(page(&app, "/setup", None).await.status, 410);
    assert_eq!(page(&app, "/setup?token=x", None).await.status, 410);
    app.sign_in("admin", ADMIN_PASSWORD).await;

    // Nor any more where it is given later.
    let app = TestApp::start(new_router()).await;
    let token = token(&app);
    Setup::default().write(app.folder.path());
    let app = app.restart().await;
    assert_eq!(app.printed.setup_token, None);
    assert_eq!(claim(&app, &token, "eve", PASSWORD, PASSWORD).await.status, 403);
}
