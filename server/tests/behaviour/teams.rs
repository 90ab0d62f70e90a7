//! Teams share keys and a budget; what their keys spend is the team's and nobody's own.

use domain::Dialect;
use http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Reply, TestApp, ask, chat_whole};

async fn team_with_key(app: &TestApp, team: Value, key: Value) -> (i64, String) {
    let team = app.admin(Method::POST, "/admin/teams", team).await;
    let id = team["id"].as_i64().expect("an id");
    let path = format!("/admin/teams/{id}/keys");
    let made = app.admin(Method::POST, &path, key).await;
    (id, made["key"].as_str().expect("a key").to_owned())
}

#[tokio::test]
async fn a_teams_keys_spend_the_teams_budget_together() {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    // 10 × 2,500 + 700 × 10,000 nano-dollars a call.
    upstream.always(|_| Answer::json(chat_whole("up-main", 10, 0, 700)));
    let budget = json!({"name": "research", "monthly_budget": "0.015"});
    let (id, first) = team_with_key(&app, budget, json!({"label": "one"})).await;
    let path = format!("/admin/teams/{id}/keys");
    let second = app
        .admin(Method::POST, &path, json!({"label": "two"}))
        .await;
    let second = second["key"].as_str().expect("a key");
    for key in [&first, second] {
        let reply = Reply::of(app.chat(key, ask("asked"))).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let row = app.ledger().find(reply.request_id()).await.expect("a row");
        assert_eq!((row.user_id, row.team_id), (None, Some(id)));
    }
    let refused = Reply::of(app.chat(&first, ask("asked"))).await;
    assert_eq!(refused.status, 429);
    let message = refused.error_message();
    assert!(message.contains("$0.01405 / $0.015"), "{message}");
    assert!(
        message.contains("the team's budget for the month"),
        "{message}"
    );
    let budget = app.get("/v1/budget", second).await.json();
    assert_eq!(budget["monthly_spend"], 0.01405);
    // It goes on after a restart, from the ledger.
    let app = app.restart().await;
    assert_eq!(Reply::of(app.chat(&first, ask("asked"))).await.status, 429);
    let reset = json!({"reset_spend": true});
    app.admin(Method::PATCH, &format!("/admin/teams/{id}"), reset)
        .await;
    assert_eq!(Reply::of(app.chat(&first, ask("asked"))).await.status, 200);
}

#[tokio::test]
async fn a_disabled_team_is_told_apart_and_a_deleted_one_has_no_keys() {
    let app = TestApp::demo().await;
    let (id, key) = team_with_key(&app, json!({"name": "x"}), json!({})).await;
    let path = format!("/admin/teams/{id}");
    assert_eq!(Reply::of(app.chat(&key, ask("demo"))).await.status, 200);
    app.admin(Method::PATCH, &path, json!({"active": false}))
        .await;
    let refused = Reply::of(app.chat(&key, ask("demo"))).await;
    assert_eq!(refused.status, 401);
    let message = refused.error_message();
    assert_eq!(message, "the team that this API key belongs to is disabled");
    app.admin(Method::PATCH, &path, json!({"active": true}))
        .await;
    assert_eq!(Reply::of(app.chat(&key, ask("demo"))).await.status, 200);
    app.admin(Method::DELETE, &path, json!({})).await;
    let refused = Reply::of(app.chat(&key, ask("demo"))).await;
    assert_eq!(refused.error_message(), "invalid API key");
}

#[tokio::test]
async fn a_teams_limits_hold_over_its_keys() {
    let app = TestApp::demo().await;
    let limits = json!({"name": "x", "requests_per_minute": 2});
    let (id, first) = team_with_key(&app, limits, json!({})).await;
    let path = format!("/admin/teams/{id}/keys");
    let second = app.admin(Method::POST, &path, json!({})).await;
    let second = second["key"].as_str().expect("a key");
    assert_eq!(Reply::of(app.chat(&first, ask("demo"))).await.status, 200);
    assert_eq!(Reply::of(app.chat(second, ask("demo"))).await.status, 200);
    let refused = Reply::of(app.chat(&first, ask("demo"))).await;
    assert_eq!(refused.status, 429);
    let message = refused.error_message();
    let expected = "the team of this API key may make 2 requests per minute";
    assert!(message.starts_with(expected), "{message}");
}

#[tokio::test]
async fn members_are_added_and_removed_by_the_admin_api() {
    let app = TestApp::demo().await;
    let ada = app.user_with("ada", json!({})).await;
    let team = app
        .admin(Method::POST, "/admin/teams", json!({"name": "x"}))
        .await;
    let path = format!("/admin/teams/{}/members", team["id"]);
    let add = json!({"user_id": ada.id, "role": "owner"});
    app.admin(Method::POST, &path, add).await;
    let members = app.admin(Method::GET, &path, json!({})).await;
    assert_eq!(
        members,
        json!([{"user_id": ada.id, "name": "ada", "role": "owner"}])
    );
    let teams = app.admin(Method::GET, "/admin/teams", json!({})).await;
    assert_eq!(
        (&teams[0]["members"], &teams[0]["keys"]),
        (&json!(1), &json!(0))
    );
    app.admin(Method::DELETE, &format!("{path}/{}", ada.id), json!({}))
        .await;
    let members = app.admin(Method::GET, &path, json!({})).await;
    assert_eq!(members, json!([]));
}
