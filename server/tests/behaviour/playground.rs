//! The playground: calls by a session and not by a key, within the user's own permission, limits and
//! budget, and marked in the ledger.

use http::Method;
use serde_json::json;

use crate::support::{Reply, Session, TestApp, User, ask};

struct Player {
    app: TestApp,
    user: User,
    session: Session,
}

impl Player {
    async fn with(terms: serde_json::Value) -> Self {
        let app = TestApp::demo().await;
        let user = app.user_with("ada", terms).await;
        let session = app.sign_in_first(&user).await;
        Self { app, user, session }
    }

    async fn chat(&self, body: String) -> Reply {
        let request = self.app.request(Method::POST, "/playground/chat");
        Reply::of(request.header("cookie", &self.session.0).body(body)).await
    }

    async fn call(&self, path: &str, form: &[(&str, &str)]) -> Reply {
        let call = self.app.call(path, form);
        Reply::of(call.header("cookie", &self.session.0)).await
    }
}

#[tokio::test]
async fn a_call_is_the_users_own_and_marked() {
    let player = Player::with(json!({"monthly_budget": 10})).await;
    let reply = player.chat(ask("demo")).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let id = reply.header("x-request-id").to_owned();

    let form = [("request_id", id.as_str())];
    let receipt = player.call("/_fn/me/playground/receipt", &form).await;
    let receipt = receipt.json();
    assert!(receipt["input"].as_u64() > Some(0), "{receipt}");
    assert!(receipt["cost"].as_i64() > Some(0), "{receipt}");

    let rows = player.app.ledger().rows().await;
    assert_eq!(rows.len(), 1);
    let overview = player
        .call("/_fn/me/overview", &[("measure", "spend")])
        .await;
    let latest = &overview.json()["page"]["overview"]["latest"][0];
    assert_eq!(latest["key_label"], "playground", "{latest}");

    // Another user's receipt does not exist.
    let bob = player.app.user_with("bob", json!({})).await;
    let bob = player.app.sign_in_first(&bob).await;
    let call = player
        .app
        .call("/_fn/me/playground/receipt", &[("request_id", &id)]);
    let foreign = Reply::of(call.header("cookie", &bob.0)).await;
    assert_eq!((foreign.status, foreign.text()), (200, "null"));
}

#[tokio::test]
async fn over_budget_the_call_is_refused_and_the_page_works() {
    let player = Player::with(json!({"daily_budget": "0.000000001"})).await;
    let reply = player.chat(ask("demo")).await;
    assert_eq!(reply.status, 429, "{}", reply.text());
    assert!(reply.text().contains("Daily budget"), "{}", reply.text());

    let form = [("house", "/user-ui"), ("model_1", "demo"), ("prompt", "Hi")];
    let asked = player.call("/_fn/me/playground/ask", &form).await;
    let page = asked.header("location").to_owned();
    assert!(page.starts_with("/user-ui/playground?answer="), "{page}");
    let get = player.app.request(Method::GET, &page);
    let get = get.header("accept", "text/html");
    let shown = Reply::of(get.header("cookie", &player.session.0)).await;
    assert_eq!(shown.status, 200);
    assert!(shown.text().contains("Daily budget"), "{}", shown.text());
}

#[tokio::test]
async fn a_disabled_user_does_not_play_and_limits_hold() {
    let player = Player::with(json!({"requests_per_minute": 1})).await;
    assert_eq!(player.chat(ask("demo")).await.status, 200);
    let limited = player.chat(ask("demo")).await;
    assert_eq!(limited.status, 429, "{}", limited.text());

    // A key of the user shares the limit.
    let by_key = player.app.chat(&player.user.key, ask("demo"));
    assert_eq!(Reply::of(by_key).await.status, 429);

    let path = format!("/admin/users/{}", player.user.id);
    player
        .app
        .admin(Method::PATCH, &path, json!({"active": false}))
        .await;
    assert_eq!(player.chat(ask("demo")).await.status, 401);
}

#[tokio::test]
async fn an_answer_without_javascript_is_on_its_page_for_its_user_only() {
    let player = Player::with(json!({})).await;
    let form = [
        ("house", "/user-ui"),
        ("model_1", "demo"),
        ("model_2", "demo-500"),
        ("prompt", "Say <b>hi</b>"),
    ];
    let asked = player.call("/_fn/me/playground/ask", &form).await;
    let page = asked.header("location").to_owned();
    let shown_to = async |session: &Session| {
        let get = player.app.request(Method::GET, &page);
        let get = get.header("accept", "text/html");
        let shown = Reply::of(get.header("cookie", &session.0)).await;
        shown.text().to_owned()
    };
    let mine = shown_to(&player.session).await;
    assert!(mine.contains("demo-500") && mine.contains("First chunk after"));
    assert!(mine.contains("Say &lt;b>hi") || mine.contains("Say &lt;b&gt;hi"));
    assert!(mine.contains("client.chat.completions.create"), "as code");

    let bob = player.app.user_with("bob", json!({})).await;
    let bob = player.app.sign_in_first(&bob).await;
    let foreign = shown_to(&bob).await;
    assert!(!foreign.contains("First chunk after") && !foreign.contains("Say &lt;b"));
}

#[tokio::test]
async fn what_makes_no_sense_is_an_error_at_its_field() {
    let player = Player::with(json!({})).await;
    let form = [("house", "/user-ui"), ("model_1", "demo"), ("prompt", "Hi")];
    for (name, value) in [("tools", "{"), ("temperature", "hot"), ("max_tokens", "-1")] {
        let form = [&form[..], &[(name, value)]].concat();
        let asked = player.call("/_fn/me/playground/ask", &form).await;
        assert_eq!(asked.status, 422, "{name}: {}", asked.text());
        assert!(asked.text().contains(name), "{}", asked.text());
    }
}
