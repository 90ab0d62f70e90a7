//! Every call has its row, exact to the nano-dollar, and the row is in the file before the client has
//! the last byte.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use domain::{Dialect, RequestId};
use http::{HeaderMap, Method};
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{
    Answer, DIALECTS, MASTER_KEY, Reply, TestApp, User, ask, ask_stream, chat_whole, events, whole,
    within,
};

/// Tokens and cost of [`whole`] and [`events`] at the prices of [`crate::support::backend`].
struct Expected {
    tokens: [i64; 5],
    cost: i64,
}

fn expected(dialect: Dialect, stream: bool) -> Expected {
    match (dialect, stream) {
        // 60 × 2,500 + 40 × 1,250 + 7 × 10,000
        (Dialect::OpenaiChat, _) => Expected {
            tokens: [60, 40, 0, 0, 7],
            cost: 270_000,
        },
        // 10 × 2,500 + 1000 × 1,250 + 200 × 3,000 + 40 × 5,000 + 7 × 10,000
        (_, false) => Expected {
            tokens: [10, 1000, 200, 40, 7],
            cost: 2_145_000,
        },
        // 10 × 2,500 + 100 × 1,250 + 7 × 10,000
        (_, true) => Expected {
            tokens: [10, 100, 0, 0, 7],
            cost: 220_000,
        },
    }
}

#[tokio::test]
async fn a_row_tells_who_asked_what_was_used_and_what_it_cost() {
    for dialect in DIALECTS {
        let (app, upstream) = TestApp::one(dialect).await;
        let user = app.user().await;
        let key = app.key_id(&user).await;
        for stream in [false, true] {
            let (answer, body) = match stream {
                false => (Answer::json(whole(dialect, "up-main")), ask("asked")),
                true => (
                    Answer::events(events(dialect, "up-main")),
                    ask_stream("asked"),
                ),
            };
            upstream.then(answer);
            let reply = Reply::of(app.ask(dialect, &user.key, body)).await;
            let row = app.ledger().find(reply.request_id()).await.expect("a row");
            let Expected { tokens, cost } = expected(dialect, stream);
            let counted = [
                row.input_tokens,
                row.cache_read_tokens,
                row.cache_write_5m_tokens,
                row.cache_write_1h_tokens,
                row.output_tokens,
            ];
            assert_eq!((counted, row.cost_nano), (tokens, Some(cost)));
            assert_eq!((row.user_id, row.key_id), (Some(user.id), Some(key)));
            assert_eq!(
                (row.request_model.as_str(), row.upstream_model.as_str()),
                ("asked", "up-main")
            );
            assert_eq!(
                (row.dialect.as_str(), row.stream),
                (dialect.as_str(), stream)
            );
            assert_eq!(
                (row.outcome.as_str(), row.status, row.attempts),
                ("completed", 200, 1)
            );
            assert!(!row.usage_estimated && row.error.is_none());
            assert!(row.time_to_first_chunk_ms.is_some());
        }
    }
}

#[tokio::test]
async fn a_usage_that_nobody_reports_is_estimated_and_says_so() {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    let user = app.user().await;
    upstream.then(Answer::json(r#"{"model":"up-main","choices":[]}"#));
    let mut silent = events(Dialect::OpenaiChat, "up-main");
    silent.retain(|event| !event.contains("prompt_tokens"));
    upstream.then(Answer::events(silent));
    for body in [ask("asked"), ask_stream("asked")] {
        let reply = Reply::of(app.chat(&user.key, body)).await;
        let row = app.ledger().find(reply.request_id()).await.expect("a row");
        assert_eq!(row.outcome, "completed");
        assert!(row.usage_estimated && row.input_tokens > 0 && row.output_tokens > 0);
        let cost = row.input_tokens * 2_500 + row.output_tokens * 10_000;
        assert_eq!(row.cost_nano, Some(cost));
    }
}

#[tokio::test]
async fn calls_of_the_master_key_are_booked_and_what_was_not_let_in_is_not() {
    let app = TestApp::demo().await;
    let reply = Reply::of(app.chat(MASTER_KEY, ask("demo"))).await;
    let row = app.ledger().find(reply.request_id()).await.expect("a row");
    assert_eq!((row.user_id, row.key_id), (None, None));
    for (key, body) in [
        ("sk-unknown", ask("demo")),
        (MASTER_KEY, ask("unknown")),
        (MASTER_KEY, "{".to_owned()),
    ] {
        let reply = Reply::of(app.chat(key, body)).await;
        assert!(reply.status >= 400);
        assert_eq!(
            app.ledger()
                .find(reply.request_id())
                .await
                .map(|row| row.outcome),
            None
        );
    }
    assert_eq!(app.ledger().rows().await.len(), 1);
}

/// Reads until the final event is there, and not a byte further.
async fn read_to_final_event(mut response: reqwest::Response, last: &str) -> RequestId {
    let id = response.headers().get("x-request-id").cloned();
    let mut got = String::new();
    while !got.ends_with(last) {
        let chunk = within("the final event", response.chunk()).await;
        let chunk = chunk.expect("whole").expect("a final event");
        got.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
    }
    let id = id.as_ref().and_then(|id| id.to_str().ok());
    id.and_then(RequestId::parse).expect("a request id")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_the_last_byte_finds_the_row() {
    for dialect in DIALECTS {
        let (app, upstream) = TestApp::one(dialect).await;
        let user = app.user().await;
        let last = match dialect {
            Dialect::OpenaiChat => "data: [DONE]\n\n",
            _ => "data: {\"type\":\"message_stop\"}\n\n",
        };
        for _ in 0..40 {
            upstream.then(Answer::events(events(dialect, "up-main")));
            let sent = app.ask(dialect, &user.key, ask_stream("asked")).send();
            let response = within("the head", sent).await.expect("an answer");
            let id = read_to_final_event(response, last).await;
            assert!(app.ledger().find(id).await.is_some(), "a stream");

            upstream.then(Answer::json(whole(dialect, "up-main")));
            let reply = Reply::of(app.ask(dialect, &user.key, ask("asked"))).await;
            assert!(
                app.ledger().find(reply.request_id()).await.is_some(),
                "an answer"
            );
        }
    }
}

/// What the data plane counts against the budgets of a user, in nano-dollars.
fn counted(app: &TestApp, user: &User) -> [i64; 2] {
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", user.key.parse().expect("a header"));
    let caller = app
        .state
        .gateway
        .authenticate(&headers, None)
        .expect("a caller");
    let figures = app.state.gateway.budget(&caller).expect("a user");
    [figures.daily_spend.0, figures.monthly_spend.0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_rollups_and_spend_agree_to_the_nano_dollar() {
    const CALLS: u64 = 200;
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    let user = app.user().await;
    let call = Arc::new(AtomicU64::new(0));
    upstream.always(move |request| {
        let n = call.fetch_add(1, Ordering::SeqCst);
        if n % 10 == 9 {
            return Answer::error(400, "{}");
        }
        if request.text().contains("\"stream\":true") {
            return Answer::events(events(Dialect::OpenaiChat, "up-main"));
        }
        Answer::json(chat_whole("up-main", 1_000 + 7 * n, 3 * n, 13 * n))
    });
    let mut running = JoinSet::new();
    for n in 0..CALLS {
        let body = if n % 3 == 0 {
            ask_stream("asked")
        } else {
            ask("asked")
        };
        running.spawn(Reply::of(app.chat(&user.key, body)));
    }
    let replies = running.join_all().await;
    let refused = replies.iter().filter(|reply| reply.status == 400).count();
    assert_eq!((replies.len(), refused), (200, 20));

    let rows = app.ledger().rows().await;
    let sum = |of: fn(&crate::support::Row) -> i64| rows.iter().map(of).sum::<i64>();
    let cost = sum(|row| row.cost_nano.expect("priced"));
    let by_hand = sum(|row| {
        row.input_tokens * 2_500 + row.cache_read_tokens * 1_250 + row.output_tokens * 10_000
    });
    assert_eq!((rows.len(), cost), (200, by_hand));
    let rollups = app.ledger().rollups().await;
    assert_eq!((rollups.requests, rollups.errors), (200, 20));
    assert_eq!(rollups.cost_nano, cost);
    assert_eq!(rollups.input_tokens, sum(|row| row.input_tokens));
    assert_eq!(rollups.output_tokens, sum(|row| row.output_tokens));
    assert_eq!(counted(&app, &user), [cost, cost]);

    let usage = app.admin(Method::GET, "/admin/usage", json!({})).await;
    assert_eq!(usage[0]["total_cost_nano_usd"], cost);
    assert_eq!(
        (&usage[0]["requests"], &usage[0]["name"]),
        (&json!(200), &json!("ada"))
    );
}

#[tokio::test]
async fn spend_outlives_a_restart() {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    upstream.always(|_| Answer::json(whole(Dialect::OpenaiChat, "up-main")));
    let user = app.user().await;
    Reply::of(app.chat(&user.key, ask("asked"))).await;
    let before = counted(&app, &user);
    let app = app.restart().await;
    assert_eq!((before, counted(&app, &user)), ([270_000; 2], [270_000; 2]));
}
