//! What a client keeps of an answer to give it back in its next request, as the official SDKs put it
//! together: a message of Chat Completions, blocks of Messages, items of Responses.

use dialects::sse;
use domain::Dialect;
use serde_json::{Map, Value};

use crate::heard;

/// What is kept of a whole answer.
pub fn of_answer(client: Dialect, body: &[u8]) -> Vec<Value> {
    let body: Value = serde_json::from_slice(body).expect("JSON");
    match client {
        Dialect::OpenaiChat => vec![body["choices"][0]["message"].clone()],
        Dialect::OpenaiResponses => list(&body["output"]),
        _ => list(&body["content"]),
    }
}

/// What is kept of a stream.
pub fn of_stream(client: Dialect, stream: &[u8]) -> Vec<Value> {
    let events: Vec<Value> = heard::split(stream)
        .iter()
        .filter_map(|event| serde_json::from_slice(sse::data(event)?.text()).ok())
        .collect();
    match client {
        Dialect::OpenaiChat => vec![message(&events)],
        Dialect::OpenaiResponses => list(&events.last().expect("an event")["response"]["output"]),
        _ => blocks(&events),
    }
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().expect("an array").clone()
}

fn append(place: &mut Value, more: &Value) {
    let mut text = place.as_str().unwrap_or_default().to_owned();
    text.push_str(more.as_str().expect("a text"));
    *place = text.into();
}

fn blocks(events: &[Value]) -> Vec<Value> {
    let mut blocks: Vec<Value> = Vec::new();
    let mut input = String::new();
    for event in events {
        let delta = &event["delta"];
        match event["type"].as_str().expect("a type") {
            "content_block_start" => {
                blocks.push(event["content_block"].clone());
                input.clear();
            }
            "content_block_delta" => {
                let block = blocks.last_mut().expect("a block");
                match delta["type"].as_str().expect("a type") {
                    "text_delta" => append(&mut block["text"], &delta["text"]),
                    "thinking_delta" => append(&mut block["thinking"], &delta["thinking"]),
                    "signature_delta" => block["signature"] = delta["signature"].clone(),
                    _ => input.push_str(delta["partial_json"].as_str().expect("a text")),
                }
            }
            "content_block_stop" if !input.is_empty() => {
                let block = blocks.last_mut().expect("a block");
                block["input"] = serde_json::from_str(&input).expect("JSON");
                input.clear();
            }
            _ => {}
        }
    }
    blocks
}

fn message(events: &[Value]) -> Value {
    let mut message = Map::new();
    for event in events {
        if let Some(delta) = event["choices"][0]["delta"].as_object() {
            accumulate(&mut message, delta);
        }
    }
    Value::Object(message)
}

/// `accumulate_delta` of the Python SDK.
fn accumulate(into: &mut Map<String, Value>, delta: &Map<String, Value>) {
    for (key, value) in delta {
        let Some(place) = into.get_mut(key).filter(|place| !place.is_null()) else {
            into.insert(key.clone(), value.clone());
            continue;
        };
        match (place, value) {
            (place, value) if key == "index" || key == "type" => place.clone_from(value),
            (place @ Value::String(_), Value::String(_)) => append(place, value),
            (Value::Object(place), Value::Object(more)) => accumulate(place, more),
            (Value::Array(place), Value::Array(more)) => {
                for entry in more {
                    let index = entry["index"].as_u64().expect("an index");
                    let known = usize::try_from(index).ok().and_then(|n| place.get_mut(n));
                    match (known, entry) {
                        (Some(Value::Object(known)), Value::Object(entry)) => {
                            accumulate(known, entry)
                        }
                        _ => place.push(entry.clone()),
                    }
                }
            }
            _ => {}
        }
    }
}
