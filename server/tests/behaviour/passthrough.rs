//! The client's own bytes go upstream and the upstream's own bytes come back; only the model's name
//! changes, and what asks for a stream's usage. Of the headers, only those cross that are meant to.

use domain::Dialect;
use http::Method;
use proptest::{prelude::*, sample::select, test_runner::TestRunner};

use crate::support::{Answer, DIALECTS, Reply, TestApp, ask, events, whole};

/// A server whose upstream answers with the request's own body, which then has crossed twice.
async fn echo(dialect: Dialect) -> (TestApp, crate::support::Upstream) {
    let (app, upstream) = TestApp::one(dialect).await;
    upstream.always(|request| Answer::json(request.body.clone()));
    (app, upstream)
}

#[tokio::test]
async fn bodies_cross_byte_for_byte_but_for_the_model() {
    let bodies = [
        " \n\t{ \"messages\" : [ ] ,\r\n \"model\"\t:\t\"asked\" } \n",
        r#"{"model":"asked","messages":[],"temperature":1.0e-0,"top_p":0.10,"seed":123456789012345678901234567890,"n":-0}"#,
        "{\"x_new\":{\"a\":1,\"a\":2,\"b\":[null,true,{}]},\"messages\":[{\"role\":\"user\",\"content\":\"\\u00e9\\ud83e\\udd80 \\/ é🦀 \u{2028}\"}],\"model\":\"asked\",\"model_of\":\"up\"}",
        r#"{"messages":[{"role":"user","content":"\"model\":\"asked}{][","model":"other"}],"model":"asked","stream":false}"#,
        r#"{"model":"asked","messages":[],"":"","max_tokens":1,"tools":[{"description":null}]}"#,
    ];
    for dialect in DIALECTS {
        let (app, upstream) = echo(dialect).await;
        let user = app.user().await;
        for body in bodies {
            let reply = Reply::of(app.ask(dialect, &user.key, body)).await;
            let sent = body.replacen(r#""asked""#, r#""up-main""#, 1);
            assert_eq!(upstream.last().text(), sent);
            assert_eq!((reply.status, reply.text()), (200, body));
        }
        // However the name was spelt, it is the same name.
        let spelt = r#"{"mod\u0065l":"\u0061sked","messages":[]}"#;
        let reply = Reply::of(app.ask(dialect, &user.key, spelt)).await;
        let sent = r#"{"mod\u0065l":"up-main","messages":[]}"#;
        assert_eq!(upstream.last().text(), sent);
        assert_eq!(reply.text(), r#"{"mod\u0065l":"asked","messages":[]}"#);
    }
}

#[tokio::test]
async fn a_stream_asks_for_its_usage_and_changes_nothing_else() {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    upstream.always(|_| Answer::events(events(Dialect::OpenaiChat, "up-main")));
    let user = app.user().await;
    let cases = [
        (
            r#"{ "stream" : true, "messages":[], "model":"asked", "x":1.0 }"#,
            r#"{ "stream" : true, "messages":[], "model":"up-main", "x":1.0 ,"stream_options":{"include_usage":true}}"#,
        ),
        (
            r#"{"stream":true,"messages":[],"stream_options": {"x":[1]},"model":"asked"}"#,
            r#"{"stream":true,"messages":[],"stream_options": {"include_usage":true,"x":[1]},"model":"up-main"}"#,
        ),
        (
            r#"{"stream":true,"messages":[],"stream_options": {"include_usage": true},"model":"asked"}"#,
            r#"{"stream":true,"messages":[],"stream_options": {"include_usage": true},"model":"up-main"}"#,
        ),
    ];
    for (body, sent) in cases {
        let reply = Reply::of(app.chat(&user.key, body)).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(upstream.last().text(), sent);
    }
    let (app, upstream) = TestApp::one(Dialect::AnthropicMessages).await;
    upstream.always(|_| Answer::events(events(Dialect::AnthropicMessages, "up-main")));
    let user = app.user().await;
    let body = r#"{ "stream":true, "messages":[], "model":"asked" }"#;
    Reply::of(app.messages(&user.key, body)).await;
    assert_eq!(upstream.last().text(), body.replace("asked", "up-main"));
}

/// Where a generated body has the model's name.
const HOLE: &str = "\u{1}";

fn blank() -> impl Strategy<Value = String> {
    "[ \t\r\n]{0,2}"
}

fn text() -> impl Strategy<Value = String> {
    const SPELT: &[&str] = &[
        r#""""#,
        r#""\u00e9""#,
        r#""\/\b""#,
        r#""\ud83e\udd80""#,
        "\"\u{2028}\"",
        r#""}]{[:,""#,
        r#""\\""#,
    ];
    prop_oneof![
        any::<String>().prop_map(|text| serde_json::Value::String(text).to_string()),
        select(SPELT).prop_map(str::to_owned),
    ]
}

/// A JSON value as text, with its numbers and blanks spelt in every way that JSON has.
fn value() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1.0",
        "0.10",
        "1e5",
        "1E+05",
        "-2.5e-10",
        "123456789012345678901234567890",
    ];
    let leaf = prop_oneof![select(WORDS).prop_map(str::to_owned), text(),];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let item = (blank(), inner, blank())
            .prop_map(|(a, v, b)| format!("{a}{v}{b}"))
            .boxed();
        let member = (text(), item.clone()).prop_map(|(key, item)| format!("{key}:{item}"));
        let list = |items: Vec<String>| items.join(",");
        prop_oneof![
            prop::collection::vec(item, 0..4).prop_map(move |v| format!("[{}]", list(v))),
            prop::collection::vec(member, 0..4).prop_map(move |v| format!("{{{}}}", list(v))),
        ]
    })
}

/// A request with members that nobody knows, in any order, and a [`HOLE`].
fn body() -> impl Strategy<Value = String> {
    let known = [r#""messages":[]"#.to_owned(), format!("\"model\" :{HOLE}")];
    let unknown = prop::collection::vec(("x_[a-z]{1,6}", blank(), value()), 0..5);
    let members = unknown.prop_map(move |unknown| {
        let unknown = unknown
            .into_iter()
            .map(|(key, blank, value)| format!("{blank}\"{key}\":{blank}{value}"));
        known.iter().cloned().chain(unknown).collect::<Vec<_>>()
    });
    (blank(), members.prop_shuffle(), blank())
        .prop_map(|(a, members, b)| format!("{a}{{{}{b}}}{a}", members.join(",")))
}

#[test]
fn any_body_crosses_byte_for_byte() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let servers = runtime.block_on(async {
        let mut servers = Vec::new();
        for dialect in DIALECTS {
            let (app, upstream) = echo(dialect).await;
            let user = app.user().await;
            servers.push((dialect, app, upstream, user));
        }
        servers
    });
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let crossed = runner.run(&body(), |body| {
        let sent = body.replace(HOLE, r#""up-main""#);
        let asked = body.replace(HOLE, r#""asked""#);
        for (dialect, app, upstream, user) in &servers {
            let reply = Reply::of(app.ask(*dialect, &user.key, asked.clone()));
            let reply = runtime.block_on(reply);
            prop_assert_eq!(reply.status, 200, "{}", reply.text());
            let last = upstream.last();
            prop_assert_eq!(last.text(), &sent);
            prop_assert_eq!(reply.text(), &asked);
        }
        Ok(())
    });
    crossed.unwrap_or_else(|failed| panic!("{failed}"));
}

#[tokio::test]
async fn credentials_stay_here_and_the_sdks_own_headers_go_on() {
    for dialect in DIALECTS {
        let (app, upstream) = TestApp::one(dialect).await;
        upstream.always(move |_| Answer::json(whole(dialect, "up-main")));
        let user = app.user().await;
        let path = match dialect {
            Dialect::OpenaiChat => "/v1/chat/completions?beta=true&x=%20y",
            _ => "/v1/messages?beta=true&x=%20y",
        };
        let request = app
            .request(Method::POST, path)
            .header("x-api-key", &user.key)
            .header("authorization", "Bearer of-the-client")
            .header("cookie", "session=of-the-client")
            .header("openai-organization", "org-of-the-client")
            .header("x-forwarded-for", "10.1.2.3")
            .header("user-agent", "claude-cli/2.1 (external)")
            .header("anthropic-version", "2023-06-01")
            .header("anthropic-beta", "one-2025-01-01,two-2025-02-02")
            .header("x-stainless-lang", "python")
            .body(ask("asked"));
        assert_eq!(Reply::of(request).await.status, 200);

        let seen = upstream.last();
        assert_eq!(seen.method, Method::POST);
        assert!(seen.path.ends_with("?beta=true&x=%20y"), "{}", seen.path);
        let passed = [
            "user-agent",
            "anthropic-version",
            "anthropic-beta",
            "x-stainless-lang",
        ];
        assert_eq!(
            passed.map(|name| seen.header(name)),
            // Anthropic's own are for Anthropic's upstreams.
            match dialect {
                Dialect::OpenaiChat => ["claude-cli/2.1 (external)", "", "", "python"],
                _ => [
                    "claude-cli/2.1 (external)",
                    "2023-06-01",
                    "one-2025-01-01,two-2025-02-02",
                    "python",
                ],
            }
        );
        assert_eq!(seen.header("content-length"), seen.body.len().to_string());
        let key = match dialect {
            Dialect::OpenaiChat => {
                assert_eq!(seen.path.split('?').next(), Some("/v1/chat/completions"));
                assert!(!seen.headers.contains_key("x-api-key"));
                seen.header("authorization")
            }
            _ => {
                assert_eq!(seen.path.split('?').next(), Some("/v1/messages"));
                assert!(!seen.headers.contains_key("authorization"));
                seen.header("x-api-key")
            }
        };
        assert_eq!(key.trim_start_matches("Bearer "), "sk-upstream-main");
        let all = format!("{:?}", seen.headers);
        for secret in [user.key.as_str(), "of-the-client", "10.1.2.3"] {
            assert!(!all.contains(secret), "{all}");
        }
    }
}

#[tokio::test]
async fn answers_name_the_request_and_the_backend_and_nothing_internal() {
    for dialect in DIALECTS {
        let (app, upstream) = TestApp::one(dialect).await;
        upstream.always(move |_| {
            Answer::json(whole(dialect, "up-main"))
                .header("openai-processing-ms", "12")
                .header("x-ratelimit-remaining-requests", "99")
                .header("openai-organization", "org-of-the-router")
                .header("set-cookie", "upstream=1")
                .header("server", "upstream/1")
                .header("x-request-id", "of-the-upstream")
        });
        let user = app.user().await;
        let reply = Reply::of(app.ask(dialect, &user.key, ask("asked"))).await;
        assert_eq!(reply.header("content-type"), "application/json");
        assert_eq!(reply.header("x-provider"), "main");
        assert_eq!(reply.header("x-llm-router-attempts"), "1");
        assert_eq!(reply.header("openai-processing-ms"), "12");
        assert_eq!(reply.header("x-ratelimit-remaining-requests"), "99");
        for name in ["set-cookie", "server", "openai-organization"] {
            assert!(!reply.headers.contains_key(name), "{name}");
        }
        let id = reply.request_id();
        let anthropic = dialect == Dialect::AnthropicMessages;
        assert_eq!(reply.headers.contains_key("request-id"), anthropic);
        if anthropic {
            assert_eq!(reply.header("request-id"), reply.header("x-request-id"));
        }
        assert!(app.ledger().find(id).await.is_some());
    }
}
