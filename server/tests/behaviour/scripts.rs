//! Scripts on the way of real requests: what the backend gets, what the client gets, who is asked, what
//! becomes of failures, and that a script which changes nothing changes no byte.

use domain::Dialect;
use http::Method;
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};

use crate::support::{
    Answer, DIALECTS, MASTER_KEY, Reply, TestApp, Upstream, ask, ask_stream, backend, chat_whole,
    events, until, whole,
};

/// What the forerunner's own documentation shows.
const FORERUNNERS_EXAMPLE: &str = "export async function onRequest(context) {
  // Add custom headers to all requests
  context.request.headers['X-Custom-Header'] = 'value';
  return context;
}

export async function onResponse(context) {
  // Log response status
  console.log(`Response status: ${context.response.status}`);
  return context;
}";

async fn script(app: &TestApp, name: &str, code: &str, more: Value) -> i64 {
    let mut body = json!({"name": name, "script_type": "global", "script_code": code});
    for (member, value) in more.as_object().expect("an object") {
        body[member] = value.clone();
    }
    let request = app
        .request(Method::POST, "/admin/scripts")
        .bearer_auth(MASTER_KEY);
    let reply = Reply::of(request.json(&body)).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json()["id"].as_i64().expect("an id")
}

/// A call of the scripts' API.
async fn call(app: &TestApp, method: Method, path: &str, body: Value) -> Reply {
    let path = format!("/admin/scripts{path}");
    Reply::of(
        app.request(method, &path)
            .bearer_auth(MASTER_KEY)
            .json(&body),
    )
    .await
}

fn backend_id(app: &TestApp, name: &str) -> i64 {
    let mut backends = app.state.gateway.backends().into_iter();
    let backend = backends.find(|backend| backend.name == name);
    backend.expect("the backend").id.0
}

#[tokio::test]
async fn the_forerunners_example_runs_unchanged() {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    upstream.always(|_| Answer::json(chat_whole("up-main", 10, 0, 5)));
    let user = app.user().await;
    let main = backend_id(&app, "main");
    for (n, more) in [
        json!({"script_type": "per-user", "target_user_id": user.id}),
        json!({"script_type": "per-backend", "target_backend_id": main}),
        json!({"script_type": "per-user-backend", "target_user_id": user.id, "target_backend_id": main}),
        json!({"script_type": "global"}),
    ]
    .into_iter()
    .enumerate()
    {
        let id = script(&app, &format!("example {n}"), FORERUNNERS_EXAMPLE, more).await;
        let reply = Reply::of(app.chat(&user.key, ask("asked"))).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(upstream.last().header("x-custom-header"), "value");
        // The body is the client's own, byte for byte.
        assert_eq!(upstream.last().text(), ask("up-main"));
        assert_eq!(reply.text(), chat_whole("asked", 10, 0, 5));
        let gone = call(&app, Method::DELETE, &format!("/{id}"), json!({})).await;
        assert_eq!(gone.status, 204);
        let reply = Reply::of(app.chat(&user.key, ask("asked"))).await;
        assert_eq!(reply.status, 200);
        assert_eq!(upstream.last().header("x-custom-header"), "", "case {n}");
    }
}

#[tokio::test]
async fn the_api_is_that_of_the_forerunner() {
    let app = TestApp::demo().await;
    let user = app.user().await;
    let new = json!({
        "name": "mine", "script_type": "per-user", "target_user_id": user.id,
        "script_code": "export const onRequest = (c) => c;",
    });
    let made = call(&app, Method::POST, "", new.clone()).await;
    assert_eq!(made.status, 201);
    let made = made.json();
    let id = made["id"].as_i64().expect("an integer");
    for (member, value) in [
        ("name", json!("mine")),
        ("script_type", json!("per-user")),
        ("target_user_id", json!(user.id)),
        ("target_backend_id", Value::Null),
        ("script_code", new["script_code"].clone()),
        ("is_active", json!(true)),
        ("on_error", json!("skip")),
        ("version", json!(1)),
    ] {
        assert_eq!(made[member], value, "{member}");
    }
    assert!(made["created_at"].is_i64() && made["updated_at"].is_i64());
    assert_eq!(call(&app, Method::POST, "", new.clone()).await.status, 409);
    for missing in ["name", "script_type", "target_user_id", "script_code"] {
        let mut body = new.clone();
        body.as_object_mut().expect("an object").remove(missing);
        let refused = call(&app, Method::POST, "", body).await;
        assert_eq!(refused.status, 400, "{missing}: {}", refused.text());
        assert!(refused.json()["error"].is_string());
    }
    let nobody =
        json!({"name": "x", "script_type": "per-user", "target_user_id": 999, "script_code": "1"});
    assert_eq!(call(&app, Method::POST, "", nobody).await.status, 404);
    // What is broken is stored, and shown as broken.
    let broken =
        json!({"name": "broken", "script_type": "global", "script_code": "export function ("});
    let broken = call(&app, Method::POST, "", broken).await;
    assert_eq!(broken.status, 201);
    assert!(
        broken.json()["broken"]
            .as_str()
            .expect("why")
            .contains("SyntaxError")
    );

    let list = |path: &'static str| async { call(&app, Method::GET, path, json!({})).await.json() };
    let names = |list: &Value| -> Vec<String> {
        let list = list.as_array().expect("a list").iter();
        list.map(|s| s["name"].as_str().expect("a name").to_owned())
            .collect()
    };
    // In the order in which requests pass them.
    assert_eq!(names(&list("").await), ["broken", "mine"]);
    assert_eq!(names(&list("/type/per-user").await), ["mine"]);
    assert_eq!(
        call(&app, Method::GET, "/type/nonsense", json!({}))
            .await
            .status,
        400
    );
    let off = call(&app, Method::POST, &format!("/{id}/deactivate"), json!({})).await;
    assert_eq!((off.status, &off.json()["is_active"]), (200, &json!(false)));
    assert_eq!(names(&list("/active").await), ["broken"]);
    let on = call(&app, Method::POST, &format!("/{id}/activate"), json!({})).await;
    assert_eq!(on.json()["is_active"], true);

    // Every save of other code is a version; going back is one too.
    let one = format!("/{id}");
    let renamed = call(&app, Method::PUT, &one, json!({"name": "ours"}))
        .await
        .json();
    assert_eq!(
        (&renamed["name"], &renamed["version"]),
        (&json!("ours"), &json!(1))
    );
    let changed = call(
        &app,
        Method::PUT,
        &one,
        json!({"script_code": "export const onRequest = () => {};"}),
    );
    assert_eq!(changed.await.json()["version"], 2);
    let back = call(
        &app,
        Method::POST,
        &format!("/{id}/rollback"),
        json!({"version": 1}),
    )
    .await
    .json();
    assert_eq!(
        (&back["version"], &back["script_code"]),
        (&json!(3), &new["script_code"])
    );
    let versions = call(&app, Method::GET, &format!("/{id}/versions"), json!({}))
        .await
        .json();
    let numbers: Vec<&Value> = versions
        .as_array()
        .expect("a list")
        .iter()
        .map(|v| &v["version"])
        .collect();
    assert_eq!(numbers, [3, 2, 1]);
    assert_eq!(
        call(
            &app,
            Method::POST,
            &format!("/{id}/rollback"),
            json!({"version": 9})
        )
        .await
        .status,
        404
    );

    assert_eq!(
        call(&app, Method::DELETE, &one, json!({})).await.status,
        204
    );
    for (method, path) in [
        (Method::GET, "/999"),
        (Method::PUT, "/999"),
        (Method::DELETE, "/999"),
        (Method::POST, "/999/activate"),
        (Method::POST, "/999/deactivate"),
        (Method::GET, "/999/versions"),
    ] {
        assert_eq!(
            call(&app, method, path, json!({})).await.status,
            404,
            "{path}"
        );
    }
    assert_eq!(call(&app, Method::GET, &one, json!({})).await.status, 404);
}

#[tokio::test]
async fn a_trial_shows_before_and_after() {
    let app = TestApp::demo().await;
    let code = "export async function onRequest(c) {
            console.log('user', c.user.name);
            c.request.body.model = secrets.get('model');
            return c;
        }
        export function onResponse(c) { c.response.body.id = 'changed'; return c; }
        export const onChunk = ({ chunk }) => (chunk.data === '[DONE]' ? null : undefined);";
    let id = script(&app, "trial", code, json!({"is_active": false})).await;
    let set = app
        .request(Method::PUT, "/admin/script-secrets/model")
        .bearer_auth(MASTER_KEY);
    assert_eq!(
        Reply::of(set.json(&json!({"value": "other"}))).await.status,
        200
    );
    let trial = json!({
        "request": {"body": {"model": "gpt", "messages": []}},
        "response": {"body": {"id": "x"}},
        "chunks": [{"data": {"a": 1}}, {"data": "[DONE]"}],
        "user": {"id": 1, "name": "ada", "email": "a@b.example"},
    });
    let report = call(&app, Method::POST, &format!("/{id}/test"), trial).await;
    assert_eq!(report.status, 200, "{}", report.text());
    let report = report.json();
    assert_eq!(report["success"], true, "{report}");
    assert!(report["executionTime"].as_f64().expect("a time") > 0.0);
    assert_eq!(report["hasOnRequest"], true);
    assert_eq!(report["hasOnResponse"], true);
    assert_eq!(report["hasOnRoute"], false);
    assert_eq!(report["request"]["before"]["body"]["model"], "gpt");
    assert_eq!(report["request"]["after"]["body"]["model"], "other");
    assert_eq!(report["response"]["after"]["body"]["id"], "changed");
    assert_eq!(
        report["chunks"]["after"],
        json!([{"event": null, "data": {"a": 1}}])
    );
    assert_eq!(
        report["console"][0],
        json!({"level": "log", "text": "user ada"})
    );
    assert!(report["memory"].as_u64().expect("bytes") > 0);
    // What was not saved yet can be tried too, and what fails says where.
    let fails = json!({"request": {"body": {}}, "script_code": "export function onRequest() {\n throw new Error('no'); }"});
    let report = call(&app, Method::POST, &format!("/{id}/test"), fails)
        .await
        .json();
    assert_eq!(
        (&report["success"], &report["error"]),
        (&json!(false), &json!("Error: no"))
    );
    assert!(
        report["stack"]
            .as_str()
            .expect("where")
            .contains("trial.js:2"),
        "{report}"
    );
    // Secrets are stored sealed, and only their names come back.
    let names = app.get("/admin/script-secrets", MASTER_KEY).await;
    assert_eq!(names.json()[0]["name"], "model");
    assert!(!names.text().contains("other"));
    for file in ["router.db", "router.db-wal"] {
        let bytes = std::fs::read(app.folder.path().join(file)).unwrap_or_default();
        let plain = b"other";
        let sealed_row = bytes.windows(plain.len()).filter(|w| w == plain).count();
        assert_eq!(sealed_row, 0, "{file}");
    }
}

#[tokio::test]
async fn requests_pass_the_types_in_their_order_and_answers_in_the_opposite_one() {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    upstream.always(|_| Answer::json(r#"{"id":"c","object":"chat.completion","created":1,"model":"up-main","choices":[],"way":""}"#));
    let user = app.user().await;
    let (main, key) = (backend_id(&app, "main"), app.key_id(&user).await);
    for (name, more) in [
        (
            "both",
            json!({"script_type": "per-user-backend", "target_user_id": user.id, "target_backend_id": main}),
        ),
        (
            "backend",
            json!({"script_type": "per-backend", "target_backend_id": main}),
        ),
        (
            "key",
            json!({"script_type": "per-key", "target_key_id": key}),
        ),
        (
            "user",
            json!({"script_type": "per-user", "target_user_id": user.id}),
        ),
        ("second", json!({"position": 2})),
        ("first", json!({"position": 1})),
    ] {
        let code = format!(
            "export function onRequest(c) {{ c.request.body.way = (c.request.body.way ?? '') + '{name} '; return c; }}
             export function onResponse(c) {{ c.response.body.way += '{name} '; return c; }}"
        );
        script(&app, name, &code, more).await;
    }
    let reply = Reply::of(app.chat(&user.key, ask("asked"))).await;
    let sent: Value = serde_json::from_str(upstream.last().text()).expect("JSON");
    assert_eq!(sent["way"], "first second user key backend both ");
    assert_eq!(reply.json()["way"], "both backend key user second first ");
    // Somebody else passes only what is everybody's.
    let other = app.user_with("bob", json!({})).await;
    Reply::of(app.chat(&other.key, ask("asked"))).await;
    let sent: Value = serde_json::from_str(upstream.last().text()).expect("JSON");
    assert_eq!(sent["way"], "first second backend ");
}

#[tokio::test]
async fn the_context_is_that_of_the_forerunner_and_more() {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    upstream.always(|_| Answer::json(chat_whole("up-main", 10, 4, 5)));
    let user = app
        .user_with("ada", json!({"email": "ada@example.com"}))
        .await;
    let code = "export function onRequest(c) { c.state.seen = { ...c, state: undefined }; }
        export function onResponse(c) {
            c.response.body = structuredClone({ request: c.state.seen, response: { ...c, state: undefined } });
            return c;
        }";
    script(&app, "look", code, json!({})).await;
    let request = app
        .chat(&user.key, ask("asked"))
        .header("x-mine", "1")
        .header("cookie", "secret");
    let reply = Reply::of(request).await;
    let seen = reply.json();
    let context = &seen["request"];
    assert!(context.is_object(), "{}", reply.text());
    assert_eq!(
        context["user"],
        json!({"id": user.id, "name": "ada", "email": "ada@example.com"})
    );
    assert_eq!(context["backend"]["name"], "main");
    assert_eq!(context["backend"]["base_url"], upstream.url());
    assert_eq!(context["backend"]["model"], "up-main");
    assert_eq!(context["model"], "asked");
    assert_eq!(context["key"]["id"], app.key_id(&user).await);
    assert_eq!(
        (&context["request"]["method"], &context["request"]["path"]),
        (&json!("POST"), &json!("/v1/chat/completions"))
    );
    assert_eq!(context["request"]["headers"]["x-mine"], "1");
    assert_eq!(context["request"]["isStream"], false);
    assert_eq!(context["request"]["body"]["max_tokens"], 100);
    assert!(
        context["usage"]["estimated_input_tokens"]
            .as_u64()
            .expect("a number")
            > 0
    );
    for hidden in ["authorization", "cookie", "x-api-key"] {
        assert_eq!(
            context["request"]["headers"][hidden],
            Value::Null,
            "{hidden}"
        );
    }
    assert!(!reply.text().contains(&user.key));
    let context = &seen["response"];
    assert_eq!(context["response"]["status"], 200);
    assert_eq!(context["response"]["isStream"], false);
    assert_eq!(context["attempt"], 1);
    assert_eq!(
        context["usage"],
        json!({"input_tokens": 10, "cache_read_tokens": 4, "output_tokens": 5, "reasoning_tokens": 0})
    );
    // What it costs is what the upstream has told, whatever scripts make of it.
    let rows = app.ledger().rows().await;
    assert_eq!(rows.last().expect("a row").output_tokens, 5);
}

#[tokio::test]
async fn scripts_change_the_model_refuse_and_answer_in_the_clients_dialect() {
    for dialect in DIALECTS {
        let upstream = Upstream::start().await;
        upstream.always(move |_| Answer::json(whole(dialect, "up-main")));
        let app = TestApp::with([backend(dialect, "main", &upstream.url(), "")]).await;
        let user = app.user().await;
        let code = "export function onRequest(c) {
                if (c.request.body.model === 'alias') c.request.body.model = 'asked';
                if (c.request.body.forbidden) refuse(403, 'not here');
                return c;
            }
            export function onError(c) { c.error.message += ' (told)'; return c; }";
        script(&app, "rules", code, json!({})).await;
        let reply = Reply::of(app.ask(dialect, &user.key, ask("alias"))).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(upstream.last().text(), ask("up-main"));
        let body = ask("asked").replacen('{', "{\"forbidden\":true,", 1);
        let reply = Reply::of(app.ask(dialect, &user.key, body)).await;
        assert_eq!(
            (reply.status, reply.error_message().as_str()),
            (403, "not here (told)")
        );
        assert_eq!(upstream.received().len(), 1);
        upstream.then(Answer::error(
            400,
            r#"{"error":{"message":"bad","type":"x"}}"#,
        ));
        let reply = Reply::of(app.ask(dialect, &user.key, ask("asked"))).await;
        assert_eq!(reply.status, 400);
        assert!(
            reply.error_message().ends_with("(told)"),
            "{}",
            reply.text()
        );
    }
}

#[tokio::test]
async fn routes_are_reordered_and_vetoed() {
    let (one, two) = (Upstream::start().await, Upstream::start().await);
    for (name, upstream) in [("up-one", &one), ("up-two", &two)] {
        upstream.always(move |_| Answer::json(chat_whole(name, 1, 0, 1)));
    }
    let app = TestApp::with([
        backend(Dialect::OpenaiChat, "one", &one.url(), "priority: 1, "),
        backend(Dialect::OpenaiChat, "two", &two.url(), "priority: 2, "),
    ])
    .await;
    let user = app.user().await;
    let code = "export function onRoute(c) {
        const wanted = c.request.headers['x-wanted'];
        if (wanted === 'none') return [];
        return wanted ? c.candidates.filter((it) => it.backend.name === wanted) : undefined;
    }";
    script(&app, "route", code, json!({})).await;
    for (wanted, provider) in [("two", "two"), ("one", "one"), ("", "one")] {
        let reply = Reply::of(app.chat(&user.key, ask("asked")).header("x-wanted", wanted)).await;
        assert_eq!(
            (reply.status, reply.header("x-provider")),
            (200, provider),
            "{}",
            reply.text()
        );
    }
    let reply = Reply::of(app.chat(&user.key, ask("asked")).header("x-wanted", "none")).await;
    assert_eq!(reply.status, 403);
    assert!(
        reply.error_message().contains("\"route\""),
        "{}",
        reply.text()
    );
    // A backend's own script sees a request anew for each call, and its veto ends it.
    let id = backend_id(&app, "one");
    let code = "export function onRequest(c) { c.request.body.attempt = c.attempt; return c; }";
    script(
        &app,
        "one's",
        code,
        json!({"script_type": "per-backend", "target_backend_id": id}),
    )
    .await;
    one.then(Answer::error(500, "{}"));
    let reply = Reply::of(app.chat(&user.key, ask("asked"))).await;
    assert_eq!((reply.status, reply.header("x-provider")), (200, "two"));
    assert!(one.last().text().contains("\"attempt\":1"));
    assert_eq!(two.last().text(), ask("up-two"));
}

#[tokio::test]
async fn events_of_streams_are_changed_dropped_and_added_in_the_clients_dialect() {
    // Of either dialect, and translated from one to the other.
    for (client, upstream_speaks) in [
        (Dialect::OpenaiChat, Dialect::OpenaiChat),
        (Dialect::AnthropicMessages, Dialect::AnthropicMessages),
        (Dialect::OpenaiChat, Dialect::AnthropicMessages),
    ] {
        let upstream = Upstream::start().await;
        upstream.always(move |_| Answer::events(events(upstream_speaks, "up-main")));
        let app = TestApp::with([backend(upstream_speaks, "main", &upstream.url(), "")]).await;
        let user = app.user().await;
        let code = "export function onChunk(c) {
                const data = c.chunk.data;
                if (typeof data !== 'object') return;
                const text = data.choices?.[0]?.delta ?? data.delta;
                if (text?.content?.startsWith('Caf')) { text.content = 'TEA'; return c; }
                if (text?.text?.startsWith('Caf')) { text.text = 'TEA'; return c; }
                if (text?.content || text?.text) return [c.chunk, { event: 'extra', data: { more: c.model } }];
                if (data.type === 'ping') return null;
            }
            export function onResponse(c) { c.response.headers['x-script'] = String(c.response.isStream); return c; }";
        let id = script(&app, "stream", code, json!({})).await;
        let reply = Reply::of(app.ask(client, &user.key, ask_stream("asked"))).await;
        let text = reply.text();
        assert_eq!(reply.status, 200, "{text}");
        assert_eq!(reply.header("x-script"), "true");
        assert!(text.contains("TEA") && !text.contains("Caf"), "{text}");
        assert!(
            text.contains("event: extra\ndata: {\"more\":\"asked\"}\n\n"),
            "{text}"
        );
        assert!(!text.contains("event: ping"), "{text}");
        let end = match client {
            Dialect::OpenaiChat => "data: [DONE]\n\n",
            _ => "message_stop",
        };
        assert!(text.contains(end), "{text}");
        let row = app.ledger().rows().await.pop().expect("a row");
        assert_eq!((row.outcome.as_str(), row.output_tokens), ("completed", 7));
        let state = call(&app, Method::GET, &format!("/{id}"), json!({}))
            .await
            .json();
        assert_eq!(state["failures"], 0, "{state}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_changes_nothing_changes_no_byte() {
    let code = "export const onRequest = (c) => c;
        export const onResponse = (c) => c;
        export const onChunk = (c) => c;
        export const onRoute = (c) => c;";
    for dialect in DIALECTS {
        let (app, upstream) = TestApp::one(dialect).await;
        upstream.always(|request| Answer::json(request.body.clone()));
        let user = app.user().await;
        script(&app, "same", code, json!({})).await;
        let main = backend_id(&app, "main");
        script(
            &app,
            "same too",
            code,
            json!({"script_type": "per-backend", "target_backend_id": main}),
        )
        .await;
        let value = any::<String>().prop_map(Value::from);
        let number = prop_oneof![
            Just("1.0"),
            Just("-0"),
            Just("1e5"),
            Just("0.10"),
            Just("123456789012345678901234567890"),
        ];
        let case = (
            proptest::collection::vec((any::<String>(), value), 0..4),
            number,
            "[ \t\n]{0,2}",
        );
        let mut runner = TestRunner::new(ProptestConfig {
            cases: 64,
            failure_persistence: None,
            ..ProptestConfig::default()
        });
        let runtime = tokio::runtime::Handle::current();
        tokio::task::block_in_place(|| {
            runner.run(&case, |(members, number, blank)| {
                let more: String = members
                    .iter()
                    .filter(|(name, _)| !["model", "messages", "stream", "max_tokens"].contains(&name.as_str()))
                    .map(|(name, value)| format!("{}:{blank}{value},", Value::from(name.as_str())))
                    .collect();
                let body = format!("{blank}{{{more}\"seed\":{number},{blank}\"model\":\"asked\",\"messages\":[],\"max_tokens\":5}}");
                let reply = runtime.block_on(Reply::of(app.ask(dialect, &user.key, body.clone())));
                prop_assert_eq!(reply.status, 200, "{}", reply.text());
                let sent = body.replacen("\"asked\"", "\"up-main\"", 1);
                let arrived = upstream.last();
                prop_assert_eq!(arrived.text(), sent);
                prop_assert_eq!(reply.text(), body);
                Ok(())
            })
            .expect("no byte changes");
        });
        // And of streams, comments and all.
        let frames = events(dialect, "up-main");
        upstream.then(Answer::events(frames.clone()));
        let with = Reply::of(app.ask(dialect, &user.key, ask_stream("asked"))).await;
        for id in [1, 2] {
            let off = call(&app, Method::POST, &format!("/{id}/deactivate"), json!({})).await;
            assert_eq!(off.status, 200);
        }
        upstream.then(Answer::events(frames));
        let without = Reply::of(app.ask(dialect, &user.key, ask_stream("asked"))).await;
        assert_eq!(with.text(), without.text());
    }
}

#[tokio::test]
async fn failures_are_skipped_or_refused_and_suspend_the_script() {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    upstream.always(|_| Answer::json(chat_whole("up-main", 1, 0, 1)));
    let user = app.user().await;
    let code = "export function onRequest(c) {
        kv.set('runs', (kv.get('runs') ?? 0) + 1);
        if (c.request.headers['x-ok']) return;
        throw new Error('it is broken');
    }";
    let id = script(&app, "breaks", code, json!({})).await;
    let one = format!("/{id}");
    for _ in 0..4 {
        assert_eq!(
            Reply::of(app.chat(&user.key, ask("asked"))).await.status,
            200
        );
    }
    // A success in between begins the count anew.
    let fine = app.chat(&user.key, ask("asked")).header("x-ok", "1");
    assert_eq!(Reply::of(fine).await.status, 200);
    for _ in 0..4 {
        assert_eq!(
            Reply::of(app.chat(&user.key, ask("asked"))).await.status,
            200
        );
    }
    let state = call(&app, Method::GET, &one, json!({})).await.json();
    assert_eq!(
        (&state["suspended_at"], &state["failures"]),
        (&Value::Null, &json!(8))
    );
    assert_eq!(state["last_error"], "onRequest: Error: it is broken");
    for _ in 0..3 {
        assert_eq!(
            Reply::of(app.chat(&user.key, ask("asked"))).await.status,
            200
        );
    }
    let state = until("the note that it is suspended", async || {
        let state = call(&app, Method::GET, &one, json!({})).await.json();
        (!state["suspended_at"].is_null()).then_some(state)
    })
    .await;
    assert!(state["suspended_at"].is_i64(), "{state}");
    assert_eq!(state["suspended_reason"], "onRequest: Error: it is broken");
    // The tenth call was the last.
    assert_eq!(state["calls"], 10);
    assert_eq!(
        call(&app, Method::GET, "/active", json!({})).await.json(),
        json!([])
    );
    // Activated, it runs again; where requests may not go on without it, they are refused.
    let fail = json!({"on_error": "fail"});
    assert_eq!(
        call(&app, Method::PUT, &one, fail).await.json()["suspended_at"],
        Value::Null
    );
    for _ in 0..7 {
        let reply = Reply::of(app.chat(&user.key, ask("asked"))).await;
        assert_eq!(reply.status, 500);
        assert!(
            reply.error_message().contains("\"breaks\""),
            "{}",
            reply.text()
        );
    }
    // Suspended, it lets nothing through.
    let fine = app.chat(&user.key, ask("asked")).header("x-ok", "1");
    assert_eq!(Reply::of(fine).await.status, 500);
    let app = app.restart().await;
    let fine = app.chat(&user.key, ask("asked")).header("x-ok", "1");
    assert_eq!(Reply::of(fine).await.status, 500);
    let on = call(&app, Method::POST, &format!("/{id}/activate"), json!({})).await;
    assert_eq!(on.status, 200);
    let fine = app.chat(&user.key, ask("asked")).header("x-ok", "1");
    assert_eq!(Reply::of(fine).await.status, 200);
}

#[tokio::test]
async fn a_failure_in_a_stream_is_skipped_or_ends_it() {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    upstream.always(|_| Answer::events(events(Dialect::OpenaiChat, "up-main")));
    let user = app.user().await;
    let plain = Reply::of(app.chat(&user.key, ask_stream("asked"))).await;
    let code =
        "export function onChunk(c) { if (JSON.stringify(c.chunk).includes('Caf')) for (;;) {} }";
    let id = script(&app, "hangs", code, json!({})).await;
    let skipped = Reply::of(app.chat(&user.key, ask_stream("asked"))).await;
    assert_eq!(skipped.text(), plain.text());
    call(
        &app,
        Method::PUT,
        &format!("/{id}"),
        json!({"on_error": "fail"}),
    )
    .await;
    let failed = Reply::of(app.chat(&user.key, ask_stream("asked"))).await;
    assert!(
        failed.text().contains("the script \\\"hangs\\\" failed"),
        "{}",
        failed.text()
    );
    assert!(!failed.text().contains("Caf"), "{}", failed.text());
    let row = app.ledger().rows().await.pop().expect("a row");
    assert_eq!(row.outcome, "stream_broken");
}
