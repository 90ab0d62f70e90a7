//! Streams arrive as they were sent, however the network cut them, as soon as they were sent.

use bytes::Bytes;
use domain::Dialect;
use tokio::task::JoinSet;

use crate::support::{Answer, DIALECTS, Reply, TestApp, ask_stream, events, within};

/// A request that asks to see the usage, so that nothing is held back.
fn ask_with_usage() -> String {
    ask_stream("asked").replacen('{', r#"{"stream_options":{"include_usage":true},"#, 1)
}

#[tokio::test]
async fn a_stream_cut_at_any_byte_arrives_the_same() {
    for dialect in DIALECTS {
        let (app, upstream) = TestApp::one(dialect).await;
        let user = app.user().await;
        let stream = Bytes::from(events(dialect, "up-main").concat());
        let expected = events(dialect, "asked").concat();
        assert!(expected.contains('\u{2028}') && expected.contains('🦀'));
        let ask = |frames: Vec<Bytes>| {
            upstream.then(Answer::events(frames));
            Reply::of(app.ask(dialect, &user.key, ask_with_usage()))
        };
        for at in 0..=stream.len() {
            let frames = vec![stream.slice(..at), stream.slice(at..)];
            let reply = ask(frames).await;
            assert_eq!(reply.text(), expected, "cut at byte {at}");
        }
        let bytes = (0..stream.len()).map(|at| stream.slice(at..=at));
        let reply = ask(bytes.collect()).await;
        assert_eq!(reply.text(), expected, "byte by byte");
        assert_eq!(reply.header("content-type"), "text/event-stream");
    }
}

#[tokio::test]
async fn the_usage_is_shown_to_those_who_asked_for_it() {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    upstream.always(|_| Answer::events(events(Dialect::OpenaiChat, "up-main")));
    let user = app.user().await;
    let mut expected = events(Dialect::OpenaiChat, "asked");
    let all = Reply::of(app.chat(&user.key, ask_with_usage())).await;
    assert_eq!(all.text(), expected.concat());
    let usage = expected.remove(expected.len() - 2);
    assert!(usage.contains("prompt_tokens"));
    let less = Reply::of(app.chat(&user.key, ask_stream("asked"))).await;
    assert_eq!(less.text(), expected.concat());
    // Shown or not, it is billed.
    for row in app.ledger().wait_for(2).await {
        assert_eq!((row.input_tokens, row.output_tokens), (60, 7));
        assert!(!row.usage_estimated);
    }
}

#[tokio::test]
async fn line_ends_of_windows_and_unknown_events_pass() {
    let (app, upstream) = TestApp::one(Dialect::AnthropicMessages).await;
    let user = app.user().await;
    let mut sent = events(Dialect::AnthropicMessages, "up-main");
    sent.insert(
        3,
        "event: brand_new\nid: 7\ndata: {\"type\":\"brand_new\"}\n\n".to_owned(),
    );
    let windows: Vec<String> = sent
        .iter()
        .map(|event| event.replace('\n', "\r\n"))
        .collect();
    for sent in [sent, windows] {
        upstream.then(Answer::events(sent.clone()));
        let reply = Reply::of(app.messages(&user.key, ask_stream("asked"))).await;
        assert_eq!(reply.text(), sent.concat().replace("up-main", "asked"));
    }
}

#[tokio::test]
async fn fifty_thousand_chunks_arrive() {
    const CHUNKS: usize = 50_000;
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    let user = app.user().await;
    let chunk = |n: usize| {
        format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{n} \"}}}}]}}\n\n")
    };
    let mut sent: Vec<String> = (0..CHUNKS).map(chunk).collect();
    sent.extend(events(Dialect::OpenaiChat, "asked").split_off(4));
    let expected = sent.concat();
    upstream.then(Answer::events(sent));
    let reply = Reply::of(app.chat(&user.key, ask_with_usage())).await;
    assert!(
        reply.body == expected,
        "{} bytes of {}",
        reply.body.len(),
        expected.len()
    );
}

#[tokio::test]
async fn content_arrives_while_the_upstream_is_still_speaking() {
    for dialect in DIALECTS {
        let (app, upstream) = TestApp::one(dialect).await;
        let user = app.user().await;
        let (answer, line) = Answer::live();
        upstream.then(answer);
        let sent = events(dialect, "up-main");
        let expected = events(dialect, "asked");
        let first = 4;
        sent[..first]
            .iter()
            .for_each(|event| line.send(event.clone()));
        let sending = app.ask(dialect, &user.key, ask_with_usage()).send();
        let mut response = within("the head", sending).await.expect("an answer");
        let mut got = Vec::new();
        // The upstream says no more until all of this has arrived.
        while got.len() < expected[..first].concat().len() {
            let chunk = within("the first events", response.chunk()).await;
            got.extend_from_slice(&chunk.expect("whole").expect("no end yet"));
        }
        assert_eq!(got, expected[..first].concat().into_bytes());
        sent[first..]
            .iter()
            .for_each(|event| line.send(event.clone()));
        drop(line);
        let rest = Reply::rest_of(response).await;
        assert_eq!(rest.text(), expected[first..].concat());
    }
}

#[tokio::test]
async fn many_streams_at_once_stay_apart() {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    let user = app.user().await;
    upstream.always(|request| {
        let body: serde_json::Value = serde_json::from_slice(&request.body).expect("JSON");
        let name = body["user"].as_str().expect("a name").to_owned();
        let said = (0..50).map(move |n| {
            format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{name}-{n}\"}}}}]}}\n\n")
        });
        Answer::events(said.chain(["data: [DONE]\n\n".to_owned()]))
    });
    let mut running = JoinSet::new();
    for n in 0..40 {
        let body = ask_stream("asked").replacen('{', &format!("{{\"user\":\"u{n}\","), 1);
        let request = app.chat(&user.key, body);
        running.spawn(async move { (n, Reply::of(request).await) });
    }
    while let Some(done) = running.join_next().await {
        let (n, reply) = done.expect("no panic");
        let mine = (0..50).map(|i| format!("\"u{n}-{i}\""));
        assert!(
            mine.into_iter().all(|text| reply.text().contains(&text)),
            "{n}"
        );
        assert_eq!(reply.text().matches("\"content\"").count(), 50);
        assert!(reply.text().ends_with("data: [DONE]\n\n"));
    }
}
