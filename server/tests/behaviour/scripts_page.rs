//! The page of scripts: what is typed is tried, stored, put into force and taken back; and nothing that was
//! typed is lost.

use domain::Dialect;
use http::Method;
use serde_json::{Value, json};

use crate::support::{ADMIN_PASSWORD, Answer, Reply, Session, TestApp, ask, chat_whole};

const CODE: &str = "export function onRequest(context) {\n  console.log('seen', context.model);\n  context.request.headers['x-seen'] = 'yes';\n  return context;\n}\n";

async fn call(app: &TestApp, who: &Session, function: &str, form: &[(&str, &str)]) -> Reply {
    let call = app.call(&format!("/_fn/admin/scripts/{function}"), form);
    Reply::of(call.header("cookie", &who.0)).await
}

async fn read(app: &TestApp, who: &Session, function: &str, form: &[(&str, &str)]) -> Value {
    let reply = call(app, who, function, form).await;
    assert_eq!(reply.status, 200, "{function}: {}", reply.text());
    reply.json()
}

/// What is said about a refused form, by the token in its answer.
async fn notes(app: &TestApp, who: &Session, refused: &Reply) -> Value {
    let cause = &refused.json()["cause"];
    let token = ["told", "tried", "Told", "Tried"]
        .iter()
        .find_map(|kind| cause[kind]["token"].as_str())
        .unwrap_or_else(|| panic!("a token in {}", refused.text()));
    let call = app.call("/_fn/notes", &[("token", token)]);
    Reply::of(call.header("cookie", &who.0)).await.json()
}

fn typed<'a>(name: &'a str, code: &'a str, act: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("name", name),
        ("script_type", "global"),
        ("on_error", "fail"),
        ("position", "1"),
        ("code", code),
        ("request", r#"{"body":{"model":"demo"}}"#),
        ("act", act),
    ]
}

#[tokio::test]
async fn a_script_is_made_tried_activated_changed_and_rolled_back() {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    upstream.always(|_| Answer::json(chat_whole("up-main", 10, 0, 5)));
    let admin = app.sign_in("admin", ADMIN_PASSWORD).await;
    let user = app.user().await;
    let sent = async || {
        let reply = Reply::of(app.chat(&user.key, ask("asked"))).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        upstream.last().header("x-seen").to_owned()
    };

    // Tried before it is stored: what it did to the request, and what it wrote.
    let tried = call(&app, &admin, "save", &typed("mark", CODE, "test")).await;
    assert_eq!(tried.status, 422, "{}", tried.text());
    let said = notes(&app, &admin, &tried).await;
    assert_eq!(said["good"], true, "{said}");
    let titles: Vec<&Value> = said["parts"]
        .as_array()
        .expect("parts")
        .iter()
        .map(|part| &part["title"])
        .collect();
    assert_eq!(titles, [&json!("Console"), &json!("Request")], "{said}");
    let text = said.to_string();
    assert!(
        text.contains("seen demo") && text.contains("x-seen"),
        "{text}"
    );
    let list = read(&app, &admin, "list", &[]).await;
    assert_eq!(list["rows"], json!([]), "nothing was stored");

    let made = call(&app, &admin, "save", &typed("mark", CODE, "save")).await;
    assert!(matches!(made.status, 200 | 302), "{}", made.text());
    let list = read(&app, &admin, "list", &[]).await;
    let id = list["rows"][0]["id"].to_string();
    assert_eq!(list["rows"][0]["state"], "Inactive");
    assert_eq!(sent().await, "", "it is not in force yet");
    read(
        &app,
        &admin,
        "set-active",
        &[("id", &id), ("active", "true")],
    )
    .await;
    assert_eq!(sent().await, "yes");
    let list = read(&app, &admin, "list", &[]).await;
    assert_eq!(
        (&list["rows"][0]["state"], &list["rows"][0]["calls"]),
        (&json!("Active"), &json!(1))
    );

    // A save is a version and stays active; a roll-back is one too.
    let other = CODE.replace("'yes'", "'twice'");
    let mut form = typed("mark", &other, "save");
    form.push(("entry", &id));
    read(&app, &admin, "save", &form).await;
    assert_eq!(sent().await, "twice");
    let one = read(&app, &admin, "get", &[("id", &id)]).await;
    assert_eq!(one["row"]["version"], 2);
    let changes: Vec<String> = one["versions"][0]["changes"]
        .as_array()
        .expect("lines")
        .iter()
        .filter(|line| line["mark"] != "same")
        .map(|line| format!("{}: {}", line["mark"], line["text"]))
        .collect();
    assert_eq!(changes.len(), 2, "{changes:?}");
    assert!(
        changes[0].contains("removed") && changes[1].contains("twice"),
        "{changes:?}"
    );
    read(&app, &admin, "roll-back", &[("id", &id), ("version", "1")]).await;
    assert_eq!(sent().await, "yes");

    let refused = call(&app, &admin, "delete", &[("id", &id), ("confirm", "other")]).await;
    assert_eq!(refused.status, 422);
    call(&app, &admin, "delete", &[("id", &id), ("confirm", "mark")]).await;
    assert_eq!(sent().await, "");
    let actions = app.admin(Method::GET, "/admin/audit", json!({})).await;
    let actions = actions.to_string();
    for action in [
        "script.create",
        "script.activate",
        "script.update",
        "script.delete",
    ] {
        assert!(actions.contains(action), "{action}");
    }
}

#[tokio::test]
async fn what_was_typed_is_kept_however_long_it_is() {
    let app = TestApp::demo().await;
    let admin = app.sign_in("admin", ADMIN_PASSWORD).await;
    let code = format!("{CODE}// {}", "long ".repeat(2_000));
    let refused = call(&app, &admin, "save", &typed("", &code, "save")).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    let said = notes(&app, &admin, &refused).await;
    let kept = said["kept"].as_array().expect("kept").iter();
    let kept: Vec<&Value> = kept.filter(|pair| pair[0] == "code").collect();
    assert_eq!(kept, [&json!(["code", code])]);
    // Nobody else reads it.
    let user = app.user().await;
    let ada = app.sign_in_first(&user).await;
    let token = refused.json().to_string();
    let token = token
        .split("\"token\":\"")
        .nth(1)
        .and_then(|t| t.split('"').next());
    let call = app.call("/_fn/notes", &[("token", token.expect("a token"))]);
    let other = Reply::of(call.header("cookie", &ada.0)).await;
    assert_eq!(other.json(), Value::Null);
    // Without JavaScript the page has it again.
    let location = app
        .request(Method::POST, "/_fn/admin/scripts/save")
        .header("cookie", &admin.0)
        .header("accept", "text/html")
        .header(
            "referer",
            format!("http://{}/admin-ui/scripts?new=1", app.address),
        )
        .header("origin", format!("http://{}", app.address))
        .form(&typed("", &code, "save"));
    let location = Reply::of(location).await;
    assert_eq!(location.status, 302, "{}", location.text());
    let back = location.header("location").to_owned();
    let path = back
        .find("/admin-ui")
        .map(|at| back[at..].to_owned())
        .expect("our page");
    let page = app.request(Method::GET, &path).header("cookie", &admin.0);
    let page = Reply::of(page).await;
    assert!(
        page.text().contains("long long long"),
        "the code is there again"
    );
    assert!(
        page.text().contains("Name must not be empty"),
        "{}",
        page.text()
    );
}

#[tokio::test]
async fn a_script_that_fails_is_told_with_its_error_and_bad_trials_are_named() {
    let app = TestApp::demo().await;
    let admin = app.sign_in("admin", ADMIN_PASSWORD).await;
    let broken = "export function onRequest() {\n  throw new Error('no luck');\n}";
    let tried = call(&app, &admin, "save", &typed("x", broken, "test")).await;
    let said = notes(&app, &admin, &tried).await;
    assert_eq!(said["good"], false);
    assert!(said.to_string().contains("no luck"), "{said}");
    let mut form = typed("x", CODE, "test");
    form.push(("chunks", "{"));
    let refused = call(&app, &admin, "save", &form).await;
    assert!(refused.text().contains("chunks"), "{}", refused.text());
    let mut form = typed("x", CODE, "save");
    form.retain(|(name, _)| *name != "script_type");
    form.extend([("script_type", "per-user"), ("target_user", "nobody")]);
    let refused = call(&app, &admin, "save", &form).await;
    assert!(refused.text().contains("target_user"), "{}", refused.text());
}

#[tokio::test]
async fn who_only_looks_sees_scripts_and_tries_none() {
    let app = TestApp::demo().await;
    let admin = app.sign_in("admin", ADMIN_PASSWORD).await;
    read(
        &app,
        &admin,
        "set-secret",
        &[("name", "gateway-key"), ("value", "hush-hush")],
    )
    .await;
    let viewer = app.viewer(&admin).await;
    let list = read(&app, &viewer, "list", &[]).await;
    assert_eq!(list["secrets"][0]["name"], "gateway-key");
    let spy = "export function onRequest() {\n  console.log(secrets.get('gateway-key'));\n}";
    let tried = call(&app, &viewer, "save", &typed("x", spy, "test")).await;
    assert_eq!(tried.status, 403, "{}", tried.text());
    let tried = call(&app, &admin, "save", &typed("x", spy, "test")).await;
    let said = notes(&app, &admin, &tried).await;
    assert!(
        said.to_string().contains("hush-hush"),
        "an admin may: {said}"
    );
    let page = app
        .request(Method::GET, "/admin-ui/scripts")
        .header("cookie", &viewer.0);
    let page = Reply::of(page).await;
    assert_eq!(page.status, 200);
    assert!(!page.text().contains("hush-hush"));
}

#[tokio::test]
async fn an_example_fills_the_form_of_a_new_script() {
    let app = TestApp::demo().await;
    let admin = app.sign_in("admin", ADMIN_PASSWORD).await;
    let new = read(&app, &admin, "get", &[("example", "redact")]).await;
    let code = new["text"]["code"].as_str().expect("code");
    assert_eq!(code, include_str!("../../../examples/scripts/redact.js"));
    let tried = call(&app, &admin, "save", &typed("redact", code, "test")).await;
    let said = notes(&app, &admin, &tried).await;
    assert_eq!(said["good"], true, "{said}");
}

#[tokio::test]
async fn requests_are_recorded_only_where_somebody_asked_and_tried_as_they_came() {
    let app = TestApp::demo().await;
    let admin = app.sign_in("admin", ADMIN_PASSWORD).await;
    let viewer = app.viewer(&admin).await;
    let user = app.user().await;
    let ask_it = async |text: &str| {
        let body = ask("demo").replace("Say hello", text);
        assert_eq!(Reply::of(app.chat(&user.key, body)).await.status, 200);
    };
    let recorded = async |who: &Session| {
        let one = read(&app, who, "get", &[]).await;
        one["recorded"].as_array().expect("a list").clone()
    };
    ask_it("before it was asked for").await;
    assert!(recorded(&admin).await.is_empty());
    read(&app, &admin, "record", &[("on", "true")]).await;
    ask_it("remember me").await;
    let rows = recorded(&admin).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(
        recorded(&viewer).await.is_empty(),
        "what people ask is not for who only looks"
    );
    let id = rows[0]["id"].as_str().expect("an id");
    let one = read(&app, &admin, "get", &[("recorded", id)]).await;
    let request = one["text"]["request"].as_str().expect("JSON").to_owned();
    assert!(request.contains("remember me"), "{request}");
    assert!(!request.contains(&user.key), "{request}");
    let mut form = typed("mark", CODE, "test");
    form.retain(|(name, _)| *name != "request");
    form.push(("request", &request));
    let tried = call(&app, &admin, "save", &form).await;
    let said = notes(&app, &admin, &tried).await;
    assert!(said.to_string().contains("remember me"), "{said}");

    for n in 0..30 {
        ask_it(&format!("number {n}")).await;
    }
    assert_eq!(recorded(&admin).await.len(), 20);
    // After ten minutes nothing is recorded any more, and an hour later it is gone.
    app.clock.advance_ms(10 * 60_000);
    ask_it("too late").await;
    let newest = recorded(&admin).await[0]["id"].to_string();
    let newest = read(
        &app,
        &admin,
        "get",
        &[("recorded", newest.trim_matches('"'))],
    )
    .await;
    assert!(newest.to_string().contains("number 29"), "{newest}");
    app.clock.advance_ms(60 * 60_000);
    assert!(recorded(&admin).await.is_empty());
    read(&app, &admin, "record", &[("on", "true")]).await;
    ask_it("once more").await;
    read(&app, &admin, "record", &[("on", "false")]).await;
    assert!(recorded(&admin).await.is_empty(), "stopped and forgotten");
}
