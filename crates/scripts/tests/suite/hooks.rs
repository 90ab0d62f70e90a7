//! What hooks give back, and what becomes of it.

use scripts::{EventIn, EventOut, Hook, ScriptError};
use serde_json::{Value, json};

use crate::{body_after, chunk_after, engine, error_of, event, on_request, program, request};

#[tokio::test]
async fn nothing_and_the_same_change_nothing() {
    for code in [
        "export async function onRequest(context) { return context; }",
        "export function onRequest(context) { context.request.body.model = 'other'; }",
        "export const onRequest = (context) => ({ ...context, request: { ...context.request } });",
        "export const onRequest = async () => null;",
        "export const onRequest = (c) => { c.request.body = JSON.stringify(c.request.body); return c; };",
    ] {
        let body = json!({"model": "gpt", "messages": [{"role": "user", "content": "ü \u{2028}"}], "seed": 1.5});
        assert_eq!(body_after(code, body).await, None, "{code}");
    }
}

#[tokio::test]
async fn bodies_go_back_as_objects_or_as_text() {
    for code in [
        "export function onRequest(context) { context.request.body.model = 'other'; return context; }",
        "export async function onRequest(c) {
            await Promise.resolve();
            c.request.body = JSON.stringify({ ...c.request.body, model: 'other' });
            return c;
        }",
    ] {
        let after = body_after(code, json!({"model": "gpt", "n": 1})).await;
        assert_eq!(after, Some(json!({"model": "other", "n": 1})));
    }
}

#[tokio::test]
async fn headers_and_statuses_are_told_when_they_change() {
    let code =
        "export function onRequest(c) { c.request.headers['X-Custom-Header'] = 'value'; return c; }
        export function onResponse(c) { c.response.status = 202; return c; }";
    let engine = engine();
    let program = program(&engine, code).await;
    assert!(program.hooks().has(Hook::Request) && program.hooks().has(Hook::Response));
    assert!(!program.hooks().has(Hook::Chunk));
    let mut session = engine.open(&program);
    let called = session
        .call(Hook::Request, request(&json!({})).to_string())
        .await;
    let output: Value =
        serde_json::from_str(&called.output.expect("output").expect("a change")).expect("JSON");
    assert_eq!(
        output,
        json!({"status": null, "headers": {"user-agent": "test", "X-Custom-Header": "value"}})
    );
    let context =
        json!({"response": {"status": 200, "headers": {}, "body": {"id": 1}, "isStream": false}});
    let called = session.call(Hook::Response, context.to_string()).await;
    let output: Value =
        serde_json::from_str(&called.output.expect("output").expect("a change")).expect("JSON");
    assert_eq!(output, json!({"status": 202, "headers": null}));
}

#[tokio::test]
async fn a_script_refuses_with_a_status_of_its_own() {
    for code in [
        "export function onRequest() { refuse(403, 'not at night'); }",
        "export async function onRequest() { await null; refuse(403, 'not at night'); }",
    ] {
        let error = error_of(code).await;
        let (status, message) = (403, "not at night".to_owned());
        assert_eq!(error, ScriptError::Refused { status, message });
        assert!(!error.is_fault());
    }
    // Only the router's own refusals count, and only statuses of errors.
    for code in [
        "export function onRequest() { const e = new Error('x'); e.name = 'Refusal'; e.status = 403; throw e; }",
        "export function onRequest() { refuse(200, 'x'); }",
    ] {
        assert!(matches!(error_of(code).await, ScriptError::Thrown { .. }));
    }
}

#[tokio::test]
async fn errors_say_what_and_where() {
    let error = error_of("export function onRequest(c) {\n  return c.nothing.there;\n}").await;
    let ScriptError::Thrown { message, stack } = error else {
        panic!("{error:?}")
    };
    assert!(message.contains("TypeError"), "{message}");
    assert!(stack.contains("test.js:2"), "{stack}");
    for wrong in ["return 5", "return {}", "return 'text'", "return []"] {
        let error = error_of(&format!("export function onRequest(c) {{ {wrong} }}")).await;
        assert!(
            matches!(error, ScriptError::Thrown { .. }),
            "{wrong}: {error:?}"
        );
    }
    let engine = engine();
    let broken = engine.compile(crate::source("export function (")).await;
    let Err(ScriptError::Thrown { message, .. }) = broken else {
        panic!("{broken:?}")
    };
    assert!(message.contains("SyntaxError"), "{message}");
    assert!(
        engine
            .compile(crate::source("throw new Error('at once')"))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn events_are_kept_changed_dropped_and_added() {
    let data = json!({"choices": [{"delta": {"content": "hello"}}]});
    let same = EventOut::Same(event(&data));
    for keeps in [
        "",
        "return context;",
        "return { chunk: { ...context.chunk } };",
    ] {
        let code = format!("export function onChunk(context) {{ {keeps} }}");
        assert_eq!(chunk_after(&code, &data).await, Ok(same.clone()), "{keeps}");
    }
    for drops in [
        "return null;",
        "return false;",
        "return [];",
        "context.chunk = null; return context;",
    ] {
        let code = format!("export const onChunk = async (context) => {{ {drops} }};");
        assert_eq!(
            chunk_after(&code, &data).await,
            Ok(EventOut::Replaced(vec![])),
            "{drops}"
        );
    }
    let done = EventIn {
        name: None,
        data: "[DONE]".to_owned(),
    };
    let engine = engine();
    let looks = program(
        &engine,
        "export const onChunk = ({ chunk }) => (chunk.data === '[DONE]' ? null : undefined);",
    )
    .await;
    let called = engine
        .open(&looks)
        .chunks(|| "{}".to_owned(), vec![event(&data), done])
        .await;
    assert_eq!(called.output, Ok(vec![same, EventOut::Replaced(vec![])]));
    let edits = "export function onChunk(context) {
        context.chunk.data.choices[0].delta.content = 'HELLO';
        return context;
    }";
    let edited = event(&json!({"choices": [{"delta": {"content": "HELLO"}}]}));
    assert_eq!(
        chunk_after(edits, &data).await,
        Ok(EventOut::Replaced(vec![edited]))
    );
    let adds = "export const onChunk = ({ chunk }) => [chunk, { event: 'extra', data: '[DONE]' }];";
    let extra = EventIn {
        name: Some("extra".to_owned()),
        data: "[DONE]".to_owned(),
    };
    let both = EventOut::Replaced(vec![event(&data), extra]);
    assert_eq!(chunk_after(adds, &data).await, Ok(both));
}

#[tokio::test]
async fn state_lasts_for_a_request_and_no_longer() {
    let code = "let count = 0;
        globalThis.seen = [];
        export function onRequest(c) { c.state.from = 'onRequest'; count += 1; seen.push(1); Array.prototype.leak = 1; }
        export function onChunk(c) {
            count += 1;
            c.chunk = { event: null, data: [count, c.state.from ?? null, seen.length, [].leak ?? null] };
            return c;
        }";
    let engine = engine();
    let program = program(&engine, code).await;
    let data = |out: &EventOut| match out {
        EventOut::Replaced(events) => events[0].data.clone(),
        EventOut::Same(_) => panic!("not changed"),
    };
    for _ in 0..20 {
        let mut session = engine.open(&program);
        let called = session
            .call(Hook::Request, request(&json!({})).to_string())
            .await;
        assert_eq!(called.output, Ok(None));
        for n in 2..4 {
            let called = session
                .chunks(|| "{}".to_owned(), vec![event(&json!({}))])
                .await;
            let out = called.output.expect("events");
            assert_eq!(data(&out[0]), format!(r#"[{n},"onRequest",1,1]"#));
        }
        // Another request in between knows nothing of it.
        let mut other = engine.open(&program);
        let called = other
            .chunks(|| "{}".to_owned(), vec![event(&json!({}))])
            .await;
        assert_eq!(data(&called.output.expect("events")[0]), "[1,null,0,null]");
    }
}

#[tokio::test]
async fn routes_and_errors_are_rewritten() {
    let code =
        "export const onRoute = ({ candidates }) => candidates.filter((c) => !c.resting).reverse();
        export const onError = (c) => { c.error.message = 'no ' + c.error.status; return c; };";
    let engine = engine();
    let program = program(&engine, code).await;
    let mut session = engine.open(&program);
    let candidates = json!({"candidates": [
        {"index": 0, "resting": false}, {"index": 1, "resting": true}, {"index": 2, "resting": false},
    ]});
    let called = session.call(Hook::Route, candidates.to_string()).await;
    assert_eq!(called.output, Ok(Some("[2,0]".to_owned())));
    let error = r#"{"error":{"status":502,"message":"secret host"}}"#;
    let called = session.call(Hook::Error, error.to_owned()).await;
    let output = called.output.expect("output").expect("a change");
    assert_eq!(output, r#"{"status":502,"message":"no 502"}"#);
}

#[tokio::test]
async fn the_console_is_kept_and_bounded() {
    let code = "export function onRequest() {
        console.log('a', 1, { b: [2] }, undefined, null, new Error('e'));
        console.warn('x'.repeat(10000));
        for (let i = 0; i < 1000; i += 1) console.error(i);
    }";
    let called = on_request(code, json!({})).await;
    assert_eq!(called.output, Ok(None));
    assert_eq!(
        called.console[0].text,
        "a 1 {\"b\":[2]} undefined null Error: e"
    );
    assert!(called.console[1].text.len() < 2_100);
    assert_eq!(called.console.len(), 101);
    // What was logged before a failure is there too.
    let called = on_request(
        "export function onRequest() { console.log('here'); throw 1; }",
        json!({}),
    );
    let called = called.await;
    assert_eq!(called.console.len(), 1);
    assert!(called.output.is_err());
}
