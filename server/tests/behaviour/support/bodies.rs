//! Requests and answers of both dialects, as small as they can be and as awkward as real ones are.

use domain::Dialect;

/// A request for `model`; the same text is one in both dialects.
pub fn ask(model: &str) -> String {
    format!(
        r#"{{"model":"{model}","max_tokens":100,"messages":[{{"role":"user","content":"Say hello"}}]}}"#
    )
}

/// The same for a stream.
pub fn ask_stream(model: &str) -> String {
    ask(model).replacen('{', r#"{"stream":true,"#, 1)
}

/// A whole answer of `model`, in OpenAI's dialect, with a usage.
pub fn chat_whole(model: &str, prompt: u64, cached: u64, completion: u64) -> String {
    format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"{model}","choices":[{{"index":0,"message":{{"role":"assistant","content":"Hello"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":{prompt},"completion_tokens":{completion},"prompt_tokens_details":{{"cached_tokens":{cached}}}}}}}"#
    )
}

/// A whole answer of `model`, in Anthropic's dialect, with every kind of token.
pub fn messages_whole(model: &str) -> String {
    format!(
        r#"{{"id":"msg_1","type":"message","role":"assistant","model":"{model}","content":[{{"type":"text","text":"Hello"}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{{"input_tokens":10,"cache_read_input_tokens":1000,"cache_creation_input_tokens":240,"cache_creation":{{"ephemeral_5m_input_tokens":200,"ephemeral_1h_input_tokens":40}},"output_tokens":7}}}}"#
    )
}

/// The events of a stream of OpenAI's dialect. The third is content, the last but one is the usage.
pub fn chat_events(model: &str) -> Vec<String> {
    let chunk = |choices: &str, usage: &str| {
        format!(
            "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"{model}\",\"choices\":{choices},\"usage\":{usage}}}\n\n"
        )
    };
    let delta = |delta: &str| {
        let choices = format!(r#"[{{"index":0,"delta":{delta},"finish_reason":null}}]"#);
        chunk(&choices, "null")
    };
    vec![
        ": keep-alive\n\n".to_owned(),
        delta(r#"{"role":"assistant","content":""}"#),
        delta(r#"{"content":"Caf\u00e9 é"}"#),
        delta("{\"content\":\" \u{2028}\u{1f980}\\n\\\"\"}"),
        chunk(r#"[{"index":0,"delta":{},"finish_reason":"stop"}]"#, "null"),
        chunk(
            "[]",
            r#"{"prompt_tokens":100,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":40}}"#,
        ),
        "data: [DONE]\n\n".to_owned(),
    ]
}

/// The events of a stream of Anthropic's dialect. The fourth is content.
pub fn messages_events(model: &str) -> Vec<String> {
    let event =
        |name: &str, more: &str| format!("event: {name}\ndata: {{\"type\":\"{name}\"{more}}}\n\n");
    vec![
        event(
            "message_start",
            &format!(
                r#","message":{{"id":"m","type":"message","role":"assistant","model":"{model}","content":[],"usage":{{"input_tokens":10,"cache_read_input_tokens":100,"cache_creation_input_tokens":0,"output_tokens":1}}}}"#
            ),
        ),
        event(
            "content_block_start",
            r#","index":0,"content_block":{"type":"text","text":""}"#,
        ),
        event("ping", ""),
        event(
            "content_block_delta",
            r#","index":0,"delta":{"type":"text_delta","text":"Caf\u00e9 é"}"#,
        ),
        event(
            "content_block_delta",
            ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" \u{2028}\u{1f980}\\n\"}",
        ),
        event("content_block_stop", r#","index":0"#),
        event(
            "message_delta",
            r#","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":7}"#,
        ),
        event("message_stop", ""),
    ]
}

/// The events of a stream of either dialect.
pub fn events(dialect: Dialect, model: &str) -> Vec<String> {
    match dialect {
        Dialect::OpenaiChat => chat_events(model),
        _ => messages_events(model),
    }
}

/// A whole answer of either dialect.
pub fn whole(dialect: Dialect, model: &str) -> String {
    match dialect {
        Dialect::OpenaiChat => chat_whole(model, 100, 40, 7),
        _ => messages_whole(model),
    }
}
