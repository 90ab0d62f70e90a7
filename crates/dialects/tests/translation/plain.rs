//! What Anthropic's clients send in blocks of their own and every other upstream can read as text.

use dialects::{
    translate::{Quirks, Target},
    translator::{decode_request, encode_request},
};
use domain::Dialect;
use serde_json::{Value, json};

const FOREIGN: [Dialect; 3] = [
    Dialect::OpenaiChat,
    Dialect::OpenaiResponses,
    Dialect::BedrockConverse,
];

/// What each of the other dialects is sent for a request of Anthropic's, and what it is told to have lost.
fn sent(content: &Value, to: Dialect) -> (String, String) {
    let body = json!({"model": "m", "max_tokens": 9, "messages": [
        {"role": "user", "content": "look it up"},
        {"role": "assistant", "content": [
            {"type": "tool_use", "id": "t1", "name": "find", "input": {}}]},
        {"role": "user", "content": content},
    ], "tools": [{"name": "find", "input_schema": {"type": "object"}}]});
    let request =
        decode_request(Dialect::AnthropicMessages, body.to_string().as_bytes()).expect("a request");
    let quirks = Quirks::default();
    let target = Target {
        model: "m",
        stream: false,
        quirks: &quirks,
        default_max_output_tokens: 4096,
    };
    let encoded = encode_request(&request, to, &target, &[]).expect("it can be sent");
    let text = String::from_utf8(encoded.body).expect("UTF-8");
    (text, encoded.losses.names())
}

fn result(content: Value) -> Value {
    json!([{"type": "tool_result", "tool_use_id": "t1", "content": content}])
}

fn found() -> Value {
    json!({"type": "search_result", "title": "The Title", "source": "https://a.example/b",
        "content": [{"type": "text", "text": "first text"}, {"type": "text", "text": "second text"}],
        "citations": {"enabled": true}})
}

#[test]
fn search_results_are_read_as_text() {
    let answered = result(json!("none"));
    let beside = json!([answered[0], found()]);
    for content in [result(json!([found()])), beside] {
        for to in FOREIGN {
            let (body, lost) = sent(&content, to);
            for words in [
                "The Title",
                "https://a.example/b",
                "first text",
                "second text",
            ] {
                assert!(body.contains(words), "{to:?}: {body}");
            }
            assert!(lost.contains("citations"), "{to:?}: {lost}");
        }
        let (body, lost) = sent(&content, Dialect::AnthropicMessages);
        assert!(body.contains(r#""type":"search_result""#), "{body}");
        assert_eq!(lost, "");
    }
}

#[test]
fn documents_made_of_texts_are_read_as_text() {
    let texts =
        json!([{"type": "text", "text": "first text"}, {"type": "text", "text": "second text"}]);
    for source in [texts, json!("first text, second text")] {
        let document = json!({"type": "document", "title": "The Title",
            "source": {"type": "content", "content": source}});
        let answered = result(json!("none"));
        for content in [json!([answered[0], document]), result(json!([document]))] {
            for to in [Dialect::OpenaiChat, Dialect::OpenaiResponses] {
                let (body, lost) = sent(&content, to);
                for words in ["The Title", "first text", "second text"] {
                    assert!(body.contains(words), "{to:?}: {body}");
                }
                assert_eq!(lost, "", "{to:?}");
            }
        }
    }
}

#[test]
fn blocks_in_results_that_no_other_upstream_reads_are_told() {
    let content = result(json!([{"type": "tool_reference", "tool_name": "find"}]));
    for to in FOREIGN {
        let (_, lost) = sent(&content, to);
        assert!(lost.contains("provider"), "{to:?}: {lost}");
    }
}
