//! A backend whose models nobody named is asked for them, and offers those that have a price.

use domain::Dialect;
use http::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, MASTER_KEY, Received, Reply, TestApp, Upstream, ask, backend, until, whole,
};

const LIST: &str = r#"{"object":"list","data":[{"id":"gpt-4o","object":"model"},{"id":"claude-haiku-4-5","type":"model"},{"id":"house-model"}]}"#;

/// An upstream with a list of models, and a backend that names none of them.
async fn start(dialect: Dialect, more: &str) -> (TestApp, Upstream) {
    let upstream = Upstream::start().await;
    upstream.always(move |request| match request.method {
        Method::GET => Answer::json(LIST),
        _ => Answer::json(whole(dialect, "the-upstreams-name")),
    });
    let line = backend(
        dialect,
        "main",
        &upstream.url(),
        &format!("{more}models: []"),
    );
    let app = TestApp::with([line]).await;
    until("the backend's models", async || {
        let found = app.get("/v1/models/gpt-4o", MASTER_KEY).await;
        (found.status == 200).then_some(())
    })
    .await;
    (app, upstream)
}

fn asked_for_models(upstream: &Upstream) -> Received {
    let received = upstream.received();
    let lists = received.into_iter().filter(|r| r.method == Method::GET);
    let lists: Vec<Received> = lists.collect();
    assert_eq!(lists.len(), 1, "once");
    lists[0].clone()
}

async fn listed(app: &TestApp) -> Vec<Value> {
    let models = app.get("/v1/models", MASTER_KEY).await.json();
    let models = models["data"].as_array().expect("a list");
    let ids = models.iter().map(|model| model["id"].clone());
    ids.filter(|id| !id.as_str().is_some_and(|id| id.starts_with("demo")))
        .collect()
}

#[tokio::test]
async fn priced_models_are_served_and_unpriced_ones_say_what_is_missing() {
    let (app, upstream) = start(Dialect::OpenaiChat, "").await;
    let list = asked_for_models(&upstream);
    assert_eq!(list.path, "/v1/models");
    assert_eq!(list.header("authorization"), "Bearer sk-upstream-main");
    assert_eq!(listed(&app).await, ["claude-haiku-4-5", "gpt-4o"]);

    let reply = Reply::of(app.chat(MASTER_KEY, ask("gpt-4o"))).await;
    assert_eq!(
        (reply.status, &reply.json()["model"]),
        (200, &json!("gpt-4o"))
    );
    let row = app.ledger().find(reply.request_id()).await.expect("a row");
    // 60 × $2.50 + 40 × $1.25 + 7 × $10.00 a million
    assert_eq!(row.cost_nano, Some(270_000));

    let reply = Reply::of(app.chat(MASTER_KEY, ask("house-model"))).await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["code"]),
        (400, &json!("model_not_priced"))
    );
    assert_eq!(
        reply.error_message(),
        "model \"house-model\" of backend \"main\" has no price, so that its use cannot be billed; \
         an administrator has to set models[].price of that backend, or unpriced: allow"
    );
    assert_eq!(app.ledger().rows().await.len(), 1);
}

#[tokio::test]
async fn anthropics_list_is_asked_for_in_its_own_way() {
    let (app, upstream) = start(Dialect::AnthropicMessages, "").await;
    let list = asked_for_models(&upstream);
    assert_eq!(list.path, "/v1/models?limit=1000");
    assert_eq!(list.header("x-api-key"), "sk-upstream-main");
    assert_eq!(list.header("anthropic-version"), "2023-06-01");
    let reply = Reply::of(app.messages(MASTER_KEY, ask("claude-haiku-4-5"))).await;
    let row = app.ledger().find(reply.request_id()).await.expect("a row");
    // 10 × $1.00 + 1000 × $0.10 + 200 × $1.25 + 40 × $2.00 + 7 × $5.00 a million
    assert_eq!(row.cost_nano, Some(475_000));
}

#[tokio::test]
async fn unpriced_models_are_served_where_the_operator_says_so() {
    let (app, _upstream) = start(Dialect::OpenaiChat, "unpriced: allow, ").await;
    let models = ["claude-haiku-4-5", "gpt-4o", "house-model"];
    assert_eq!(listed(&app).await, models);
    let user = app.user_with("ada", json!({"monthly_budget": 1})).await;
    let reply = Reply::of(app.chat(&user.key, ask("house-model"))).await;
    let row = app.ledger().find(reply.request_id()).await.expect("a row");
    assert_eq!((reply.status, row.cost_nano), (200, None));
    assert_eq!((row.input_tokens, row.output_tokens), (60, 7));
    let budget = app.get("/v1/budget", &user.key).await.json();
    assert_eq!(budget["monthly_spend"], 0.0);
}

#[tokio::test]
async fn a_backend_that_does_not_tell_is_no_reason_not_to_start() {
    let upstream = Upstream::start().await;
    upstream.always(|_| Answer::whole(200, "text/html", "<html>"));
    let line = backend(Dialect::OpenaiChat, "main", &upstream.url(), "models: []");
    let app = TestApp::with([line]).await;
    upstream.arrivals(1).await;
    assert_eq!(listed(&app).await, Vec::<Value>::new());
    assert_eq!(
        Reply::of(app.chat(MASTER_KEY, ask("demo"))).await.status,
        200
    );
}
