//! A played turn in Anthropic's Messages dialect.

use http::StatusCode;
use serde_json::{Value, json};

use super::play::Turn;

fn stop_reason(turn: &Turn) -> &'static str {
    match (&turn.tool, turn.cut_short) {
        (Some(_), _) => "tool_use",
        (None, true) => "max_tokens",
        (None, false) => "end_turn",
    }
}

fn message(turn: &Turn, model: &str, id: &str) -> Value {
    json!({
        "id": format!("msg_demo_{id}"),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
        "usage": {
            "input_tokens": turn.input_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 1,
        },
    })
}

pub(super) fn whole(turn: &Turn, model: &str, id: &str) -> String {
    let mut message = message(turn, model, id);
    message["content"] = match &turn.tool {
        Some(tool) => {
            json!([{"type": "tool_use", "id": format!("toolu_{id}"), "name": tool.name, "input": tool.arguments}])
        }
        None => json!([{"type": "text", "text": turn.text}]),
    };
    message["stop_reason"] = json!(stop_reason(turn));
    message["usage"]["output_tokens"] = json!(turn.output_tokens);
    message.to_string()
}

pub(super) fn stream(turn: &Turn, model: &str, id: &str) -> Vec<String> {
    let event = |data: Value| {
        let name = data["type"].as_str().unwrap_or_default().to_owned();
        format!("event: {name}\ndata: {data}\n\n")
    };
    let delta =
        |delta: Value| event(json!({"type": "content_block_delta", "index": 0, "delta": delta}));
    let mut events = vec![event(
        json!({"type": "message_start", "message": message(turn, model, id)}),
    )];
    let block = match &turn.tool {
        Some(tool) => {
            json!({"type": "tool_use", "id": format!("toolu_{id}"), "name": tool.name, "input": {}})
        }
        None => json!({"type": "text", "text": ""}),
    };
    events.push(event(
        json!({"type": "content_block_start", "index": 0, "content_block": block}),
    ));
    events.push(event(json!({"type": "ping"})));
    match &turn.tool {
        Some(tool) => events.push(delta(
            json!({"type": "input_json_delta", "partial_json": tool.arguments.to_string()}),
        )),
        None => events.extend(
            turn.text
                .split_inclusive(' ')
                .map(|word| delta(json!({"type": "text_delta", "text": word}))),
        ),
    }
    events.push(event(json!({"type": "content_block_stop", "index": 0})));
    events.push(event(json!({
        "type": "message_delta",
        "delta": {"stop_reason": stop_reason(turn), "stop_sequence": null},
        "usage": {"output_tokens": turn.output_tokens},
    })));
    events.push(event(json!({"type": "message_stop"})));
    events
}

pub(super) fn error(status: StatusCode, message: &str) -> String {
    let kind = match status {
        StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
        StatusCode::BAD_REQUEST => "invalid_request_error",
        _ => "api_error",
    };
    json!({"type": "error", "error": {"type": kind, "message": message}}).to_string()
}
