//! Properties over arbitrary and over broken input.

use dialects::{
    ir::{Candidate, Part, Proof, Request, Response, Stop, ToolCallKind},
    openai_chat::{request, response, stream},
    translate::Quirks,
};
use proptest::{prelude::*, sample::Index};

use crate::{
    grammar,
    setup::{self, assemble, client, disassemble, encode_stream, events},
};

/// A fixture with some bytes gone and some in other places.
fn mutated(kind: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let fixtures = setup::fixtures(kind);
    let edits = prop::collection::vec((any::<Index>(), any::<Index>(), any::<u8>()), 0..4);
    (any::<Index>(), edits, any::<Index>(), any::<bool>()).prop_map(
        move |(which, edits, cut, cuts)| {
            let mut bytes = which.get(&fixtures).1.clone().into_bytes();
            for (at, to, byte) in edits {
                let (at, to) = (at.index(bytes.len()), to.index(bytes.len()));
                bytes[at] = byte;
                bytes.swap(at, to);
            }
            if cuts {
                bytes.truncate(cut.index(bytes.len()));
            }
            bytes
        },
    )
}

/// Values of other kinds in the places of a fixture's values.
fn shuffled(kind: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let fixtures = setup::fixtures(kind);
    (any::<Index>(), any::<Index>(), 0usize..7).prop_map(move |(which, at, with)| {
        let text = &which.get(&fixtures).1;
        let with = [
            "null",
            "1",
            "\"x\"",
            "[]",
            "{}",
            "[null]",
            "{\"type\":\"text\"}",
        ][with];
        let places: Vec<usize> = text.match_indices(": ").map(|(at, _)| at + 2).collect();
        let start = places[at.index(places.len())];
        let mut values =
            serde_json::Deserializer::from_str(&text[start..]).into_iter::<serde_json::Value>();
        values.next();
        let end = start + values.byte_offset();
        [&text[..start], with, &text[end..]].concat().into_bytes()
    })
}

fn proof() -> impl Strategy<Value = Option<Proof>> {
    prop_oneof![
        Just(None),
        "[a-zA-Z0-9+/=]{1,20}".prop_map(|s| Some(Proof::Signature(s))),
        ("[a-z]{1,8}", any::<bool>()).prop_map(|(content, id)| Some(Proof::Encrypted {
            item_id: id.then(|| "rs_1".to_owned()),
            content,
        })),
        "[a-z]{1,8}".prop_map(|s| Some(Proof::Foreign(s))),
    ]
}

/// Thinking as this dialect keeps it: all of it with proofs, or one part without.
fn thinking() -> impl Strategy<Value = Vec<Part>> {
    let part = ("\\PC{1,12}", proof()).prop_map(|(text, proof)| Part::Thinking { text, proof });
    let redacted = "[a-z]{1,8}".prop_map(|data| Part::Thinking {
        text: String::new(),
        proof: Some(Proof::Redacted(data)),
    });
    let proven = part.prop_filter("a proof", |part| {
        matches!(part, Part::Thinking { proof: Some(_), .. })
    });
    prop_oneof![
        Just(Vec::new()),
        "\\PC{1,12}".prop_map(|text| vec![Part::Thinking { text, proof: None }]),
        prop::collection::vec(prop_oneof![proven, redacted], 1..4),
    ]
}

fn calls() -> impl Strategy<Value = Vec<Part>> {
    let call = (
        "[a-z_]{1,9}",
        prop::collection::btree_map("\\PC{0,5}", any::<i32>(), 0..3),
        any::<bool>(),
    );
    prop::collection::vec(call, 0..4).prop_map(|calls| {
        let mut parts = Vec::new();
        for (n, (name, arguments, signed)) in calls.into_iter().enumerate() {
            if signed {
                parts.push(Part::Thinking {
                    text: String::new(),
                    proof: Some(Proof::Foreign(format!("{{\"google\":{n}}}"))),
                });
            }
            let arguments = serde_json::to_string(&arguments).expect("serialises");
            parts.push(setup::call(&format!("call_{n}"), &name, &arguments));
        }
        parts
    })
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    (thinking(), prop::option::of("\\PC{1,20}"), calls()).prop_map(|(thinking, text, calls)| {
        let text = text.map(Part::text);
        thinking.into_iter().chain(text).chain(calls).collect()
    })
}

fn answer() -> impl Strategy<Value = Response> {
    let stop = prop_oneof![
        Just(Stop::End),
        Just(Stop::MaxTokens),
        Just(Stop::ContentFilter)
    ];
    let candidate = (parts(), stop).prop_map(|(parts, stop)| {
        let calls = parts
            .iter()
            .any(|part| matches!(part, Part::ToolCall { .. }));
        Candidate {
            stop: if calls && stop == Stop::End {
                Stop::ToolUse
            } else {
                stop
            },
            parts,
            logprobs: None,
        }
    });
    prop::collection::vec(candidate, 1..3).prop_map(|candidates| Response {
        id: Some("chatcmpl-1".to_owned()),
        created: Some(5),
        candidates,
        ..Response::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_request_makes_it_panic(body in prop_oneof![any::<Vec<u8>>(), mutated("requests"), shuffled("requests")]) {
        if let Ok(decoded) = request::decode(&body) {
            let quirks = Quirks::default();
            if let Ok(encoded) = request::encode(&decoded, &setup::target(&quirks, "m")) {
                let again = request::decode(&encoded.body);
                prop_assert!(again.is_ok(), "{:?} {}", again, String::from_utf8_lossy(&encoded.body));
            }
        }
    }

    #[test]
    fn no_answer_makes_it_panic(body in prop_oneof![any::<Vec<u8>>(), mutated("responses"), shuffled("responses")]) {
        if let Ok(decoded) = response::decode(&body) {
            let encoded = response::encode(&decoded, &client());
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&encoded).is_ok());
        }
    }

    #[test]
    fn no_stream_makes_it_panic(body in mutated("streams")) {
        let mut decoder = stream::Decoder::new();
        let mut out = Vec::new();
        for event in body.split(|b| *b == b'\n') {
            let _ = decoder.event(None, event.strip_prefix(b"data: ").unwrap_or(event), &mut out);
        }
        decoder.end(&mut out);
        let ends = out.iter().filter(|e| matches!(e, dialects::ir::Event::End)).count();
        prop_assert!(ends <= 1);
        encode_stream(&setup::in_sequence(out), client());
    }

    /// What a client gets and gives back is what the model said.
    #[test]
    fn an_answer_survives_as_a_whole(answer in answer()) {
        let encoded = response::encode(&answer, &client());
        prop_assert_eq!(response::decode(&encoded).expect("our own"), answer);
    }

    #[test]
    fn an_answer_survives_as_a_stream(answer in answer(), piece in 1usize..9) {
        let sse = encode_stream(&disassemble(&answer, piece), client());
        prop_assert_eq!(grammar::check(&sse), Ok(()), "{}", sse);
        let (events, complete) = events(&sse);
        prop_assert!(complete);
        prop_assert_eq!(assemble(&events), answer);
    }

    #[test]
    fn a_conversation_survives(turns in prop::collection::vec((parts(), "\\PC{1,20}"), 1..4)) {
        let mut request = Request::new(domain::Dialect::OpenaiChat);
        for (n, (mut parts, text)) in turns.into_iter().enumerate() {
            let mut results = Vec::new();
            for part in &mut parts {
                if let Part::ToolCall { id, kind, .. } = part {
                    id.push_str(&n.to_string());
                    if n % 2 == 1 && id.ends_with('1') {
                        *kind = ToolCallKind::Custom;
                    }
                    results.push(Part::ToolResult {
                        id: id.clone(),
                        parts: vec![Part::text(text.clone())],
                        is_error: false,
                        kind: *kind,
                        cache: None,
                    });
                }
            }
            // A message of thinking alone is none.
            parts.push(Part::text(text.clone()));
            parts.sort_by_key(|part| match part {
                Part::Thinking { proof: Some(Proof::Foreign(v)), .. } if v.starts_with('{') => 2,
                Part::Thinking { .. } => 0,
                Part::Text { .. } => 1,
                _ => 2,
            });
            parts.dedup_by(|a, b| matches!((a, b), (Part::Text { .. }, Part::Text { .. })));
            request.messages.push(dialects::ir::Message::new(dialects::ir::Role::Assistant, parts));
            if !results.is_empty() {
                request.messages.push(dialects::ir::Message::new(dialects::ir::Role::User, results));
            }
            request.messages.push(dialects::ir::Message::new(dialects::ir::Role::User, vec![Part::text(text)]));
        }
        let quirks = Quirks {
            reasoning: dialects::translate::ReasoningField::Reasoning,
            ..Quirks::default()
        };
        let encoded = request::encode(&request, &setup::target(&quirks, "m")).expect("can be asked");
        prop_assert!(encoded.losses.is_empty());
        prop_assert_eq!(request::decode(&encoded.body).expect("our own"), request);
    }
}
