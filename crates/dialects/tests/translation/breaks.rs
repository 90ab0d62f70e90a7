//! Streams that break: at any byte, or by the upstream's own word. No client takes such a stream for a
//! complete one, and every client is told.

use std::sync::Arc;

use bytes::Bytes;
use dialects::{ir::ToolNames, stream::Observed, translator::StreamTranslator};
use domain::Dialect;
use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::Value;

use crate::{
    content, grammars, heard,
    rules::{CLIENTS, UPSTREAMS},
    streams, upstream,
};

const MESSAGE: &str = "the \"upstream\" broke\u{2028}off\n";

fn translator(from: Dialect, to: Dialect) -> StreamTranslator {
    let client = Arc::new(upstream::client(to));
    StreamTranslator::new(from, ToolNames::default(), to, client)
}

/// Feeds whole events; what is left of the last one never reaches a translator.
fn feed(translator: &mut StreamTranslator, stream: &[u8]) -> (Vec<u8>, Observed) {
    let (mut out, mut last) = (Vec::new(), Observed::default());
    for event in heard::split(stream) {
        last = translator.event(&event).expect("it can be read");
        out.extend(last.forward.take().into_iter().flatten());
    }
    (out, last)
}

/// The data of each event.
fn data(stream: &[u8]) -> Vec<Bytes> {
    heard::split(stream)
        .iter()
        .filter_map(|event| dialects::sse::data(event).map(|d| Bytes::copy_from_slice(d.text())))
        .collect()
}

fn last(stream: &[u8]) -> Value {
    let data = data(stream);
    serde_json::from_slice(data.last().expect("an event")).expect("JSON")
}

/// Whether the client's SDK would hold the stream for complete.
fn looks_complete(to: Dialect, stream: &[u8]) -> bool {
    let over = |word: &'static str| {
        move |data: &Bytes| {
            serde_json::from_slice::<Value>(data).is_ok_and(|event| event["type"] == word)
        }
    };
    let all = data(stream);
    match to {
        Dialect::AnthropicMessages => all.iter().any(over("message_stop")),
        Dialect::OpenaiResponses => {
            all.iter().any(over("response.completed"))
                || all.iter().any(over("response.incomplete"))
        }
        _ => all.iter().any(|data| data == "[DONE]"),
    }
}

/// Checks that the client's SDK raises, with this message, and reads nothing behind.
fn failed(to: Dialect, stream: &[u8], message: &str) -> Result<(), String> {
    let text = std::str::from_utf8(stream).map_err(|e| e.to_string())?;
    if looks_complete(to, stream) {
        return Err(format!("it looks complete: {text}"));
    }
    let last = last(stream);
    let said = match to {
        Dialect::OpenaiResponses => {
            grammars::check(to, text)?;
            last["response"]["error"]["message"].clone()
        }
        Dialect::AnthropicMessages => {
            grammars::check(to, text)?;
            last["error"]["message"].clone()
        }
        _ => last["error"]["message"].clone(),
    };
    if said == message {
        Ok(())
    } else {
        Err(format!("nobody is told: {text}"))
    }
}

/// An upstream's own word that it fails.
fn failure(from: Dialect) -> &'static [u8] {
    match from {
        Dialect::OpenaiChat => {
            b"data: {\"error\":{\"message\":\"too many\",\"code\":429}}\n\n"
        }
        Dialect::OpenaiResponses => {
            b"event: error\ndata: {\"type\":\"error\",\"code\":\"rate_limit_exceeded\",\"message\":\"too many\"}\n\n"
        }
        Dialect::AnthropicMessages => {
            b"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"too many\"}}\n\n"
        }
        _ => b"event: throttlingException\ndata: {\"message\":\"too many\"}\n\n",
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_broken_stream_is_never_taken_for_a_whole_one(
        answer in content::answer(),
        manner in streams::manner(),
        cuts in vec(any::<Index>(), 1..4),
    ) {
        for from in UPSTREAMS {
            let answer = streams::sayable(from, manner, answer.clone());
            let stream = upstream::stream(from, &answer, manner);
            for to in CLIENTS {
                let (whole, _) = streams::translated(from, to, &stream, &[]);
                for cut in &cuts {
                    let mut translator = translator(from, to);
                    let cut = &stream[..cut.index(stream.len())];
                    let (mut out, _) = feed(&mut translator, cut);
                    let pair = format!("{from:?} to {to:?}");
                    match translator.end().expect("it can be read") {
                        // All that was said has come, and why it stopped; only the usage may be missing.
                        Some(observed) => {
                            out.extend(observed.forward.into_iter().flatten());
                            let text = String::from_utf8(out).expect("UTF-8");
                            prop_assert_eq!(grammars::check(to, &text), Ok(()), "{}", pair);
                            let heard = heard::read(to, text.as_bytes()).candidates;
                            prop_assert_eq!(heard, heard::read(to, &whole).candidates, "{}", pair);
                        }
                        None => {
                            prop_assert!(!looks_complete(to, &out), "{}", pair);
                            out.extend(translator.error_event(502, MESSAGE));
                            prop_assert_eq!(failed(to, &out, MESSAGE), Ok(()), "{}", pair);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_failure_that_the_upstream_tells_reaches_the_client(
        answer in content::answer(),
        manner in streams::manner(),
        cut in any::<Index>(),
    ) {
        for from in UPSTREAMS {
            let answer = streams::sayable(from, manner, answer.clone());
            let stream = upstream::stream(from, &answer, manner);
            let events = heard::split(&stream);
            // Up to where the answer is not complete yet.
            let before = cut.index(events.len() - 1);
            let mut broken = events[..before].concat();
            if translator_ends(from, &broken) {
                continue;
            }
            broken.extend_from_slice(failure(from));
            for to in CLIENTS {
                let mut translator = translator(from, to);
                let (mut out, observed) = feed(&mut translator, &broken);
                let pair = format!("{from:?} to {to:?}");
                let failure = observed.failure.expect("it is noticed");
                prop_assert_eq!(failure.status, Some(429), "{}", pair);
                prop_assert_eq!(failed(to, &out, "too many"), Ok(()), "{}", pair);
                // Neither the end of the stream nor a second word adds anything.
                prop_assert_eq!(translator.end().expect("it can be read"), None, "{}", pair);
                out.extend(translator.error_event(502, MESSAGE));
                prop_assert_eq!(failed(to, &out, "too many"), Ok(()), "{}", pair);
            }
        }
    }
}

/// The answer is complete for an upstream of this dialect.
fn translator_ends(from: Dialect, stream: &[u8]) -> bool {
    let mut translator = translator(from, Dialect::OpenaiChat);
    feed(&mut translator, stream);
    matches!(translator.end(), Ok(Some(_)))
}
