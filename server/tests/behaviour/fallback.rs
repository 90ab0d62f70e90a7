//! What a failing upstream leads to: the next deployment, the same one again, or the client; and what
//! the client is told when nothing is left.

use domain::Dialect;
use http::Method;
use serde_json::json;

use crate::support::{
    Answer, DIALECTS, Reply, Setup, TestApp, Upstream, User, ask, ask_stream, backend, closed_port,
    events, whole,
};

const GROUP: &str = "groups:\n  - { name: team, members: [{ backend: first, model: up-first }, { backend: second, model: up-second }] }\n";

/// A server whose group `team` has a first and a second choice.
struct Pair {
    app: TestApp,
    dialect: Dialect,
    first: Upstream,
    second: Upstream,
    user: User,
}

impl Pair {
    async fn of(dialect: Dialect) -> Self {
        Self::with_timeout(dialect, "").await
    }

    /// `more` are further keys of both backends.
    async fn with_timeout(dialect: Dialect, more: &str) -> Self {
        let (first, second) = (Upstream::start().await, Upstream::start().await);
        let backends = [("first", &first), ("second", &second)]
            .map(|(name, upstream)| backend(dialect, name, &upstream.url(), more));
        let setup = Setup {
            rest: GROUP,
            ..Setup::backends(backends)
        };
        let app = TestApp::start(setup).await;
        let user = app.user().await;
        Self {
            app,
            dialect,
            first,
            second,
            user,
        }
    }

    async fn ask(&self, body: String) -> Reply {
        Reply::of(self.app.ask(self.dialect, &self.user.key, body)).await
    }

    /// Both fail in their own way.
    async fn both(&self, first: Answer, second: Answer) -> Reply {
        self.first.then(first);
        self.second.then(second);
        self.ask(ask("team")).await
    }
}

const HTML: &str = "<html><body>502 Bad Gateway</body></html>";

#[tokio::test]
async fn a_failing_deployment_is_followed_by_the_next() {
    for dialect in DIALECTS {
        let half = whole(dialect, "up-first").split_off(40);
        let statuses = [500, 502, 503, 529, 408, 429, 401, 402, 403, 404];
        let mut failures: Vec<Answer> = statuses
            .map(|status| Answer::error(status, r#"{"error":{"message":"no"}}"#))
            .into();
        failures.push(Answer::whole(200, "text/html", HTML));
        failures.push(Answer::whole(200, "application/json", ""));
        failures.push(Answer::json(
            r#"{"error":{"message":"at heart a failure"}}"#,
        ));
        failures.push(Answer::json(half.clone()));
        failures.push(Answer::cut("application/json", [half]));
        for failure in failures {
            let what = format!("{failure:?}");
            // Anew each time: a backend that fails time after time is left alone.
            let pair = Pair::of(dialect).await;
            pair.second
                .always(move |_| Answer::json(whole(dialect, "up-second")));
            pair.first.then(failure);
            let reply = pair.ask(ask("team")).await;
            assert_eq!(reply.text(), whole(dialect, "team"), "{what}");
            assert_eq!(reply.header("x-provider"), "second");
            assert_eq!(reply.header("x-llm-router-attempts"), "2");
            let row = pair.app.ledger().find(reply.request_id()).await;
            let row = row.expect("a row");
            assert_eq!((row.outcome.as_str(), row.attempts), ("completed", 2));
            assert_eq!(row.upstream_model, "up-second");
        }
    }
}

#[tokio::test]
async fn a_stream_waits_for_its_first_byte_no_longer_than_for_a_whole_answer() {
    for dialect in DIALECTS {
        let pair = Pair::with_timeout(dialect, "timeout: 300ms, ").await;
        let (silent, _hold) = Answer::events(events(dialect, "up-first")).held();
        pair.first.then(silent);
        pair.second
            .then(Answer::events(events(dialect, "up-second")));
        let reply = pair.ask(ask_stream("team")).await;
        assert_eq!(
            (reply.status, reply.header("x-provider")),
            (200, "second"),
            "{}",
            reply.text()
        );
    }
}

#[tokio::test]
async fn a_backend_that_is_not_there_is_followed_by_the_next() {
    let second = Upstream::start().await;
    second.always(|_| Answer::json(whole(Dialect::OpenaiChat, "up-second")));
    let setup = Setup {
        rest: GROUP,
        ..Setup::backends([
            backend(Dialect::OpenaiChat, "first", &closed_port().await, ""),
            backend(Dialect::OpenaiChat, "second", &second.url(), ""),
        ])
    };
    let app = TestApp::start(setup).await;
    let user = app.user().await;
    let reply = Reply::of(app.chat(&user.key, ask("team"))).await;
    assert_eq!((reply.status, reply.header("x-provider")), (200, "second"));
}

#[tokio::test]
async fn a_stream_that_fails_before_its_first_content_is_followed_by_the_next() {
    for dialect in DIALECTS {
        let pair = Pair::of(dialect).await;
        pair.second
            .always(move |_| Answer::events(events(dialect, "up-second")));
        let silent = match dialect {
            Dialect::OpenaiChat => 2,
            _ => 3,
        };
        let head = || events(dialect, "up-first").into_iter().take(silent);
        let reported = match dialect {
            Dialect::OpenaiChat => "data: {\"error\":{\"message\":\"overloaded\"}}\n\n",
            _ => {
                "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"overloaded\"}}\n\n"
            }
        };
        let failures = [
            Answer::error(503, "{}"),
            Answer::whole(200, "text/html", HTML),
            Answer::json(whole(dialect, "up-first")),
            Answer::events([""; 0]),
            Answer::events(head()),
            Answer::events(["data: {no JSON\n\n"]),
            Answer::events(head().chain([reported.to_owned()])),
            Answer::cut("text/event-stream", head()),
        ];
        for failure in failures {
            let what = format!("{failure:?}");
            pair.first.then(failure);
            let reply = pair.ask(ask_stream("team")).await;
            let mut expected = events(dialect, "team");
            expected.retain(|event| {
                dialect == Dialect::AnthropicMessages || !event.contains("prompt_tokens")
            });
            assert_eq!(reply.text(), expected.concat(), "{what}");
            assert_eq!(reply.header("x-provider"), "second", "{what}");
        }
    }
}

#[tokio::test]
async fn the_clients_own_mistake_is_told_at_once() {
    for dialect in DIALECTS {
        let pair = Pair::of(dialect).await;
        for status in [400, 413, 422] {
            let refusal = format!("{{ \"error\" : {{\"message\":\"no {status}\",\"x\":1.0}} }}");
            pair.first.then(Answer::error(status, refusal.clone()));
            let reply = pair.ask(ask("team")).await;
            assert_eq!((reply.status, reply.text()), (status, refusal.as_str()));
        }
        assert!(pair.second.received().is_empty());
        for row in pair.app.ledger().wait_for(3).await {
            assert_eq!(row.outcome, "upstream_error");
            assert_eq!((row.attempts, row.cost_nano), (1, Some(0)));
        }
    }
}

#[tokio::test]
async fn after_the_first_content_a_failure_is_told_in_the_stream() {
    for dialect in DIALECTS {
        let pair = Pair::of(dialect).await;
        let said = 4;
        let sent = events(dialect, "up-first").into_iter().take(said);
        pair.first.then(Answer::cut("text/event-stream", sent));
        let reply = pair.ask(ask_stream("team")).await;
        assert_eq!((reply.status, reply.header("x-provider")), (200, "first"));
        assert!(pair.second.received().is_empty());

        let before = events(dialect, "team")[..said].concat();
        let last = reply.text().strip_prefix(&before).expect("what was said");
        let data = match dialect {
            Dialect::OpenaiChat => last.strip_prefix("data: "),
            _ => last.strip_prefix("event: error\ndata: "),
        };
        let data = data.and_then(|data| data.strip_suffix("\n\n"));
        let error: serde_json::Value = serde_json::from_str(data.expect(last)).expect("JSON");
        let message = error["error"]["message"].as_str().expect("a message");
        assert!(message.starts_with("backend \"first\" "), "{message}");
        assert!(error["error"]["type"].is_string());
        assert_eq!(
            error["type"] == json!("error"),
            dialect == Dialect::AnthropicMessages
        );

        let row = pair.app.ledger().only().await;
        assert_eq!((row.outcome.as_str(), row.status), ("stream_broken", 200));
        assert!(row.usage_estimated && row.output_tokens > 0 && row.cost_nano > Some(0));
        assert_eq!(row.error.as_deref(), Some(message));
    }
}

#[tokio::test]
async fn an_upstreams_own_error_event_reaches_the_client_as_it_is() {
    let pair = Pair::of(Dialect::AnthropicMessages).await;
    let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    let said = events(Dialect::AnthropicMessages, "up-first");
    let sent = said[..4].iter().cloned().chain([error.to_owned()]);
    pair.first.then(Answer::events(sent));
    let reply = pair.ask(ask_stream("team")).await;
    assert!(reply.text().ends_with(error), "{}", reply.text());
    assert_eq!(pair.app.ledger().only().await.outcome, "stream_broken");
}

#[tokio::test]
async fn when_all_fail_the_client_is_told_what_it_comes_down_to() {
    for dialect in DIALECTS {
        let pair = Pair::with_timeout(dialect, "first_byte_timeout: 300ms, ").await;
        let limited = |after| {
            Answer::error(429, r#"{"error":{"message":"slow down"}}"#).header("retry-after", after)
        };
        let failed = |name, status| {
            let body =
                format!("{{\"error\":{{\"message\":\"key sk-upstream-{name} is no good\"}}}}");
            Answer::error(status, body)
        };

        let reply = pair.both(failed("first", 500), failed("second", 503)).await;
        let message = reply.error_message();
        assert_eq!(reply.status, 503);
        assert!(
            message.contains("backend \"first\" answered 500"),
            "{message}"
        );
        assert!(
            message.contains("backend \"second\" answered 503"),
            "{message}"
        );
        assert!(message.contains("[redacted] is no good"), "{message}");
        let reply = pair
            .both(failed("first", 500), Answer::whole(200, "text/html", HTML))
            .await;
        assert_eq!(reply.status, 502);
        let (silent, _hold) = failed("second", 500).held();
        let reply = pair.both(failed("first", 500), silent).await;
        assert_eq!(reply.status, 504);
        assert!(reply.error_message().contains("300ms"), "{}", reply.text());
        // Last, since it sends both to rest.
        let reply = pair.both(limited("30"), limited("7")).await;
        assert_eq!((reply.status, reply.header("retry-after")), (429, "7"));
        let message = reply.error_message();
        assert!(
            message.contains("\"first\"") && message.contains("\"second\""),
            "{message}"
        );

        // The call that was silent may have been billed; it has a row of its own.
        let rows = pair.app.ledger().wait_for(5).await;
        let (rows, given_up): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.is_final);
        let statuses: Vec<i64> = rows.iter().map(|row| row.status).collect();
        assert_eq!(statuses, [503, 502, 504, 429]);
        let [silent] = given_up.as_slice() else {
            panic!("one call that was given up: {given_up:?}");
        };
        assert_eq!((silent.outcome.as_str(), silent.attempts), ("abandoned", 2));
        assert!(silent.usage_estimated && silent.cost_nano > Some(0));
        for row in &rows {
            assert_eq!((row.outcome.as_str(), row.attempts), ("upstream_error", 2));
            assert_eq!(row.cost_nano, Some(0));
            let error = row.error.as_deref().expect("a reason");
            for secret in ["sk-upstream", "http://", "127.0.0.1"] {
                assert!(!error.contains(secret), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn with_nobody_there_the_message_names_the_backends_and_no_address() {
    let [first, second] = [closed_port().await, closed_port().await];
    let setup = Setup {
        rest: GROUP,
        ..Setup::backends([
            backend(Dialect::AnthropicMessages, "first", &first, ""),
            backend(Dialect::AnthropicMessages, "second", &second, ""),
        ])
    };
    let app = TestApp::start(setup).await;
    let user = app.user().await;
    let reply = Reply::of(app.messages(&user.key, ask("team"))).await;
    assert_eq!(reply.status, 502);
    assert_eq!(reply.json()["type"], "error");
    assert_eq!(reply.json()["request_id"], reply.header("request-id"));
    let message = reply.error_message();
    assert!(
        message.contains("\"first\"") && message.contains("\"second\""),
        "{message}"
    );
    assert!(
        message.contains("refused") && !message.contains("127.0.0.1"),
        "{message}"
    );
}

#[tokio::test]
async fn a_single_deployments_refusal_is_the_answer() {
    for dialect in DIALECTS {
        let (app, upstream) = TestApp::one(dialect).await;
        let user = app.user().await;
        for status in [401, 403, 404, 500, 529, 429] {
            let refusal = format!("{{\"error\": {{\"message\": \"no {status}\"}},  \"x\": 1}}");
            let answer = Answer::error(status, refusal.clone())
                .header("retry-after", "13")
                .header("x-should-retry", "false");
            upstream.then(answer);
            let reply = Reply::of(app.ask(dialect, &user.key, ask("asked"))).await;
            assert_eq!((reply.status, reply.text()), (status, refusal.as_str()));
            assert_eq!(reply.header("retry-after"), "13");
            assert_eq!(reply.header("x-should-retry"), "false");
            assert_eq!(reply.header("content-type"), "application/json");
        }
        // What is no JSON becomes an error of the client's dialect, with the same status.
        upstream.then(Answer::whole(503, "text/html", HTML));
        let reply = Reply::of(app.ask(dialect, &user.key, ask("asked"))).await;
        assert_eq!(reply.status, 503);
        assert_eq!(reply.error_message(), "backend \"main\" answered 503");
    }
}

#[tokio::test]
async fn the_only_deployment_is_tried_again() {
    let upstream = Upstream::start().await;
    let line = backend(
        Dialect::OpenaiChat,
        "main",
        &upstream.url(),
        "max_retries: 2, ",
    );
    let app = TestApp::with([line]).await;
    let user = app.user().await;
    upstream.then(Answer::error(500, "{}"));
    upstream.then(Answer::cut("application/json", ["{"]));
    upstream.then(Answer::json(whole(Dialect::OpenaiChat, "up-main")));
    let reply = Reply::of(app.chat(&user.key, ask("asked"))).await;
    assert_eq!(
        (reply.status, reply.header("x-llm-router-attempts")),
        (200, "3")
    );
    // Not where its credential is wrong: the same would be said again.
    upstream.then(Answer::error(401, "{}"));
    let reply = Reply::of(app.chat(&user.key, ask("asked"))).await;
    assert_eq!((reply.status, upstream.received().len()), (401, 4));
}

#[tokio::test]
async fn a_deployment_that_asks_to_be_left_alone_is() {
    let pair = Pair::of(Dialect::OpenaiChat).await;
    let limited = Answer::error(429, "{}").header("retry-after", "60");
    pair.first.then(limited);
    pair.second
        .always(|_| Answer::json(whole(Dialect::OpenaiChat, "up-second")));
    for attempts in ["2", "1", "1"] {
        let reply = pair.ask(ask("team")).await;
        assert_eq!(reply.header("x-llm-router-attempts"), attempts);
    }
    assert_eq!(pair.first.received().len(), 1);
    let keys = pair.app.get("/v1/models", &pair.user.key).await;
    assert!(keys.text().contains("\"team\""));
    // Others may still ask for it by name.
    pair.first
        .always(|_| Answer::json(whole(Dialect::OpenaiChat, "up-first")));
    let request = pair.app.request(Method::POST, "/v1/chat/completions");
    let request = request
        .bearer_auth(&pair.user.key)
        .body(ask("first/up-first"));
    assert_eq!(Reply::of(request).await.status, 200);
}
