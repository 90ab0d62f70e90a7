//! Backends, groups, rewrites, permissions and prices that administrators make: in force at once and after
//! a restart, checked as the file is, secrets sealed, and the file's own left alone.

use domain::Dialect;
use http::Method;
use serde_json::{Value, json};

use crate::support::{
    ADMIN_PASSWORD, Answer, MASTER_KEY, Reply, Session, Setup, TestApp, Upstream, ask, backend,
    chat_whole,
};

const SECRET: &str = "sk-upstream-secret-0815";

async fn call(app: &TestApp, method: Method, path: &str, body: Value) -> Reply {
    let request = app.request(method, path).bearer_auth(MASTER_KEY);
    Reply::of(request.json(&body)).await
}

async fn expect(app: &TestApp, method: Method, path: &str, body: Value, status: u16) -> Value {
    let reply = call(app, method, path, body).await;
    assert_eq!(reply.status, status, "{path}: {}", reply.text());
    reply.json()
}

fn settings(name: &str, upstream: &Upstream) -> Value {
    json!({
        "name": name,
        "kind": "openai_compatible",
        "base_url": upstream.url(),
        "api_keys": [SECRET],
        "max_retries": 0,
        "models": [{"model": "up", "aliases": ["made"], "price": {"input": 1, "output": 2}}],
    })
}

async fn upstream() -> Upstream {
    let upstream = Upstream::start().await;
    upstream.always(|_| Answer::json(chat_whole("up", 10, 0, 5)));
    upstream
}

async fn asked(app: &TestApp, model: &str) -> Reply {
    Reply::of(app.chat(MASTER_KEY, ask(model))).await
}

/// Calls a server function as the admin who is signed in.
async fn form(app: &TestApp, who: &Session, function: &str, form: &[(&str, &str)]) -> Reply {
    let call = app.call(&format!("/_fn/{function}"), form);
    Reply::of(call.header("cookie", &who.0)).await
}

#[tokio::test]
async fn a_backend_that_is_made_serves_at_once_and_after_a_restart() {
    let (app, upstream) = (TestApp::demo().await, upstream().await);
    let path = "/admin/backends";
    let made = expect(&app, Method::POST, path, settings("own", &upstream), 201).await;
    assert_eq!(
        (&made["name"], &made["origin"], &made["editable"]),
        (&json!("own"), &json!("dashboard"), &json!(true))
    );
    let reply = asked(&app, "made").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let sent = upstream.last();
    assert_eq!(sent.header("authorization"), format!("Bearer {SECRET}"));
    // Billed by the price that it was made with.
    let row = app.ledger().find(reply.request_id()).await.expect("a row");
    assert_eq!(row.cost_nano, Some(20_000));

    let app = app.restart().await;
    assert_eq!(asked(&app, "made").await.status, 200);
    assert_eq!(
        upstream.last().header("authorization"),
        format!("Bearer {SECRET}")
    );
    let gone = format!("/admin/backends/{}", made["id"]);
    expect(&app, Method::DELETE, &gone, json!({}), 200).await;
    assert_eq!(asked(&app, "made").await.status, 404);
    let app = app.restart().await;
    assert_eq!(asked(&app, "made").await.status, 404);
}

#[tokio::test]
async fn a_credential_is_shown_nowhere_and_stays_when_it_is_not_sent() {
    let (app, upstream) = (TestApp::demo().await, upstream().await);
    let path = "/admin/backends";
    let made = expect(&app, Method::POST, path, settings("own", &upstream), 201).await;
    let own = format!("/admin/backends/{}", made["id"]);
    let change = json!({"priority": 7, "note": "for tests"});
    let changed = expect(&app, Method::PATCH, &own, change, 200).await;
    assert_eq!(
        (&changed["priority"], &changed["note"]),
        (&json!(7), &json!("for tests"))
    );
    assert_eq!(asked(&app, "made").await.status, 200);
    assert_eq!(
        upstream.last().header("authorization"),
        format!("Bearer {SECRET}")
    );
    let admin = app.sign_in("admin", ADMIN_PASSWORD).await;
    let id = made["id"].to_string();
    let page = app
        .request(Method::GET, &format!("/admin-ui/backends?open={id}"))
        .header("cookie", &admin.0);
    let shown = [
        call(&app, Method::GET, path, json!({})).await,
        call(&app, Method::GET, &own, json!({})).await,
        call(&app, Method::GET, "/admin/audit", json!({})).await,
        form(&app, &admin, "admin/backends/get", &[("id", &id)]).await,
        Reply::of(page).await,
    ];
    for reply in shown {
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert!(!reply.text().contains(SECRET), "{}", reply.text());
    }
    let actions = app.admin(Method::GET, "/admin/audit", json!({})).await;
    let actions: Vec<&Value> = actions["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| &row["action"])
        .filter(|action| *action != "sign_in")
        .collect();
    assert_eq!(
        &actions[..2],
        [&json!("backend.update"), &json!("backend.create")]
    );
    for entry in std::fs::read_dir(app.folder.path()).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let stored = std::fs::read(&path).expect("a file");
            let secret = SECRET.as_bytes();
            let found = stored.windows(secret.len()).any(|bytes| bytes == secret);
            assert!(!found, "{}", path.display());
        }
    }
}

#[tokio::test]
async fn what_the_file_would_refuse_is_refused_and_named() {
    let (app, upstream) = (TestApp::demo().await, upstream().await);
    let wrong: [(&str, Value); 4] = [
        ("base_url", json!({"base_url": "ftp://x"})),
        ("kind", json!({"kind": "telepathy"})),
        ("priority", json!({"priority": "high"})),
        ("nonsense", json!({"nonsense": 1})),
    ];
    for (key, more) in wrong {
        let mut body = settings("own", &upstream);
        for (name, value) in more.as_object().expect("an object") {
            body[name] = value.clone();
        }
        let reply = call(&app, Method::POST, "/admin/backends", body).await;
        assert_eq!(reply.status, 400, "{key}: {}", reply.text());
        assert!(reply.text().contains(key), "{key}: {}", reply.text());
    }
    // Nothing of it was stored.
    let backends = app.admin(Method::GET, "/admin/backends", json!({})).await;
    assert!(
        backends
            .as_array()
            .expect("a list")
            .iter()
            .all(|b| b["name"] != "own")
    );
    // A name that is taken.
    let twice = settings("own", &upstream);
    expect(&app, Method::POST, "/admin/backends", twice.clone(), 201).await;
    let reply = call(&app, Method::POST, "/admin/backends", twice).await;
    assert_eq!(reply.status, 400, "{}", reply.text());
}

#[tokio::test]
async fn what_comes_from_the_file_is_shown_and_not_changed() {
    let upstream = upstream().await;
    let app = TestApp::with([backend(Dialect::OpenaiChat, "main", &upstream.url(), "")]).await;
    let backends = app.admin(Method::GET, "/admin/backends", json!({})).await;
    let main = &backends[0];
    assert_eq!(
        (&main["origin"], &main["editable"]),
        (&json!("file"), &json!(false))
    );
    let path = format!("/admin/backends/{}", main["id"]);
    for method in [Method::PATCH, Method::DELETE] {
        let reply = call(&app, method, &path, json!({"priority": 9})).await;
        assert_eq!(reply.status, 409, "{}", reply.text());
        assert!(reply.text().contains("configuration file"));
    }
    assert_eq!(asked(&app, "asked").await.status, 200);
}

#[tokio::test]
async fn a_group_follows_a_renamed_backend_and_keeps_it_from_being_deleted() {
    let (app, upstream) = (TestApp::demo().await, upstream().await);
    let path = "/admin/backends";
    let made = expect(&app, Method::POST, path, settings("own", &upstream), 201).await;
    let own = format!("/admin/backends/{}", made["id"]);
    let group = json!({"name": "best", "strategy": "priority", "members": [{"backend": "own", "model": "up"}]});
    let group = expect(&app, Method::POST, "/admin/groups", group, 201).await;
    assert_eq!(asked(&app, "best").await.status, 200);
    let renamed = expect(&app, Method::PATCH, &own, json!({"name": "other"}), 200).await;
    assert_eq!(asked(&app, "best").await.status, 200);
    let own = format!("/admin/backends/{}", renamed["id"]);
    let refused = call(&app, Method::DELETE, &own, json!({})).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(refused.text().contains("best"), "{}", refused.text());
    let path = format!("/admin/groups/{}", group["id"]);
    expect(&app, Method::DELETE, &path, json!({}), 200).await;
    expect(&app, Method::DELETE, &own, json!({}), 200).await;
    assert_eq!(asked(&app, "best").await.status, 404);
}

#[tokio::test]
async fn rewrites_hold_and_a_circle_of_them_is_refused() {
    let (app, upstream) = (TestApp::demo().await, upstream().await);
    let path = "/admin/backends";
    expect(&app, Method::POST, path, settings("own", &upstream), 201).await;
    let rewrite = json!({"source": "old", "target": "made"});
    let first = expect(&app, Method::POST, "/admin/rewrites", rewrite, 201).await;
    assert_eq!(asked(&app, "old").await.status, 200);
    let rewrite = json!({"source": "older", "target": "old"});
    expect(&app, Method::POST, "/admin/rewrites", rewrite, 201).await;
    assert_eq!(asked(&app, "older").await.status, 200);
    let path = format!("/admin/rewrites/{}", first["id"]);
    let circle = json!({"source": "old", "target": "older"});
    let refused = call(&app, Method::PUT, &path, circle).await;
    assert!(matches!(refused.status, 400 | 409), "{}", refused.text());
    assert_eq!(asked(&app, "older").await.status, 200);
}

#[tokio::test]
async fn a_file_that_takes_a_stored_name_wins_and_the_stored_one_is_told_as_broken() {
    let (app, upstream) = (TestApp::demo().await, upstream().await);
    let path = "/admin/backends";
    expect(&app, Method::POST, path, settings("main", &upstream), 201).await;
    let file = Setup::backends([backend(Dialect::OpenaiChat, "main", &upstream.url(), "")]);
    file.write(app.folder.path());
    let app = app.restart().await;
    assert_eq!(asked(&app, "asked").await.status, 200);
    assert_eq!(
        upstream.last().header("authorization"),
        "Bearer sk-upstream-main"
    );
    let backends = app.admin(Method::GET, path, json!({})).await;
    let problems: Vec<&Value> = backends
        .as_array()
        .expect("a list")
        .iter()
        .filter(|b| b["origin"] == "dashboard")
        .map(|b| &b["problem"])
        .collect();
    assert_eq!(problems.len(), 1, "{backends}");
    assert!(problems[0].is_string(), "{backends}");
}

#[tokio::test]
async fn without_its_secret_file_a_stored_backend_is_left_out_and_the_rest_serves() {
    let (app, upstream) = (TestApp::demo().await, upstream().await);
    let path = "/admin/backends";
    expect(&app, Method::POST, path, settings("own", &upstream), 201).await;
    let folder = app.folder.path().to_owned();
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.contains("secret") {
            std::fs::remove_file(&path).expect("removed");
        }
    }
    let app = app.restart().await;
    // What cannot be opened is asked without, and never sent as something else.
    assert_eq!(asked(&app, "demo").await.status, 200);
    let backends = app.admin(Method::GET, path, json!({})).await;
    let own = backends.as_array().expect("a list").iter();
    let own = own
        .clone()
        .find(|b| b["name"] == "own")
        .expect("still there");
    assert!(
        own["api_keys"].as_array().is_none_or(Vec::is_empty),
        "{own}"
    );
}

#[tokio::test]
async fn a_backend_is_switched_off_and_on() {
    let (app, upstream) = (TestApp::demo().await, upstream().await);
    let path = "/admin/backends";
    let made = expect(&app, Method::POST, path, settings("own", &upstream), 201).await;
    let own = format!("/admin/backends/{}", made["id"]);
    expect(&app, Method::PATCH, &own, json!({"is_active": false}), 200).await;
    assert_eq!(asked(&app, "made").await.status, 404);
    expect(&app, Method::PATCH, &own, json!({"is_active": true}), 200).await;
    assert_eq!(asked(&app, "made").await.status, 200);
}

#[tokio::test]
async fn a_connection_is_tested_without_being_stored() {
    let (app, upstream) = (TestApp::demo().await, upstream().await);
    let list = r#"{"object":"list","data":[{"id":"up"},{"id":"up-2"}]}"#;
    upstream.then(Answer::json(list));
    let path = "/admin/backends/test";
    let tested = expect(&app, Method::POST, path, settings("own", &upstream), 200).await;
    assert_eq!(
        (&tested["ok"], &tested["models"]),
        (&json!(true), &json!(["up", "up-2"]))
    );
    upstream.then(Answer::error(401, r#"{"error":{"message":"bad key"}}"#));
    let tested = expect(&app, Method::POST, path, settings("own", &upstream), 200).await;
    assert_eq!(tested["ok"], false);
    assert!(!tested.to_string().contains(SECRET), "{tested}");
    let backends = app.admin(Method::GET, "/admin/backends", json!({})).await;
    assert!(
        backends
            .as_array()
            .expect("a list")
            .iter()
            .all(|b| b["name"] != "own")
    );
}

#[tokio::test]
async fn the_page_makes_a_backend_keeps_what_was_typed_and_says_what_is_wrong() {
    let (app, upstream) = (TestApp::demo().await, upstream().await);
    let admin = app.sign_in("admin", ADMIN_PASSWORD).await;
    let url = upstream.url();
    let typed = |url: &str| {
        [
            ("form[kind]", "openai_compatible".to_owned()),
            ("form[name]", "paged".to_owned()),
            ("form[base_url]", url.to_owned()),
            ("form[api_keys]", SECRET.to_owned()),
            ("form[priority]", "3".to_owned()),
            ("form[models]", "up = made, other".to_owned()),
            ("form[unpriced]", "allow".to_owned()),
            ("form[enabled]", "true".to_owned()),
            ("form[more]", "max_retries: 0".to_owned()),
            ("act", "save".to_owned()),
        ]
    };
    let wrong = typed("nowhere");
    let wrong = wrong
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let refused = form(&app, &admin, "admin/backends/save", &wrong).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert!(refused.text().contains("base_url"), "{}", refused.text());
    assert!(refused.text().contains("up = made, other"), "kept");
    assert!(!refused.text().contains(SECRET), "no secret is kept");
    let right = typed(&url);
    let right = right
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let made = form(&app, &admin, "admin/backends/save", &right).await;
    assert!(matches!(made.status, 200 | 302), "{}", made.text());
    for model in ["made", "other"] {
        assert_eq!(asked(&app, model).await.status, 200, "{model}");
    }
}

#[tokio::test]
async fn permissions_narrow_what_a_user_may_ask_for() {
    let (app, upstream) = (TestApp::demo().await, upstream().await);
    let made = expect(
        &app,
        Method::POST,
        "/admin/backends",
        settings("own", &upstream),
        201,
    )
    .await;
    let ada = app.user().await;
    let may = async |model: &str| Reply::of(app.chat(&ada.key, ask(model))).await.status;
    assert_eq!((may("made").await, may("demo").await), (200, 200));
    let pair = json!({"user_id": ada.id, "backend_id": made["id"]});
    expect(&app, Method::POST, "/admin/permissions", pair, 201).await;
    assert_eq!((may("made").await, may("demo").await), (200, 404));
    let models = app.get("/v1/models", &ada.key).await.json();
    let models = models["data"].as_array().expect("a list").clone();
    assert!(
        models.iter().all(|model| model["id"] != "demo"),
        "{models:?}"
    );

    // The page takes this one back and gives nothing: all may be used again.
    let admin = app.sign_in("admin", ADMIN_PASSWORD).await;
    let pair = format!("{}-{}", ada.id, made["id"]);
    let id = ada.id.to_string();
    let matrix = [("search", ""), ("page", "1")];
    let matrix = form(&app, &admin, "admin/permissions/list", &matrix)
        .await
        .json();
    let row = matrix["users"]["rows"].as_array().expect("rows").iter();
    let row = row.clone().find(|row| row["id"] == ada.id).expect("ada");
    assert_eq!(row["backends"], json!([made["id"]]));
    let save = [("users[]", id.as_str()), ("before[]", &pair)];
    let saved = form(&app, &admin, "admin/permissions/save", &save).await;
    assert_eq!(saved.status, 200, "{}", saved.text());
    assert_eq!((may("made").await, may("demo").await), (200, 200));
    // A column's button permits one backend to everyone shown.
    let backend = made["id"].to_string();
    let save = [("users[]", id.as_str()), ("every", &backend)];
    form(&app, &admin, "admin/permissions/save", &save).await;
    assert_eq!((may("made").await, may("demo").await), (200, 404));
    // A page that was opened before says nothing about what it did not show as ticked.
    let stale = [("users[]", id.as_str())];
    form(&app, &admin, "admin/permissions/save", &stale).await;
    assert_eq!((may("made").await, may("demo").await), (200, 404));
    let reach = form(&app, &admin, "admin/permissions/reach", &[("user", &id)]).await;
    assert!(reach.text().contains("made") && !reach.text().contains("\"demo\""));
}

#[tokio::test]
async fn who_was_permitted_nothing_may_use_nothing_where_that_is_the_rule() {
    let setup = Setup {
        auth: "deny_unpermitted: true",
        ..Setup::default()
    };
    let app = TestApp::start(setup).await;
    let ada = app.user().await;
    let refused = Reply::of(app.chat(&ada.key, ask("demo"))).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    let backends = app.admin(Method::GET, "/admin/backends", json!({})).await;
    for backend in backends.as_array().expect("a list") {
        let pair = json!({"user_id": ada.id, "backend_id": backend["id"]});
        expect(&app, Method::POST, "/admin/permissions", pair, 201).await;
    }
    let allowed = Reply::of(app.chat(&ada.key, ask("demo"))).await;
    assert_eq!(allowed.status, 200, "{}", allowed.text());
}

#[tokio::test]
async fn the_page_sets_a_price_from_now_on_and_takes_it_back() {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    upstream.always(|_| Answer::json(chat_whole("up-main", 1_000, 0, 100)));
    let admin = app.sign_in("admin", ADMIN_PASSWORD).await;
    let list = [("search", "up-main"), ("show", ""), ("page", "1")];
    let list = form(&app, &admin, "admin/prices/list", &list).await.json();
    let row = &list["rows"][0];
    assert_eq!(row["model"], "up-main");
    let id = row["id"].to_string();
    let cost = async || {
        let reply = asked(&app, "asked").await;
        let row = app.ledger().find(reply.request_id()).await.expect("a row");
        row.cost_nano.expect("a price")
    };
    assert_eq!(cost().await, 3_500_000);
    let wrong = [("id", id.as_str()), ("input", "two"), ("output", "4")];
    let refused = form(&app, &admin, "admin/prices/set", &wrong).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert!(refused.text().contains("input_price") && refused.text().contains("two"));
    let past = [
        ("id", id.as_str()),
        ("input", "5"),
        ("output", "20"),
        ("effective_from", "2020-01-01"),
    ];
    let refused = form(&app, &admin, "admin/prices/set", &past).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert_eq!(cost().await, 3_500_000);
    let right = [("id", id.as_str()), ("input", "5"), ("output", "20")];
    let set = form(&app, &admin, "admin/prices/set", &right).await;
    assert_eq!(set.status, 200, "{}", set.text());
    assert_eq!(cost().await, 7_000_000);
    let one = form(&app, &admin, "admin/prices/get", &[("id", &id)])
        .await
        .json();
    assert_eq!(one["row"]["current"]["by_admin"], true);
    assert_eq!(one["history"].as_array().map(Vec::len), Some(2));
    form(&app, &admin, "admin/prices/withdraw", &[("id", &id)]).await;
    assert_eq!(cost().await, 3_500_000);
}

#[tokio::test]
async fn backends_made_by_many_at_once_are_all_there_and_no_name_twice() {
    let (app, upstream) = (TestApp::demo().await, upstream().await);
    let names = ["a", "b", "c", "a", "b", "c", "d", "d"];
    let made = futures_util::future::join_all(names.map(|name| {
        let mut body = settings(name, &upstream);
        body["models"] = json!([{"model": format!("up-{name}")}]);
        body["unpriced"] = json!("allow");
        call(&app, Method::POST, "/admin/backends", body)
    }))
    .await;
    let mut statuses: Vec<u16> = made.iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 201, 201, 201, 400, 400, 400, 400]);
    for name in ["a", "b", "c", "d"] {
        assert_eq!(
            asked(&app, &format!("up-{name}")).await.status,
            200,
            "{name}"
        );
    }
}
