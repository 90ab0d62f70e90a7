//! `Idempotency-Key`: the same request is answered again and billed once, whatever happened to the
//! first answer; another request under the key is refused.

use domain::Dialect;
use http::Method;
use reqwest::RequestBuilder;
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{
    Answer, DIALECTS, Reply, Setup, TestApp, Upstream, ask, ask_stream, backend, chat_whole,
    events, whole,
};

fn keyed(request: RequestBuilder, key: &str) -> RequestBuilder {
    request.header("idempotency-key", key)
}

#[tokio::test]
async fn the_same_request_is_answered_again_and_billed_once() {
    for dialect in DIALECTS {
        let (app, upstream) = TestApp::one(dialect).await;
        let user = app.user().await;
        upstream.then(Answer::json(whole(dialect, "up-main")));
        upstream.then(Answer::events(events(dialect, "up-main")));
        upstream.then(Answer::events(vec![events(dialect, "up-main").concat()]));
        for (key, body) in [
            ("whole", ask("asked")),
            ("stream", ask_stream("asked")),
            ("stream in one piece", ask_stream("asked")),
        ] {
            let send = || Reply::of(keyed(app.ask(dialect, &user.key, body.clone()), key));
            let first = send().await;
            assert_eq!(first.status, 200);
            assert_eq!(first.header("idempotent-replayed"), "");
            let again = send().await;
            assert_eq!(again.status, 200);
            assert_eq!(again.body, first.body);
            assert_eq!(again.header("idempotent-replayed"), "true");
            assert_eq!(again.header("content-type"), first.header("content-type"));
            // The id under which it is in the ledger.
            assert_eq!(again.request_id(), first.request_id());
        }
        assert_eq!(upstream.received().len(), 3);
        assert_eq!(app.ledger().rows().await.len(), 3);
        // It is on disk, with the row.
        let app = app.restart().await;
        let request = app.ask(dialect, &user.key, ask("asked"));
        let again = Reply::of(keyed(request, "whole")).await;
        assert_eq!(again.header("idempotent-replayed"), "true");
    }
}

#[tokio::test]
async fn requests_at_once_are_one() {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    let user = app.user().await;
    let (answer, hold) = Answer::json(chat_whole("up-main", 10, 0, 5)).held();
    upstream.then(answer);
    let mut running = JoinSet::new();
    for _ in 0..10 {
        let request = keyed(app.chat(&user.key, ask("asked")), "once");
        running.spawn(Reply::of(request));
    }
    upstream.arrivals(1).await;
    hold.release();
    let replies = running.join_all().await;
    assert!(replies.iter().all(|reply| reply.status == 200));
    let again = |reply: &&Reply| reply.header("idempotent-replayed") == "true";
    assert_eq!(replies.iter().filter(again).count(), 9);
    assert_eq!(upstream.received().len(), 1);
    assert_eq!(app.ledger().rows().await.len(), 1);
}

#[tokio::test]
async fn another_request_under_the_key_is_refused() {
    let app = TestApp::demo().await;
    let (ada, bob) = (app.user().await, app.user_with("bob", json!({})).await);
    let send = |key: &str, body: String| {
        let request = keyed(app.chat(key, body), "k");
        Reply::of(request)
    };
    assert_eq!(send(&ada.key, ask("demo")).await.status, 200);
    let other = send(&ada.key, ask("demo").replace("hello", "goodbye")).await;
    assert_eq!(other.status, 409);
    assert_eq!(other.header("x-should-retry"), "false");
    assert!(other.error_message().contains("Idempotency-Key"));
    // Somebody else's key is another one.
    let others = send(&bob.key, ask("demo")).await;
    assert_eq!(
        (others.status, others.header("idempotent-replayed")),
        (200, "")
    );
    let empty = Reply::of(keyed(app.chat(&ada.key, ask("demo")), "")).await;
    assert_eq!(empty.status, 400);
}

#[tokio::test]
async fn a_failure_is_not_kept() {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    let user = app.user().await;
    upstream.then(Answer::error(500, "{}"));
    upstream.then(Answer::json(chat_whole("up-main", 10, 0, 5)));
    let send = || Reply::of(keyed(app.chat(&user.key, ask("asked")), "k"));
    assert_eq!(send().await.status, 500);
    let second = send().await;
    assert_eq!(
        (second.status, second.header("idempotent-replayed")),
        (200, "")
    );
    assert_eq!(send().await.header("idempotent-replayed"), "true");
}

#[tokio::test]
async fn an_answer_that_nobody_waited_for_is_kept() {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    let user = app.user().await;
    let (answer, line) = Answer::live();
    upstream.then(answer);
    let frames = events(Dialect::OpenaiChat, "up-main");
    let request = keyed(app.chat(&user.key, ask_stream("asked")), "k");
    let sending = tokio::spawn(request.send());
    upstream.arrivals(1).await;
    for frame in &frames[..4] {
        line.send(frame.clone());
    }
    let mut response = sending.await.expect("no panic").expect("an answer");
    assert!(response.chunk().await.expect("a piece").is_some());
    drop(response);
    for frame in &frames[4..] {
        line.send(frame.clone());
    }
    drop(line);
    let row = app.ledger().only().await;
    // Billed as the upstream told, though the client had gone.
    assert_eq!((row.output_tokens, row.usage_estimated), (7, false));
    let again = Reply::of(keyed(app.chat(&user.key, ask_stream("asked")), "k")).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert!(
        again.text().ends_with("data: [DONE]\n\n"),
        "{}",
        again.text()
    );
    assert_eq!(app.ledger().rows().await.len(), 1);
}

#[tokio::test]
async fn answers_are_kept_for_a_day_and_not_if_they_are_too_large() {
    let upstream = Upstream::start().await;
    let app = TestApp::start(Setup {
        server: "idempotency_max_answer: 1KiB",
        ..Setup::backends([backend(Dialect::OpenaiChat, "main", &upstream.url(), "")])
    })
    .await;
    let user = app.user().await;
    upstream.always(|received| {
        let long = received.text().contains("long");
        let text = if long {
            "x".repeat(2_000)
        } else {
            String::new()
        };
        Answer::json(chat_whole("up-main", 10, 0, 5).replace("Hello", &text))
    });
    let send = |key: &'static str, body: String| Reply::of(keyed(app.chat(&user.key, body), key));
    let long = || ask("asked").replace("Say hello", "long");
    assert_eq!(send("long", long()).await.status, 200);
    let again = send("long", long()).await;
    assert_eq!(again.status, 409);
    assert!(again.error_message().contains("too large to be kept"));
    assert_eq!(send("short", ask("asked")).await.status, 200);
    const HOUR: i64 = 3_600_000;
    app.clock.advance_ms(23 * HOUR);
    let again = send("short", ask("asked")).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    app.clock.advance_ms(2 * HOUR);
    let anew = send("short", ask("asked")).await;
    assert_eq!((anew.status, anew.header("idempotent-replayed")), (200, ""));
    assert_eq!(app.ledger().rows().await.len(), 3);
    // The methods that ask for nothing are no requests of that kind.
    assert_eq!(
        app.request(Method::GET, "/health")
            .send()
            .await
            .expect("an answer")
            .status(),
        200
    );
}
