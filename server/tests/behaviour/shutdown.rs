//! SIGTERM ends the process in order: nobody new is let in, who is being answered is answered to the
//! end within the configured grace, and what is cut then is in the ledger.

use domain::Dialect;
use http::StatusCode;
use tokio::net::TcpStream;

use crate::support::{
    Answer, Line, MASTER_KEY, Process, Setup, Upstream, ask, ask_stream, backend, events, until,
    whole, within,
};

/// The process, its upstream, and a stream whose first content has arrived.
struct Streaming {
    process: Process,
    line: Line,
    response: reqwest::Response,
    got: String,
    _upstream: Upstream,
}

const SAID: usize = 4;

impl Streaming {
    async fn start(server: &'static str) -> Self {
        let upstream = Upstream::start().await;
        let setup = Setup {
            server,
            ..Setup::backends([backend(Dialect::OpenaiChat, "main", &upstream.url(), "")])
        };
        let process = Process::start(&setup).await;
        let (answer, line) = Answer::live();
        upstream.then(answer);
        for event in events(Dialect::OpenaiChat, "up-main").drain(..SAID) {
            line.send(event);
        }
        let url = format!("{}/v1/chat/completions", process.url);
        let request = process.client.post(url).bearer_auth(MASTER_KEY);
        let sent = request.body(ask_stream("asked")).send();
        let response = within("the head", sent).await.expect("an answer");
        let mut streaming = Self {
            process,
            line,
            response,
            got: String::new(),
            _upstream: upstream,
        };
        while streaming.got != events(Dialect::OpenaiChat, "asked")[..SAID].concat() {
            assert!(streaming.read().await, "no end yet");
        }
        streaming
    }

    /// Reads a piece; false at the end, in whatever way it comes.
    async fn read(&mut self) -> bool {
        let chunk = within("a piece of the stream", self.response.chunk()).await;
        let Ok(Some(chunk)) = chunk else { return false };
        self.got
            .push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        true
    }
}

#[tokio::test]
async fn a_running_stream_is_finished_and_nobody_new_is_let_in() {
    let mut streaming = Streaming::start("").await;
    streaming.process.terminate();
    let address = streaming
        .process
        .url
        .trim_start_matches("http://")
        .to_owned();
    until("new connections to be refused", async || {
        TcpStream::connect(&address).await.err()
    })
    .await;

    for event in events(Dialect::OpenaiChat, "up-main").drain(SAID..) {
        streaming.line.send(event);
    }
    while streaming.read().await {}
    let mut expected = events(Dialect::OpenaiChat, "asked");
    expected.retain(|event| !event.contains("prompt_tokens"));
    assert_eq!(streaming.got, expected.concat());
    assert!(streaming.process.ended().await.success());
    let row = streaming.process.ledger().only().await;
    assert_eq!(
        (row.outcome.as_str(), row.cost_nano),
        ("completed", Some(270_000))
    );
    assert_eq!(streaming.process.ledger().open("asked"), 0);
    assert!(streaming.process.log().contains("stopped"));
}

#[tokio::test]
async fn a_stream_that_outlasts_the_grace_is_cut_and_booked() {
    let mut streaming = Streaming::start("shutdown_grace: 100ms").await;
    streaming.process.terminate();
    while streaming.read().await {}
    assert!(!streaming.got.contains("[DONE]"));
    within("the upstream to be hung up on", streaming.line.cancelled()).await;
    assert!(streaming.process.ended().await.success());
    let row = streaming.process.ledger().only().await;
    assert_eq!(row.outcome, "client_disconnected");
    assert!(row.usage_estimated && row.output_tokens == 6);
    assert_eq!(streaming.process.ledger().open("asked"), 0);
}

#[tokio::test]
async fn an_idle_connection_keeps_nobody_waiting() {
    let upstream = Upstream::start().await;
    upstream.always(|_| Answer::json(whole(Dialect::OpenaiChat, "up-main")));
    let line = backend(Dialect::OpenaiChat, "main", &upstream.url(), "");
    let mut process = Process::start(&Setup::backends([line])).await;
    let url = format!("{}/v1/chat/completions", process.url);
    let request = process.client.post(url).bearer_auth(MASTER_KEY);
    let reply = request.body(ask("asked")).send().await.expect("an answer");
    assert_eq!(reply.status(), StatusCode::OK);
    reply.bytes().await.expect("a whole answer");
    process.terminate();
    // The grace of thirty seconds is longer than this waits.
    assert!(process.ended().await.success());
    assert_eq!(process.ledger().only().await.outcome, "completed");
}
