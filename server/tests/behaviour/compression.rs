//! Answers are compressed for those who can read it, and streams do not wait for it. The client here
//! decodes nothing by itself.

use domain::Dialect;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, VARY};

use crate::support::{Answer, TestApp, ask, ask_stream, events, within};

const CHAT: Dialect = Dialect::OpenaiChat;
/// Whose events cross as they are.
const MESSAGES: Dialect = Dialect::AnthropicMessages;

fn long_answer() -> String {
    let content = "all work and no play ".repeat(500);
    serde_json::json!({
        "id": "1", "object": "chat.completion", "created": 1, "model": "up-main",
        "choices": [{"index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": content}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    })
    .to_string()
}

#[tokio::test]
async fn a_long_answer_is_small_on_the_wire_and_reads_as_it_was() {
    let (app, upstream) = TestApp::one(CHAT).await;
    upstream.always(|_| Answer::json(long_answer()));
    let user = app.user().await;
    let expected = long_answer().replace("up-main", "asked");
    for encoding in ["br", "zstd", "gzip", "identity"] {
        let request = app.chat(&user.key, ask("asked"));
        let request = request.header(ACCEPT_ENCODING, encoding);
        let response = request.send().await.expect("an answer");
        assert_eq!(response.headers()[VARY], "accept-encoding");
        let told = response.headers().get(CONTENT_ENCODING).cloned();
        let body = response.bytes().await.expect("a body");
        if encoding == "identity" {
            assert_eq!(told, None);
            assert_eq!(body, expected);
            continue;
        }
        assert_eq!(told.expect("an encoding"), encoding);
        assert!(
            body.len() < expected.len() / 10,
            "{encoding}: {} bytes",
            body.len()
        );
        assert_eq!(decoded(encoding, &body), expected);
    }
    // What is small is left alone, and so are answers to those who did not ask.
    let models = app.request(http::Method::GET, "/health");
    let models = models
        .header(ACCEPT_ENCODING, "gzip")
        .send()
        .await
        .expect("an answer");
    assert_eq!(models.headers().get(CONTENT_ENCODING), None);
}

fn decoded(encoding: &str, body: &[u8]) -> String {
    use std::io::Read as _;
    let mut text = String::new();
    let read = match encoding {
        "br" => brotli::Decompressor::new(body, 4_096).read_to_string(&mut text),
        "zstd" => {
            zstd::stream::read::Decoder::new(body).and_then(|mut d| d.read_to_string(&mut text))
        }
        _ => flate2::read::GzDecoder::new(body).read_to_string(&mut text),
    };
    read.expect("what was compressed");
    text
}

#[tokio::test]
async fn each_event_of_a_compressed_stream_arrives_at_once() {
    for encoding in ["br", "gzip", "zstd"] {
        let (app, upstream) = TestApp::one(MESSAGES).await;
        let user = app.user().await;
        let (answer, line) = Answer::live();
        upstream.then(answer);
        let all = events(MESSAGES, "up-main");
        // Up to the first content.
        line.send(all[..5].concat());
        let request = app.messages(&user.key, ask_stream("asked"));
        let request = request.header(ACCEPT_ENCODING, encoding);
        let response = within("the head of the answer", request.send()).await;
        let mut response = response.expect("an answer");
        assert_eq!(response.headers()[CONTENT_ENCODING], encoding);
        let mut received = Vec::new();
        let mut sent = all[..5].concat();
        for event in &all[5..] {
            // What was sent so far can be read before the next is sent.
            let so_far = sent.replace("up-main", "asked");
            while partly(encoding, &received) != so_far {
                let piece = within("the next piece", response.chunk()).await;
                received.extend_from_slice(&piece.expect("a body").expect("more of it"));
            }
            line.send(event.clone());
            sent.push_str(event);
        }
        drop(line);
        while let Some(piece) = within("the end", response.chunk()).await.expect("a body") {
            received.extend_from_slice(&piece);
        }
        assert_eq!(
            decoded(encoding, &received),
            sent.replace("up-main", "asked")
        );
    }
}

/// As much as can be read of a stream that has not ended.
fn partly(encoding: &str, received: &[u8]) -> String {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    // It ends before its end, which is an error behind everything that could be read.
    let _ = match encoding {
        "br" => brotli::Decompressor::new(received, 4_096).read_to_end(&mut bytes),
        "zstd" => {
            zstd::stream::read::Decoder::new(received).and_then(|mut d| d.read_to_end(&mut bytes))
        }
        _ => flate2::read::GzDecoder::new(received).read_to_end(&mut bytes),
    };
    String::from_utf8_lossy(&bytes).into_owned()
}
