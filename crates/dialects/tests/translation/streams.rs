//! Streams of every upstream for every client: cut anywhere, they come out in the client's grammar with
//! all that was said, and with the usage exact.

use std::sync::Arc;

use bytes::Bytes;
use dialects::{
    ir::{Part, Proof, Response, Stop, ToolNames},
    sse::EventSplitter,
    stream::Observed,
    translator::StreamTranslator,
};
use domain::Dialect;
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::{
    content, grammars, heard,
    rules::{self, CLIENTS, UPSTREAMS},
    upstream::{self, Manner},
};

pub fn manner() -> impl Strategy<Value = Manner> {
    (1..20usize, any::<bool>(), any::<bool>()).prop_map(|(piece, interleaved, brief)| Manner {
        piece,
        interleaved,
        brief,
    })
}

/// What a client of dialect `to` gets of a whole stream in these pieces, and the translator behind it.
pub fn translated(
    from: Dialect,
    to: Dialect,
    stream: &[u8],
    cuts: &[Index],
) -> (Vec<u8>, StreamTranslator) {
    let client = Arc::new(upstream::client(to));
    let mut translator = StreamTranslator::new(from, ToolNames::default(), to, client);
    let mut splitter = EventSplitter::default();
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
    places.push(stream.len());
    places.sort_unstable();
    let (mut out, mut start) = (Vec::new(), 0);
    let take = |observed: Observed, out: &mut Vec<u8>| {
        assert_eq!(observed.failure, None);
        out.extend(observed.forward.into_iter().flatten());
    };
    for end in places {
        let piece = Bytes::copy_from_slice(&stream[start..end]);
        splitter.push(piece).expect("it is small");
        start = end;
        while let Some(event) = splitter.next_event() {
            let observed = translator.event(&event).expect("it can be read");
            take(observed, &mut out);
        }
    }
    let observed = translator.end().expect("it can be read");
    take(observed.expect("it is complete"), &mut out);
    (out, translator)
}

/// The answer as an upstream of this kind may give it: with the proofs that it knows.
pub fn sayable(from: Dialect, manner: Manner, mut answer: Response) -> Response {
    let compatible = from == Dialect::OpenaiChat && (manner.interleaved || manner.brief);
    let said = &mut answer.candidates[0];
    for part in &mut said.parts {
        if let Part::Thinking { proof, .. } = part {
            *proof = proof.take().filter(|proof| match proof {
                Proof::Signature(_) | Proof::Redacted(_) => !compatible,
                Proof::Encrypted { .. } | Proof::Foreign(_) => {
                    !compatible && from != Dialect::BedrockConverse
                }
            });
        }
    }
    if compatible {
        // Calls come last there.
        said.parts
            .sort_by_key(|part| matches!(part, Part::ToolCall { .. }));
    }
    said.parts = content::distinct(std::mem::take(&mut said.parts));
    answer
}

/// An answer that was cut off by its limit may end inside of a call.
fn cut_off(mut answer: Response, at: Index) -> Response {
    let said = &mut answer.candidates[0];
    if let (Stop::MaxTokens, Some(Part::ToolCall { arguments, .. })) =
        (&said.stop, said.parts.last_mut())
        && arguments != "{}"
    {
        let places: Vec<usize> = arguments.char_indices().map(|(at, _)| at).skip(1).collect();
        arguments.truncate(places[at.index(places.len())]);
    }
    answer
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_client_reads_what_every_upstream_said(
        answer in content::answer(),
        manner in manner(),
        cuts in vec(any::<Index>(), 0..12),
        at in any::<Index>(),
    ) {
        let answer = cut_off(answer, at);
        for from in UPSTREAMS {
            let answer = sayable(from, manner, answer.clone());
            let stream = upstream::stream(from, &answer, manner);
            let usage = rules::through(from, &answer).usage.expect("it was told");
            for to in CLIENTS {
                let (out, translator) = translated(from, to, &stream, &cuts);
                let text = String::from_utf8(out).expect("UTF-8");
                let pair = format!("{from:?} to {to:?}");
                prop_assert_eq!(grammars::check(to, &text), Ok(()), "{}\n{}", pair, text);
                let used = translator.usage(1);
                prop_assert_eq!((used.tokens, used.estimated), (usage.tokens, false), "{}", pair);
                let expected = heard::comparable(rules::expected(&answer, from, to));
                let got = heard::read(to, text.as_bytes());
                prop_assert_eq!(got, expected, "{}\n{}\n{}", pair, String::from_utf8_lossy(&stream), text);
            }
        }
    }

    /// Where the stream is cut makes no difference to a single byte.
    #[test]
    fn cuts_change_nothing(
        answer in content::answer(),
        manner in manner(),
        cuts in vec(any::<Index>(), 1..30),
    ) {
        for from in UPSTREAMS {
            let stream = upstream::stream(from, &sayable(from, manner, answer.clone()), manner);
            for to in CLIENTS {
                let (whole, _) = translated(from, to, &stream, &[]);
                let (cut, _) = translated(from, to, &stream, &cuts);
                prop_assert_eq!(&cut, &whole, "{:?} to {:?}", from, to);
            }
        }
    }
}

/// Gemini's signature belongs to the call behind it, and is the call's in every dialect.
#[test]
fn a_signature_of_a_call_stays_before_its_call() {
    let proof = Proof::Foreign(r#"{"google":{"thought_signature":"c2ln"}}"#.to_owned());
    let thought = Part::Thinking {
        text: String::new(),
        proof: Some(proof),
    };
    let call = |n: u32| Part::ToolCall {
        id: format!("call_{n}"),
        name: "f".to_owned(),
        arguments: r#"{"a":1}"#.to_owned(),
        kind: dialects::ir::ToolCallKind::Function,
        item_id: None,
        cache: None,
    };
    let mut answer = Response::default();
    answer.candidates.push(dialects::ir::Candidate {
        parts: vec![Part::text("so"), thought.clone(), call(1), call(2), thought],
        stop: Stop::ToolUse,
        logprobs: None,
    });
    let manner = Manner {
        piece: 4,
        interleaved: false,
        brief: false,
    };
    for from in UPSTREAMS
        .into_iter()
        .filter(|d| *d != Dialect::BedrockConverse)
    {
        let stream = upstream::stream(from, &answer, manner);
        for to in CLIENTS {
            let (out, _) = translated(from, to, &stream, &[]);
            let expected = heard::comparable(rules::expected(&answer, from, to));
            let got = heard::read(to, &out);
            assert_eq!(got.candidates, expected.candidates, "{from:?} to {to:?}");
        }
    }
}
