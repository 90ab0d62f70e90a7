//! Answers of upstreams of other dialects, as a client of this one gets them.

use dialects::{
    ResponseError,
    ir::{
        Candidate, Delta, Event, Part, PartAt, PartStart, Proof, Request, Response, Stop, Tool,
        Usage, event::StreamError,
    },
    node::Json,
    openai_chat::response,
};
use domain::{Dialect, TokenUsage};
use serde_json::{Value, json};

use crate::{
    grammar,
    setup::{assemble, call, client, client_of, disassemble, encode_stream, events},
};

fn answer(parts: Vec<Part>, stop: Stop) -> Response {
    Response {
        id: Some("msg_1".to_owned()),
        created: None,
        candidates: vec![Candidate {
            parts,
            stop,
            logprobs: None,
        }],
        usage: Some(Usage {
            tokens: TokenUsage {
                input: 10,
                cache_read: 1000,
                cache_write_5m: 200,
                output: 7,
                ..TokenUsage::default()
            },
            server_tools: None,
            tier: None,
        }),
        service_tier: None,
    }
}

fn body(response: &Response) -> Value {
    serde_json::from_slice(&response::encode(response, &client())).expect("JSON")
}

fn thinking(text: &str, proof: Option<Proof>) -> Part {
    Part::Thinking {
        text: text.to_owned(),
        proof,
    }
}

fn proven() -> Vec<Part> {
    vec![
        thinking("I see.", Some(Proof::Signature("c2ln+/==".to_owned()))),
        thinking("", Some(Proof::Redacted("cmVk".to_owned()))),
        thinking(
            "Sum",
            Some(Proof::Encrypted {
                item_id: Some("rs_1".to_owned()),
                content: "gAAA".to_owned(),
            }),
        ),
        Part::text("Hello"),
        thinking(
            "",
            Some(Proof::Foreign(
                r#"{"google":{"thought_signature":"x"}}"#.to_owned(),
            )),
        ),
        call("c1", "f", "{\"x\":1}"),
    ]
}

#[test]
fn an_answer_has_every_member_that_strict_clients_check() {
    let got = body(&answer(vec![Part::text("Hello")], Stop::End));
    let expected = json!({
        "id": "chatcmpl-msg_1", "object": "chat.completion", "created": 1_700_000_009, "model": "asked",
        "choices": [{
            "index": 0, "message": {"role": "assistant", "content": "Hello", "refusal": null},
            "logprobs": null, "finish_reason": "stop",
        }],
        "usage": {
            "prompt_tokens": 1210, "completion_tokens": 7, "total_tokens": 1217,
            "prompt_tokens_details": {"cached_tokens": 1000, "audio_tokens": 0, "cache_write_tokens": 200},
            "completion_tokens_details": {
                "reasoning_tokens": 0, "audio_tokens": 0,
                "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
            },
        },
    });
    assert_eq!(got, expected);
}

/// What a client gives back of an answer, whole or streamed, holds every proof in its place.
#[test]
fn proofs_survive_the_way_through_a_client() {
    let whole = answer(proven(), Stop::ToolUse);
    let message = body(&whole)["choices"][0]["message"].clone();
    assert_eq!(message["reasoning_content"], "I see.Sum");
    let request = json!({"messages": [{"role": "user", "content": "x"}, message]}).to_string();
    let decoded = dialects::openai_chat::request::decode(request.as_bytes()).expect("valid");
    // The order of thinking and text is this dialect's.
    assert_eq!(decoded.messages[1].parts, proven());
    for piece in [1, 3, 100] {
        let sse = encode_stream(&disassemble(&whole, piece), client());
        grammar::check(&sse).expect("the grammar holds");
        let (events, complete) = events(&sse);
        assert!(complete);
        assert_eq!(assemble(&events).candidates, whole.candidates);
    }
}

#[test]
fn stop_reasons_are_the_words_of_this_dialect() {
    let cases = [
        (Stop::Sequence(Some("END".to_owned())), "stop"),
        (Stop::MaxTokens, "length"),
        (Stop::ContextWindow, "length"),
        (Stop::ContentFilter, "content_filter"),
        (Stop::Refusal, "content_filter"),
        (Stop::Pause, "stop"),
        (Stop::Other("new".to_owned()), "stop"),
    ];
    for (stop, expected) in cases {
        let got = body(&answer(vec![Part::text("x")], stop));
        assert_eq!(got["choices"][0]["finish_reason"], expected);
    }
    let refused = body(&answer(
        vec![Part::Refusal("No.".to_owned())],
        Stop::Refusal,
    ));
    let choice = &refused["choices"][0];
    assert_eq!(
        (&choice["finish_reason"], &choice["message"]["refusal"]),
        (&json!("stop"), &json!("No."))
    );
    assert_eq!(choice["message"]["content"], Value::Null);
    let called = body(&answer(vec![call("a", "f", "")], Stop::End));
    let choice = &called["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(
        choice["message"]["tool_calls"][0]["function"]["arguments"],
        "{}"
    );
}

#[test]
fn sources_become_url_citations_at_their_text() {
    let cited = Part::Text {
        text: "Paris.".to_owned(),
        citations: vec![
            Json::parse(r#"{"type":"web_search_result_location","url":"https://x","title":"X","cited_text":"…"}"#).expect("JSON"),
            Json::parse(r#"{"type":"char_location","document_index":0}"#).expect("JSON"),
        ],
        cache: None,
    };
    let got = body(&answer(vec![Part::text("é "), cited], Stop::End));
    let expected = json!([{"type": "url_citation", "url_citation": {"start_index": 2, "end_index": 8, "title": "X", "url": "https://x"}}]);
    assert_eq!(got["choices"][0]["message"]["annotations"], expected);
}

#[test]
fn clients_of_functions_and_custom_tools_get_what_they_offered() {
    let response = answer(vec![call("a", "f", "{\"input\":\"x\\n\"}")], Stop::ToolUse);
    let legacy = client_of(Request::new(Dialect::OpenaiChat), r#"{"functions":[]}"#);
    let got: Value = serde_json::from_slice(&response::encode(&response, &legacy)).expect("JSON");
    assert_eq!(got["choices"][0]["finish_reason"], "function_call");
    assert_eq!(got["choices"][0]["message"]["function_call"]["name"], "f");
    let sse = encode_stream(&disassemble(&response, 4), legacy);
    grammar::check(&sse).expect("the grammar holds");
    assert!(
        sse.contains(r#""delta":{"function_call":{"name":"f","arguments":""}}"#),
        "{sse}"
    );
    let mut request = Request::new(Dialect::OpenaiChat);
    request.tools.push(Tool::Custom {
        name: "f".to_owned(),
        description: None,
        format: None,
    });
    let custom = client_of(request, "{}");
    let got: Value = serde_json::from_slice(&response::encode(&response, &custom)).expect("JSON");
    let called = &got["choices"][0]["message"]["tool_calls"][0];
    assert_eq!(called["custom"], json!({"name": "f", "input": "x\n"}));
    let sse = encode_stream(&disassemble(&response, 4), custom);
    grammar::check(&sse).expect("the grammar holds");
    assert!(
        sse.contains(r#"{"index":0,"custom":{"input":"x\n"}}"#),
        "{sse}"
    );
}

#[test]
fn usage_comes_only_to_who_asked_for_it() {
    let response = answer(vec![Part::text("x")], Stop::End);
    let mut quiet = client();
    quiet.wants_usage = false;
    let sse = encode_stream(&disassemble(&response, 4), quiet);
    assert!(!sse.contains("usage"), "{sse}");
    let sse = encode_stream(&disassemble(&response, 4), client());
    assert_eq!(sse.matches("\"usage\":null").count(), 3);
    assert_eq!(sse.matches("\"choices\":[],\"usage\":{").count(), 1);
}

#[test]
fn a_failure_ends_the_stream_with_one_error() {
    let at = PartAt {
        candidate: 0,
        part: 0,
    };
    let events = [
        Event::PartStart {
            at,
            part: PartStart::Text,
        },
        Event::Delta {
            at,
            delta: Delta::Text("x".to_owned()),
        },
        Event::Ping,
        Event::Error(StreamError {
            status: 529,
            message: "Overloaded".to_owned(),
        }),
        Event::End,
    ];
    let sse = encode_stream(&events, client());
    let last: Vec<&str> = sse.trim_end().rsplit("\n\n").take(2).collect();
    assert!(
        last[0].starts_with(r#"data: {"error":{"#) && last[0].contains("Overloaded"),
        "{sse}"
    );
    assert_eq!(last[1], ": ping");
    assert!(grammar::check(&sse).is_err());
}

#[test]
fn what_is_no_answer_is_said_to_be_none() {
    for body in [
        "",
        "<html>",
        "{\"id\":\"x\",\"choices\":[{\"ind",
        "{}",
        "[]",
        r#"{"choices":[]}"#,
        r#"{"choices":[{}]}"#,
    ] {
        let got = response::decode(body.as_bytes());
        assert!(matches!(got, Err(ResponseError::Malformed(_))), "{body}");
    }
    for body in [
        r#"{"error":{"message":"m"}}"#,
        r#"{"error":"m"}"#,
        r#"{"choices":[{"error":{"message":"m"}}]}"#,
    ] {
        let got = response::decode(body.as_bytes());
        assert_eq!(got, Err(ResponseError::Reported("m".to_owned())), "{body}");
    }
}
