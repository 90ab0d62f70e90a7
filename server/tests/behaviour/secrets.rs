//! Keys and passwords are shown once, to those they are for: no log, no debugging output and no file
//! of the database holds one.

use std::path::Path;

use domain::Dialect;
use serde_json::{Value, json};

use crate::support::{
    ADMIN_PASSWORD, Answer, MASTER_KEY, Process, Reply, Session, Setup, TestApp, Upstream, ask,
    ask_stream, backend, events, load, whole,
};

const UPSTREAM_KEY: &str = "sk-upstream-main";
const PROMPT: &str = "Say hello";

/// All files beside the database but the log and the configuration, which holds what it was given.
fn database_files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let files: Vec<(String, Vec<u8>)> = entries
        .map(|entry| entry.expect("an entry"))
        .map(|entry| {
            (
                entry.file_name().to_string_lossy().into_owned(),
                entry.path(),
            )
        })
        .filter(|(name, _)| name.starts_with("router"))
        .map(|(name, path)| (name, std::fs::read(path).expect("readable")))
        .collect();
    assert!(
        files.iter().any(|(_, bytes)| bytes.len() > 4_096),
        "databases"
    );
    files
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn the_database_holds_no_key_no_password_and_no_prompt() {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    upstream.always(|_| Answer::json(whole(Dialect::OpenaiChat, "up-main")));
    let user = app.user().await;
    let Session(cookie) = app.sign_in_first(&user).await;
    Reply::of(app.chat(&user.key, ask("asked"))).await;
    upstream.then(Answer::error(
        401,
        format!("{{\"error\":\"no {UPSTREAM_KEY}\"}}"),
    ));
    Reply::of(app.chat(&user.key, ask("asked"))).await;

    let files = database_files(app.folder.path());
    // What is there is found, so that what is not found is not there.
    let anywhere = |text: &str| files.iter().find(|(_, bytes)| holds(bytes, text));
    assert!(anywhere("up-main").is_some() && anywhere(&user.name).is_some());
    let secret = user.key.split_at(12).1;
    let secrets = [
        secret,
        &user.password,
        "a password of one's own",
        ADMIN_PASSWORD,
        MASTER_KEY,
        UPSTREAM_KEY,
        PROMPT,
    ];
    for secret in secrets {
        let found = anywhere(secret).map(|(name, _)| name);
        assert_eq!(found, None, "{secret}");
    }
    assert!(cookie.contains('='));
}

#[tokio::test]
async fn debugging_output_shows_no_secret() {
    let upstream = Upstream::start().await;
    let header = "headers: { x-secret: of-a-header }, ";
    let line = backend(Dialect::OpenaiChat, "main", &upstream.url(), header);
    let app = TestApp::with([line]).await;
    let user = app.user().await;
    let loaded = load(app.folder.path());
    let printed = [
        format!("{:?}", app.state),
        format!("{:#?}", app.state.gateway),
        format!("{:?}", app.state.control),
        format!("{loaded:#?}"),
    ];
    let secrets = [
        MASTER_KEY,
        ADMIN_PASSWORD,
        UPSTREAM_KEY,
        "of-a-header",
        &user.key,
    ];
    for text in printed {
        assert!(text.len() > 10);
        for secret in secrets {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[tokio::test]
async fn not_even_the_fullest_log_holds_a_secret_or_a_prompt() {
    let upstream = Upstream::start().await;
    let setup = Setup {
        rest: "logging: { level: trace }\n",
        ..Setup::backends([backend(Dialect::OpenaiChat, "main", &upstream.url(), "")])
    };
    let process = Process::start(&setup).await;
    let post = |path: &str| {
        let url = format!("{}{path}", process.url);
        process.client.post(url)
    };
    let made = Reply::of(
        post("/admin/users")
            .bearer_auth(MASTER_KEY)
            .json(&json!({"name": "ada"})),
    )
    .await
    .json();
    let text = |member: &str| made[member].as_str().expect(member).to_owned();
    let (key, password) = (text("api_key"), text("password"));

    upstream.then(Answer::json(whole(Dialect::OpenaiChat, "up-main")));
    upstream.then(Answer::events(events(Dialect::OpenaiChat, "up-main")));
    let echo = format!("{{\"error\":{{\"message\":\"bad key {UPSTREAM_KEY}\"}}}}");
    upstream.then(Answer::error(401, echo));
    let bodies = [
        ask("asked"),
        ask_stream("asked"),
        ask("asked"),
        ask("unknown"),
        "{".to_owned(),
    ];
    for body in bodies {
        let request = post("/v1/chat/completions").bearer_auth(&key);
        Reply::of(request.body(body)).await;
    }
    // Scripts of a forerunner name a key by itself, in the path.
    for path in [
        format!("/admin/keys/{key}"),
        format!("/v1/models/{key}"),
        format!("/nowhere/{key}?key={key}"),
    ] {
        let request = process.client.patch(format!("{}{path}", process.url));
        Reply::of(request.bearer_auth(MASTER_KEY).json(&json!({"label": "x"}))).await;
    }
    let wrong = "sk-lr-a-key-with-a-typo";
    Reply::of(post("/v1/messages").header("x-api-key", wrong)).await;
    let form = [
        ("name", "ada"),
        ("password", password.as_str()),
        ("next", ""),
    ];
    let signed_in = Reply::of(post("/_fn/sign-in").form(&form)).await;
    let cookie = signed_in.header("set-cookie").split([';', '=']).nth(1);
    let session = cookie.expect("a session").to_owned();

    let log = process.log();
    assert!(log.contains("TRACE") && log.contains("asked"), "a full log");
    let secrets: [&str; 9] = [
        &key,
        &password,
        &session,
        wrong,
        MASTER_KEY,
        ADMIN_PASSWORD,
        UPSTREAM_KEY,
        PROMPT,
        "Caf",
    ];
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
    assert_ne!(made["id"], Value::Null);
}
