//! Whatever an admin does is in the audit log, in the same transaction, and a log that somebody has edited is
//! found out.

use clap::Parser as _;
use http::Method;
use serde_json::{Value, json};
use server::{
    cli::{Cli, Command},
    config::Environment,
};
use sqlx::Connection as _;

use crate::support::{ADMIN_PASSWORD, MASTER_KEY, Reply, Setup, TestApp};

/// The log's rows from the first on, by `query`.
async fn log(app: &TestApp, query: &str) -> Vec<Value> {
    let path = format!("/admin/audit?per_page=200&{query}");
    let page = app.get(&path, MASTER_KEY).await.json();
    let mut rows = page["rows"].as_array().expect("rows").clone();
    assert_eq!(page["total"], rows.len());
    rows.reverse();
    rows
}

/// Runs `llm-router audit verify` with `more` arguments: its exit status and what it said.
fn verify(app: &TestApp, more: &[&str]) -> (u8, String) {
    let file = Setup::file(app.folder.path());
    let file = file.to_str().expect("a path");
    let line = ["llm-router", "audit", "verify", "--config", file];
    let line = line.iter().chain(more);
    let Command::Audit { command } = Cli::try_parse_from(line).expect("valid").command else {
        panic!("not audit");
    };
    let mut said = Vec::new();
    let status = std::thread::scope(|scope| {
        let run = || command.run(&Environment::default(), &mut said);
        scope.spawn(run).join().expect("no panic")
    });
    let status = status.expect("an answer");
    (status, String::from_utf8(said).expect("UTF-8"))
}

/// Changes the log as somebody would who has the file.
async fn tamper(app: &TestApp, sql: &'static str) {
    let path = format!("sqlite://{}/router.db", app.folder.path().display());
    let mut file = sqlx::SqliteConnection::connect(&path)
        .await
        .expect("a file");
    sqlx::raw_sql(
        "drop trigger if exists audit_is_not_changed; drop trigger if exists audit_is_not_deleted",
    )
    .execute(&mut file)
    .await
    .expect("no triggers");
    sqlx::raw_sql(sql).execute(&mut file).await.expect("done");
    file.close().await.expect("closed");
}

#[tokio::test]
async fn what_an_admin_does_is_told_with_before_and_after() {
    let app = TestApp::demo().await;
    let ada = app.user().await;
    let path = format!("/admin/users/{}", ada.id);
    app.admin(Method::PATCH, &path, json!({"monthly_budget": 20}))
        .await;
    let key = app.key_id(&ada).await;
    app.admin(
        Method::POST,
        &format!("/admin/keys/{key}/rotate"),
        json!({}),
    )
    .await;
    app.admin(Method::PATCH, &path, json!({"active": false}))
        .await;
    app.admin(Method::PATCH, &path, json!({"reset_spend": true}))
        .await;
    app.admin(Method::DELETE, &path, json!({})).await;

    let rows = log(&app, "").await;
    let actions: Vec<&str> = rows
        .iter()
        .filter_map(|row| row["action"].as_str())
        .collect();
    let first_start = ["user.create", "key.create"];
    let done = [
        "user.create",
        "user.set_budget",
        "key.rotate",
        "user.disable",
        "budget.reset",
        "user.delete",
    ];
    assert_eq!(actions, [&first_start[..], &done[..]].concat());
    let budget = &rows[3];
    assert_eq!(budget["actor"]["kind"], "master_key");
    assert_eq!(
        budget["subject"],
        json!({"kind": "user", "id": ada.id.to_string()})
    );
    assert_eq!(budget["subject_name"], "ada");
    assert_eq!(budget["before"]["budget"]["monthly"], 0);
    assert_eq!(budget["after"]["budget"]["monthly"], 20_000_000_000_i64);
    assert_ne!(rows[4]["before"]["last4"], rows[4]["after"]["last4"]);
    assert_eq!(rows[7]["after"], Value::Null, "there is nobody any more");

    // Nothing that opens anything is in it.
    let all = app.get("/admin/audit?per_page=200", MASTER_KEY).await;
    for secret in [
        &ada.key,
        &ada.password,
        "argon2",
        ADMIN_PASSWORD,
        MASTER_KEY,
    ] {
        assert!(!all.text().contains(secret), "{secret}");
    }
    assert_eq!(verify(&app, &[]).0, 0);
}

#[tokio::test]
async fn what_was_refused_leaves_no_row_and_no_change() {
    let app = TestApp::demo().await;
    app.user().await;
    let before = log(&app, "").await.len();
    // A name that is taken is refused by the database, in the middle of the change.
    let twice = json!({"name": "ADA"});
    let request = app
        .request(Method::POST, "/admin/users")
        .bearer_auth(MASTER_KEY);
    assert_eq!(Reply::of(request.json(&twice)).await.status, 409);
    let request = app.request(Method::DELETE, "/admin/users/999999");
    assert_eq!(Reply::of(request.bearer_auth(MASTER_KEY)).await.status, 404);
    assert_eq!(log(&app, "").await.len(), before);
    // The next one goes on where the log was.
    app.user_with("grace", json!({})).await;
    assert_eq!(log(&app, "").await.len(), before + 1);
    assert_eq!(verify(&app, &[]).0, 0);
}

#[tokio::test]
async fn a_change_that_cannot_be_told_does_not_happen() {
    let app = TestApp::demo().await;
    let ada = app.user().await;
    tamper(&app, "alter table audit rename to gone").await;
    let path = format!("/admin/users/{}", ada.id);
    let change = json!({"monthly_budget": 20});
    let request = app.request(Method::PATCH, &path).bearer_auth(MASTER_KEY);
    assert_eq!(Reply::of(request.json(&change)).await.status, 500);
    tamper(&app, "alter table gone rename to audit").await;
    let users = app.admin(Method::GET, "/admin/users", json!({})).await;
    let found = users
        .as_array()
        .expect("users")
        .iter()
        .find(|user| user["id"] == ada.id);
    assert_eq!(found.expect("ada")["monthly_budget"], 0.0);
    app.admin(Method::PATCH, &path, change).await;
    assert_eq!(verify(&app, &[]).0, 0);
}

#[tokio::test]
async fn users_are_told_about_their_keys_and_admins_about_their_sign_ins() {
    let app = TestApp::demo().await;
    let ada = app.user().await;
    let session = app.sign_in_first(&ada).await;
    let form = [
        ("label", "mine"),
        ("expires_in_days", ""),
        ("requests_per_minute", ""),
        ("allowed_models", ""),
    ];
    let call = app.call("/_fn/me/keys/create", &form);
    assert_eq!(
        Reply::of(call.header("cookie", &session.0)).await.status,
        200
    );
    app.sign_in("admin", ADMIN_PASSWORD).await;
    let wrong = [("name", "ADMIN"), ("password", "guess"), ("next", "")];
    Reply::of(app.call("/_fn/sign-in", &wrong)).await;
    // A user's attempts are their own business.
    let wrong = [("name", "ada"), ("password", "guess"), ("next", "")];
    Reply::of(app.call("/_fn/sign-in", &wrong)).await;

    let mine = log(&app, &format!("actor_id={}", ada.id)).await;
    let actions: Vec<&str> = mine
        .iter()
        .filter_map(|row| row["action"].as_str())
        .collect();
    assert_eq!(actions, ["user.change_password", "key.create"]);
    assert_eq!(mine[1]["subject_name"], "mine");
    let sign_ins = log(&app, "action=sign_in").await;
    let told: Vec<(&str, &str)> = sign_ins
        .iter()
        .filter_map(|row| Some((row["action"].as_str()?, row["actor"]["kind"].as_str()?)))
        .collect();
    assert_eq!(told, [("sign_in", "user"), ("sign_in.failed", "nobody")]);
    assert_eq!(log(&app, "search=guess").await.len(), 0);
}

#[tokio::test]
async fn an_edited_log_is_found_out() {
    let edits = [
        (
            "update audit set actor = 'somebody else' where seq = 4",
            "row 4 is not what was written",
        ),
        (
            "update audit set after = replace(after, '20000000000', '2000000000') where seq = 4",
            "row 4 is not what was written",
        ),
        ("delete from audit where seq = 4", "row 4 is missing"),
        (
            "update audit set seq = 99 where seq = 3; update audit set seq = 3 where seq = 4; \
             update audit set seq = 4 where seq = 99",
            "row 3 is not what was written",
        ),
        (
            "delete from audit where seq >= 4",
            "rows 4 to 5, the last, are missing",
        ),
    ];
    for (edit, finding) in edits {
        let app = TestApp::demo().await;
        let ada = app.user().await;
        for budget in [20, 30] {
            let path = format!("/admin/users/{}", ada.id);
            app.admin(Method::PATCH, &path, json!({"monthly_budget": budget}))
                .await;
        }
        let (status, said) = verify(&app, &[]);
        assert_eq!(status, 0, "{said}");
        assert!(
            said.starts_with("5 rows: all as they were written"),
            "{said}"
        );
        let head = said.rsplit(' ').next().expect("a hash").trim().to_owned();
        assert_eq!(verify(&app, &["--contains", &head]).0, 0);
        tamper(&app, edit).await;
        let (status, said) = verify(&app, &[]);
        assert_eq!(status, 1, "{edit}: {said}");
        assert!(said.contains(finding), "{edit}: {said}");
        // Whoever kept the last hash is not fooled by a log that was cut off with its note.
        tamper(
            &app,
            "delete from audit where seq >= 3; update audit_head set seq = 2, \
                      hash = (select hash from audit where seq = 2)",
        )
        .await;
        assert_eq!(verify(&app, &["--contains", &head]).0, 1);
    }
}

#[tokio::test]
async fn the_log_cannot_be_edited_by_the_router_itself_and_is_had_as_csv() {
    let app = TestApp::demo().await;
    app.user_with("=cmd|x", json!({})).await;
    let path = format!("sqlite://{}/router.db", app.folder.path().display());
    let mut file = sqlx::SqliteConnection::connect(&path)
        .await
        .expect("a file");
    for sql in ["update audit set actor = 'x'", "delete from audit"] {
        let refused = sqlx::raw_sql(sql).execute(&mut file).await;
        assert!(refused.is_err(), "{sql}");
    }
    let admin = app.sign_in("admin", ADMIN_PASSWORD).await;
    let request = app.request(Method::GET, "/admin-ui/audit.csv?kind=user");
    let reply = Reply::of(request.header("cookie", &admin.0)).await;
    assert_eq!(reply.header("content-type"), "text/csv; charset=utf-8");
    let lines: Vec<&str> = reply.text().lines().collect();
    assert_eq!(
        lines.len(),
        1 + 3,
        "the head, two users, a sign-in: {lines:?}"
    );
    assert!(lines[2].contains("'=cmd|x"), "no formula: {}", lines[2]);
    let request = app.request(Method::GET, "/admin-ui/audit");
    let page = Reply::of(request.header("cookie", &admin.0)).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("user.create"));
}
