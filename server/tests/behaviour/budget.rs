//! A budget holds however many calls come at once, can be spent to its end by small calls, and begins
//! anew with its period or a reset.

use std::sync::Arc;

use domain::Dialect;
use http::Method;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::support::{
    Answer, DIALECTS, Reply, TestApp, Upstream, User, ask, chat_whole, until, verify, whole, within,
};

/// What [`ask`] may cost at most: 100 tokens of output, and a few of input that are counted as a
/// half of its bytes of text and some that stand in no text.
const OUTPUT: i64 = 1_000_000;
const INPUT_AT_MOST: i64 = 100_000;

async fn start(budget: Value) -> (TestApp, Upstream, User) {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    let user = app.user_with("ada", budget).await;
    (app, upstream, user)
}

async fn spent(app: &TestApp) -> i64 {
    let rows = app.ledger().rows().await;
    rows.iter().filter_map(|row| row.cost_nano).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_at_once_cannot_pass_a_budget_together() {
    const LIMIT: i64 = 11_000_000;
    let (app, upstream, user) = start(json!({"monthly_budget": "0.011"})).await;
    // Every call costs as much as it may, and none is answered before all have asked.
    upstream.always(|_| Answer::json(chat_whole("up-main", 10, 0, 100)));
    let gate = Arc::new(Semaphore::new(0));
    let mut running = JoinSet::new();
    for _ in 0..100 {
        let (answer, hold) = Answer::json(chat_whole("up-main", 10, 0, 100)).held();
        upstream.then(answer);
        let gate = Arc::clone(&gate);
        running.spawn(async move {
            let _open = gate.acquire().await;
            hold.release();
            None
        });
        let request = app.chat(&user.key, ask("asked"));
        running.spawn(async move { Some(Reply::of(request).await) });
    }
    // Those for which there is no room wait a while for the others to end, and are refused then.
    let mut refused = Vec::new();
    while refused.len() + upstream.received().len() < 100 {
        let more = tokio::select! {
            reply = running.join_next() => reply,
            () = upstream.arrivals(upstream.received().len() + 1) => None,
        };
        refused.extend(more.and_then(|reply| reply.expect("no panic")));
    }
    let let_in = upstream.received().len();
    assert!(refused.iter().all(|reply| reply.status == 429));
    assert!((9..=10).contains(&let_in), "{let_in}");
    gate.add_permits(100);
    let replies: Vec<Reply> = running.join_all().await.into_iter().flatten().collect();
    let answered = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(answered, let_in);
    let spent = spent(&app).await;
    assert!(spent <= LIMIT, "{spent}");
    assert!(spent > LIMIT - 2 * (OUTPUT + INPUT_AT_MOST), "{spent}");
}

/// A call that may cost a hundredth of what [`ask`] may.
fn ask_little(app: &TestApp, user: &User) -> RequestBuilder {
    let body = r#"{"model":"asked","max_tokens":1,"messages":[]}"#;
    app.chat(&user.key, body)
}

#[tokio::test]
async fn small_calls_can_spend_nearly_all_of_it() {
    const LIMIT: i64 = 2_000_000;
    let (app, upstream, user) = start(json!({"monthly_budget": 0.002})).await;
    upstream.always(|_| Answer::json(chat_whole("up-main", 2, 0, 1)));
    // A large call is refused near the end while small ones still go through.
    let mut answered = 0;
    let refused = loop {
        let reply = Reply::of(ask_little(&app, &user)).await;
        if reply.status != 200 {
            break reply;
        }
        answered += 1;
    };
    assert_eq!(refused.status, 429);
    let spent = spent(&app).await;
    assert_eq!(spent, answered * 15_000);
    assert!(spent <= LIMIT && spent > LIMIT * 95 / 100, "{spent}");
}

#[tokio::test]
async fn a_large_call_is_refused_where_a_small_one_fits() {
    let (app, upstream, user) = start(json!({"daily_budget": 0.001})).await;
    upstream.always(|_| Answer::json(chat_whole("up-main", 2, 0, 1)));
    let large = Reply::of(app.chat(&user.key, ask("asked"))).await;
    assert_eq!(large.status, 429);
    let message = large.error_message();
    let expected =
        "Daily budget exceeded: $0.00 / $0.001 is spent, and this call may cost up to $0.00";
    assert!(message.starts_with(expected), "{message}");
    assert_eq!(Reply::of(ask_little(&app, &user)).await.status, 200);
    assert_eq!(upstream.received().len(), 1);
}

#[tokio::test]
async fn who_is_over_budget_is_told_when_to_come_back_in_their_dialect() {
    for dialect in DIALECTS {
        let (app, upstream) = TestApp::one(dialect).await;
        upstream.always(move |_| Answer::json(whole(dialect, "up-main").replace(":7", ":7000")));
        let user = app.user_with("ada", json!({"monthly_budget": 0.01})).await;
        let call = || Reply::of(app.ask(dialect, &user.key, ask("asked")));
        assert_eq!(call().await.status, 200);
        let refused = call().await;
        assert_eq!(refused.status, 429);
        assert_eq!(refused.header("x-should-retry"), "false");
        // Noon of the 18th of November; the month ends after twelve and a half days.
        assert_eq!(refused.header("retry-after"), (25 * 43_200).to_string());
        let message = refused.error_message();
        assert!(
            message.starts_with("Monthly budget exceeded: $0.07"),
            "{message}"
        );
        assert!(
            message.contains("resets at 2026-12-01T00:00:00Z"),
            "{message}"
        );
        let error = &refused.json()["error"];
        match dialect {
            Dialect::OpenaiChat => {
                assert_eq!(error["type"], "insufficient_quota");
                assert_eq!(error["code"], "insufficient_quota");
            }
            _ => {
                assert_eq!(refused.json()["type"], "error");
                assert_eq!(error["type"], "rate_limit_error");
                assert_eq!(
                    error["details"]["error_code"],
                    "enforced_spend_limit_reached"
                );
            }
        }
        assert_eq!(upstream.received().len(), 1);
        let budget = app.get("/v1/budget", &user.key).await.json();
        assert_eq!(budget["monthly_remaining"], 0.0);
        assert_eq!(budget["daily_remaining"], Value::Null);
    }
}

#[tokio::test]
async fn a_reset_and_a_new_limit_hold_at_once_and_history_stays() {
    let (app, upstream, user) = start(json!({"monthly_budget": 0.002})).await;
    upstream.always(|_| Answer::json(chat_whole("up-main", 0, 0, 200)));
    let call = || async { Reply::of(app.chat(&user.key, ask("asked"))).await.status };
    let path = format!("/admin/users/{}", user.id);
    let patch = |body| app.admin(Method::PATCH, &path, body);

    assert_eq!([call().await, call().await], [200, 429]);
    patch(json!({"reset_spend": true})).await;
    assert_eq!([call().await, call().await], [200, 429]);
    patch(json!({"max_budget": 0.0055})).await;
    assert_eq!([call().await, call().await], [200, 200]);
    patch(json!({"monthly_budget": 0, "daily_budget": 0.001})).await;
    assert_eq!(call().await, 429);
    patch(json!({"reset_daily_spend": true, "daily_budget": 0.002})).await;
    assert_eq!([call().await, call().await], [200, 429]);
    patch(json!({"daily_budget": 0})).await;
    assert_eq!([call().await, call().await], [200, 200]);
    assert_eq!(spent(&app).await, 7 * 2_000_000);
}

#[tokio::test]
async fn a_new_day_begins_with_a_whole_budget() {
    let (app, upstream, user) = start(json!({"daily_budget": 0.002})).await;
    upstream.always(|_| Answer::json(chat_whole("up-main", 0, 0, 200)));
    let call = || async { Reply::of(app.chat(&user.key, ask("asked"))).await.status };
    assert_eq!([call().await, call().await], [200, 429]);
    app.clock.advance_ms(12 * 3_600_000);
    assert_eq!([call().await, call().await], [200, 429]);
}

#[tokio::test]
async fn what_a_failed_call_had_reserved_is_free_again() {
    let (app, upstream, user) = start(json!({"monthly_budget": "0.0015"})).await;
    let call = || Reply::of(app.chat(&user.key, ask("asked")));
    for failure in [
        Answer::error(500, "{}"),
        Answer::error(400, "{}"),
        Answer::cut("text/html", ["<"]),
    ] {
        upstream.then(failure);
        assert_ne!(call().await.status, 429);
    }
    // Two at once have no room: one of them holds what there is.
    let (answer, hold) = Answer::json(chat_whole("up-main", 1, 0, 1)).held();
    upstream.then(answer);
    let first = tokio::spawn(call());
    upstream.arrivals(4).await;
    assert_eq!(call().await.status, 429);
    hold.release();
    let first = within("the first", first).await.expect("no panic");
    assert_eq!(first.status, 200);
    upstream.always(|_| Answer::json(chat_whole("up-main", 1, 0, 1)));
    until("room for another", async || {
        (call().await.status == 200).then_some(())
    })
    .await;
}

/// 500 calls at once on a budget of $1.00, each of which may cost much more than it does; some fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_calls_at_once_spend_a_dollar_and_no_more() {
    const LIMIT: i64 = 1_000_000_000;
    /// By how much one call's estimate can be wrong: all of its output, as if none had been expected.
    const ONE_ERROR: i64 = 8_000_000;
    let (app, upstream, user) = start(json!({"monthly_budget": 1})).await;
    // $0.0025 to $0.0105 each; the request allows up to 3,000 tokens of output, which would be $0.03.
    let seeds = std::sync::atomic::AtomicU64::new(0);
    upstream.always(move |_| {
        let n = seeds.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        match n % 10 {
            9 => Answer::error(500, "{}"),
            n => Answer::json(chat_whole("up-main", 1_000, 0, n * 100)),
        }
    });
    let text = "word ".repeat(800);
    let body = ask("asked").replace("Say hello", &text);
    let body = body.replace(r#""max_tokens":100"#, r#""max_tokens":3000"#);
    let mut running = JoinSet::new();
    for _ in 0..500 {
        running.spawn(Reply::of(app.chat(&user.key, body.clone())));
    }
    let replies = running.join_all().await;
    let of = |status: u16| {
        replies
            .iter()
            .filter(|reply| reply.status == status)
            .count()
    };
    assert_eq!(
        of(200) + of(429) + of(500),
        500,
        "every call has its answer"
    );
    assert!(
        of(429) > 0,
        "there were more calls than the budget pays for"
    );
    let spent_at_once = spent(&app).await;
    assert!(spent_at_once <= LIMIT + ONE_ERROR, "{spent_at_once}");

    // What is left is spent by calls one after the other, down to less than what one may cost.
    loop {
        let reply = Reply::of(app.chat(&user.key, body.clone())).await;
        if reply.status == 429 {
            assert_eq!(reply.header("x-should-retry"), "false", "{}", reply.text());
            break;
        }
    }
    let spent = spent(&app).await;
    assert!(
        (LIMIT * 98 / 100..=LIMIT + ONE_ERROR).contains(&spent),
        "{spent}"
    );
    // Nothing stays reserved: what is counted is what was spent.
    let budget = app.get("/v1/budget", &user.key).await.json();
    let dollars = |nano: i64| nano as f64 / 1e9;
    assert_eq!(budget["monthly_spend"], dollars(spent));
    assert_eq!(verify(&app.state.config).await.differences, []);
}

#[tokio::test]
async fn small_calls_one_after_the_other_spend_ninety_nine_hundredths() {
    const LIMIT: i64 = 1_000_000_000;
    let (app, upstream, user) = start(json!({"daily_budget": 1})).await;
    // $0.0045 each; nothing says how long the answer will be.
    upstream.always(|_| Answer::json(chat_whole("up-main", 200, 0, 400)));
    let body = r#"{"model":"asked","messages":[{"role":"user","content":"Say hello"}]}"#;
    let refused = loop {
        let reply = Reply::of(app.chat(&user.key, body)).await;
        if reply.status != 200 {
            break reply;
        }
    };
    assert_eq!(refused.status, 429);
    let spent = spent(&app).await;
    assert!((LIMIT * 99 / 100..=LIMIT).contains(&spent), "{spent}");
}
