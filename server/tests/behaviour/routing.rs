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

#[tokio::test]
async fn who_finds_a_backend_busy_waits_where_there_is_no_other_and_each_key_has_its_turn() {
    let upstream = Upstream::start().await;
    let app = TestApp::with([backend(
        CHAT,
        "main",
        &upstream.url(),
        "max_concurrent: 1, queue: { max_waiting: 3, max_wait: 20s }, ",
    )])
    .await;
    let [ada, bob] = [app.user().await, app.user_with("bob", json!({})).await];
    let (held, hold) = Answer::json(whole(CHAT, "up-main")).held();
    upstream.then(held);
    upstream.always(|_| Answer::json(whole(CHAT, "up-main")));
    let call = |key: &str, said: &str| {
        let body = json!({"model": "asked", "messages": [{"role": "user", "content": said}]});
        let request = app.chat(key, body.to_string());
        tokio::spawn(async move { Reply::of(request).await })
    };
    let first = call(&ada.key, "first");
    upstream.arrivals(1).await;
    let waits = |count| {
        let gateway = app.state.gateway.clone();
        async move {
            until("those who wait", async || {
                (gateway.backends()[0].waiting == count).then_some(())
            })
            .await;
        }
    };
    let mut waiting = Vec::new();
    for (number, (user, said)) in [(&ada, "a1"), (&ada, "a2"), (&bob, "b1")]
        .into_iter()
        .enumerate()
    {
        waiting.push(call(&user.key, said));
        waits(number + 1).await;
    }
    let refused = call(&bob.key, "too many").await.expect("no panic");
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert!(
        refused.error_message().contains("max_waiting"),
        "{}",
        refused.text()
    );
    hold.release();
    assert_eq!(first.await.expect("no panic").status, 200);
    for reply in waiting {
        assert_eq!(reply.await.expect("no panic").status, 200);
    }
    let said: Vec<String> = upstream
        .received()
        .iter()
        .map(|r| {
            let body: Value = serde_json::from_str(r.text()).expect("JSON");
            body["messages"][0]["content"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    assert_eq!(said, ["first", "a1", "b1", "a2"]);
}

#[tokio::test]
async fn a_backend_that_takes_any_model_is_asked_for_what_nobody_names() {
    let [first, second] = [Upstream::start().await, Upstream::start().await];
    let line = |name: &str, upstream: &Upstream, more: &str| {
        format!(
            "  - {{ name: {name}, kind: openai_compatible, base_url: {:?}, max_retries: 0, any_model: true, unpriced: allow, {more} }}\n",
            upstream.url()
        )
    };
    let app = TestApp::with([
        line("first", &first, "model_mapping: { abc: def }"),
        line("second", &second, "priority: 2"),
    ])
    .await;
    let user = app.user().await;
    let sent = |upstream: &Upstream| {
        let body: Value = serde_json::from_str(upstream.last().text()).expect("JSON");
        body["model"].clone()
    };
    for (asked, of_first, of_second) in [("abc", "def", "abc"), ("xyz", "xyz", "xyz")] {
        first.then(Answer::json(whole(CHAT, of_first)));
        let reply = Reply::of(app.chat(&user.key, ask(asked))).await;
        assert_eq!(
            (reply.status, reply.header("x-provider")),
            (200, "first"),
            "{}",
            reply.text()
        );
        assert_eq!(sent(&first), of_first);
        // When it is down, the next is asked by the name that it is sent.
        first.then(Answer::error(500, "{}"));
        second.then(Answer::json(whole(CHAT, of_second)));
        let reply = Reply::of(app.chat(&user.key, ask(asked))).await;
        assert_eq!(reply.header("x-provider"), "second", "{}", reply.text());
        assert_eq!(sent(&second), of_second);
    }
    second.then(Answer::json(whole(CHAT, "m")));
    let reply = Reply::of(app.chat(&user.key, ask("second/m"))).await;
    assert_eq!(
        (reply.header("x-provider"), sent(&second)),
        ("second", json!("m"))
    );
    // What somebody once asked for is not offered to others, and does not pile up.
    let models = app.get("/v1/models", &user.key).await.json();
    assert!(!models.to_string().contains("xyz"), "{models}");
    // Only what a key may use is ever passed on.
    let id = app.key_id(&user).await;
    let path = format!("/admin/keys/{id}");
    app.admin(Method::PATCH, &path, json!({"allowed_models": ["abc"]}))
        .await;
    let refused = Reply::of(app.chat(&user.key, ask("new"))).await;
    assert_eq!(refused.status, 404);
}

#[tokio::test]
async fn a_stream_that_is_slow_to_come_says_that_it_is_there() {
    for dialect in crate::support::DIALECTS {
        let upstream = Upstream::start().await;
        let setup = Setup {
            rest: "routing: { keep_alive: 100ms }\n",
            ..Setup::backends([backend(dialect, "main", &upstream.url(), "")])
        };
        let app = TestApp::start(setup).await;
        let user = app.user().await;
        let sign = match dialect {
            Dialect::AnthropicMessages => "event: ping\n",
            _ => ": keep-alive\n\n",
        };
        // Before the first content, and between two pieces.
        let (answer, line) = Answer::live();
        upstream.then(answer);
        let sent = app
            .ask(dialect, &user.key, ask_stream("asked"))
            .send()
            .await;
        let mut response = sent.expect("the head comes before the content");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut read = async |until: &str| {
            let mut text = String::new();
            while !text.contains(until) {
                let chunk = response.chunk().await.expect("a body").expect("more of it");
                text.push_str(std::str::from_utf8(&chunk).expect("text"));
            }
            text
        };
        read(sign).await;
        let mut chunks = events(dialect, "up-main").into_iter();
        let half = chunks.len() / 2 + 1;
        for chunk in chunks.by_ref().take(half) {
            line.send(chunk);
        }
        read("data: {").await;
        read(sign).await;
        for chunk in chunks {
            line.send(chunk);
        }
        drop(line);
        let end = match dialect {
            Dialect::AnthropicMessages => "message_stop",
            _ => "[DONE]",
        };
        read(end).await;
        let row = app.ledger().only().await;
        assert_eq!(row.outcome, "completed");

        // A failure after the head has gone out is told by an event.
        let (held, hold) = Answer::error(503, "{}").held();
        upstream.then(held);
        let request = app.ask(dialect, &user.key, ask_stream("asked"));
        let waiting = tokio::spawn(async move { Reply::of(request).await });
        upstream.arrivals(2).await;
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        hold.release();
        let reply = waiting.await.expect("no panic");
        assert_eq!(reply.status, 200);
        assert!(reply.text().contains(sign), "{}", reply.text());
        let last = reply
            .text()
            .trim_end()
            .rsplit("\n\n")
            .next()
            .unwrap_or_default();
        assert!(last.contains("\"error\""), "{}", reply.text());
        assert!(last.contains("answered 503"), "{}", reply.text());
        let rows = app.ledger().wait_for(2).await;
        assert_eq!(rows[1].outcome, "upstream_error");
    }
}

/// An upstream that dies at each piece of its answer in turn: the client has a whole answer or a typed
/// error, never a hang, and never two answers in one.
#[tokio::test]
async fn an_upstream_that_dies_at_any_chunk_gives_a_whole_answer_or_an_error() {
    for dialect in crate::support::DIALECTS {
        let upstreams = [Upstream::start().await, Upstream::start().await];
        let backends = [("first", &upstreams[0]), ("second", &upstreams[1])]
            .map(|(name, upstream)| backend(dialect, name, &upstream.url(), ""));
        let setup = Setup {
            rest: "routing: { breaker: { failures: 0 } }\ngroups:\n  - { name: team, members: [{ backend: first, model: up-first }, { backend: second, model: up-second }] }\n",
            ..Setup::backends(backends)
        };
        let app = TestApp::start(setup).await;
        let user = app.user().await;
        let all = events(dialect, "up-first");
        upstreams[1].always(move |_| Answer::events(events(dialect, "up-second")));
        let end = match dialect {
            Dialect::AnthropicMessages => "message_stop",
            _ => "[DONE]",
        };
        let (mut complete, mut failed) = (0, 0);
        for cut in 0..=all.len() {
            let pieces: Vec<String> = all[..cut].to_vec();
            upstreams[0].then(Answer::cut("text/event-stream", pieces));
            let request = app.ask(dialect, &user.key, ask_stream("team"));
            let reply = crate::support::within("an answer", Reply::of(request)).await;
            assert_eq!(reply.status, 200, "{cut}");
            let text = reply.text();
            let starts = match dialect {
                Dialect::AnthropicMessages => text.matches("event: message_start").count(),
                _ => text.matches("\"role\":\"assistant\"").count().min(1),
            };
            assert!(starts <= 1, "{cut}: {text}");
            if text.contains("\"error\"") {
                failed += 1;
                assert_eq!(reply.header("x-provider"), "first", "{cut}");
                // Nothing of the second's answer.
                assert!(!text.contains(end), "{cut}: {text}");
            } else {
                complete += 1;
                assert!(text.contains(end), "{cut}: {text}");
            }
        }
        assert!(
            complete > 1 && failed > 0,
            "{complete} whole, {failed} failed"
        );
    }
}

#[tokio::test]
async fn a_backend_with_several_keys_has_a_queue_as_well() {
    let upstream = Upstream::start().await;
    let line = format!(
        "  - {{ name: main, kind: openai_compatible, base_url: {:?}, api_keys: [sk-one, sk-two], max_retries: 0, max_concurrent: 1, queue: {{}}, models: [{{ model: up-main, price: {{ input: 1, output: 1 }} }}] }}\n",
        upstream.url()
    );
    let app = TestApp::with([line]).await;
    let user = app.user().await;
    let (held, hold) = Answer::json(whole(CHAT, "up-main")).held();
    upstream.then(held);
    upstream.always(|_| Answer::json(whole(CHAT, "up-main")));
    let call = || {
        let request = app.chat(&user.key, ask("up-main"));
        tokio::spawn(async move { Reply::of(request).await.status })
    };
    let calls = [call(), call()];
    upstream.arrivals(1).await;
    let gateway = app.state.gateway.clone();
    until("one who waits", async || {
        (gateway.backends()[0].waiting == 1).then_some(())
    })
    .await;
    hold.release();
    for call in calls {
        assert_eq!(call.await.expect("no panic"), 200);
    }
}

/// Cut off behind each piece of its answer in turn, a stream is gone on with by the next deployment: the
/// client hears one answer, of which nothing is missing and nothing twice.
#[tokio::test]
async fn a_text_that_breaks_off_is_gone_on_with_where_the_group_says_so() {
    for dialect in crate::support::DIALECTS {
        let other = match dialect {
            Dialect::AnthropicMessages => CHAT,
            _ => Dialect::AnthropicMessages,
        };
        go_on(dialect, dialect, false).await;
        // What comes at once is not handed out in another order.
        go_on(dialect, dialect, true).await;
        go_on(dialect, other, true).await;
    }
}

async fn go_on(dialect: Dialect, of_second: Dialect, at_once: bool) {
    let upstreams = [Upstream::start().await, Upstream::start().await];
    let backends = [
        backend(dialect, "first", &upstreams[0].url(), ""),
        backend(of_second, "second", &upstreams[1].url(), ""),
    ];
    let setup = Setup {
        rest: "routing: { breaker: { failures: 0 } }\ngroups:\n  - { name: team, continue_streams: true, members: [{ backend: first, model: up-first }, { backend: second, model: up-second }] }\n",
        ..Setup::backends(backends)
    };
    let app = TestApp::start(setup).await;
    let user = app.user().await;
    let all = events(dialect, "up-first");
    let rest = match at_once {
        true => vec![events(of_second, "up-second").concat()],
        false => events(of_second, "up-second"),
    };
    upstreams[1].always(move |_| Answer::events(rest.clone()));
    let (start, end) = match dialect {
        Dialect::AnthropicMessages => ("event: message_start", "event: message_stop"),
        _ => ("\"role\":\"assistant\"", "data: [DONE]"),
    };
    let mut gone_on = 0;
    for cut in 1..=all.len() {
        let pieces: Vec<String> = all[..cut].to_vec();
        upstreams[0].then(Answer::cut("text/event-stream", pieces));
        let asked = upstreams[1].received().len();
        let request = app.ask(dialect, &user.key, ask_stream("team"));
        let reply = crate::support::within("an answer", Reply::of(request)).await;
        let text = reply.text();
        assert_eq!(text.matches(start).count(), 1, "{cut}: {text}");
        let asked_second = upstreams[1].received().len() > asked;
        if text.contains("\"error\"") {
            assert!(!text.contains(end), "{cut}: {text}");
            continue;
        }
        assert_eq!(text.matches(end).count(), 1, "{cut}: {text}");
        if dialect == Dialect::AnthropicMessages {
            let of = |kind: &str| text.matches(&format!("event: {kind}\n")).count();
            assert_eq!(
                of("content_block_start"),
                of("content_block_stop"),
                "{cut}: {text}"
            );
            assert_eq!(of("content_block_start"), 1, "{cut}: {text}");
            let last_text = text.rfind("event: content_block_delta");
            let stop = text.find("event: content_block_stop");
            assert!(last_text < stop, "{cut}: {text}");
            assert!(!text.contains("\"index\":1"), "{cut}: {text}");
        }
        let said = reply.header("x-provider") == "first" && asked_second;
        if !said {
            continue;
        }
        gone_on += 1;
        // The second was told what had been heard.
        let body: Value = serde_json::from_str(upstreams[1].last().text()).expect("JSON");
        let turns = body["messages"].as_array().expect("turns");
        let begun = turns.last().expect("a turn");
        assert_eq!(begun["role"], "assistant");
        let content = &begun["content"];
        let heard = content.as_str().or(content[0]["text"].as_str());
        let heard = heard.expect("a text");
        assert!(!heard.is_empty());
        let row = app.ledger().find(reply.request_id()).await.expect("a row");
        assert_eq!(
            (row.outcome.as_str(), row.upstream_model.as_str()),
            ("completed", "up-second")
        );
    }
    assert!(gone_on > 0);
    let rows = app.ledger().rows().await;
    let given_up = rows.iter().filter(|row| row.outcome == "abandoned");
    assert!(
        given_up.count() >= gone_on,
        "what was heard before is in the books"
    );
    let verified = crate::support::verify(&app.state.config).await;
    assert_eq!(verified.difference_count, 0, "{verified:?}");
}

/// Who goes on may be on the same backend, whose only place the broken call had.
#[tokio::test]
async fn a_broken_call_gives_up_its_place_to_who_goes_on() {
    let upstream = Upstream::start().await;
    let only = format!(
        "  - {{ name: only, kind: openai_compatible, base_url: {:?}, api_keys: [sk-up], max_retries: 0, max_concurrent: 1, queue: {{}}, models: [{{ model: up-first, price: {{ input: 1, output: 1 }} }}, {{ model: up-second, price: {{ input: 1, output: 1 }} }}] }}\n",
        upstream.url()
    );
    let setup = Setup {
        rest: "groups:\n  - { name: team, continue_streams: true, members: [{ backend: only, model: up-first }, { backend: only, model: up-second }] }\n",
        ..Setup::backends([only])
    };
    let app = TestApp::start(setup).await;
    let user = app.user().await;
    let pieces = events(CHAT, "up-first")[..3].to_vec();
    upstream.then(Answer::cut("text/event-stream", pieces));
    upstream.then(Answer::events(events(CHAT, "up-second")));
    let request = app.ask(CHAT, &user.key, ask_stream("team"));
    let reply = crate::support::within("an answer", Reply::of(request)).await;
    assert!(reply.text().contains("data: [DONE]"), "{}", reply.text());
    assert!(upstream.last().text().contains("assistant"));
    let row = app.ledger().find(reply.request_id()).await.expect("a row");
    assert_eq!(row.upstream_model, "up-second");
}

/// Models that take up no turn that has begun refuse it, which is no failure of theirs.
#[tokio::test]
async fn a_refusal_to_go_on_trips_no_breaker() {
    let upstreams = [Upstream::start().await, Upstream::start().await];
    let backends = [("first", &upstreams[0]), ("second", &upstreams[1])]
        .map(|(name, upstream)| backend(CHAT, name, &upstream.url(), ""));
    let setup = Setup {
        rest: "routing: { breaker: { failures: 1 } }\ngroups:\n  - { name: team, continue_streams: true, members: [{ backend: first, model: up-first }, { backend: second, model: up-second }] }\n",
        ..Setup::backends(backends)
    };
    let app = TestApp::start(setup).await;
    let user = app.user().await;
    let pieces = events(CHAT, "up-first")[..3].to_vec();
    upstreams[0].then(Answer::cut("text/event-stream", pieces));
    upstreams[1].then(Answer::error(
        400,
        r#"{"error":{"message":"no turns of mine"}}"#,
    ));
    let request = app.ask(CHAT, &user.key, ask_stream("team"));
    let reply = crate::support::within("an answer", Reply::of(request)).await;
    assert!(reply.text().contains("\"error\""), "{}", reply.text());
    assert_eq!(upstreams[1].received().len(), 1);
    assert!(upstreams[1].last().text().contains("assistant"));
    let failing = app.state.gateway.backends().into_iter();
    let failing: Vec<String> = failing.filter(|b| b.failing).map(|b| b.name).collect();
    assert_eq!(failing, ["first"]);
}
