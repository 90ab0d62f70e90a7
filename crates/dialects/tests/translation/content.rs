//! Arbitrary answers in neutral form: thinking with proofs of every family, texts with what encoders
//! stumble over, refusals, calls at once, every reason to stop.

use dialects::ir::{Candidate, Part, Proof, Response, Stop, ToolCallKind, Usage};
use domain::TokenUsage;
use proptest::{collection::vec, option, prelude::*, sample::Index};

/// A text that is not empty.
pub fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "\\PC{1,12}",
        1 => "[a-z ]{1,40}",
        1 => "[\\x00-\\x1f\"\\\\\u{7f}\u{85}\u{2028}\u{2029}\u{feff}]{1,6}",
        1 => Just("\u{1f469}\u{200d}\u{1f467} e\u{301} \u{10ffff}".to_owned()),
        1 => Just("a\n\ndata: [DONE]\n\nevent: error\ndata: {\"error\":{}}\n\n".to_owned()),
    ]
}

pub fn proof() -> impl Strategy<Value = Proof> {
    prop_oneof![
        "[a-zA-Z0-9+/]{1,24}={0,2}".prop_map(Proof::Signature),
        ("[a-zA-Z0-9_-]{1,24}", option::of("rs_[a-f0-9]{1,6}"))
            .prop_map(|(content, item_id)| Proof::Encrypted { item_id, content }),
        "[a-z]{1,12}".prop_map(Proof::Foreign),
    ]
}

pub fn thought() -> impl Strategy<Value = Part> {
    let proven = (prop_oneof![words(), Just(String::new())], proof()).prop_map(|(text, proof)| {
        Part::Thinking {
            text,
            proof: Some(proof),
        }
    });
    let redacted = "([a-zA-Z0-9+/]{4}){1,4}".prop_map(|data| Part::Thinking {
        text: String::new(),
        proof: Some(Proof::Redacted(data)),
    });
    let bare = words().prop_map(|text| Part::Thinking { text, proof: None });
    prop_oneof![3 => proven, 1 => redacted, 2 => bare]
}

/// A JSON object as text: nested, with blanks, with numbers that no float holds.
pub fn arguments() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        words().prop_map(|text| serde_json::to_string(&text).expect("serialises")),
        any::<i64>().prop_map(|n| n.to_string()),
        Just("12345678901234567890.50".to_owned()),
        Just("null".to_owned()),
        Just("\"}\\\"{\"".to_owned()),
    ];
    let value = leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(", "))),
            members(inner),
        ]
    });
    prop_oneof![1 => Just("{}".to_owned()), 4 => members(value)]
}

fn members(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    vec(value, 0..3).prop_map(|values| {
        let members: Vec<String> = (0..)
            .zip(values)
            .map(|(n, value)| format!("\"k{n}\": {value}"))
            .collect();
        format!("{{{}}}", members.join(","))
    })
}

/// Ids are unique in an answer; some are of servers with patterns of their own.
fn call(n: usize) -> impl Strategy<Value = Part> {
    let id = prop_oneof![
        2 => Just(format!("call_{n}")),
        1 => Just(format!("functions.get:{n}")),
        1 => "[a-zA-Z0-9_-]{1,30}".prop_map(move |id| format!("{id}{n}")),
    ];
    (id, "[a-zA-Z0-9_-]{1,20}", arguments()).prop_map(|(id, name, arguments)| Part::ToolCall {
        id,
        name,
        arguments,
        kind: ToolCallKind::Function,
        item_id: None,
        cache: None,
    })
}

fn calls() -> impl Strategy<Value = Vec<Part>> {
    (0..=4usize).prop_flat_map(|n| (0..n).map(call).collect::<Vec<_>>())
}

pub fn stop() -> impl Strategy<Value = Stop> {
    prop_oneof![
        4 => Just(Stop::End),
        2 => Just(Stop::MaxTokens),
        1 => option::of(words()).prop_map(Stop::Sequence),
        1 => Just(Stop::ToolUse),
        1 => Just(Stop::ContentFilter),
        1 => Just(Stop::Refusal),
        1 => Just(Stop::Pause),
        1 => Just(Stop::ContextWindow),
        1 => Just(Stop::Other("malformed_model_output".to_owned())),
    ]
}

fn usage() -> impl Strategy<Value = Usage> {
    let [input, cached, short, hour] = [0..90_000u64, 0..90_000, 0..9000, 0..9000];
    (input, cached, short, hour, 1..9000u64, any::<Index>()).prop_map(
        |(input, cache_read, cache_write_5m, cache_write_1h, output, thought)| Usage {
            tokens: TokenUsage {
                input,
                cache_read,
                cache_write_5m,
                cache_write_1h,
                output,
                reasoning: u64::try_from(thought.index(usize::try_from(output).unwrap_or(1)))
                    .unwrap_or(0),
                ..TokenUsage::default()
            },
            server_tools: None,
            tier: None,
        },
    )
}

/// What no dialect can tell apart is not generated: thinking without a proof right before more
/// thinking, which is one thought for whoever reads `reasoning_content`.
pub fn distinct(parts: Vec<Part>) -> Vec<Part> {
    let mut out: Vec<Part> = Vec::new();
    for part in parts {
        if matches!(part, Part::Thinking { .. })
            && matches!(out.last(), Some(Part::Thinking { proof: None, .. }))
        {
            out.pop();
        }
        out.push(part);
    }
    out
}

/// An answer of one candidate: thoughts, words and calls in the order in which models say them, or in
/// any other.
pub fn answer() -> impl Strategy<Value = Response> {
    let said = prop_oneof![
        5 => words().prop_map(Part::text),
        1 => words().prop_map(Part::Refusal),
    ];
    let parts = (
        vec(thought(), 0..3),
        vec(said, 0..3),
        calls(),
        any::<bool>(),
        any::<[u8; 12]>(),
    );
    let parts = parts.prop_map(|(thoughts, said, calls, mixed, keys)| {
        let mut parts: Vec<Part> = thoughts.into_iter().chain(said).chain(calls).collect();
        if mixed {
            let mut keyed: Vec<_> = keys.into_iter().cycle().zip(parts).collect();
            keyed.sort_by_key(|(key, _)| *key);
            parts = keyed.into_iter().map(|(_, part)| part).collect();
        }
        distinct(parts)
    });
    (parts, stop(), usage()).prop_map(|(parts, stop, usage)| Response {
        id: Some("up_1".to_owned()),
        created: Some(1_700_000_000),
        candidates: vec![Candidate {
            parts,
            stop,
            logprobs: None,
        }],
        usage: Some(usage),
        service_tier: None,
    })
}
