//! `llm-router demo-data`: what it makes is true by the books, and it touches no database that is in use.

use clap::Parser as _;
use jiff::tz::TimeZone;
use server::{
    cli::{Cli, Command},
    config::Environment,
    serve::database_options,
};
use storage::Database;

use crate::support::{Setup, TestApp, load};

async fn run(folder: &std::path::Path, words: &str) -> Result<String, String> {
    let config = Setup::file(folder);
    let mut arguments = vec!["llm-router".to_owned(), "demo-data".to_owned()];
    arguments.extend(words.split(' ').map(str::to_owned));
    arguments.extend(["--config".to_owned(), config.display().to_string()]);
    let ran = tokio::task::spawn_blocking(move || {
        let Command::DemoData(arguments) = Cli::parse_from(arguments).command else {
            panic!("another command");
        };
        let mut out = Vec::new();
        let ran = arguments.run(&Environment::default(), &mut out);
        ran.map(|()| String::from_utf8(out).expect("UTF-8"))
            .map_err(|error| format!("{error:#}"))
    });
    ran.await.expect("no panic")
}

#[tokio::test]
async fn the_books_of_demo_data_agree_and_it_is_made_once() {
    let folder = tempfile::tempdir().expect("a folder");
    Setup::default().write(folder.path());
    let made = run(folder.path(), "--rows 700 --days 3").await;
    assert!(made.expect("made").contains("700 requests of 3 days"));
    let config = load(folder.path()).config;
    let database = Database::open_read_only(&database_options(&config)).await;
    let database = database.expect("a database to read");
    let verified = database.verify_ledger(&TimeZone::UTC).await.expect("books");
    assert_eq!(verified.differences, []);
    assert_eq!(verified.requests, 700);
    assert!(verified.rows >= 700 && verified.cost.0 > 0);
    let again = run(folder.path(), "--rows 1").await;
    assert!(again.expect_err("refused").contains("not empty"));
}

#[tokio::test]
async fn a_database_that_is_in_use_is_refused() {
    let app = TestApp::demo().await;
    let refused = run(app.folder.path(), "--rows 1").await;
    assert!(refused.expect_err("refused").contains("not empty"));
}
