//! Budgets that reach a limit are told once in their period: on the dashboards' API and, signed, to a
//! webhook.

use domain::Dialect;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Method;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::{
    Answer, Received, Reply, Setup, TestApp, Upstream, ask, backend, chat_whole, until,
};

const SECRET: &str = "a secret of the receiver";

/// The signature that the headers of an event should have.
fn signature(received: &Received) -> String {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let (id, timestamp) = (
        received.header("webhook-id"),
        received.header("webhook-timestamp"),
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    mac.update(format!("{id}.{timestamp}.{}", received.text()).as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

fn kinds(received: &[Received]) -> Vec<String> {
    let kind = |event: &Received| {
        let body: Value = serde_json::from_slice(&event.body).expect("JSON");
        body["type"].as_str().expect("a type").to_owned()
    };
    received.iter().map(kind).collect()
}

#[tokio::test]
async fn a_limit_is_told_once_in_its_period_and_signed() {
    let (upstream, receiver) = (Upstream::start().await, Upstream::start().await);
    // 10 × 2,500 + 100 × 10,000 nano-dollars a call: $0.001025.
    upstream.always(|_| Answer::json(chat_whole("up-main", 10, 0, 100)));
    receiver.always(|_| Answer::json("{}"));
    let alerts = format!(
        "alerts: {{ webhook_url: {:?}, webhook_secret: {SECRET:?} }}\n",
        receiver.url()
    );
    let app = TestApp::start(Setup {
        rest: alerts.leak(),
        ..Setup::backends([backend(Dialect::OpenaiChat, "main", &upstream.url(), "")])
    })
    .await;
    let budget = json!({"daily_budget": "0.0031", "soft_daily_budget": "0.002"});
    let user = app.user_with("ada", budget).await;
    let call = async || Reply::of(app.chat(&user.key, ask("asked"))).await.status;
    assert_eq!(call().await, 200);
    assert_eq!(call().await, 200);
    receiver.arrivals(1).await;
    let event = receiver.last();
    assert_eq!(event.header("webhook-signature"), signature(&event));
    let body: Value = serde_json::from_slice(&event.body).expect("JSON");
    assert_eq!(body["type"], "budget.soft_limit_reached");
    let data = &body["data"];
    assert_eq!(
        (&data["scope"], &data["name"]),
        (&json!("user"), &json!("ada"))
    );
    assert_eq!(
        (&data["period"], &data["spent_usd"]),
        (&json!("daily"), &json!("0.00205"))
    );
    assert_eq!(data["limit_usd"], "0.002");

    assert_eq!(call().await, 200);
    for _ in 0..3 {
        assert_eq!(call().await, 429);
    }
    receiver.arrivals(2).await;
    let expected = ["budget.soft_limit_reached", "budget.exceeded"];
    assert_eq!(kinds(&receiver.received()), expected);

    // Neither a restart nor a lower limit tells it again in the same day; the next day does.
    let app = app.restart().await;
    let lower = json!({"soft_daily_budget": "0.001", "daily_budget": "0.02"});
    app.admin(Method::PATCH, &format!("/admin/users/{}", user.id), lower)
        .await;
    assert_eq!(
        Reply::of(app.chat(&user.key, ask("asked"))).await.status,
        200
    );
    app.clock.advance_ms(86_400_000);
    assert_eq!(
        Reply::of(app.chat(&user.key, ask("asked"))).await.status,
        200
    );
    receiver.arrivals(3).await;
    assert_eq!(kinds(&receiver.received())[2], "budget.soft_limit_reached");
    assert_eq!(receiver.received().len(), 3);

    let alerts = until("delivered alerts", async || {
        let alerts = app
            .admin(Method::GET, "/admin/budget-alerts", json!({}))
            .await;
        let listed = alerts.as_array().expect("a list").clone();
        let delivered = listed.iter().all(|alert| alert["delivered_at"].is_i64());
        (listed.len() == 3 && delivered).then_some(listed)
    })
    .await;
    let kinds: Vec<&str> = alerts.iter().filter_map(|a| a["kind"].as_str()).collect();
    assert_eq!(kinds, ["soft_limit", "hard_limit", "soft_limit"]);
}

#[tokio::test]
async fn a_receiver_that_fails_is_told_later_under_the_same_id() {
    let (upstream, receiver) = (Upstream::start().await, Upstream::start().await);
    upstream.always(|_| Answer::json(chat_whole("up-main", 10, 0, 100)));
    receiver.then(Answer::error(500, "{}"));
    receiver.always(|_| Answer::json("{}"));
    let alerts = format!(
        "alerts: {{ webhook_url: {:?}, webhook_secret: {SECRET:?} }}\n",
        receiver.url()
    );
    let app = TestApp::start(Setup {
        rest: alerts.leak(),
        ..Setup::backends([backend(Dialect::OpenaiChat, "main", &upstream.url(), "")])
    })
    .await;
    let user = app
        .user_with("ada", json!({"soft_monthly_budget": "0.001"}))
        .await;
    assert_eq!(
        Reply::of(app.chat(&user.key, ask("asked"))).await.status,
        200
    );
    receiver.arrivals(1).await;
    // A start tries at once what is left; so does every further event.
    let _app = app.restart().await;
    receiver.arrivals(2).await;
    let received = receiver.received();
    let ids: Vec<&str> = received
        .iter()
        .map(|event| event.header("webhook-id"))
        .collect();
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_keys_own_budget_holds_within_that_of_its_owner() {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    upstream.always(|_| Answer::json(chat_whole("up-main", 10, 0, 100)));
    let user = app.user_with("ada", json!({"monthly_budget": 1})).await;
    let path = format!("/admin/users/{}/keys", user.id);
    let made = app
        .admin(
            Method::POST,
            &path,
            json!({"label": "small", "daily_budget": "0.0022"}),
        )
        .await;
    let small = made["key"].as_str().expect("a key");
    for status in [200, 200, 429] {
        let reply = Reply::of(app.chat(small, ask("asked"))).await;
        assert_eq!(reply.status, status, "{}", reply.text());
        if status == 429 {
            let message = reply.error_message();
            assert!(
                message.contains("the key's budget for the day"),
                "{message}"
            );
        }
    }
    // The owner has other keys and budget left.
    assert_eq!(
        Reply::of(app.chat(&user.key, ask("asked"))).await.status,
        200
    );
    let keys = app.admin(Method::GET, &path, json!({})).await;
    let spend = |label: &str| {
        let keys = keys.as_array().expect("a list");
        let key = keys.iter().find(|key| key["label"] == label);
        key.expect("a key")["daily_spend"].as_f64()
    };
    assert_eq!(
        (spend("small"), spend("default")),
        (Some(0.00205), Some(0.001025))
    );
}
