//! Limits of requests and tokens per minute and of parallel requests, and what clients are told of
//! them.

use domain::Dialect;
use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{
    Answer, Reply, Setup, TestApp, Upstream, User, ask, backend, chat_whole, events, whole,
};

async fn limit_key(app: &TestApp, user: &User, limits: Value) {
    let path = format!("/admin/keys/{}", app.key_id(user).await);
    app.admin(Method::PATCH, &path, limits).await;
}

#[tokio::test]
async fn what_is_left_is_told_in_each_familys_words() {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    upstream.always(|_| {
        let answer = Answer::json(chat_whole("up-main", 10, 0, 5));
        // Those of the router's own account with the provider.
        answer.header("x-ratelimit-remaining-requests", "4999")
    });
    let user = app.user().await;
    let free = Reply::of(app.chat(&user.key, ask("asked"))).await;
    assert_eq!(free.header("x-ratelimit-remaining-requests"), "4999");

    limit_key(
        &app,
        &user,
        json!({"requests_per_minute": 3, "tokens_per_minute": 1000}),
    )
    .await;
    let first = Reply::of(app.chat(&user.key, ask("asked"))).await;
    assert_eq!(first.header("x-ratelimit-limit-requests"), "3");
    assert_eq!(first.header("x-ratelimit-remaining-requests"), "2");
    assert_eq!(first.header("x-ratelimit-limit-tokens"), "1000");
    let left: u64 = first
        .header("x-ratelimit-remaining-tokens")
        .parse()
        .expect("a number");
    assert!(left < 1000 && left > 800, "{left}");
    assert!(first.header("x-ratelimit-reset-requests").ends_with('s'));

    // What was reserved has become what was used: 15 tokens, and not 100 of output.
    let second = Reply::of(app.messages(&user.key, ask("asked"))).await;
    assert_eq!(second.header("anthropic-ratelimit-requests-limit"), "3");
    assert_eq!(second.header("anthropic-ratelimit-requests-remaining"), "1");
    let left: u64 = second
        .header("anthropic-ratelimit-tokens-remaining")
        .parse()
        .expect("a number");
    assert!(left > 800, "{left}");
    let reset = second.header("anthropic-ratelimit-requests-reset");
    assert!(
        reset.starts_with("2026-") && reset.ends_with('Z'),
        "{reset}"
    );
}

#[tokio::test]
async fn who_has_had_enough_tokens_is_told_when_to_come_back() {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    upstream.always(|_| Answer::json(chat_whole("up-main", 700, 0, 200)));
    let user = app.user().await;
    limit_key(&app, &user, json!({"tokens_per_minute": 1000})).await;
    assert_eq!(
        Reply::of(app.chat(&user.key, ask("asked"))).await.status,
        200
    );
    // 900 are gone; a call is taken for a hundred and more.
    let refused = Reply::of(app.chat(&user.key, ask("asked"))).await;
    assert_eq!(refused.status, 429);
    let message = refused.error_message();
    assert!(
        message.starts_with("this API key may use 1000 tokens per minute"),
        "{message}"
    );
    let wait: u64 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(refused.header("x-ratelimit-remaining-tokens"), "0");
    // One that can never fit is told so, and clients do not try it again.
    let large = ask("asked").replace("Say hello", &"x".repeat(8_000));
    let refused = Reply::of(app.chat(&user.key, large)).await;
    assert_eq!(
        (refused.status, refused.header("x-should-retry")),
        (429, "false")
    );
    assert!(refused.error_message().contains("this request is about"));
}

#[tokio::test]
async fn no_more_run_at_once_than_may_and_the_next_has_the_place_of_one_that_ended() {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    let user = app.user().await;
    limit_key(&app, &user, json!({"parallel": 2})).await;
    let mut holds = Vec::new();
    let mut running = JoinSet::new();
    for n in 1..=2 {
        let (answer, hold) = Answer::json(chat_whole("up-main", 10, 0, 5)).held();
        upstream.then(answer);
        holds.push(hold);
        running.spawn(Reply::of(app.chat(&user.key, ask("asked"))));
        upstream.arrivals(n).await;
    }
    let refused = Reply::of(app.chat(&user.key, ask("asked"))).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "1"));
    let message = refused.error_message();
    assert_eq!(
        message,
        "this API key may have 2 requests running at the same time"
    );
    holds.remove(0).release();
    let reply = running.join_next().await.expect("one").expect("no panic");
    assert_eq!(reply.status, 200);
    upstream.then(Answer::json(chat_whole("up-main", 10, 0, 5)));
    assert_eq!(
        Reply::of(app.chat(&user.key, ask("asked"))).await.status,
        200
    );
}

#[tokio::test]
async fn the_owners_limit_holds_over_all_of_their_keys() {
    let app = TestApp::demo().await;
    let user = app
        .user_with("ada", json!({"requests_per_minute": 2}))
        .await;
    let path = format!("/admin/users/{}/keys", user.id);
    let second = app.admin(Method::POST, &path, json!({})).await;
    let second = second["key"].as_str().expect("a key");
    for key in [&user.key, second] {
        assert_eq!(Reply::of(app.chat(key, ask("demo"))).await.status, 200);
    }
    let refused = Reply::of(app.chat(second, ask("demo"))).await;
    assert_eq!(refused.status, 429);
    let message = refused.error_message();
    assert!(
        message.starts_with("the owner of this API key may make 2"),
        "{message}"
    );
}

#[tokio::test]
async fn a_models_and_a_backends_limits_lead_to_the_next() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    first.always(|_| Answer::json(chat_whole("up-a", 10, 0, 5)));
    second.always(|_| Answer::json(whole(Dialect::AnthropicMessages, "up-b")));
    let models = "models: [{ model: up-a, aliases: [asked], requests_per_minute: 1, \
                  price: { input: 1, output: 1 } }], ";
    let app = TestApp::start(Setup::backends([
        backend(Dialect::OpenaiChat, "a", &first.url(), models),
        backend(
            Dialect::AnthropicMessages,
            "b",
            &second.url(),
            "priority: 2, tokens_per_minute: 2000, ",
        ),
    ]))
    .await;
    let user = app.user().await;
    let providers = async || {
        let reply = Reply::of(app.chat(&user.key, ask("asked"))).await;
        (reply.status, reply.header("x-provider").to_owned())
    };
    assert_eq!(providers().await, (200, "a".to_owned()));
    assert_eq!(providers().await, (200, "b".to_owned()));
    // 1,257 tokens each: the second one fits by its estimate, and after it there is no room.
    assert_eq!(providers().await, (200, "b".to_owned()));
    let refused = Reply::of(app.chat(&user.key, ask("asked"))).await;
    assert_eq!(refused.status, 429, "{}", refused.text());
    let message = refused.error_message();
    assert!(
        message.contains("requests_per_minute of the model"),
        "{message}"
    );
    assert!(
        message.contains("tokens_per_minute of the backend"),
        "{message}"
    );
    assert_eq!((first.received().len(), second.received().len()), (1, 2));
}

#[tokio::test]
async fn a_stream_holds_its_place_to_its_end() {
    let (app, upstream) = TestApp::one(Dialect::AnthropicMessages).await;
    let user = app.user().await;
    limit_key(&app, &user, json!({"parallel": 1})).await;
    let (answer, line) = Answer::live();
    upstream.then(answer);
    let body = ask("asked").replacen('{', r#"{"stream":true,"#, 1);
    let streaming = tokio::spawn(app.messages(&user.key, body).send());
    upstream.arrivals(1).await;
    let events = events(Dialect::AnthropicMessages, "up-main");
    events[..4]
        .iter()
        .for_each(|event| line.send(event.clone()));
    let response = streaming.await.expect("no panic").expect("an answer");
    assert_eq!(
        Reply::of(app.messages(&user.key, ask("asked")))
            .await
            .status,
        429
    );
    events[4..]
        .iter()
        .for_each(|event| line.send(event.clone()));
    drop(line);
    assert_eq!(Reply::rest_of(response).await.status, 200);
    upstream.then(Answer::json(whole(Dialect::AnthropicMessages, "up-main")));
    assert_eq!(
        Reply::of(app.messages(&user.key, ask("asked")))
            .await
            .status,
        200
    );
}
