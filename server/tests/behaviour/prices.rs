//! Prices: the catalogue, what comes before it, and that old rows stay what they were.

use domain::Dialect;
use http::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, MASTER_KEY, Reply, TestApp, Upstream, ask, backend, chat_whole, verify,
};

async fn price_of(app: &TestApp, model: &str) -> Value {
    let prices = app.admin(Method::GET, "/admin/prices", json!({})).await;
    let all = prices.as_array().expect("a list");
    let found = all.iter().find(|price| price["model"] == model);
    found
        .unwrap_or_else(|| panic!("{model} in {prices}"))
        .clone()
}

/// What a call costs now, in nano-dollars.
async fn cost(app: &TestApp, upstream: &Upstream) -> i64 {
    upstream.then(Answer::json(chat_whole("up-main", 1_000, 0, 100)));
    let reply = Reply::of(app.chat(MASTER_KEY, ask("asked"))).await;
    let row = app.ledger().find(reply.request_id()).await.expect("a row");
    assert!(row.price_id.is_some());
    row.cost_nano.expect("a price")
}

#[tokio::test]
async fn an_admins_price_holds_from_its_date_and_the_past_stays() {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    assert_eq!(cost(&app, &upstream).await, 3_500_000);
    let known = price_of(&app, "up-main").await;
    assert_eq!(known["current"]["source"], "file");
    let path = format!("/admin/prices/{}", known["deployment_id"]);
    let price = json!({"input": "5.00", "output": 20, "service_tiers": [{"tier": "flex", "input": 1, "output": 2}]});
    app.admin(Method::PUT, &path, price).await;
    assert_eq!(cost(&app, &upstream).await, 7_000_000);
    // One for later changes nothing before its time.
    let later = domain::clock::Clock::now(&*app.clock).0 + 3_600_000;
    let price = json!({"input": 0.000001, "output": 0, "effective_from": later});
    app.admin(Method::PUT, &path, price).await;
    assert_eq!(cost(&app, &upstream).await, 7_000_000);
    app.clock.advance_ms(3_600_000);
    assert_eq!(cost(&app, &upstream).await, 1);
    app.admin(Method::DELETE, &path, json!({})).await;
    assert_eq!(cost(&app, &upstream).await, 3_500_000);
    let history = price_of(&app, "up-main").await;
    assert_eq!(history["history"].as_array().map(Vec::len), Some(4));
    assert_eq!(history["current"]["price"]["input"], 2.5);
    // The books know each row's price.
    let verified = verify(&app.state.config).await;
    assert_eq!((verified.differences, verified.dated_by_time), (vec![], 0));
}

#[tokio::test]
async fn an_admins_price_outlives_a_restart_and_a_wrong_one_is_refused() {
    let (app, _upstream) = TestApp::one(Dialect::OpenaiChat).await;
    let path = format!(
        "/admin/prices/{}",
        price_of(&app, "up-main").await["deployment_id"]
    );
    app.admin(Method::PUT, &path, json!({"input": 9, "output": 9}))
        .await;
    for (body, status) in [
        (json!({"input": -1, "output": 1}), 400),
        (json!({"input": "x", "output": 1}), 400),
        (json!({"output": 1}), 400),
        (json!({"input": 1, "output": 1, "effective_from": 5}), 400),
        (
            json!({"input": 1, "output": 1, "service_tiers": [{"tier": "quick", "input": 1, "output": 1}]}),
            400,
        ),
    ] {
        let request = app.request(Method::PUT, &path).bearer_auth(MASTER_KEY);
        let reply = Reply::of(request.json(&body)).await;
        assert_eq!(reply.status, status, "{body}: {}", reply.text());
    }
    let app = app.restart().await;
    let price = price_of(&app, "up-main").await;
    assert_eq!(price["current"]["source"], "admin");
    assert_eq!(price["current"]["price"]["input"], 9.0);
    let unknown = app
        .request(Method::PUT, "/admin/prices/999999")
        .bearer_auth(MASTER_KEY);
    let reply = Reply::of(unknown.json(&json!({"input": 1, "output": 1}))).await;
    assert_eq!(reply.status, 404);
}

#[tokio::test]
async fn the_tier_that_the_upstream_bills_and_searches_are_what_is_paid() {
    let upstream = Upstream::start().await;
    let models = "models: [{ model: up-main, aliases: [asked], price: { input: 2, output: 8, \
                  search_thousand: 10, service_tiers: [{ tier: priority, input: 4, output: 16 }], \
                  long_context: [{ above: 5000, input: 3, output: 12 }] } }], ";
    let app = TestApp::with([backend(
        Dialect::OpenaiChat,
        "main",
        &upstream.url(),
        models,
    )])
    .await;
    let pay = async |answer: String| {
        upstream.then(Answer::json(answer));
        let reply = Reply::of(app.chat(MASTER_KEY, ask("asked"))).await;
        let row = app.ledger().find(reply.request_id()).await.expect("a row");
        (row.service_tier, row.cost_nano)
    };
    let plain = chat_whole("up-main", 1_000, 0, 100);
    assert_eq!(
        pay(plain.clone()).await,
        ("standard".to_owned(), Some(2_800_000))
    );
    let fast = plain.replacen('{', r#"{"service_tier":"priority","#, 1);
    assert_eq!(pay(fast).await, ("priority".to_owned(), Some(5_600_000)));
    let long = chat_whole("up-main", 5_001, 0, 100);
    assert_eq!(pay(long).await, ("standard".to_owned(), Some(16_203_000)));
}

#[tokio::test]
async fn the_catalogue_prices_what_the_file_does_not() {
    let upstream = Upstream::start().await;
    let line = backend(
        Dialect::AnthropicMessages,
        "main",
        &upstream.url(),
        "models: [{ model: claude-haiku-4-5 }], ",
    );
    let app = TestApp::with([line]).await;
    let price = price_of(&app, "claude-haiku-4-5").await;
    assert_eq!(price["current"]["source"], "catalogue");
    assert_eq!(price["current"]["price"]["output"], 5.0);
}

/// Many change prices at once, each of which reads all prices anew: what is in force at the end is what
/// the database says, whoever was the slowest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prices_that_change_at_once_end_as_the_database_has_them() {
    let upstream = Upstream::start().await;
    let lines =
        ["main", "other"].map(|name| backend(Dialect::OpenaiChat, name, &upstream.url(), ""));
    let lines = lines.map(|line| line.replace("aliases: [asked], ", ""));
    let app = TestApp::with(lines).await;
    let models = ["up-main", "up-other"];
    let mut paths = Vec::new();
    for model in models {
        let known = price_of(&app, model).await;
        paths.push(format!("/admin/prices/{}", known["deployment_id"]));
    }
    for round in 1..=5_u64 {
        let mut setting = tokio::task::JoinSet::new();
        for n in 0..12_u64 {
            let path = &paths[usize::try_from(n % 2).expect("0 or 1")];
            let price = json!({"input": round * 100 + n, "output": 1});
            let request = app
                .request(Method::PUT, path)
                .bearer_auth(MASTER_KEY)
                .json(&price);
            setting.spawn(async move { Reply::of(request).await.status });
        }
        while let Some(status) = setting.join_next().await {
            assert_eq!(status.expect("no panic"), 200);
        }
        for model in models {
            let stored = price_of(&app, model).await;
            upstream.then(Answer::json(chat_whole(model, 1_000_000, 0, 0)));
            let reply = Reply::of(app.chat(MASTER_KEY, ask(model))).await;
            let row = app.ledger().find(reply.request_id()).await.expect("a row");
            let billed = row.cost_nano.expect("a price") as f64 / 1e9;
            assert_eq!(
                Some(billed),
                stored["current"]["price"]["input"].as_f64(),
                "{stored}"
            );
        }
    }
}
