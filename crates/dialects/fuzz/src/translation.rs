//! What has to hold of a translation, whatever came in: requests, whole answers and streams, from one
//! dialect to every other. Each function is a fuzz target but for the dialect.

use std::{ops::ControlFlow, sync::Arc};

use bytes::Bytes;
use dialects::{
    Observed,
    ir::{Part, Request, ToolNames},
    sse,
    translate::{ClientContext, Quirks, Target},
    translator::{self, StreamTranslator},
};
use domain::Dialect;
use serde_json::Value;

use crate::{chunks, grammar, property};

/// What clients speak.
const CLIENTS: [Dialect; 4] = [
    Dialect::OpenaiChat,
    Dialect::OpenaiCompletions,
    Dialect::OpenaiResponses,
    Dialect::AnthropicMessages,
];

/// What upstreams speak.
const UPSTREAMS: [Dialect; 4] = [
    Dialect::OpenaiChat,
    Dialect::OpenaiResponses,
    Dialect::AnthropicMessages,
    Dialect::BedrockConverse,
];

/// A model that thinks, by a name that Anthropic and Bedrock both have.
const UPSTREAM_MODEL: &str = "eu.anthropic.claude-sonnet-4-6";
const ASKED_MODEL: &str = "the \"one\" that was asked for";

/// What is the client's own fault and not noticed before the upstream does, by the words of the rule:
/// pictures and documents that are neither base64 nor a URL, numbers that are out of range, and schemas
/// that are none, all of which some encoders pass on unread.
const NOT_OURS: [&str; 3] = ["base64", "inferenceConfig.", "a schema of"];

/// Nobody says anything: then nothing is left that an upstream takes, and it will say so.
fn is_blank(request: &Request) -> bool {
    let blank = |part: &Part| !matches!(part, Part::Text { text, .. } if !text.trim().is_empty());
    request
        .messages
        .iter()
        .flat_map(|message| &message.parts)
        .all(blank)
}

/// A client's request, for every upstream.
pub fn request(client: Dialect, body: &[u8]) {
    let Ok(request) = translator::decode_request(client, body) else {
        return;
    };
    assert!(property::is_json(body), "what is not JSON was understood");
    let quirks = Quirks::default();
    for upstream in UPSTREAMS {
        let target = Target {
            model: UPSTREAM_MODEL,
            stream: true,
            quirks: &quirks,
            default_max_output_tokens: 4_096,
        };
        let encoded = match translator::encode_request(&request, upstream, &target, &["beta-1"]) {
            Ok(encoded) => encoded,
            Err(refused) => {
                assert!(!refused.message.is_empty());
                continue;
            }
        };
        let members = property::object(&encoded.body);
        let taken = if upstream == Dialect::BedrockConverse {
            grammar::check_converse_request(&encoded.body)
        } else {
            assert_eq!(members.string("model").as_deref(), Some(UPSTREAM_MODEL));
            assert_eq!(members.last("stream"), Some("true"));
            // What we write we would understand, had a client sent it.
            let again = translator::decode_request(upstream, &encoded.body);
            again.map(drop).map_err(|error| error.to_string())
        };
        // Half a surrogate pair and a number beyond all numbers are JSON, but none that all can read.
        let readable = serde_json::from_slice::<Value>(body).is_ok();
        if let Err(error) = taken
            && readable
        {
            let excused = NOT_OURS.iter().any(|words| error.contains(words));
            let sent = text(&encoded.body);
            assert!(
                excused || is_blank(&request),
                "{upstream:?}: {error}: {sent}"
            );
        }
    }
}

/// An upstream's whole answer, for every client.
pub fn answer(upstream: Dialect, body: &[u8]) {
    for client in CLIENTS {
        let names = ToolNames::default();
        let context = context(client);
        let translated = translator::translate_answer(upstream, body, &names, client, &context);
        let Ok(translated) = translated else {
            // It is the upstream that cannot be understood, whoever asked.
            continue;
        };
        assert!(property::is_json(body), "what is not JSON was understood");
        let members = property::object(&translated.body);
        assert_eq!(members.string("model").as_deref(), Some(ASKED_MODEL));
        if client != Dialect::OpenaiCompletions {
            let again =
                translator::translate_answer(client, &translated.body, &names, client, &context);
            assert!(
                again.is_ok(),
                "{client:?}: {again:?} of {}",
                text(&translated.body)
            );
        }
    }
}

/// An upstream's stream, for every client.
pub fn stream(upstream: Dialect, came: &[u8]) {
    let [whole, .., pieces] = chunks::ways(came);
    let (events, _) = chunks::events(&pieces);
    assert_eq!(events, chunks::events(&whole).0);
    let sound = grammar::check(upstream, &text(came)).is_some_and(|held| held.is_ok());
    for client in CLIENTS {
        let context = Arc::new(context(client));
        let names = ToolNames::default();
        let mut translator = StreamTranslator::new(upstream, names, client, context);
        let mut answer = Answer::default();
        let read = events.iter().try_for_each(|event| {
            match translator.event(event) {
                Ok(observed) => answer.take(&observed),
                // The router gives up here, and tells the client by an event of its own.
                Err(_) => ControlFlow::Break(()),
            }
        });
        if read.is_continue()
            && let Ok(Some(observed)) = translator.end()
        {
            let _ = answer.take(&observed);
        }
        if !answer.complete && !answer.failed {
            answer
                .bytes
                .extend_from_slice(&translator.error_event(502, "it \"broke\" off"));
        }
        answer.check(client);
        if answer.complete && sound {
            let answer = text(&answer.bytes);
            let held = grammar::check(client, &answer).unwrap_or(Ok(()));
            assert_eq!(held, Ok(()), "{client:?}: {answer}");
        }
        // A sum that does not fit would stop here.
        let _ = translator.usage(7).tokens.total();
    }
}

/// What a client has got of a stream.
#[derive(Debug, Default)]
struct Answer {
    bytes: Vec<u8>,
    complete: bool,
    /// The client has been told that it never will be.
    failed: bool,
}

impl Answer {
    fn take(&mut self, observed: &Observed) -> ControlFlow<()> {
        self.bytes.extend(observed.forward.iter().flatten());
        self.complete = observed.terminal;
        self.failed = observed.failure.is_some();
        match self.complete || self.failed {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn check(&self, client: Dialect) {
        let (events, rest) = chunks::events(&[Bytes::copy_from_slice(&self.bytes)]);
        assert!(rest.is_empty(), "half an event: {}", text(&rest));
        for event in &events {
            // A comment keeps the connection open.
            let Some(data) = sse::data(event) else {
                assert!(event.starts_with(b":"), "{client:?}: {}", text(event));
                continue;
            };
            let whole = matches!(data, sse::Data::Line { .. }) && property::is_json(data.text());
            assert!(
                whole || data.text() == b"[DONE]",
                "{client:?}: {}",
                text(event)
            );
        }
    }
}

/// A client that sees all there is to see.
fn context(client: Dialect) -> ClientContext {
    let body: &[u8] = match client {
        Dialect::OpenaiCompletions => br#"{"model":"m","prompt":"Hello","stream":true}"#,
        Dialect::OpenaiResponses => {
            br#"{"model":"m","input":"Hello","tools":[{"type":"custom","name":"patch"},{"type":"namespace","name":"mcp","tools":[{"type":"function","name":"get"}]}]}"#
        }
        _ => br#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hello"}]}"#,
    };
    let request = translator::decode_request(client, body).expect("a request");
    ClientContext {
        model: ASKED_MODEL.to_owned(),
        request_id: "req_1".to_owned(),
        created: 1_790_000_000,
        wants_usage: true,
        request: Arc::new(request),
        body: Bytes::from_static(body),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
