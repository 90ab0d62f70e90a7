//! The configuration changes while the server runs.

use std::{path::Path, sync::Arc};

use domain::Dialect;
use gateway::Endpoint;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use nix::{sys::signal, unistd::Pid};
use serde_json::{Value, json};

use crate::support::{
    Answer, MASTER_KEY, Process, Reply, Setup, TestApp, Upstream, ask, backend, closed_port, until,
    whole,
};

const CHAT: Dialect = Dialect::OpenaiChat;

/// Replaces `from` in the configuration of a server whose files are in `folder`.
fn edit(folder: &Path, from: &str, to: &str) {
    let file = Setup::file(folder);
    let text = std::fs::read_to_string(&file).expect("the configuration");
    assert!(text.contains(from), "{text}");
    // In one step, as an editor or a deployment does it.
    let new = file.with_extension("new");
    std::fs::write(&new, text.replace(from, to)).expect("written");
    std::fs::rename(&new, &file).expect("replaced");
}

async fn reload(app: &TestApp, body: Value) -> Reply {
    Reply::of(app.post("/admin/reload", MASTER_KEY, body.to_string())).await
}

/// A server that reads its file again only when it is told to.
async fn start(backends: impl IntoIterator<Item = String>, rest: &'static str) -> TestApp {
    let setup = Setup {
        server: "reload_on_change: false, ",
        rest,
        ..Setup::backends(backends)
    };
    TestApp::start(setup).await
}

#[tokio::test]
async fn a_changed_file_is_shown_then_taken_over_as_a_whole() {
    let [old, new] = [Upstream::start().await, Upstream::start().await];
    for upstream in [&old, &new] {
        upstream.always(|_| Answer::json(whole(CHAT, "up-main")));
    }
    let app = start([backend(CHAT, "main", &old.url(), "")], "").await;
    let user = app.user().await;
    let call = async || Reply::of(app.chat(&user.key, ask("asked"))).await;
    assert_eq!(call().await.status, 200);

    edit(app.folder.path(), &old.url(), &new.url());
    edit(
        app.folder.path(),
        "reload_on_change: false",
        "reload_on_change: false, max_body: 1MiB",
    );
    let shown = reload(&app, json!({"dry_run": true})).await.json();
    let changed = shown["changed"].as_array().expect("what changed");
    assert_eq!(changed.len(), 2, "{shown}");
    assert_eq!(changed[0]["key"], "backends[main].base_url");
    assert_eq!(changed[0]["after"], format!("{:?}", new.url()));
    assert_eq!(shown["at_next_start"], json!(["server.max_body"]));
    assert_eq!(call().await.status, 200);
    assert_eq!(
        (old.received().len(), new.received().len()),
        (2, 0),
        "it was only shown"
    );

    let done = reload(&app, json!({})).await;
    assert_eq!(done.json(), shown);
    assert_eq!(call().await.status, 200);
    assert_eq!((old.received().len(), new.received().len()), (2, 1));
    let again = reload(&app, json!({})).await.json();
    assert_eq!(again["changed"], json!([]));
}

#[tokio::test]
async fn a_file_that_cannot_be_used_changes_nothing_and_says_why() {
    let (app, upstream) = TestApp::one(CHAT).await;
    upstream.always(|_| Answer::json(whole(CHAT, "up-main")));
    let user = app.user().await;
    edit(app.folder.path(), "kind: openai_compatible", "kind: opnai");
    edit(app.folder.path(), "name: main", "nmae: main");
    let refused = reload(&app, json!({})).await;
    assert_eq!(refused.status, 422);
    let problems = refused.json()["problems"].to_string();
    assert!(problems.contains("unknown kind"), "{problems}");
    assert!(
        problems.contains("did you mean \\\"name\\\"?"),
        "{problems}"
    );
    let reply = Reply::of(app.chat(&user.key, ask("asked"))).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn what_counts_goes_on_and_what_runs_ends_as_it_began() {
    let [first, second] = [Upstream::start().await, Upstream::start().await];
    second.always(|_| Answer::json(whole(CHAT, "up-second")));
    let rest = "groups:\n  - { name: team, members: [{ backend: first, model: up-first }, { backend: second, model: up-second }] }\n";
    let app = start(
        [
            backend(
                CHAT,
                "first",
                &first.url(),
                "rate_limit: { requests: 2, window: 10m }, ",
            ),
            backend(CHAT, "second", &second.url(), ""),
        ],
        rest,
    )
    .await;
    let user = app.user().await;
    let call = async || Reply::of(app.chat(&user.key, ask("team"))).await;
    first.then(Answer::json(whole(CHAT, "up-first")));
    assert_eq!(call().await.header("x-provider"), "first");
    // One is running while its backend is taken away.
    let (held, hold) = Answer::json(whole(CHAT, "up-first")).held();
    first.then(held);
    let running = tokio::spawn({
        let request = app.chat(&user.key, ask("team"));
        async move { Reply::of(request).await }
    });
    first.arrivals(2).await;
    edit(
        app.folder.path(),
        "members: [{ backend: first, model: up-first }, ",
        "members: [",
    );
    assert_eq!(reload(&app, json!({})).await.status, 200);
    assert_eq!(call().await.header("x-provider"), "second");
    hold.release();
    assert_eq!(
        running.await.expect("no panic").header("x-provider"),
        "first"
    );
    // Back again: its window is as full as it was.
    edit(
        app.folder.path(),
        "members: [",
        "members: [{ backend: first, model: up-first }, ",
    );
    edit(
        app.folder.path(),
        "max_retries: 0, rate_limit",
        "max_retries: 1, rate_limit",
    );
    assert_eq!(reload(&app, json!({})).await.status, 200);
    assert_eq!(call().await.header("x-provider"), "second");
    assert_eq!(first.received().len(), 2);
}

#[tokio::test]
async fn keys_of_the_file_work_as_long_as_they_stand_there() {
    let setup = Setup {
        auth: "keys: [sk-from-the-file-0123456789], ",
        server: "reload_on_change: false, ",
        ..Setup::default()
    };
    let app = TestApp::start(setup).await;
    let call = async |key| Reply::of(app.chat(key, ask("demo"))).await.status;
    assert_eq!(call("sk-from-the-file-0123456789").await, 200);
    edit(
        app.folder.path(),
        "sk-from-the-file-0123456789",
        "sk-another-one-0123456789",
    );
    let changed = reload(&app, json!({})).await;
    assert!(!changed.text().contains("sk-another"), "{}", changed.text());
    assert_eq!(changed.json()["at_next_start"], json!([]));
    assert_eq!(call("sk-from-the-file-0123456789").await, 401);
    assert_eq!(call("sk-another-one-0123456789").await, 200);
}

#[tokio::test]
async fn a_hangup_or_a_changed_file_is_enough() {
    let upstream = Upstream::start().await;
    upstream.always(|_| Answer::json(whole(CHAT, "up-main")));
    let nowhere = closed_port().await;
    let served = async |process: &Process| {
        let url = format!("{}/v1/chat/completions", process.url);
        let request = process
            .client
            .post(url)
            .bearer_auth(MASTER_KEY)
            .body(ask("asked"));
        (Reply::of(request).await.status == 200).then_some(())
    };
    for server in ["reload_on_change: false, ", ""] {
        let setup = Setup {
            server,
            ..Setup::backends([backend(CHAT, "main", &nowhere, "")])
        };
        let process = Process::start(&setup).await;
        assert_eq!(served(&process).await, None);
        edit(process.folder.path(), &nowhere, &upstream.url());
        if !server.is_empty() {
            let id = Pid::from_raw(i32::try_from(process.id()).expect("an id"));
            signal::kill(id, signal::Signal::SIGHUP).expect("sent");
        }
        until("the new file in force", async || served(&process).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_requests_survive_a_hundred_reloads() {
    let rest = "groups:\n  - { name: team, strategy: round_robin, members: [{ backend: demo, model: demo-slow }] }\n";
    let app = Arc::new(start([], rest).await);
    let gateway = app.state.gateway.clone();
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..10_000 {
        let gateway = gateway.clone();
        running.spawn(async move {
            let request = Request::post("/v1/chat/completions")
                .header("authorization", format!("Bearer {MASTER_KEY}"))
                .body(Full::<bytes::Bytes>::from(
                    r#"{"model":"team","stream":true,"messages":[{"role":"user","content":"hi"}]}"#,
                ))
                .expect("a request");
            let response = gateway
                .handle(Endpoint::ChatCompletions, false, None, request)
                .await;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await;
            (
                status,
                body.is_ok_and(|body| body.to_bytes().ends_with(b"data: [DONE]\n\n")),
            )
        });
    }
    let mut most = 0;
    for number in 0..100 {
        most = most.max(gateway.in_flight());
        let wrong = number % 2 == 0;
        match wrong {
            true => edit(app.folder.path(), "strategy: ", "strategie: "),
            false => edit(app.folder.path(), "strategie: ", "strategy: "),
        }
        if !wrong {
            // Not the same as before.
            let (from, to) =
                [("round_robin", "weighted"), ("weighted", "round_robin")][number / 2 % 2];
            edit(app.folder.path(), from, to);
        }
        let status = reload(&app, json!({})).await.status;
        assert_eq!(status, if wrong { 422 } else { 200 });
    }
    most = most.max(gateway.in_flight());
    let mut whole = 0;
    while let Some(answer) = running.join_next().await {
        assert_eq!(answer.expect("no panic"), (200, true));
        whole += 1;
    }
    assert_eq!(whole, 10_000);
    assert!(most > 1_000, "only {most} were in flight at once");
}
