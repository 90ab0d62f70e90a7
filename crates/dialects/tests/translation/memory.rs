//! An answer of 50,000 pieces takes no more memory than one of ten, but for what the client's dialect
//! itself repeats at the end.

use std::sync::Arc;

use dialects::{
    ir::{Candidate, Part, Response, Stop, ToolCallKind, ToolNames},
    translator::StreamTranslator,
};
use domain::Dialect;

use crate::{
    heard,
    rules::{CLIENTS, UPSTREAMS},
    upstream::{self, Manner},
};

const PIECE: &str = "ab\u{e9} ";

/// What a translator is made of, written out: every byte that it keeps is in it.
fn size(translator: &StreamTranslator) -> usize {
    format!("{translator:?}").len()
}

fn check(from: Dialect, clients: &[Dialect], pieces: usize, part: Part) {
    let answer = Response {
        candidates: vec![Candidate {
            parts: vec![part],
            stop: Stop::MaxTokens,
            logprobs: None,
        }],
        ..Response::default()
    };
    let manner = Manner {
        piece: PIECE.chars().count(),
        interleaved: false,
        brief: false,
    };
    let events = heard::split(&upstream::stream(from, &answer, manner));
    assert!(events.len() > pieces);
    for to in clients.iter().copied() {
        let client = Arc::new(upstream::client(to));
        let mut translator = StreamTranslator::new(from, ToolNames::default(), to, client);
        let mut early = 0;
        for (n, event) in events.iter().enumerate().take(pieces) {
            let observed = translator.event(event).expect("it can be read");
            let sent = observed.forward.map_or(0, |bytes| bytes.len());
            assert!(
                n < 10 || sent < 400,
                "{from:?} to {to:?}: {sent} bytes at once"
            );
            if n == 10 {
                early = size(&translator);
            }
        }
        let kept = size(&translator).saturating_sub(early);
        let room = match to {
            Dialect::OpenaiResponses => 2 * pieces * PIECE.len(),
            // Numbers get more digits.
            _ => 100,
        };
        assert!(
            kept < room,
            "{from:?} to {to:?}: {kept} bytes more are kept"
        );
    }
}

fn text(pieces: usize) -> Part {
    Part::text(PIECE.repeat(pieces))
}

fn call(pieces: usize) -> Part {
    Part::ToolCall {
        id: "call_1".to_owned(),
        name: "write".to_owned(),
        arguments: format!("{{\"text\": \"{}\"}}", PIECE.repeat(pieces)),
        kind: ToolCallKind::Function,
        item_id: None,
        cache: None,
    }
}

#[test]
fn fifty_thousand_pieces_leave_nothing_behind() {
    let clients = [Dialect::AnthropicMessages];
    check(Dialect::OpenaiChat, &clients, 50_000, text(50_000));
}

#[test]
fn every_pair_keeps_nothing_of_a_text() {
    for from in UPSTREAMS {
        check(from, &CLIENTS, 1_000, text(1_000));
    }
}

#[test]
fn every_pair_keeps_nothing_of_a_call() {
    for from in UPSTREAMS {
        check(from, &CLIENTS, 500, call(500));
    }
}
