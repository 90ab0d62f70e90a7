//! `llm-router ledger verify` and `llm-router ledger export`, beside a router that serves.

use clap::Parser as _;
use domain::Dialect;
use serde_json::{Value, json};
use server::{
    cli::{Cli, Command},
    config::Environment,
};
use sqlx::{Connection as _, SqliteConnection};

use crate::support::{Answer, Reply, Setup, TestApp, ask, chat_whole};

/// Runs the command with the server's configuration, as another process would: its exit status, and what
/// it wrote.
async fn run(app: &TestApp, words: &str) -> Result<(u8, String), String> {
    let config = Setup::file(app.folder.path());
    let mut arguments = vec!["llm-router".to_owned(), "ledger".to_owned()];
    arguments.extend(words.split(' ').map(str::to_owned));
    arguments.extend(["--config".to_owned(), config.display().to_string()]);
    let ran = tokio::task::spawn_blocking(move || {
        let Command::Ledger { command } = Cli::parse_from(arguments).command else {
            panic!("another command");
        };
        let mut out = Vec::new();
        let ran = command.run(&Environment::default(), &mut out);
        let text = String::from_utf8(out).expect("UTF-8");
        ran.map(|status| (status, text))
            .map_err(|error| format!("{error:#}"))
    });
    ran.await.expect("no panic")
}

/// Two calls of a user, one of which failed.
async fn called() -> (TestApp, [domain::RequestId; 2]) {
    let (app, upstream) = TestApp::one(Dialect::OpenaiChat).await;
    let user = app.user_with("ada, \"the\" first", json!({})).await;
    upstream.then(Answer::json(chat_whole("up-main", 1_000, 0, 100)));
    let whole = Reply::of(app.chat(&user.key, ask("asked"))).await;
    assert_eq!(whole.status, 200);
    upstream.then(Answer::error(400, "no"));
    let refused = Reply::of(app.chat(&user.key, ask("asked"))).await;
    assert_eq!(refused.status, 400);
    // The database has the rows.
    assert_eq!(app.ledger().rows().await.len(), 2);
    (app, [whole.request_id(), refused.request_id()])
}

#[tokio::test]
async fn verify_says_where_the_books_differ_and_fails() {
    let (app, [whole, _]) = called().await;
    let (status, text) = run(&app, "verify").await.expect("books");
    assert_eq!(status, 0, "{text}");
    assert_eq!(
        text,
        "2 rows of 2 requests, 1 rollups, 4 budget periods, $0.0035 in all: all agree\n"
    );

    let path = app.folder.path().join("router-ledger.db");
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", path.display()))
        .await
        .expect("a connection");
    sqlx::query("update requests set cost_nano = 1 where cost_nano > 0")
        .execute(&mut connection)
        .await
        .expect("damage");
    let (status, text) = run(&app, "verify").await.expect("books");
    assert_eq!(status, 1, "{text}");
    let cost = format!("cost: {whole}, call 1: expected $0.0035, found $0.000000001\n");
    assert!(text.contains(&cost), "{text}");
    assert!(text.ends_with("in all: 7 differences\n"), "{text}");
}

#[tokio::test]
async fn export_hands_out_every_row_as_csv_and_as_json() {
    let (app, ids) = called().await;
    let (status, jsonl) = run(&app, "export --format jsonl").await.expect("rows");
    assert_eq!(status, 0);
    let rows: Vec<Value> = jsonl
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let told: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let found: Vec<&Value> = rows.iter().map(|row| &row["request_id"]).collect();
    assert_eq!(found, told.iter().collect::<Vec<_>>());
    assert_eq!(rows[0]["cost_usd"], "0.0035");
    assert_eq!(rows[0]["user"], "ada, \"the\" first");
    assert_eq!(rows[0]["backend"], "main");
    assert_eq!(rows[1]["outcome"], "upstream_error");

    let (_, text) = run(&app, "export").await.expect("rows");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns = reader.headers().expect("columns").clone();
    let members = rows[0].as_object().expect("an object");
    assert_eq!(columns.len(), members.len());
    for (record, row) in reader.records().zip(&rows) {
        for (column, value) in columns.iter().zip(&record.expect("a record")) {
            let expected = match &row[column] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            assert_eq!(value, expected, "{column}");
        }
    }

    // The days that are asked for, both ends included. The server's clock says 2026-11-18.
    let (_, none) = run(&app, "export --to 2026-11-17").await.expect("rows");
    assert_eq!(none.lines().count(), 1, "only the names of the columns");
    let (_, all) = run(&app, "export --from 2026-11-18 --to 2026-11-18")
        .await
        .expect("rows");
    assert_eq!(all, text);
    let file = app.folder.path().join("rows.csv");
    let words = format!("export --output {}", file.display());
    let (_, nothing) = run(&app, &words).await.expect("rows");
    assert_eq!(nothing, "");
    assert_eq!(std::fs::read_to_string(&file).expect("a file"), text);
    let refused = run(&app, "export --output /nowhere/at/all.csv").await;
    let refusal = refused.expect_err("a folder that is not there");
    assert!(
        refusal.contains("cannot write /nowhere/at/all.csv"),
        "{refusal}"
    );
}
