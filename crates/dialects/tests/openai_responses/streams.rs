//! What clients get of streams and answers of other dialects, and what is read from upstreams that
//! leave things out.

use std::sync::Arc;

use dialects::{
    ir::{
        Candidate, Delta, Event, Part, PartAt, PartStart, Proof, Response, Stop, ToolCallKind,
        Usage, event::StreamError,
    },
    node::Json,
    openai_responses::{
        response,
        stream::{Decoder, Encoder},
    },
    translate::ClientContext,
};
use domain::{Dialect, TokenUsage};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    grammar,
    ours::{client_of, encode_stream, last_response, plain_client, read_stream},
};

const fn at(part: u32) -> PartAt {
    PartAt { candidate: 0, part }
}

fn start() -> Event {
    Event::Start {
        id: Some("msg_upstream".to_owned()),
        created: None,
        service_tier: None,
    }
}

fn call_start(name: &str, kind: ToolCallKind) -> PartStart {
    PartStart::ToolCall {
        id: "call_1".to_owned(),
        name: name.to_owned(),
        kind,
        item_id: None,
    }
}

/// A part with its deltas.
fn part(number: u32, part: PartStart, deltas: Vec<Delta>) -> Vec<Event> {
    let at = at(number);
    let mut events = vec![Event::PartStart { at, part }];
    events.extend(deltas.into_iter().map(|delta| Event::Delta { at, delta }));
    events.push(Event::PartEnd { at });
    events
}

fn usage() -> Usage {
    Usage {
        tokens: TokenUsage {
            input: 10,
            cache_read: 1000,
            cache_write_5m: 150,
            cache_write_1h: 50,
            output: 7,
            reasoning: 3,
            ..TokenUsage::default()
        },
        server_tools: None,
        tier: None,
    }
}

fn whole(parts: Vec<Vec<Event>>, stop: Stop) -> Vec<Event> {
    let mut events = vec![start()];
    events.extend(parts.into_iter().flatten());
    events.push(Event::Stop { candidate: 0, stop });
    events.push(Event::Usage {
        usage: usage(),
        total: true,
    });
    events.push(Event::End);
    events
}

fn checked(events: &[Event], client: &Arc<ClientContext>) -> String {
    let sse = encode_stream(events, client);
    if let Err(wrong) = grammar::check(&sse) {
        panic!("{wrong}\n{sse}");
    }
    sse
}

fn text(text: &str) -> Delta {
    Delta::Text(text.to_owned())
}

#[test]
fn each_stop_has_its_status() {
    let cases = [
        (Stop::End, "completed", Value::Null),
        (
            Stop::Sequence(Some("END".to_owned())),
            "completed",
            Value::Null,
        ),
        (Stop::ToolUse, "completed", Value::Null),
        (Stop::Pause, "completed", Value::Null),
        (Stop::MaxTokens, "incomplete", json!("max_output_tokens")),
        (
            Stop::ContextWindow,
            "incomplete",
            json!("max_output_tokens"),
        ),
        (Stop::ContentFilter, "incomplete", json!("content_filter")),
        (Stop::Other("odd".to_owned()), "completed", Value::Null),
    ];
    for (stop, status, reason) in cases {
        let events = whole(
            vec![part(0, PartStart::Text, vec![text("a")])],
            stop.clone(),
        );
        let sse = checked(&events, &plain_client());
        assert!(
            sse.contains(&format!("event: response.{status}\n")),
            "{stop:?}"
        );
        let response = last_response(&sse);
        assert_eq!(response["incomplete_details"]["reason"], reason, "{stop:?}");
        assert_eq!(response["output"][0]["status"], status, "{stop:?}");
    }
}

#[test]
fn usage_is_counted_as_openai_counts() {
    let sse = checked(&whole(vec![], Stop::End), &plain_client());
    let expected = json!({
        "input_tokens": 1210, "input_tokens_details": {"cached_tokens": 1000, "cache_write_tokens": 200},
        "output_tokens": 7, "output_tokens_details": {"reasoning_tokens": 3}, "total_tokens": 1217,
    });
    assert_eq!(last_response(&sse)["usage"], expected);
}

#[test]
fn a_signature_travels_in_the_encrypted_content() {
    let signature = Proof::Signature("c2ln/+==".to_owned());
    let redacted = Proof::Redacted("cmVk".to_owned());
    let thought = vec![
        Delta::Thinking("First ".to_owned()),
        Delta::Thinking("this.".to_owned()),
        Delta::Proof(signature.clone()),
    ];
    let events = whole(
        vec![
            part(0, PartStart::Thinking, thought),
            part(1, PartStart::Thinking, vec![Delta::Proof(redacted.clone())]),
            part(2, PartStart::Thinking, vec![]),
            part(3, PartStart::Text, vec![text("So.")]),
        ],
        Stop::End,
    );
    let response = last_response(&checked(&events, &plain_client()));
    let output = response["output"].as_array().expect("items");
    assert_eq!(output.len(), 3, "thinking without anything is no item");
    let sealed = |n: usize| {
        let content = output[n]["encrypted_content"].as_str().expect("a proof");
        Proof::unseal(content).expect("our seal")
    };
    assert_eq!(sealed(0), (signature, Some("First this.".to_owned())));
    assert_eq!(sealed(1), (redacted, None));
    assert_eq!(output[0]["summary"][0]["text"], "First this.");
    assert_eq!(output[1]["summary"], json!([]));
}

#[test]
fn calls_without_arguments_have_an_empty_object() {
    let start = call_start("f", ToolCallKind::Function);
    let events = whole(vec![part(0, start, vec![])], Stop::ToolUse);
    let response = last_response(&checked(&events, &plain_client()));
    assert_eq!(response["output"][0]["arguments"], "{}");
}

#[test]
fn calls_are_told_as_the_client_named_its_tools() {
    let client = client_of(include_bytes!(
        "../fixtures/openai_responses/requests/coding_tool.json"
    ));
    let patch = json!({"input": "*** Begin\n*** End"}).to_string();
    let (first, second) = patch.split_at(9);
    let arguments = |text: &str| Delta::Arguments(text.to_owned());
    let events = whole(
        vec![
            part(
                0,
                call_start("mcp__git__log", ToolCallKind::Function),
                vec![arguments("{}")],
            ),
            part(
                1,
                call_start("apply_patch", ToolCallKind::Function),
                vec![arguments(first), arguments(second)],
            ),
        ],
        Stop::ToolUse,
    );
    let sse = checked(&events, &client);
    let output = last_response(&sse)["output"].take();
    assert_eq!(output[0]["namespace"], "mcp__git");
    assert_eq!(output[0]["name"], "log");
    assert_eq!(output[1]["type"], "custom_tool_call");
    assert_eq!(output[1]["input"], "*** Begin\n*** End");
    assert!(
        output[1]["id"]
            .as_str()
            .is_some_and(|id| id.starts_with("ctc_"))
    );
}

#[test]
fn a_failure_is_told_in_both_forms_and_nothing_follows() {
    let mut events = vec![start()];
    events.extend(part(0, PartStart::Text, vec![text("half")]));
    for (status, code) in [
        (529, "server_error"),
        (429, "rate_limit_exceeded"),
        (400, "invalid_prompt"),
    ] {
        let mut events = events.clone();
        events.push(Event::Error(StreamError {
            status,
            message: "broke".to_owned(),
        }));
        events.push(Event::End);
        let sse = checked(&events, &plain_client());
        assert!(sse.contains("event: error\n"));
        let error = last_response(&sse)["error"].take();
        assert_eq!(error, json!({"code": code, "message": "broke"}));
    }
    // One that comes before anything else is well formed too.
    let failure = Event::Error(StreamError {
        status: 500,
        message: "broke".to_owned(),
    });
    checked(&[failure], &plain_client());
}

#[test]
fn the_request_is_repeated_on_one_line() {
    let body = "{\"model\":\"m\",\n\"input\":\"hi\",\"instructions\":\"a\\nb\",\"metadata\":{\"k\":\n\"v\"},\"temperature\":0.5,\"tools\":[\n{\"type\":\"function\",\n\"name\":\"f\"}],\"reasoning\":null}";
    let sse = checked(&whole(vec![], Stop::End), &client_of(body.as_bytes()));
    let response = last_response(&sse);
    assert_eq!(response["model"], "asked-for");
    assert_eq!(response["instructions"], "a\nb");
    assert_eq!(response["metadata"], json!({"k": "v"}));
    assert_eq!(response["temperature"], json!(0.5));
    let tool = json!({"type": "function", "name": "f", "parameters": null, "strict": true});
    assert_eq!(response["tools"], json!([tool]));
    assert_eq!(
        response["reasoning"],
        json!({"effort": null, "summary": null})
    );
    assert_eq!(response["top_p"], json!(1.0));
}

#[test]
fn blocks_and_citations_of_other_providers_are_not_shown() {
    let block = PartStart::Opaque {
        family: Dialect::AnthropicMessages,
        kind: "server_tool_use".to_owned(),
        value: Json::of(&1),
    };
    let citation = Json::parse(r#"{"type":"char_location"}"#).expect("JSON");
    let words = vec![text("a"), Delta::Citation(citation)];
    let events = whole(
        vec![part(0, block, vec![]), part(1, PartStart::Text, words)],
        Stop::End,
    );
    let response = last_response(&checked(&events, &plain_client()));
    assert_eq!(response["output"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        response["output"][0]["content"][0]["annotations"],
        json!([])
    );
}

#[test]
fn other_candidates_are_not_mixed_in() {
    let other = PartAt {
        candidate: 1,
        part: 0,
    };
    let mut events = vec![start()];
    events.push(Event::PartStart {
        at: other,
        part: PartStart::Text,
    });
    events.push(Event::Delta {
        at: other,
        delta: text("no"),
    });
    events.push(Event::Stop {
        candidate: 1,
        stop: Stop::MaxTokens,
    });
    events.push(Event::Ping);
    events.push(Event::End);
    let sse = checked(&events, &plain_client());
    assert!(sse.contains("\n\n: ping\n\n"));
    assert_eq!(last_response(&sse)["output"], json!([]));
}

#[test]
fn a_long_answer_costs_only_its_text() {
    let mut encoder = Encoder::new(plain_client());
    let mut out = Vec::new();
    encoder.event(&start(), &mut out);
    let (at, part) = (at(0), PartStart::Text);
    encoder.event(&Event::PartStart { at, part }, &mut out);
    let mut largest = 0;
    for _ in 0..50_000 {
        out.clear();
        let delta = text("word ");
        encoder.event(&Event::Delta { at, delta }, &mut out);
        largest = largest.max(out.len());
    }
    assert!(
        largest < 300,
        "an event does not grow with what came before"
    );
    out.clear();
    encoder.event(&Event::End, &mut out);
    let sse = String::from_utf8(out).expect("UTF-8");
    let response = last_response(&sse);
    let said = response["output"][0]["content"][0]["text"].as_str();
    assert_eq!(said.map(str::len), Some(250_000));
}

#[test]
fn a_stream_without_its_last_event_is_cut_off() {
    let sse = include_str!("../fixtures/openai_responses/streams/everything.sse");
    let events: Vec<&str> = sse.split_inclusive("\n\n").collect();
    for cut in 0..events.len() - 1 {
        let (_, complete) = read_stream(&events[..cut].concat());
        assert!(!complete, "after {cut} events");
    }
    assert!(read_stream(sse).1);
    // A server that only says that it is done has said enough, if all it began was done.
    let without_last = events[..events.len() - 1].concat();
    let (events, complete) = read_stream(&format!("{without_last}data: [DONE]\n\n"));
    assert!(complete);
    assert_eq!(events.last(), Some(&Event::End));
}

#[test]
fn failures_of_an_upstream_have_a_status() {
    let cases = [
        (
            r#"{"type":"error","code":"rate_limit_exceeded","message":"slow"}"#,
            429,
            "slow",
        ),
        (
            r#"{"type":"error","error":{"type":"invalid_request_error","code":null,"message":"bad"}}"#,
            400,
            "bad",
        ),
        (
            r#"{"type":"error","status":503,"error":{"message":"busy"}}"#,
            500,
            "busy",
        ),
        (
            r#"{"type":"response.failed","response":{"error":{"code":"server_is_overloaded","message":"full"}}}"#,
            503,
            "full",
        ),
        (
            r#"{"type":"response.failed","response":{}}"#,
            500,
            "the upstream sent an error",
        ),
    ];
    for (data, status, message) in cases {
        let (events, _) = read_stream(&format!("data: {data}\n\n"));
        let expected = StreamError {
            status,
            message: message.to_owned(),
        };
        assert_eq!(events, [Event::Error(expected)], "{data}");
    }
}

#[test]
fn events_are_known_by_their_name_where_the_type_is_missing() {
    let mut decoder = Decoder::new();
    let mut events = Vec::new();
    let data = br#"{"output_index":0,"content_index":0,"delta":"hi"}"#;
    decoder
        .event(Some("response.output_text.delta"), data, &mut events)
        .expect("readable");
    let delta = text("hi");
    assert_eq!(events.last(), Some(&Event::Delta { at: at(0), delta }));
    assert!(decoder.event(None, b"{oops", &mut events).is_err());
    assert!(decoder.event(None, b"7", &mut events).is_err());
}

#[test]
fn pieces_of_a_summary_are_set_apart() {
    let event = |kind: &str, index: u32, name: &str, text: &str| {
        let data = json!({"type": format!("response.reasoning_summary_text.{kind}"), "item_id": "rs_1", "output_index": 0, "summary_index": index, name: text});
        format!("data: {data}\n\n")
    };
    let item = json!({"type": "response.output_item.done", "output_index": 0, "item": {"type": "reasoning", "id": "rs_1", "encrypted_content": "e",
        "summary": [{"type": "summary_text", "text": "one"}, {"type": "summary_text", "text": "two"}]}});
    let sse = [
        event("delta", 0, "delta", "on"),
        event("done", 0, "text", "one"),
        event("delta", 1, "delta", "two"),
        event("done", 1, "text", "two"),
        format!("data: {item}\n\n"),
    ];
    let (events, _) = read_stream(&sse.concat());
    let thought: String = events
        .iter()
        .filter_map(|e| match e {
            Event::Delta {
                delta: Delta::Thinking(text),
                ..
            } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(thought, "one\n\ntwo");
    let proof = Proof::Encrypted {
        item_id: Some("rs_1".to_owned()),
        content: "e".to_owned(),
    };
    let delta = Delta::Proof(proof);
    assert!(events.contains(&Event::Delta { at: at(0), delta }));
}

/// Parts of an answer, as any upstream may send them.
fn any_part() -> impl Strategy<Value = Part> {
    let words = || "[a-z \"\\\\\n\r\u{2028}é🏔]{1,12}";
    let proof = prop_oneof![
        Just(None),
        "[a-z]{1,5}".prop_map(|s| Some(Proof::Signature(s))),
        "[a-z]{1,5}".prop_map(|s| Some(Proof::Foreign(s))),
    ];
    prop_oneof![
        words().prop_map(Part::text),
        words().prop_map(Part::Refusal),
        (words(), proof).prop_map(|(text, proof)| Part::Thinking { text, proof }),
        "[a-z]{1,5}".prop_map(|s| Part::Thinking {
            text: String::new(),
            proof: Some(Proof::Redacted(s))
        }),
        (words(), any::<bool>()).prop_map(|(input, custom)| Part::ToolCall {
            id: "call_1".to_owned(),
            name: "f".to_owned(),
            arguments: if custom {
                input
            } else {
                json!({"x": input}).to_string()
            },
            kind: if custom {
                ToolCallKind::Custom
            } else {
                ToolCallKind::Function
            },
            item_id: None,
            cache: None,
        }),
    ]
}

/// The events of `parts`, their texts cut in two.
fn events_of(parts: &[Part], stop: Stop) -> Vec<Event> {
    let halves = |text: &str| {
        let middle = text.chars().count() / 2;
        let first: String = text.chars().take(middle).collect();
        let second: String = text.chars().skip(middle).collect();
        [first, second]
    };
    let told = parts.iter().zip(0..).map(|(given, number)| match given {
        Part::Text { text, .. } => part(
            number,
            PartStart::Text,
            halves(text).map(Delta::Text).to_vec(),
        ),
        Part::Refusal(words) => part(
            number,
            PartStart::Refusal,
            halves(words).map(Delta::Refusal).to_vec(),
        ),
        Part::Thinking { text, proof } => {
            let mut deltas = halves(text).map(Delta::Thinking).to_vec();
            deltas.extend(proof.clone().map(Delta::Proof));
            part(number, PartStart::Thinking, deltas)
        }
        Part::ToolCall {
            name,
            arguments,
            kind,
            ..
        } => part(
            number,
            call_start(name, *kind),
            halves(arguments).map(Delta::Arguments).to_vec(),
        ),
        _ => Vec::new(),
    });
    whole(told.collect(), stop)
}

proptest! {
    /// A streamed answer is the same as a whole one, and what a client sends back is what was said.
    #[test]
    fn a_stream_ends_in_the_whole_answer(parts in prop::collection::vec(any_part(), 0..6), cut_off in any::<bool>()) {
        let stop = match (cut_off, parts.iter().any(|p| matches!(p, Part::ToolCall { .. }))) {
            (true, _) => Stop::MaxTokens,
            (false, true) => Stop::ToolUse,
            (false, false) => Stop::End,
        };
        let client = plain_client();
        let sse = checked(&events_of(&parts, stop.clone()), &client);
        let answer = Response {
            id: None,
            created: None,
            candidates: vec![Candidate { parts: parts.clone(), stop: stop.clone(), logprobs: None }],
            usage: Some(usage()),
            service_tier: None,
        };
        let written: Value = serde_json::from_slice(&response::encode(&answer, &client)).expect("JSON");
        prop_assert_eq!(last_response(&sse), written.clone());

        // Our own stream, read again, says the same.
        let (events, complete) = read_stream(&sse);
        prop_assert!(complete);
        let again = checked(&events, &client);
        prop_assert_eq!(last_response(&again)["output"].clone(), written["output"].clone());
        let read = response::decode(written.to_string().as_bytes()).expect("an answer");
        prop_assert_eq!(&read.candidates[0].stop, &stop);
        let spoken: Vec<Part> = read.candidates[0].parts.iter().cloned().map(|mut part| {
            if let Part::ToolCall { item_id, .. } = &mut part {
                *item_id = None;
            }
            part
        }).collect();
        prop_assert_eq!(spoken, parts);
    }

    #[test]
    fn no_stream_and_no_answer_makes_it_panic(junk in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut events = Vec::new();
        let _ = Decoder::new().event(None, &junk, &mut events);
        let _ = response::decode(&junk);
        let _ = response::usage(&junk);
        let _ = dialects::openai_responses::stream::read_event(&junk);
        for (_, sse) in super::fixtures("streams") {
            let mut changed = sse;
            let place = at.index(changed.len());
            changed[place] = byte;
            let mut decoder = Decoder::new();
            for line in changed.split(|b| *b == b'\n') {
                if let Some(data) = line.strip_prefix(b"data: ") {
                    let _ = dialects::openai_responses::stream::read_event(data);
                    if decoder.event(None, data, &mut events).is_err() {
                        break;
                    }
                }
            }
            decoder.end(&mut events);
        }
        for (_, answer) in super::fixtures("answers") {
            let mut changed = answer;
            let place = at.index(changed.len());
            changed[place] = byte;
            let _ = response::decode(&changed);
        }
        let mut encoder = Encoder::new(plain_client());
        let mut out = Vec::new();
        for event in &events {
            encoder.event(event, &mut out);
        }
    }
}

#[test]
fn the_checker_notices_what_clients_stumble_over() {
    let sse = encode_stream(
        &events_of(
            &[
                Part::text("abcd"),
                Part::Refusal("no way".to_owned()),
                Part::Thinking {
                    text: "I think".to_owned(),
                    proof: None,
                },
                Part::ToolCall {
                    id: "call_1".to_owned(),
                    name: "f".to_owned(),
                    arguments: "{\"x\":1}".to_owned(),
                    kind: ToolCallKind::Function,
                    item_id: None,
                    cache: None,
                },
            ],
            Stop::ToolUse,
        ),
        &plain_client(),
    );
    assert_eq!(grammar::check(&sse), Ok(()));
    let events: Vec<&str> = sse.split_inclusive("\n\n").collect();
    // Without any one of its events, with any one twice, with any two in the other order.
    for n in 0..events.len() {
        let mut without = events.clone();
        without.remove(n);
        assert!(
            grammar::check(&renumbered(&without)).is_err(),
            "without {}",
            events[n]
        );
        let mut twice = events.clone();
        twice.insert(n, events[n]);
        if !events[n].contains(".delta") {
            assert!(
                grammar::check(&renumbered(&twice)).is_err(),
                "twice {}",
                events[n]
            );
        }
        assert!(grammar::check(&twice.concat()).is_err());
        if n > 0 && !(events[n].contains(".delta") && events[n - 1].contains(".delta")) {
            let mut swapped = events.clone();
            swapped.swap(n - 1, n);
            assert!(
                grammar::check(&renumbered(&swapped)).is_err(),
                "early {}",
                events[n]
            );
        }
    }
    for (from, to) in [
        ("event: response.created\n", ""),
        ("\"item_id\":\"msg_", "\"item_id\":\"other_"),
        ("\"output_index\":1", "\"output_index\":0"),
        ("\"text\":\"abcd\"", "\"text\":\"abc\""),
        ("\"total_tokens\":1217", "\"total_tokens\":17"),
        ("\"truncation\":\"disabled\",", ""),
    ] {
        let broken = sse.replace(from, to);
        assert_ne!(broken, sse, "{from}");
        assert!(grammar::check(&broken).is_err(), "{from}");
    }
}

/// The same events with numbers that count up.
fn renumbered(events: &[&str]) -> String {
    let mut out = String::new();
    for (n, event) in events.iter().enumerate() {
        let (name, data) = event.trim_end().split_once("\ndata: ").expect("an event");
        let mut data: Value = serde_json::from_str(data).expect("JSON");
        data["sequence_number"] = json!(n);
        out.push_str(&format!("{name}\ndata: {data}\n\n"));
    }
    out
}
