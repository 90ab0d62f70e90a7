//! What travels in a run: the client's requests and the upstream's answers, in
//! the shape and size of real ones. Fixed texts only, so that two runs of two
//! years are comparable; nothing here is random.

use bytes::Bytes;
use serde_json::json;

/// The one model of a run.
pub const MODEL: &str = "bench-model";
/// The path of every measured call.
pub const PATH: &str = "/v1/chat/completions";
/// Content chunks of one stream.
pub const CHUNKS: u32 = 200;
/// Events of one stream: its content, the usage and `[DONE]`.
pub const EVENTS: u32 = CHUNKS + 2;

/// A request of about one kilobyte.
pub fn short_request() -> Bytes {
    request(&short_prompt(), false)
}

/// The same request, asking for a stream that ends with its usage.
pub fn stream_request() -> Bytes {
    request(&short_prompt(), true)
}

/// A request of about 100 kB, most of it source code: the text with the most
/// escapes that clients really send, and so the dearest to look through.
pub fn large_request() -> Bytes {
    const LINE: &str = "\tif let Some(\"key\") = map.get(\"a\\b\") {\n\t\treturn Err(\"not \\\"here\\\"\");\n\t}\n";
    request(&LINE.repeat(100_000 / (LINE.len() + 18)), false)
}

fn short_prompt() -> String {
    "Summarise the following paragraph for a colleague who has not read it. \
     Keep every number and every name. "
        .repeat(7)
}

fn request(prompt: &str, stream: bool) -> Bytes {
    let mut body = json!({
        "model": MODEL,
        "messages": [
            { "role": "system", "content": "You are a careful assistant. Answer briefly." },
            { "role": "user", "content": prompt },
        ],
        "temperature": 0.7,
        "max_tokens": 256,
    });
    if stream {
        body["stream"] = json!(true);
        body["stream_options"] = json!({ "include_usage": true });
    }
    Bytes::from(body.to_string())
}

/// A plain answer of about 600 bytes.
pub fn completion() -> Bytes {
    let body = json!({
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": MODEL,
        "choices": [{
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "The paragraph asks for a short summary that keeps each number \
                            and each name, so that the colleague can follow without it.",
                "refusal": null,
            },
            "logprobs": null,
            "finish_reason": "stop",
        }],
        "usage": usage(),
        "service_tier": "default",
        "system_fingerprint": "fp_bench",
    });
    Bytes::from(body.to_string())
}

/// The events of a stream, each as it is written to the connection.
pub fn stream_events() -> Vec<Bytes> {
    let content = event(&json!({
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": MODEL,
        "service_tier": "default",
        "system_fingerprint": "fp_bench",
        "choices": [{
            "index": 0,
            "delta": { "content": " paragraph" },
            "logprobs": null,
            "finish_reason": null,
        }],
    }));
    let end = event(&json!({
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": MODEL,
        "choices": [],
        "usage": usage(),
    }));
    let mut events = vec![content; CHUNKS as usize];
    events.push(end);
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    events
}

fn usage() -> serde_json::Value {
    json!({
        "prompt_tokens": 170,
        "completion_tokens": 200,
        "total_tokens": 370,
        "prompt_tokens_details": { "cached_tokens": 0, "audio_tokens": 0 },
        "completion_tokens_details": { "reasoning_tokens": 0, "audio_tokens": 0 },
    })
}

fn event(data: &serde_json::Value) -> Bytes {
    Bytes::from(format!("data: {data}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_the_ones_that_the_report_names() {
        assert!((900..1_100).contains(&short_request().len()));
        assert!((98_000..102_000).contains(&large_request().len()));
        assert!((550..750).contains(&completion().len()));
        assert!((220..280).contains(&stream_events()[0].len()));
    }

    #[test]
    fn a_stream_has_the_events_that_the_load_counts() {
        assert_eq!(stream_events().len(), EVENTS as usize);
    }
}
