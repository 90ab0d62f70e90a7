//! The older Completions API: what its clients get of an answer, whole and streamed.

#[cfg(test)]
#[path = "grammar/openai_completions.rs"]
mod grammar;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use dialects::{
        ir::{
            Candidate, Delta, Event, Part, PartAt, PartStart, Proof, Request, Response, Stop,
            Usage, event::StreamError,
        },
        node::Json,
        openai_completions::{request, response, stream},
        translate::ClientContext,
    };
    use domain::{Dialect, TokenUsage};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::grammar;

    fn client(wants_usage: bool) -> ClientContext {
        ClientContext {
            model: "asked".to_owned(),
            request_id: "req_1".to_owned(),
            created: 5,
            wants_usage,
            request: Arc::new(Request::new(Dialect::OpenaiCompletions)),
            body: Bytes::from_static(b"{}"),
        }
    }

    fn usage() -> Usage {
        Usage {
            tokens: TokenUsage {
                input: 11,
                output: 7,
                ..TokenUsage::default()
            },
            server_tools: None,
            tier: None,
        }
    }

    fn events() -> Vec<Event> {
        let at = |part| PartAt { candidate: 0, part };
        let thought = |delta| Event::Delta { at: at(0), delta };
        let text = |text: &str| Event::Delta {
            at: at(1),
            delta: Delta::Text(text.to_owned()),
        };
        vec![
            Event::Start {
                id: Some("msg_1".to_owned()),
                created: None,
                service_tier: None,
            },
            Event::PartStart {
                at: at(0),
                part: PartStart::Thinking,
            },
            thought(Delta::Thinking("hm".to_owned())),
            thought(Delta::Proof(Proof::Signature("s".to_owned()))),
            Event::PartEnd { at: at(0) },
            Event::PartStart {
                at: at(1),
                part: PartStart::Text,
            },
            text("Hel"),
            text("lo"),
            Event::PartEnd { at: at(1) },
            Event::Stop {
                candidate: 0,
                stop: Stop::MaxTokens,
            },
            Event::Usage {
                usage: usage(),
                total: true,
            },
            Event::End,
        ]
    }

    fn encode(events: &[Event], wants_usage: bool) -> String {
        let mut encoder = stream::Encoder::new(Arc::new(client(wants_usage)));
        let mut out = Vec::new();
        for event in events {
            encoder.event(event, &mut out);
        }
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn an_answer_is_its_text() {
        let answer = Response {
            id: None,
            created: Some(9),
            candidates: vec![Candidate {
                parts: vec![
                    Part::Thinking {
                        text: "hm".to_owned(),
                        proof: None,
                    },
                    Part::text("Hello"),
                ],
                stop: Stop::Sequence(None),
                logprobs: Json::parse(r#"{"content":[{"token":"Hello","logprob":-0.5}]}"#).ok(),
            }],
            usage: Some(usage()),
            service_tier: None,
        };
        let got: Value =
            serde_json::from_slice(&response::encode(&answer, &client(false))).expect("JSON");
        assert_eq!(got["id"], "cmpl-req_1");
        assert_eq!(got["usage"]["total_tokens"], 18);
        let expected = json!({
            "text": "Hello", "index": 0, "finish_reason": "stop",
            "logprobs": {"tokens": ["Hello"], "token_logprobs": [-0.5], "top_logprobs": [{}], "text_offset": [0]},
        });
        assert_eq!(got["choices"], json!([expected]));
    }

    #[test]
    fn a_stream_is_its_text() {
        let sse = encode(&events(), true);
        grammar::check(&sse).expect("the grammar holds");
        insta::assert_snapshot!(sse);
        let quiet = encode(&events(), false);
        grammar::check(&quiet).expect("the grammar holds");
        assert!(!quiet.contains("usage"), "{quiet}");
    }

    #[test]
    fn a_failure_ends_the_stream_with_one_error() {
        let mut events = events();
        events.truncate(7);
        events.push(Event::Ping);
        events.push(Event::Error(StreamError {
            status: 500,
            message: "broke".to_owned(),
        }));
        events.push(Event::End);
        let sse = encode(&events, true);
        assert!(sse.contains("\n\n: ping\n\ndata: {\"error\":{"), "{sse}");
        assert!(
            sse.ends_with("}}\n\n") && grammar::check(&sse).is_err(),
            "{sse}"
        );
    }

    #[test]
    fn the_pass_through_counts_the_text() {
        let chunk = br#"{"id":"c","object":"text_completion","model":"up","choices":[{"text":"abcd","index":0,"finish_reason":null}]}"#;
        let facts = stream::read_event(chunk).expect("readable");
        assert_eq!((facts.content, facts.content_bytes), (true, 4));
        let last = br#"{"choices":[{"text":"","index":0,"finish_reason":"stop"}]}"#;
        assert!(stream::read_event(last).expect("readable").finished);
    }

    proptest! {
        #[test]
        fn no_request_makes_it_panic(body in any::<Vec<u8>>(), prompt in any::<String>(), logprobs in any::<i64>()) {
            let _ = request::decode(&body);
            let body = json!({"prompt": prompt, "logprobs": logprobs}).to_string();
            prop_assert_eq!(request::decode(body.as_bytes()).is_ok(), logprobs >= 0);
        }
    }
}
