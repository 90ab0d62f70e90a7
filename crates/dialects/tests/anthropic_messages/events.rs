//! Streams of other families, as Anthropic's clients have to be given them, and the odd ones among
//! Anthropic's own.

use dialects::{
    anthropic_messages::stream::{Decoder, Encoder},
    ir::{Delta, Event, PartAt, PartStart, Proof, Stop, ToolCallKind, Usage, event::StreamError},
};
use domain::TokenUsage;
use serde_json::{Value, json};

use crate::{grammar::check, stream};

fn at(part: u32) -> PartAt {
    PartAt { candidate: 0, part }
}

fn start(part: u32, of: PartStart) -> Event {
    Event::PartStart {
        at: at(part),
        part: of,
    }
}

fn delta(part: u32, delta: Delta) -> Event {
    Event::Delta {
        at: at(part),
        delta,
    }
}

fn end(part: u32) -> Event {
    Event::PartEnd { at: at(part) }
}

fn call(kind: ToolCallKind) -> PartStart {
    PartStart::ToolCall {
        id: "call.1".to_owned(),
        name: "f".to_owned(),
        kind,
        item_id: None,
    }
}

/// The data of the events that are written for `events` with a start and an end around them.
fn told(events: Vec<Event>) -> Vec<Value> {
    let begin = Event::Start {
        id: Some("chatcmpl-1".to_owned()),
        created: Some(1),
        service_tier: None,
    };
    let written = stream::encode([vec![begin], events, vec![Event::End]].concat());
    assert_eq!(check(&written), Ok(()), "{written}");
    let data = written
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).expect("JSON"))
        .collect()
}

/// The blocks that they add up to, by name of the event.
fn kinds(told: &[Value]) -> String {
    let kinds = told.iter().map(|data| {
        let inner = &data["content_block"]["type"];
        let inner = if inner.is_null() {
            &data["delta"]["type"]
        } else {
            inner
        };
        inner.as_str().or(data["type"].as_str()).unwrap_or("?")
    });
    kinds.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_input_is_told_at_the_start_where_it_is_known_and_at_the_end_anyway() {
    let tokens = TokenUsage {
        input: 10,
        cache_read: 1000,
        output: 7,
        ..TokenUsage::default()
    };
    let usage = |total| Event::Usage {
        usage: Usage {
            tokens,
            server_tools: None,
            tier: None,
        },
        total,
    };
    let early = told(vec![usage(false), start(0, PartStart::Text), usage(true)]);
    assert_eq!(early[0]["message"]["usage"]["input_tokens"], 10);
    assert_eq!(early[0]["message"]["id"], "msg_chatcmpl-1");
    let late = told(vec![start(0, PartStart::Text), usage(true)]);
    assert_eq!(late[0]["message"]["usage"]["input_tokens"], 0);
    for told in [early, late] {
        let usage = &told
            .iter()
            .find(|e| e["type"] == "message_delta")
            .expect("one")["usage"];
        assert_eq!(usage["input_tokens"], 10);
        assert_eq!(usage["cache_read_input_tokens"], 1000);
        assert_eq!(usage["output_tokens"], 7);
    }
}

#[test]
fn nothing_begins_blank() {
    let told = told(vec![
        start(0, PartStart::Thinking),
        end(0),
        start(1, PartStart::Text),
        delta(1, Delta::Text(String::new())),
        delta(1, Delta::Citation(dialects::node::Json::of("no place"))),
        end(1),
        start(2, PartStart::Refusal),
        delta(2, Delta::Refusal("No.".to_owned())),
        end(2),
    ]);
    assert_eq!(
        kinds(&told),
        "message_start ping text text_delta content_block_stop message_delta message_stop"
    );
}

#[test]
fn proofs_stand_where_a_client_keeps_them() {
    let told = told(vec![
        start(0, PartStart::Thinking),
        delta(0, Delta::Proof(Proof::Foreign("x".to_owned()))),
        delta(0, Delta::Thinking("Hm.".to_owned())),
        end(0),
        start(1, PartStart::Thinking),
        delta(1, Delta::Proof(Proof::Signature("c2ln".to_owned()))),
        end(1),
        start(2, PartStart::Thinking),
        delta(2, Delta::Proof(Proof::Redacted("cmVk".to_owned()))),
        end(2),
    ]);
    assert_eq!(
        kinds(&told),
        "message_start ping thinking thinking_delta signature_delta content_block_stop \
         thinking signature_delta content_block_stop redacted_thinking content_block_stop \
         message_delta message_stop"
    );
    let signature = told[4]["delta"]["signature"].as_str().expect("a signature");
    assert_eq!(
        Proof::unseal(signature).map(|(proof, _)| proof),
        Some(Proof::Foreign("x".to_owned()))
    );
    assert_eq!(told[7]["delta"]["signature"], "c2ln");
    assert_eq!(told[9]["content_block"]["data"], "cmVk");
}

#[test]
fn calls_are_objects_bit_by_bit() {
    let input = |kind, bits: &[&str]| {
        let mut events = vec![start(0, call(kind))];
        let bits = bits.iter().map(|bit| Delta::Arguments((*bit).to_owned()));
        events.extend(bits.map(|bit| delta(0, bit)));
        let told = told(events);
        let reason = told.iter().find_map(|e| e["delta"]["stop_reason"].as_str());
        assert_eq!(reason, Some("tool_use"));
        let bits = told
            .iter()
            .filter_map(|e| e["delta"]["partial_json"].as_str());
        bits.collect::<String>()
    };
    assert_eq!(
        input(ToolCallKind::Function, &["{\"a\"", ":1}"]),
        "{\"a\":1}"
    );
    assert_eq!(input(ToolCallKind::Function, &[]), "");
    let custom = input(ToolCallKind::Custom, &["a\"", "\n"]);
    let custom: Value = serde_json::from_str(&custom).expect("JSON");
    assert_eq!(custom, json!({"input": "a\"\n"}));
}

#[test]
fn nobody_waits_for_calls_that_are_not_there() {
    let stop = Event::Stop {
        candidate: 0,
        stop: Stop::ToolUse,
    };
    let told = told(vec![stop]);
    assert_eq!(told[2]["delta"]["stop_reason"], "end_turn");
}

#[test]
fn a_failure_is_the_last_word() {
    for (status, kind) in [
        (529, "overloaded_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (503, "api_error"),
        (504, "timeout_error"),
        (400, "invalid_request_error"),
    ] {
        let failure = Event::Error(StreamError {
            status,
            message: "broke".to_owned(),
        });
        let written = stream::encode(vec![failure, start(0, PartStart::Text), Event::End]);
        assert_eq!(check(&written), Ok(()));
        let expected = format!(
            "event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"{kind}\",\"message\":\"broke\"}},\"request_id\":\"req_1\"}}\n\n"
        );
        assert_eq!(written, expected);
    }
}

#[test]
fn signs_of_life_break_no_rule() {
    let mut encoder = Encoder::new(stream::client());
    let mut out = Vec::new();
    encoder.event(&Event::Ping, &mut out);
    assert_eq!(out, b": ping\n\n");
    let told = told(vec![Event::Ping, start(0, PartStart::Text), Event::Ping]);
    assert_eq!(
        kinds(&told),
        "message_start ping ping message_delta message_stop"
    );
}

#[test]
fn further_candidates_are_not_heard() {
    let other = PartAt {
        candidate: 1,
        part: 0,
    };
    let told = told(vec![
        Event::PartStart {
            at: other,
            part: PartStart::Text,
        },
        Event::Delta {
            at: other,
            delta: Delta::Text("x".to_owned()),
        },
        Event::Stop {
            candidate: 1,
            stop: Stop::MaxTokens,
        },
    ]);
    assert_eq!(
        kinds(&told),
        "message_start ping message_delta message_stop"
    );
    assert_eq!(told[2]["delta"]["stop_reason"], "end_turn");
}

#[test]
fn a_long_answer_takes_no_memory_and_the_same_bytes_for_each_delta() {
    let mut encoder = Encoder::new(stream::client());
    let mut out = Vec::new();
    encoder.event(&start(0, PartStart::Text), &mut out);
    let word = delta(0, Delta::Text("word ".to_owned()));
    encoder.event(&word, &mut out);
    out.clear();
    encoder.event(&word, &mut out);
    let one = out.len();
    let before = format!("{encoder:?}").len();
    for _ in 0..50_000 {
        out.clear();
        encoder.event(&word, &mut out);
        assert_eq!(out.len(), one);
    }
    assert_eq!(format!("{encoder:?}").len(), before);
}

fn read(data: &[&str]) -> Result<Vec<Event>, String> {
    let mut decoder = Decoder::new();
    let mut events = Vec::new();
    for data in data {
        let read = decoder.event(None, data.as_bytes(), &mut events);
        read.map_err(|broken| broken.to_string())?;
    }
    Ok(events)
}

#[test]
fn an_input_that_comes_with_the_start_is_heard() {
    let events = read(&[
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"f","input":{"x":1}}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
    ]);
    assert_eq!(
        events.expect("readable")[1],
        delta(0, Delta::Arguments("{\"x\":1}".to_owned()))
    );
}

#[test]
fn what_is_broken_is_not_passed_off_as_an_answer() {
    for data in [
        "{\"type\":\"content_block_delta\"",
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}"#,
        r#"{"type":"message_start"}"#,
        r#"{"type":"message_start","message":{"usage":{"input_tokens":"many"}}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{}}"#,
        "[]",
    ] {
        assert!(read(&[data]).is_err(), "{data}");
    }
}
