//! A client of one dialect and an upstream of another: the answer is in the client's, the bill is the
//! upstream's, failures fall over as ever, and what could not be said is not hidden.

use domain::Dialect;
use http::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, DIALECTS, MASTER_KEY, Reply, Setup, TestApp, Upstream, ask, ask_stream, backend,
    events, whole,
};

const GROUP: &str = "groups:\n  - { name: team, members: [{ backend: first, model: up-first }, { backend: second, model: up-second }] }\n";

fn other(dialect: Dialect) -> Dialect {
    match dialect {
        Dialect::OpenaiChat => Dialect::AnthropicMessages,
        _ => Dialect::OpenaiChat,
    }
}

/// Two upstreams behind the group `team`, each of its dialect.
async fn team(first: Dialect, second: Dialect) -> (TestApp, Upstream, Upstream) {
    let (one, two) = (Upstream::start().await, Upstream::start().await);
    let backends = [
        backend(first, "first", &one.url(), ""),
        backend(second, "second", &two.url(), ""),
    ];
    let setup = Setup {
        rest: GROUP,
        ..Setup::backends(backends)
    };
    (TestApp::start(setup).await, one, two)
}

/// The text of an answer of `dialect`, and whether its shape is that dialect's.
fn text_of(dialect: Dialect, answer: &Value) -> String {
    let text = match dialect {
        Dialect::OpenaiChat => &answer["choices"][0]["message"]["content"],
        _ => &answer["content"][0]["text"],
    };
    text.as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn an_answer_comes_in_the_clients_dialect_and_costs_what_the_upstream_says() {
    for client in DIALECTS {
        let (app, upstream) = TestApp::one(other(client)).await;
        let user = app.user().await;
        upstream.then(Answer::json(whole(other(client), "up-main")));
        let reply = Reply::of(app.ask(client, &user.key, ask("asked"))).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.header("content-type"), "application/json");
        let answer = reply.json();
        assert_eq!(text_of(client, &answer), "Hello");
        assert_eq!(answer["model"], "asked");

        let seen = upstream.last();
        let expected_path = match client {
            Dialect::OpenaiChat => "/v1/messages",
            _ => "/v1/chat/completions",
        };
        assert_eq!(seen.path, expected_path);
        assert!(seen.text().contains("\"up-main\""), "{}", seen.text());

        let row = app.ledger().find(reply.request_id()).await.expect("a row");
        let (tokens, cost) = match client {
            // 10 × 2,500 + 1000 × 1,250 + 200 × 3,000 + 40 × 5,000 + 7 × 10,000
            Dialect::OpenaiChat => ([10, 1000, 200, 40, 7], 2_145_000),
            // 60 × 2,500 + 40 × 1,250 + 7 × 10,000
            _ => ([60, 40, 0, 0, 7], 270_000),
        };
        let counted = [
            row.input_tokens,
            row.cache_read_tokens,
            row.cache_write_5m_tokens,
            row.cache_write_1h_tokens,
            row.output_tokens,
        ];
        assert_eq!((counted, row.cost_nano), (tokens, Some(cost)));
        assert_eq!(row.dialect, client.as_str());
        let told = match client {
            Dialect::OpenaiChat => &answer["usage"]["prompt_tokens"],
            _ => &answer["usage"]["input_tokens"],
        };
        let expected = match client {
            Dialect::OpenaiChat => 1250,
            _ => 60,
        };
        assert_eq!(told, &json!(expected));
    }
}

#[tokio::test]
async fn a_stream_comes_in_the_clients_dialect_and_its_row_is_exact() {
    for client in DIALECTS {
        let (app, upstream) = TestApp::one(other(client)).await;
        let user = app.user().await;
        upstream.then(Answer::events(events(other(client), "up-main")));
        let reply = Reply::of(app.ask(client, &user.key, ask_stream("asked"))).await;
        assert_eq!(reply.header("content-type"), "text/event-stream");
        let text = reply.text();
        let end = match client {
            Dialect::OpenaiChat => "data: [DONE]\n\n",
            _ => "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        };
        assert!(text.ends_with(end), "{text}");
        let said: String = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok())
            .filter_map(|event| {
                let delta = match client {
                    Dialect::OpenaiChat => &event["choices"][0]["delta"]["content"],
                    _ => &event["delta"]["text"],
                };
                Some(delta.as_str()?.to_owned())
            })
            .collect();
        assert!(said.starts_with("Café é \u{2028}\u{1f980}\n"), "{said:?}");
        let row = app.ledger().find(reply.request_id()).await.expect("a row");
        let cost = match client {
            // 10 × 2,500 + 100 × 1,250 + 7 × 10,000
            Dialect::OpenaiChat => 220_000,
            _ => 270_000,
        };
        assert_eq!(
            (row.outcome.as_str(), row.cost_nano),
            ("completed", Some(cost))
        );
    }
}

#[tokio::test]
async fn a_failing_deployment_is_followed_by_one_of_another_dialect() {
    for client in DIALECTS {
        for stream in [false, true] {
            let (app, first, second) = team(client, other(client)).await;
            first.then(Answer::error(500, r#"{"error":{"message":"no"}}"#));
            let (answer, body) = match stream {
                false => (Answer::json(whole(other(client), "up")), ask("team")),
                true => (
                    Answer::events(events(other(client), "up")),
                    ask_stream("team"),
                ),
            };
            second.then(answer);
            let reply = Reply::of(app.ask(client, MASTER_KEY, body)).await;
            assert_eq!(reply.status, 200, "{}", reply.text());
            assert_eq!(reply.header("x-provider"), "second");
            assert_eq!(reply.header("x-llm-router-attempts"), "2");
        }
    }
}

#[tokio::test]
async fn what_the_upstream_could_not_be_told_is_named_in_a_header() {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    upstream.always(|_| Answer::json(whole(Dialect::OpenaiChat, "up-main")));
    let more = r#"{"cache_control":{"type":"ephemeral"},"context_management":{"edits":[]},"#;
    let body = ask("asked").replacen('{', more, 1);
    let reply = Reply::of(app.messages(MASTER_KEY, body)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(
        reply.header("x-llm-router-dropped"),
        "cache_control, unknown_fields(context_management)"
    );
    // Native calls lose nothing, and say nothing.
    let reply = Reply::of(app.chat(MASTER_KEY, ask("asked"))).await;
    assert_eq!(reply.header("x-llm-router-dropped"), "");
}

#[tokio::test]
async fn a_translated_request_asks_for_no_more_than_the_model_gives() {
    let upstream = Upstream::start().await;
    upstream.always(|_| Answer::json(whole(Dialect::AnthropicMessages, "up-main")));
    let models = "models: [{ model: up-main, aliases: [asked], max_output_tokens: 64, price: { input: 1, output: 1 } }]";
    let app = TestApp::with([backend(
        Dialect::AnthropicMessages,
        "main",
        &upstream.url(),
        models,
    )])
    .await;
    let limited = |limit: &str| {
        format!(r#"{{"model":"asked",{limit}"messages":[{{"role":"user","content":"x"}}]}}"#)
    };
    for (limit, expected) in [
        (r#""max_tokens":100,"#, 64),
        (r#""max_completion_tokens":50,"#, 50),
        ("", 64),
    ] {
        let reply = Reply::of(app.chat(MASTER_KEY, limited(limit))).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let sent: Value = serde_json::from_str(upstream.last().text()).expect("JSON");
        assert_eq!(sent["max_tokens"], expected);
    }
}

#[tokio::test]
async fn what_cannot_be_said_is_refused_unless_another_deployment_can_say_it() {
    let two_answers = |model: &str| ask(model).replacen('{', r#"{"n":2,"#, 1);
    let (app, upstream) = TestApp::one(Dialect::AnthropicMessages).await;
    let reply = Reply::of(app.chat(MASTER_KEY, two_answers("asked"))).await;
    assert_eq!(reply.status, 400);
    assert!(reply.error_message().starts_with("n: "), "{}", reply.text());
    assert!(upstream.received().is_empty());

    let (app, first, second) = team(Dialect::AnthropicMessages, Dialect::OpenaiChat).await;
    second.always(|_| Answer::json(whole(Dialect::OpenaiChat, "up-second")));
    let reply = Reply::of(app.chat(MASTER_KEY, two_answers("team"))).await;
    assert_eq!((reply.status, reply.header("x-provider")), (200, "second"));
    assert!(first.received().is_empty());
}

#[tokio::test]
async fn a_body_that_cannot_be_understood_names_the_place() {
    let (app, upstream) = TestApp::one(Dialect::AnthropicMessages).await;
    let body = r#"{"model":"asked","messages":[{"role":"user","content":"x"},{"role":"user","content":7}]}"#;
    let reply = Reply::of(app.chat(MASTER_KEY, body)).await;
    assert_eq!(reply.status, 400);
    let error = &reply.json()["error"];
    assert_eq!(error["param"], "messages[1].content", "{}", reply.text());
    assert!(upstream.received().is_empty());
}

#[tokio::test]
async fn what_one_deployment_cannot_read_another_may() {
    // The first would have to translate it and cannot; the second gets the client's own bytes.
    let (app, first, second) = team(Dialect::AnthropicMessages, Dialect::OpenaiChat).await;
    let body = r#"{"model":"team","messages":[{"role":"narrator","content":"x"}]}"#;
    second.then(Answer::json(whole(Dialect::OpenaiChat, "up-second")));
    let reply = Reply::of(app.chat(MASTER_KEY, body)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(first.received().is_empty());
    assert_eq!(reply.header("x-llm-router-attempts"), "1");
    // And the other way round a failure stays a failure, which clients try again.
    let (app, first, second) = team(Dialect::OpenaiChat, Dialect::AnthropicMessages).await;
    first.then(Answer::error(503, "{}"));
    let reply = Reply::of(app.chat(MASTER_KEY, body)).await;
    assert_eq!(reply.status, 503, "{}", reply.text());
    assert!(second.received().is_empty());
}

#[tokio::test]
async fn a_refusal_inside_a_stream_that_has_said_nothing_is_a_refusal() {
    let (app, upstream) = TestApp::one(Dialect::AnthropicMessages).await;
    let mut start = events(Dialect::AnthropicMessages, "up-main");
    start.truncate(1);
    let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"prompt is too long: 9 tokens > 8 maximum\"}}\n\n";
    start.push(error.to_owned());
    for client in DIALECTS {
        upstream.then(Answer::events(start.clone()));
        let reply = Reply::of(app.ask(client, MASTER_KEY, ask_stream("asked"))).await;
        assert_eq!(reply.status, 400, "{}", reply.text());
        assert!(reply.error_message().contains("prompt is too long"));
    }
    assert_eq!(upstream.received().len(), 2, "nobody asks again");
}

#[tokio::test]
async fn refusals_keep_their_status_and_words_and_take_the_clients_shape() {
    let cases = [
        (400, "invalid_request_error", "invalid_request_error"),
        (401, "authentication_error", "authentication_error"),
        (429, "rate_limit_exceeded", "rate_limit_error"),
        (500, "server_error", "api_error"),
        (529, "server_error", "overloaded_error"),
    ];
    for client in DIALECTS {
        let (app, upstream) = TestApp::one(other(client)).await;
        for (status, openai, anthropic) in cases {
            let refusal = match client {
                Dialect::OpenaiChat => {
                    r#"{"type":"error","error":{"type":"x_error","message":"the very words"}}"#
                }
                _ => r#"{"error":{"type":"x","message":"the very words","code":null}}"#,
            };
            let limit_there = match client {
                Dialect::OpenaiChat => "anthropic-ratelimit-tokens-remaining",
                _ => "x-ratelimit-remaining-tokens",
            };
            upstream.then(
                Answer::error(status, refusal)
                    .header("retry-after", "7")
                    .header(limit_there, "5"),
            );
            let reply = Reply::of(app.ask(client, MASTER_KEY, ask("asked"))).await;
            assert_eq!(reply.status, status, "{}", reply.text());
            let error = &reply.json()["error"];
            assert_eq!(error["message"], "the very words");
            let (expected, limit) = match client {
                Dialect::OpenaiChat => (openai, "x-ratelimit-remaining-tokens"),
                _ => (anthropic, "anthropic-ratelimit-tokens-remaining"),
            };
            assert_eq!(error["type"], expected);
            assert_eq!(reply.header("retry-after"), "7");
            assert_eq!(reply.header(limit), "5");
        }
    }
}

#[tokio::test]
async fn a_prompt_that_does_not_fit_is_known_to_each_client() {
    let (app, upstream) = TestApp::one(Dialect::AnthropicMessages).await;
    upstream.then(Answer::error(
        400,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 tokens > 8 maximum"}}"#,
    ));
    let reply = Reply::of(app.chat(MASTER_KEY, ask("asked"))).await;
    assert_eq!(reply.json()["error"]["code"], "context_length_exceeded");

    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    upstream.then(Answer::error(
        400,
        r#"{"error":{"message":"This model's maximum context length is 8 tokens.","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
    ));
    let reply = Reply::of(app.messages(MASTER_KEY, ask("asked"))).await;
    assert!(
        reply.error_message().starts_with("prompt is too long: "),
        "{}",
        reply.text()
    );
}

#[tokio::test]
async fn a_stream_that_breaks_ends_with_an_error_of_the_clients_dialect() {
    for client in DIALECTS {
        let (app, upstream) = TestApp::one(other(client)).await;
        let mut half = events(other(client), "up-main");
        half.truncate(5);
        upstream.then(Answer::cut("text/event-stream", half));
        let reply = Reply::of(app.ask(client, MASTER_KEY, ask_stream("asked"))).await;
        let text = reply.text();
        let last = text.trim_end().lines().last().expect("a line").to_owned();
        let error: Value =
            serde_json::from_str(last.strip_prefix("data: ").expect("data")).expect("JSON");
        assert!(error["error"]["message"].is_string(), "{text}");
        assert!(!text.contains("[DONE]") && !text.contains("message_stop"));
        let row = app.ledger().find(reply.request_id()).await.expect("a row");
        assert_eq!(row.outcome, "stream_broken");
    }
}

#[tokio::test]
async fn responses_and_completions_are_served_by_any_upstream() {
    let responses = r#"{"model":"asked","input":"Say hello"}"#;
    let completions = r#"{"model":"asked","prompt":"Say hello"}"#;
    for upstream_dialect in DIALECTS {
        let (app, upstream) = TestApp::one(upstream_dialect).await;
        upstream.always(move |_| Answer::json(whole(upstream_dialect, "up-main")));
        let reply = Reply::of(app.post("/v1/responses", MASTER_KEY, responses)).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let answer = reply.json();
        assert_eq!(answer["object"], "response");
        assert_eq!(answer["output"][0]["content"][0]["text"], "Hello");
        let row = app.ledger().find(reply.request_id()).await.expect("a row");
        assert_eq!(row.dialect, "openai_responses");
        if upstream_dialect == Dialect::AnthropicMessages {
            let reply = Reply::of(app.post("/v1/completions", MASTER_KEY, completions)).await;
            assert_eq!(reply.json()["choices"][0]["text"], "Hello");
        }
    }
}

#[tokio::test]
async fn items_of_earlier_answers_can_be_referred_to_by_their_own_user() {
    let (app, upstream) = TestApp::one(Dialect::AnthropicMessages).await;
    let (ada, bob) = (app.user().await, app.user_with("bob", json!({})).await);
    for (stream, store) in [(false, true), (true, true), (false, false), (true, false)] {
        let ask = |input: Value| {
            json!({"model": "asked", "stream": stream, "store": store, "input": input}).to_string()
        };
        upstream.always(move |_| match stream {
            false => Answer::json(whole(Dialect::AnthropicMessages, "up-main")),
            true => Answer::events(events(Dialect::AnthropicMessages, "up-main")),
        });
        let hello = ask(json!([{"role": "user", "content": "Hello"}]));
        let reply = Reply::of(app.post("/v1/responses", &ada.key, hello)).await;
        let id = match stream {
            false => reply.json()["output"][0]["id"].clone(),
            true => {
                let done = reply.text().rsplit("data: ").next().expect("an event");
                let done: Value = serde_json::from_str(done).expect("JSON");
                done["response"]["output"][0]["id"].clone()
            }
        };
        let again = ask(json!([
            {"role": "user", "content": "Hello"},
            {"type": "item_reference", "id": id},
            {"role": "user", "content": "Go on"},
        ]));
        let reply = Reply::of(app.post("/v1/responses", &ada.key, again.clone())).await;
        assert_eq!(
            reply.status,
            if store { 200 } else { 400 },
            "{}",
            reply.text()
        );
        if store {
            let sent: Value = serde_json::from_str(upstream.last().text()).expect("JSON");
            assert_eq!(sent["messages"][1]["role"], "assistant");
        }
        let reply = Reply::of(app.post("/v1/responses", &bob.key, again)).await;
        assert_eq!(reply.status, 400, "{}", reply.text());
    }
}

#[tokio::test]
async fn counting_is_the_upstreams_where_it_can_and_an_estimate_elsewhere() {
    let (app, upstream) = TestApp::one(Dialect::AnthropicMessages).await;
    let count = |body: String| app.post("/v1/messages/count_tokens", MASTER_KEY, body);
    upstream.then(Answer::json(r#"{"input_tokens":17}"#.to_owned()));
    let reply = Reply::of(count(ask("asked"))).await;
    assert_eq!(reply.json(), json!({"input_tokens": 17}));
    assert_eq!(reply.header("x-llm-router-estimate"), "");
    assert_eq!(upstream.last().path, "/v1/messages/count_tokens");
    // It fails: an estimate is better than nothing. It says that the request is wrong: so do we.
    upstream.then(Answer::error(503, "{}"));
    let reply = Reply::of(count(ask("asked"))).await;
    assert_eq!(reply.header("x-llm-router-estimate"), "true");
    upstream.then(Answer::error(
        400,
        r#"{"type":"error","error":{"message":"no"}}"#,
    ));
    assert_eq!(Reply::of(count(ask("asked"))).await.status, 400);

    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    let count = |body: String| app.post("/v1/messages/count_tokens", MASTER_KEY, body);
    let small = Reply::of(count(ask("asked"))).await;
    let large = Reply::of(count(ask("asked").replace("hello", &"hello ".repeat(500)))).await;
    let tokens = |reply: &Reply| reply.json()["input_tokens"].as_u64().expect("a number");
    assert!(0 < tokens(&small) && tokens(&small) + 500 < tokens(&large));
    assert_eq!(small.header("x-llm-router-estimate"), "true");
    assert!(upstream.received().is_empty());
}

#[tokio::test]
async fn embeddings_and_media_are_passed_through_and_metered() {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    let embedded = r#"{"object":"list","data":[],"model":"up-main","usage":{"prompt_tokens":8,"total_tokens":8}}"#;
    upstream.then(Answer::json(embedded.to_owned()));
    let body = r#"{"model":"asked","input":[[1,2],[3]],"encoding_format":"base64"}"#;
    let reply = Reply::of(app.post("/v1/embeddings", MASTER_KEY, body)).await;
    assert_eq!(reply.text(), embedded.replace("up-main", "asked"));
    assert_eq!(upstream.last().path, "/v1/embeddings");
    assert_eq!(upstream.last().text(), body.replace("asked", "up-main"));
    let row = app.ledger().find(reply.request_id()).await.expect("a row");
    assert_eq!((row.input_tokens, row.cost_nano), (8, Some(20_000)));

    // A recording goes up as it is, with the model's name replaced, and a sound comes back as it is.
    let form = "--X\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nasked\r\n--X\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n\u{1}\u{2}\r\n--X--\r\n";
    upstream.then(Answer::whole(200, "text/plain", "hello"));
    let request = app
        .request(Method::POST, "/v1/audio/transcriptions")
        .bearer_auth(MASTER_KEY)
        .header("content-type", "multipart/form-data; boundary=X")
        .body(form);
    let reply = Reply::of(request).await;
    assert_eq!((reply.status, reply.text()), (200, "hello"));
    assert_eq!(upstream.last().text(), form.replace("asked", "up-main"));
    assert_eq!(
        upstream.last().header("content-type"),
        "multipart/form-data; boundary=X"
    );

    // Backends of other dialects have neither.
    let (app, _) = TestApp::one(Dialect::AnthropicMessages).await;
    let reply = Reply::of(app.post("/v1/embeddings", MASTER_KEY, body)).await;
    assert_eq!(reply.status, 400);
}

#[tokio::test]
async fn a_websocket_is_declined_in_the_way_that_clients_understand() {
    let app = TestApp::demo().await;
    let probe = app
        .request(Method::GET, "/v1/responses")
        .header("upgrade", "websocket");
    assert_eq!(Reply::of(probe).await.status, 426);
    let plain = app.request(Method::GET, "/v1/responses");
    assert_eq!(Reply::of(plain).await.status, 405);
}
