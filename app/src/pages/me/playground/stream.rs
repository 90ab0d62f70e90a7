//! Asking in the browser: the answer is read while it comes.

use domain::validation::FieldError;
use leptos::{
    prelude::*,
    wasm_bindgen::{JsCast, JsValue},
    web_sys::{
        ReadableStream, ReadableStreamDefaultReader,
        js_sys::{Reflect, Uint8Array},
    },
};
use wasm_bindgen_futures::JsFuture;

use super::{Answered, Events, Question, api::get_receipt};

/// Where questions go: as any call, but by one's session and not by a key.
pub const CHAT: &str = "/playground/chat";

/// Asks one model and writes its answer into `answer` while it comes.
///
/// # Errors
/// Names the field that makes no sense.
pub fn ask(question: &Question, answer: RwSignal<Answered>) -> Result<(), FieldError> {
    let model = answer.with_untracked(|answer| answer.model.clone());
    let body = question.body(&model, true)?.to_string();
    leptos::task::spawn_local(async move {
        if run(body, answer).await.is_none() {
            // The page may be gone by now, and its signals with it.
            answer.try_update(|answer| {
                answer.error = Some("The connection to the server broke.".to_owned());
            });
        }
        let id = answer
            .try_get_untracked()
            .and_then(|answer| answer.request_id);
        let found = match id {
            Some(id) => get_receipt(id).await.ok().flatten(),
            None => None,
        };
        answer.try_update(|answer| {
            answer.receipt = found;
            answer.running = false;
        });
    });
    Ok(())
}

/// `None`: the connection broke.
async fn run(body: String, answer: RwSignal<Answered>) -> Option<()> {
    let request = gloo_net::http::Request::post(CHAT)
        .header("Content-Type", "application/json")
        .body(body)
        .ok()?;
    let response = request.send().await.ok()?;
    answer.try_update(|answer| answer.take_head(response.status(), response.headers().entries()));
    if !response.ok() {
        let body = response.binary().await.ok()?;
        answer.try_update(|answer| answer.take_body(&body));
        return Some(());
    }
    let stream: ReadableStream = response.body()?;
    let reader: ReadableStreamDefaultReader = stream.get_reader().dyn_into().ok()?;
    let mut events = Events::default();
    loop {
        let piece = JsFuture::from(reader.read()).await.ok()?;
        let of = |name: &str| Reflect::get(&piece, &JsValue::from_str(name));
        if of("done").ok()?.is_truthy() {
            return Some(());
        }
        let bytes: Uint8Array = of("value").ok()?.dyn_into().ok()?;
        let complete = events.push(&bytes.to_vec());
        let here = answer.try_update(|answer| {
            for data in &complete {
                answer.take_event(data);
            }
        });
        if here.is_none() {
            // Nobody looks any more: the model need not go on.
            drop(reader.cancel());
            return Some(());
        }
    }
}
