//! A client that goes away takes its call with it: the upstream is hung up on, what was used is
//! billed, and what was reserved and not used is free again.

use domain::Dialect;
use serde_json::json;

use crate::support::{
    Answer, DIALECTS, Reply, Row, Setup, TestApp, Upstream, User, ask, ask_stream, backend, events,
    until, whole, within,
};

/// A user whose budget has room for one call at a time: 100 tokens of output may cost $0.001.
async fn start(dialect: Dialect) -> (TestApp, Upstream, User) {
    let (app, upstream) = TestApp::one(dialect).await;
    let user = app
        .user_with("ada", json!({"monthly_budget": "0.0018"}))
        .await;
    (app, upstream, user)
}

/// While a call runs there is no room for another.
async fn assert_no_room(app: &TestApp, dialect: Dialect, user: &User) {
    let reply = Reply::of(app.ask(dialect, &user.key, ask("asked"))).await;
    assert_eq!(reply.status, 429, "{}", reply.text());
}

/// Where the call is settled there is room again.
async fn assert_room(app: &TestApp, upstream: &Upstream, dialect: Dialect, user: &User) {
    // Let in, and then refused by the upstream, so that it costs nothing.
    upstream.then(Answer::error(400, "{}"));
    let reply = Reply::of(app.ask(dialect, &user.key, ask("asked"))).await;
    assert_eq!(reply.status, 400, "{}", reply.text());
    assert_eq!(app.state.gateway.in_flight(), 0);
}

fn assert_billed(row: &Row, output: i64) {
    assert_eq!(
        (row.outcome.as_str(), row.status),
        ("client_disconnected", 499)
    );
    assert!(row.usage_estimated);
    assert!(row.input_tokens > 0);
    assert_eq!(row.output_tokens, output);
    let cost = row.input_tokens * 2_500 + row.cache_read_tokens * 1_250 + output * 10_000;
    assert_eq!((row.cost_nano, row.attempts), (Some(cost), 1));
}

#[tokio::test]
async fn in_the_middle_of_a_stream() {
    for dialect in DIALECTS {
        let (app, upstream, user) = start(dialect).await;
        let (answer, line) = Answer::live();
        upstream.then(answer);
        let sent = app.ask(dialect, &user.key, ask_stream("asked")).send();
        let upto = match dialect {
            Dialect::OpenaiChat => 3,
            _ => 4,
        };
        let said = &events(dialect, "up-main")[..upto];
        said.iter().for_each(|event| line.send(event.clone()));
        let mut response = within("the head", sent).await.expect("an answer");
        let mut got = 0;
        while got < events(dialect, "asked")[..upto].concat().len() {
            let chunk = within("content", response.chunk()).await;
            got += chunk.expect("whole").expect("no end").len();
        }
        assert_no_room(&app, dialect, &user).await;

        drop(response);
        within("the upstream to be hung up on", line.cancelled()).await;
        // `Caf\u00e9 é` is 12 bytes as it stands on the wire.
        assert_billed(&app.ledger().only().await, 3);
        assert_room(&app, &upstream, dialect, &user).await;
    }
}

#[tokio::test]
async fn while_an_answer_is_awaited() {
    for dialect in DIALECTS {
        let (app, upstream, user) = start(dialect).await;
        for body in [ask("asked"), ask_stream("asked")] {
            let before = upstream.received().len();
            let booked = app.ledger().rows().await.len();
            let (answer, mut hold) = Answer::json(whole(dialect, "up-main")).held();
            upstream.then(answer);
            let waiting = tokio::spawn(app.ask(dialect, &user.key, body).send());
            upstream.arrivals(before + 1).await;
            assert_no_room(&app, dialect, &user).await;

            waiting.abort();
            within("the upstream to be hung up on", hold.cancelled()).await;
            let rows = app.ledger().wait_for(booked + 1).await;
            assert_billed(rows.last().expect("a row"), 0);
            assert_room(&app, &upstream, dialect, &user).await;
        }
    }
}

#[tokio::test]
async fn while_the_first_content_is_awaited() {
    for dialect in DIALECTS {
        let (app, upstream, user) = start(dialect).await;
        let (answer, line) = Answer::live();
        upstream.then(answer);
        line.send(events(dialect, "up-main").remove(0));
        let waiting = tokio::spawn(app.ask(dialect, &user.key, ask_stream("asked")).send());
        upstream.arrivals(1).await;
        assert_no_room(&app, dialect, &user).await;
        waiting.abort();
        within("the upstream to be hung up on", line.cancelled()).await;
        assert_billed(&app.ledger().only().await, 0);
        assert_room(&app, &upstream, dialect, &user).await;
    }
}

#[tokio::test]
async fn before_the_request_has_arrived() {
    use tokio::{io::AsyncWriteExt as _, net::TcpStream};
    let (app, upstream, user) = start(Dialect::OpenaiChat).await;
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 1000\r\n\r\n{{\"model\":",
        user.key
    );
    let mut socket = TcpStream::connect(app.address).await.expect("connected");
    socket.write_all(head.as_bytes()).await.expect("written");
    let running = || app.state.gateway.in_flight();
    until("the request to be let in", async || {
        (running() == 1).then_some(())
    })
    .await;
    drop(socket);
    until("the request to be let go", async || {
        (running() == 0).then_some(())
    })
    .await;
    assert!(app.ledger().rows().await.is_empty());
    assert_room(&app, &upstream, Dialect::OpenaiChat, &user).await;
}

#[tokio::test]
async fn a_backend_that_drains_is_heard_to_its_end_and_billed_exactly() {
    for dialect in DIALECTS {
        let upstream = Upstream::start().await;
        let drains = "on_disconnect: drain, ";
        let app = TestApp::with([backend(dialect, "main", &upstream.url(), drains)]).await;
        let user = app.user().await;
        let (answer, line) = Answer::live();
        upstream.then(answer);
        let said = events(dialect, "up-main");
        let sent = app.ask(dialect, &user.key, ask_stream("asked")).send();
        said[..4].iter().for_each(|event| line.send(event.clone()));
        let response = within("the head", sent).await.expect("an answer");
        drop(response);
        said[4..].iter().for_each(|event| line.send(event.clone()));
        drop(line);
        let row = app.ledger().only().await;
        assert_eq!(
            (row.outcome.as_str(), row.status),
            ("client_disconnected", 499)
        );
        assert_eq!((row.output_tokens, row.usage_estimated), (7, false));

        // So is a whole answer, whose client did not wait for it.
        let (answer, hold) = Answer::json(whole(dialect, "up-main")).held();
        upstream.then(answer);
        let sending = tokio::spawn(app.ask(dialect, &user.key, ask("asked")).send());
        upstream.arrivals(2).await;
        sending.abort();
        let _ = sending.await;
        hold.release();
        let rows = app.ledger().wait_for(2).await;
        assert_eq!((rows[1].output_tokens, rows[1].usage_estimated), (7, false));
    }
}

#[tokio::test]
async fn the_end_of_the_process_settles_what_goes_on_without_its_client() {
    let upstream = Upstream::start().await;
    let drains = "on_disconnect: drain, ";
    let app = TestApp::start(Setup {
        server: "shutdown_grace: 100ms",
        ..Setup::backends([backend(
            Dialect::OpenaiChat,
            "main",
            &upstream.url(),
            drains,
        )])
    })
    .await;
    let user = app.user().await;
    let (answer, line) = Answer::live();
    upstream.then(answer);
    let said = events(Dialect::OpenaiChat, "up-main");
    let sent = app.chat(&user.key, ask_stream("asked")).send();
    said[..4].iter().for_each(|event| line.send(event.clone()));
    drop(within("the head", sent).await.expect("an answer"));
    let app = app.restart().await;
    let row = app.ledger().only().await;
    assert_eq!(row.outcome, "client_disconnected");
    assert!(row.usage_estimated && row.output_tokens > 0);
    drop(line);
}
