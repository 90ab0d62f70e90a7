//! `/user/*` and `/admin/login`: scripts that sign in by name and password.

use http::Method;
use serde_json::{Value, json};

use crate::support::{ADMIN_PASSWORD, MASTER_KEY, Reply, TestApp, User, ask};

async fn post(app: &TestApp, path: &str, body: Value) -> Reply {
    let request = app.request(Method::POST, path).json(&body);
    Reply::of(request).await
}

async fn token_of(app: &TestApp, name: &str, password: &str) -> String {
    let reply = post(
        app,
        "/user/login",
        json!({"username": name, "password": password}),
    )
    .await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let reply = reply.json();
    assert_eq!(reply["ok"], true);
    reply["token"].as_str().expect("a token").to_owned()
}

/// Signs in for the first time, which asks for a password of one's own.
async fn settled(app: &TestApp, user: &User, password: &str) -> String {
    let first = token_of(app, &user.name, &user.password).await;
    let refused = app.get("/user/me", &first).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    let body = json!({"current_password": user.password, "new_password": password});
    let request = app
        .request(Method::POST, "/user/change-password")
        .bearer_auth(&first);
    let changed = Reply::of(request.json(&body)).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(
        app.get("/user/me", &first).await.status,
        401,
        "it ends all earlier tokens"
    );
    changed.json()["token"]
        .as_str()
        .expect("a token")
        .to_owned()
}

#[tokio::test]
async fn a_user_sees_what_is_theirs_and_nothing_else() {
    let app = TestApp::demo().await;
    let ada = app
        .user_with("ada", json!({"monthly_budget": 20, "daily_budget": "2.50"}))
        .await;
    let bob = app.user_with("bob", json!({})).await;
    for user in [&ada, &bob] {
        assert_eq!(
            Reply::of(app.chat(&user.key, ask("demo"))).await.status,
            200
        );
    }
    let token = settled(&app, &ada, "a new password").await;
    let me = app.get("/user/me", &token).await.json();
    assert_eq!(
        (&me["name"], &me["monthly_budget"], &me["daily_budget"]),
        (&json!("ada"), &json!(20.0), &json!(2.5))
    );
    assert!(me["monthly_spend"].as_f64() > Some(0.0));
    assert_eq!(me["monthly_spend"], me["daily_spend"]);
    let keys = app.get("/user/keys", &token).await.json();
    assert_eq!(keys.as_array().map(Vec::len), Some(1));
    assert!(!keys.to_string().contains(&ada.key));
    assert_eq!(keys[0]["user_id"], ada.id);
    for period in ["daily", "monthly"] {
        let rows = app
            .get(&format!("/user/usage/{period}"), &token)
            .await
            .json();
        assert_eq!(rows.as_array().map(Vec::len), Some(1), "{rows}");
        assert_eq!(
            (&rows[0]["model"], &rows[0]["requests"]),
            (&json!("demo"), &json!(1))
        );
        assert_eq!(rows[0]["cost"], me["monthly_spend"]);
    }
    let months = app.get("/user/history", &token).await.json();
    assert_eq!(
        (&months[0]["month"], &months[0]["budget"]),
        (&json!("2026-11"), &json!(20.0))
    );
    assert_eq!(months[0]["spend"], me["monthly_spend"]);
    let days = app.get("/user/daily-history", &token).await.json();
    assert_eq!(days[0]["day"], "2026-11-18");
    // The other header is as good.
    let request = app
        .request(Method::GET, "/user/me")
        .header("x-user-token", &token);
    assert_eq!(Reply::of(request).await.status, 200);
}

#[tokio::test]
async fn tokens_end_with_their_time_the_password_and_the_user() {
    let app = TestApp::demo().await;
    let user = app.user().await;
    let token = settled(&app, &user, "a new password").await;
    let status = async |token: &str| app.get("/user/me", token).await.status;
    app.clock.advance_ms(24 * 3_600_000 - 1_000);
    assert_eq!(status(&token).await, 200);
    app.clock.advance_ms(1_000);
    assert_eq!(status(&token).await, 401);
    let token = token_of(&app, &user.name, "a new password").await;
    let path = format!("/admin/users/{}", user.id);
    app.admin(Method::PATCH, &path, json!({"active": false}))
        .await;
    assert_eq!(status(&token).await, 401);
    let refused = post(
        &app,
        "/user/login",
        json!({"username": user.name, "password": "a new password"}),
    )
    .await;
    assert_eq!(refused.status, 403);
    app.admin(Method::PATCH, &path, json!({"active": true}))
        .await;
    let body = json!({"current_password": "wrong", "new_password": "another password"});
    let token = token_of(&app, &user.name, "a new password").await;
    let request = app
        .request(Method::POST, "/user/change-password")
        .bearer_auth(&token);
    assert_eq!(Reply::of(request.json(&body)).await.status, 403);
    for nonsense in ["", "x", "a.b.c", &token[..token.len() - 5]] {
        assert_eq!(status(nonsense).await, 401);
    }
}

#[tokio::test]
async fn an_admins_token_opens_the_admin_api_for_an_hour_and_the_master_key_stays_here() {
    let app = TestApp::demo().await;
    let login = json!({"username": "admin", "password": ADMIN_PASSWORD});
    let reply = post(&app, "/admin/login", login).await;
    assert!(!reply.text().contains(MASTER_KEY));
    let token = reply.json()["token"].as_str().expect("a token").to_owned();
    assert_eq!(app.get("/admin/users", &token).await.status, 200);
    assert_eq!(app.get("/status", &token).await.status, 200);
    assert_eq!(
        app.get("/user/me", &token).await.status,
        401,
        "it is for another purpose"
    );
    assert_eq!(
        Reply::of(app.chat(&token, ask("demo"))).await.status,
        401,
        "and no key"
    );
    app.clock.advance_ms(3_600_000);
    assert_eq!(app.get("/admin/users", &token).await.status, 401);
    // Users have nothing to do there.
    let user = app.user().await;
    settled(&app, &user, "a new password").await;
    let login = json!({"username": user.name, "password": "a new password"});
    assert_eq!(post(&app, "/admin/login", login).await.status, 403);
    let wrong = json!({"username": "admin", "password": "guess"});
    assert_eq!(post(&app, "/admin/login", wrong).await.status, 403);
}
