//! Which deployment is asked, in which order, and what the router tells about it.

use domain::Dialect;
use http::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, MASTER_KEY, Reply, Setup, TestApp, Upstream, ask, ask_stream, backend, events, until,
    whole,
};

const CHAT: Dialect = Dialect::OpenaiChat;

/// Two backends, `first` and `second`, and more of a configuration.
async fn two(rest: &'static str) -> (TestApp, [Upstream; 2]) {
    let upstreams = [Upstream::start().await, Upstream::start().await];
    let backends = [("first", &upstreams[0]), ("second", &upstreams[1])]
        .map(|(name, upstream)| backend(CHAT, name, &upstream.url(), ""));
    for (upstream, name) in upstreams.iter().zip(["up-first", "up-second"]) {
        upstream.always(move |_| Answer::json(whole(CHAT, name)));
    }
    let setup = Setup {
        rest,
        ..Setup::backends(backends)
    };
    (TestApp::start(setup).await, upstreams)
}

async fn explain(app: &TestApp, mut request: Value) -> Value {
    request["model"] = request.get("model").cloned().unwrap_or(json!("team"));
    app.admin(Method::POST, "/admin/route/explain", request)
        .await
}

/// Who would be tried, in order.
fn order(explained: &Value) -> Vec<&str> {
    let candidates = explained["candidates"].as_array().expect("candidates");
    let names = candidates.iter().map(|c| c["backend"].as_str());
    names.map(|name| name.expect("a name")).collect()
}

const TEAM: &str = "groups:\n  - { name: team, members: [{ backend: first, model: up-first }, { backend: second, model: up-second }] }\n";

#[tokio::test]
async fn who_fails_time_after_time_rests_and_one_request_finds_it_well_again() {
    let rest = "routing: { breaker: { failures: 3, rest: 200ms } }\ngroups:\n  - { name: team, members: [{ backend: first, model: up-first }, { backend: second, model: up-second }] }\n";
    let (app, [first, second]) = two(rest).await;
    let user = app.user().await;
    let call = async || Reply::of(app.chat(&user.key, ask("team"))).await;
    for _ in 0..3 {
        first.then(Answer::error(500, "{}"));
        assert_eq!(call().await.header("x-llm-router-attempts"), "2");
    }
    let explained = explain(&app, json!({})).await;
    assert_eq!(order(&explained), ["second", "first"]);
    assert_eq!(explained["candidates"][1]["resting"]["reason"], "failing");
    let before = first.received().len();
    let reply = call().await;
    assert_eq!(reply.header("x-provider"), "second");
    assert_eq!(reply.header("x-llm-router-attempts"), "1");
    assert_eq!(first.received().len(), before, "it is left alone");

    // The rest is over: one request tries it out, and while it does so no other is sent there.
    until("the end of the rest", async || {
        let explained = explain(&app, json!({})).await;
        (order(&explained) == ["first", "second"]).then_some(())
    })
    .await;
    let (held, hold) = Answer::json(whole(CHAT, "up-first")).held();
    first.then(held);
    let probe = tokio::spawn({
        let request = app.chat(&user.key, ask("team"));
        async move { Reply::of(request).await }
    });
    first.arrivals(before + 1).await;
    let explained = explain(&app, json!({})).await;
    assert_eq!(explained["candidates"][1]["resting"]["reason"], "probing");
    assert_eq!(call().await.header("x-provider"), "second");
    hold.release();
    assert_eq!(probe.await.expect("no panic").header("x-provider"), "first");
    assert_eq!(call().await.header("x-provider"), "first");
    // Nothing was called but for these.
    assert_eq!(first.received().len(), before + 2);
    assert_eq!(second.received().len(), 5);
}

#[tokio::test]
async fn another_key_of_the_same_backend_is_tried_before_another_backend() {
    let upstream = Upstream::start().await;
    let other = Upstream::start().await;
    let keys = format!(
        "  - {{ name: first, kind: openai_compatible, base_url: {:?}, api_keys: [sk-one, sk-two], max_retries: 0, models: [{{ model: up-first, price: {{ input: 1, output: 1 }} }}] }}\n",
        upstream.url()
    );
    let setup = Setup {
        rest: TEAM,
        ..Setup::backends([keys, backend(CHAT, "second", &other.url(), "")])
    };
    let app = TestApp::start(setup).await;
    let user = app.user().await;
    let key_of = |n: usize| {
        let received = upstream.received();
        received[n].header("authorization").to_owned()
    };
    for status in [429, 401] {
        let begun = upstream.received().len();
        upstream.then(Answer::error(status, "{}"));
        upstream.then(Answer::json(whole(CHAT, "up-first")));
        let reply = Reply::of(app.chat(&user.key, ask("team"))).await;
        assert_eq!(reply.header("x-provider"), "first", "{status}");
        assert_eq!(reply.header("x-llm-router-attempts"), "2");
        assert_ne!(key_of(begun), key_of(begun + 1));
    }
    // A failure that no other key would mend leads to the next backend at once.
    let begun = upstream.received().len();
    upstream.then(Answer::error(503, "{}"));
    other.then(Answer::json(whole(CHAT, "up-second")));
    let reply = Reply::of(app.chat(&user.key, ask("team"))).await;
    assert_eq!(reply.header("x-provider"), "second");
    assert_eq!(upstream.received().len(), begun + 1);
    // The one whose quota is used up rests, by itself.
    upstream.then(Answer::error(429, "{}").header("retry-after", "60"));
    upstream.then(Answer::json(whole(CHAT, "up-first")));
    Reply::of(app.chat(&user.key, ask("team"))).await;
    let resting = key_of(begun + 1);
    for _ in 0..3 {
        upstream.then(Answer::json(whole(CHAT, "up-first")));
        let reply = Reply::of(app.chat(&user.key, ask("team"))).await;
        assert_eq!(reply.header("x-llm-router-attempts"), "1");
        assert_ne!(upstream.last().header("authorization"), resting);
    }
}

#[tokio::test]
async fn a_request_has_its_time_and_no_more() {
    let rest = "routing: { total_timeout: 1s }\ngroups:\n  - { name: team, members: [{ backend: first, model: up-first }, { backend: second, model: up-second }] }\n";
    let (app, [first, second]) = two(rest).await;
    let user = app.user().await;
    let (silent, _hold) = Answer::json("").held();
    first.then(silent);
    let reply = Reply::of(app.chat(&user.key, ask("team"))).await;
    assert_eq!(reply.status, 504);
    assert!(
        reply
            .error_message()
            .contains("before the request's time was over (1s)"),
        "{}",
        reply.text()
    );
    assert_eq!(second.received().len(), 0, "there is no time left for it");
    // Once content has come, a stream may take as long as it likes.
    let (answer, line) = Answer::live();
    first.then(answer);
    let mut chunks = events(CHAT, "up-first").into_iter();
    let sent = app.chat(&user.key, ask_stream("team")).send();
    let stream = async {
        first.arrivals(2).await;
        for _ in 0..3 {
            line.send(chunks.next().expect("a chunk"));
        }
        tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
        for chunk in chunks {
            line.send(chunk);
        }
        drop(line);
    };
    let (response, ()) = tokio::join!(sent, stream);
    let reply = Reply::rest_of(response.expect("a response")).await;
    assert!(
        reply.text().ends_with("data: [DONE]\n\n"),
        "{}",
        reply.text()
    );
}

#[tokio::test]
async fn whoever_asks_is_told_the_way_and_the_ledger_keeps_it() {
    let (app, [first, _second]) = two(TEAM).await;
    let user = app.user().await;
    first.then(Answer::error(
        503,
        r#"{"error":{"message":"overloaded\u00e9"}}"#,
    ));
    let request = app.chat(&user.key, ask("team"));
    let reply = Reply::of(request.header("x-llm-router-debug", "1")).await;
    assert_eq!(
        reply.header("x-llm-router-route"),
        "first/up-first answered 503: overloaded?"
    );
    let row = app.ledger().find(reply.request_id()).await.expect("a row");
    let route: Value = serde_json::from_str(&row.route.expect("a route")).expect("JSON");
    assert_eq!(route["attempts"][0]["backend"], "first");
    assert_eq!(route["attempts"].as_array().map(Vec::len), Some(1));
    // Nobody else is told, and where there is nothing to tell nothing is kept.
    let reply = Reply::of(app.chat(&user.key, ask("team"))).await;
    assert_eq!(reply.header("x-llm-router-route"), "");
    let row = app.ledger().find(reply.request_id()).await.expect("a row");
    assert_eq!(row.route, None);
    // A failure says it too.
    for upstream in [&first, &_second] {
        upstream.then(Answer::error(500, "{}"));
    }
    let request = app.chat(&user.key, ask("team"));
    let reply = Reply::of(request.header("x-llm-router-debug", "1")).await;
    assert_eq!(reply.status, 503);
    assert_eq!(
        reply.header("x-llm-router-route"),
        "first/up-first answered 500; second/up-second answered 500"
    );
}

#[tokio::test]
async fn an_explanation_says_who_would_be_asked_and_who_not_and_why() {
    let rest = "groups:\n  - name: team\n    strategy: lowest_cost\n    members:\n      - { backend: first, model: up-first, when: { max_input_tokens: 2000 } }\n      - { backend: second, model: up-second, priority: 1 }\nrewrites: [{ source: old, target: team, force: true }]\n";
    let (app, [first, second]) = two(rest).await;
    let explained = explain(&app, json!({"model": "old", "input_tokens": 1_000})).await;
    assert_eq!(explained["rewritten_to"], json!(["team"]));
    assert_eq!(explained["found_as"], "group");
    assert_eq!(explained["strategy"], "lowest_cost");
    assert_eq!(order(&explained), ["first", "second"]);
    // 1,000 tokens in at $2.50, 256 out at $10, a million.
    assert_eq!(explained["candidates"][0]["estimated_cost"], 5_060_000);
    let long = explain(&app, json!({"input_tokens": 3_000})).await;
    assert_eq!(order(&long), ["second"]);
    assert_eq!(
        long["excluded"][0]["reason"],
        "it takes only requests of at most 2000 input tokens"
    );
    // By somebody's permissions.
    let user = app.user().await;
    let id = app.key_id(&user).await;
    let path = format!("/admin/keys/{id}");
    app.admin(
        Method::PATCH,
        &path,
        json!({"allowed_backends": ["second"]}),
    )
    .await;
    let of_user = explain(&app, json!({"key_id": id})).await;
    assert_eq!(order(&of_user), ["second"]);
    assert_eq!(
        of_user["excluded"][0]["reason"],
        "the caller may not use this backend"
    );
    let unknown = explain(&app, json!({"model": "teem"})).await;
    assert_eq!(unknown["found_as"], Value::Null);
    assert!(
        unknown["error"]
            .as_str()
            .is_some_and(|e| e.contains("team"))
    );
    let wrong = app.post(
        "/admin/route/explain",
        MASTER_KEY,
        r#"{"model":"team","key_id":999}"#,
    );
    assert_eq!(Reply::of(wrong).await.status, 400);
    // It was only asked about.
    assert_eq!(first.received().len() + second.received().len(), 0);
}

#[tokio::test]
async fn what_no_member_takes_is_refused_with_the_reason() {
    let rest = "groups:\n  - name: team\n    members:\n      - { backend: first, model: up-first, when: { tools: true } }\n      - { backend: second, model: up-second, when: { stream: true } }\n";
    let (app, [first, second]) = two(rest).await;
    let user = app.user().await;
    let refused = Reply::of(app.chat(&user.key, ask("team"))).await;
    assert_eq!(refused.status, 400);
    assert!(
        refused
            .error_message()
            .contains("takes only requests with tools"),
        "{}",
        refused.text()
    );
    // The next of several names is asked instead.
    let reply = Reply::of(app.chat(&user.key, ask("team|second/up-second"))).await;
    assert_eq!(reply.header("x-provider"), "second");
    let tools = json!({"model": "team", "messages": [{"role": "user", "content": "hi"}],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]});
    let reply = Reply::of(app.chat(&user.key, tools.to_string())).await;
    assert_eq!(reply.header("x-provider"), "first");
    assert_eq!((first.received().len(), second.received().len()), (1, 1));
}
