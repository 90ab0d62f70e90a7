//! A played turn in OpenAI's Chat Completions dialect.

use http::StatusCode;
use serde_json::{Value, json};

use super::play::Turn;

/// The demo was made at this second; answers must be the same each time.
const CREATED: u64 = 1_767_225_600;

fn usage(turn: &Turn) -> Value {
    json!({
        "prompt_tokens": turn.input_tokens,
        "completion_tokens": turn.output_tokens,
        "total_tokens": turn.input_tokens + turn.output_tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    })
}

fn finish_reason(turn: &Turn) -> &'static str {
    match (&turn.tool, turn.cut_short) {
        (Some(_), _) => "tool_calls",
        (None, true) => "length",
        (None, false) => "stop",
    }
}

pub(super) fn whole(turn: &Turn, model: &str, id: &str) -> String {
    let mut message = json!({"role": "assistant", "content": turn.text, "refusal": null});
    if let Some(tool) = &turn.tool {
        message["content"] = Value::Null;
        message["tool_calls"] = json!([{
            "id": format!("call_{id}"),
            "type": "function",
            "function": {"name": tool.name, "arguments": tool.arguments.to_string()},
        }]);
    }
    json!({
        "id": format!("chatcmpl-demo-{id}"),
        "object": "chat.completion",
        "created": CREATED,
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason(turn)}],
        "usage": usage(turn),
    })
    .to_string()
}

pub(super) fn stream(turn: &Turn, model: &str, id: &str, request: &Value) -> Vec<String> {
    let chunk = |choices: Value, usage: Value| {
        let chunk = json!({
            "id": format!("chatcmpl-demo-{id}"),
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": model,
            "choices": choices,
            "usage": usage,
        });
        format!("data: {chunk}\n\n")
    };
    let delta = |delta: Value| {
        let choice = json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": null}]);
        chunk(choice, Value::Null)
    };
    let mut events = vec![delta(json!({"role": "assistant", "content": ""}))];
    events.extend(
        turn.text
            .split_inclusive(' ')
            .map(|word| delta(json!({"content": word}))),
    );
    if let Some(tool) = &turn.tool {
        events.push(delta(json!({"tool_calls": [{
            "index": 0,
            "id": format!("call_{id}"),
            "type": "function",
            "function": {"name": tool.name, "arguments": ""},
        }]})));
        events.push(delta(json!({"tool_calls": [{
            "index": 0,
            "function": {"arguments": tool.arguments.to_string()},
        }]})));
    }
    let finish =
        json!([{"index": 0, "delta": {}, "logprobs": null, "finish_reason": finish_reason(turn)}]);
    events.push(chunk(finish, Value::Null));
    if request["stream_options"]["include_usage"] == true {
        events.push(chunk(json!([]), usage(turn)));
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}

pub(super) fn error(status: StatusCode, message: &str) -> String {
    let kind = match status {
        StatusCode::TOO_MANY_REQUESTS => "rate_limit_exceeded",
        StatusCode::BAD_REQUEST => "invalid_request_error",
        _ => "server_error",
    };
    json!({"error": {"message": message, "type": kind, "param": null, "code": null}}).to_string()
}
