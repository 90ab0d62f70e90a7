//! Scripts in their cage: what they can do, and what they cannot.

#![expect(
    clippy::expect_used,
    reason = "what a test needs and does not get fails it"
)]

mod escape;
mod examples;
mod hooks;
mod language;
mod pace;

use std::sync::Arc;

use scripts::{
    Called, Engine, EngineSettings, EventIn, EventOut, Hook, Program, ScriptError, Secrets, Source,
};
use serde_json::{Value, json};

pub fn source(code: &str) -> Source {
    Source {
        name: "test".to_owned(),
        code: code.to_owned(),
        store: Arc::default(),
        secrets: Secrets(Arc::new(
            [("token".to_owned(), "s3cret".to_owned().into())].into(),
        )),
    }
}

pub async fn program(engine: &Engine, code: &str) -> Arc<Program> {
    let compiled = engine.compile(source(code)).await;
    compiled.unwrap_or_else(|error| panic!("{error}\n{code}"))
}

pub fn engine() -> Engine {
    Engine::new(EngineSettings::default())
}

/// A request's context.
pub fn request(body: &Value) -> Value {
    json!({
        "user": {"id": 1, "name": "ada", "email": null},
        "backend": {"id": 2, "name": "main", "base_url": "http://localhost"},
        "model": "gpt",
        "request": {
            "method": "POST",
            "path": "/v1/chat/completions",
            "headers": {"user-agent": "test"},
            "body": body,
            "isStream": false,
        },
    })
}

/// Calls `onRequest` in a session of its own.
pub async fn on_request(code: &str, body: Value) -> Called<Option<String>> {
    let engine = engine();
    let program = program(&engine, code).await;
    let mut session = engine.open(&program);
    session
        .call(Hook::Request, request(&body).to_string())
        .await
}

/// What `onRequest` makes of a body; `None`: it stays.
pub async fn body_after(code: &str, body: Value) -> Option<Value> {
    let called = on_request(code, body).await;
    let output = called.output.unwrap_or_else(|e| panic!("{e:?}\n{code}"))?;
    let output: Value = serde_json::from_str(&output).expect("JSON");
    Some(output["body"].clone())
}

/// What an expression is, as JSON.
pub async fn value_of(expression: &str) -> Value {
    let code = format!(
        "export async function onRequest(context) {{
            context.request.body = {{ value: await ({expression}) }};
            return context;
        }}"
    );
    body_after(&code, json!({"before": 1}))
        .await
        .expect("a change")["value"]
        .clone()
}

pub async fn error_of(code: &str) -> ScriptError {
    let called = on_request(code, json!({"model": "gpt"})).await;
    called.output.expect_err("an error")
}

pub fn event(data: &Value) -> EventIn {
    EventIn {
        name: None,
        data: data.to_string(),
    }
}

/// What `onChunk` makes of an event.
pub async fn chunk_after(code: &str, data: &Value) -> Result<EventOut, ScriptError> {
    let engine = engine();
    let program = program(&engine, code).await;
    let mut session = engine.open(&program);
    let called = session.chunks(|| "{}".to_owned(), vec![event(data)]).await;
    called.output.map(|mut events| events.remove(0))
}
