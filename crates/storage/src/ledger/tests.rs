//! The process dies at any moment, and the next one knows what was used and what it cost.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex},
};

use domain::{Dialect, LedgerRow, NanoUsd, Outcome, RequestId, Timestamp, Used, UserId};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};

use super::{Ledger, OpenRequest, Progress};
use crate::{Database, DatabaseOptions, Synchronous};

const NOON: i64 = 1_700_000_000_000;

/// What happens to one request of several, in turn.
#[derive(Clone, Debug)]
enum Step {
    /// A call begins, estimated to use so much.
    Call(u64),
    Progress(u64),
    /// The call is given up and may be billed so much.
    Abandon(u64),
    Settle(u64),
    /// The writer gets time to work.
    Yield,
}

fn step() -> impl Strategy<Value = (usize, Step)> {
    let of = prop_oneof![
        3 => (1..1_000_u64).prop_map(Step::Call),
        2 => (1..1_000_u64).prop_map(Step::Progress),
        1 => (1..1_000_u64).prop_map(Step::Abandon),
        3 => (1..1_000_u64).prop_map(Step::Settle),
        2 => Just(Step::Yield),
    ];
    (0..60_usize, of)
}

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

async fn open(folder: &Path) -> Database {
    let options = DatabaseOptions {
        url: format!("sqlite://{}", folder.join("router.db").display()),
        synchronous: Synchronous::Normal,
        readers: 1,
    };
    Database::open(&options).await.expect("a database")
}

fn request(number: usize) -> Arc<OpenRequest> {
    let time = u128::from(NOON.unsigned_abs()) << 80;
    Arc::new(OpenRequest {
        request_id: RequestId(time | number as u128),
        started_at: Timestamp(NOON),
        user_id: Some(UserId(1)),
        team_id: None,
        key_id: None,
        dialect: Dialect::OpenaiChat,
        request_model: "gpt \"4\"\n".to_owned(),
        stream: true,
        playground: false,
        progress: Mutex::default(),
    })
}

/// Without a price no row has a cost that could be wrong; what it used is what is compared.
fn row(request: &OpenRequest, outcome: Outcome, used: u64) -> LedgerRow {
    let attempts = request.progress().attempts;
    LedgerRow {
        request_id: request.request_id,
        started_at: request.started_at,
        user_id: request.user_id,
        team_id: None,
        key_id: None,
        backend_id: None,
        deployment_id: None,
        dialect: request.dialect,
        request_model: request.request_model.clone(),
        upstream_model: "up".to_owned(),
        stream: true,
        outcome,
        status: 200,
        used: Used {
            estimated: false,
            ..Used::estimate(used, 0)
        },
        price_id: None,
        cost: None,
        attempts,
        time_to_first_chunk_ms: Some(1),
        duration_ms: 2,
        error: None,
        credential: None,
        route: None,
        playground: request.playground,
    }
}

/// What one request should have in the books: used input of its final row, and of all its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Expected {
    ended: bool,
    calling: bool,
    calls: u32,
    last: u64,
    given_up: u64,
}

/// Does the steps as one process that dies after the last one, and returns what should be known.
fn live_and_die(folder: &Path, steps: &[(usize, Step)]) -> HashMap<usize, Expected> {
    let process = runtime();
    let mut books: HashMap<usize, Expected> = HashMap::new();
    process.block_on(async {
        let db = open(folder).await;
        let (ledger, _) = Ledger::start(&db).await.expect("a ledger");
        let mut requests: HashMap<usize, Arc<OpenRequest>> = HashMap::new();
        for (number, step) in steps {
            let book = books.entry(*number).or_default();
            if book.ended {
                continue;
            }
            let request = requests.entry(*number).or_insert_with(|| {
                let request = request(*number);
                ledger.open(&request);
                request
            });
            match step {
                Step::Call(used) if !book.calling => {
                    book.calls += 1;
                    book.calling = true;
                    book.last = *used;
                    *request.progress() = Progress {
                        attempts: book.calls,
                        used: Used::estimate(*used, 0),
                        ..Progress::default()
                    };
                    ledger.call(request);
                }
                Step::Progress(used) if book.calling => {
                    // Noted once a second, here as if that had just passed.
                    book.last = *used;
                    request.progress().used = Used::estimate(*used, 0);
                    ledger.call(request);
                }
                Step::Abandon(used) if book.calling => {
                    ledger.abandon(row(request, Outcome::Abandoned, *used));
                    request.progress().used = Used::default();
                    book.calling = false;
                    book.last = 0;
                    book.given_up += used;
                }
                Step::Settle(used) => {
                    book.ended = true;
                    book.last = *used;
                    let commit = ledger.settle(row(request, Outcome::Completed, *used), None);
                    commit.await.expect("a commit");
                }
                // Waits for the database, so that the writer has come somewhere.
                Step::Yield => ledger.flush().await,
                _ => {}
            }
        }
    });
    // Nothing that runs in it gets another turn.
    drop(process);
    books
}

/// The next process: how many requests it finds interrupted.
fn live_again(folder: &Path, books: &HashMap<usize, Expected>) -> u64 {
    runtime().block_on(async {
        let db = open(folder).await;
        let (ledger, interrupted) = Ledger::start(&db).await.expect("a ledger");
        let mut sum = 0;
        for (number, book) in books {
            let found = db.find_request(request(*number).request_id).await;
            let found = found.expect("a query").map(|found| found.row);
            if !book.ended && book.calls == 0 {
                assert_eq!(found, None, "nothing was called");
                continue;
            }
            let found = found.unwrap_or_else(|| panic!("no row of {number}: {book:?}"));
            assert_eq!(found.used.tokens.input, book.last, "{number}: {book:?}");
            let outcome = match book.ended {
                true => Outcome::Completed,
                false => Outcome::Interrupted,
            };
            assert_eq!(found.outcome, outcome);
            assert_eq!(found.used.estimated, !book.ended);
            assert_eq!(found.attempts, book.calls);
            sum += book.last + book.given_up;
        }
        let verified = db.verify_ledger(&TimeZone::UTC).await.expect("a check");
        // Rows without a price have no cost; everything else has to be right.
        assert_eq!(verified.differences, []);
        let day = domain::period::Period {
            start: Timestamp(NOON).hour(),
            end: Timestamp(Timestamp(NOON).hour().0 + 3_600_000),
        };
        let totals = db.totals(&[day], None).await.expect("totals");
        assert_eq!(totals[0].usage.input, sum);
        ledger.close().await;
        interrupted
    })
}

fn journal_files(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.to_string_lossy().contains("-journal.db.") {
            let content = std::fs::read(&path).expect("a file");
            files.push((path, content));
        }
    }
    files
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_kill_loses_nothing(steps in prop::collection::vec(step(), 1..250)) {
        let folder = tempfile::tempdir().expect("a folder");
        let books = live_and_die(folder.path(), &steps);
        let left = journal_files(folder.path());
        prop_assert!(!left.is_empty());

        let interrupted = live_again(folder.path(), &books);
        let open = books.values().filter(|book| !book.ended && book.calls > 0).count();
        prop_assert_eq!(interrupted, open as u64);
        prop_assert!(journal_files(folder.path()).is_empty(), "nothing is open after an orderly end");

        // Killed in the middle of that, after the rows and before the files were removed; and with the end
        // of a line that the disk had no room for.
        for (path, mut content) in left {
            content.extend_from_slice(b"\n{\"Row\":{\"request_id\":\"req_0");
            std::fs::write(path, content).expect("a file");
        }
        prop_assert_eq!(live_again(folder.path(), &books), 0);
    }
}

#[test]
fn a_row_that_says_what_it_costs_comes_back_as_it_was() {
    let request = request(1);
    request.progress().attempts = 2;
    let mut row = row(&request, Outcome::Completed, 7);
    row.cost = Some(NanoUsd(i64::MAX));
    row.used.tier = domain::ServiceTier::Flex;
    row.error = Some("\u{1F600}".to_owned());
    let folder = tempfile::tempdir().expect("a folder");
    let stem = folder.path().join("journal");
    let journal = super::Journal::begin(&stem, &super::journal::Found::default());
    let journal = journal.expect("a journal");
    let mut handed_on = None;
    journal
        .row(Box::new(row.clone()), |row| handed_on = Some(row))
        .expect("a line");
    assert_eq!(handed_on.as_deref(), Some(&row));
    let found = super::journal::read(&stem).expect("a journal");
    assert_eq!(found.rows, [row]);
    assert_eq!(found.unreadable, 0);
}

/// Two calls were running when the process died: both may be billed.
#[test]
fn a_call_beside_another_is_charged_as_well() {
    let folder = tempfile::tempdir().expect("a folder");
    let call = |attempts, used| Progress {
        attempts,
        used: Used::estimate(used, 0),
        ..Progress::default()
    };
    for given_up in [false, true] {
        let folder = folder.path().join(given_up.to_string());
        runtime().block_on(async {
            let db = open(&folder).await;
            let (ledger, _) = Ledger::start(&db).await.expect("a ledger");
            let request = request(1);
            ledger.open(&request);
            *request.progress() = call(1, 10);
            ledger.call(&request);
            *request.progress() = Progress {
                beside: Some(Box::new(call(1, 10))),
                ..call(2, 20)
            };
            ledger.call(&request);
            if given_up {
                // The first was cancelled; its row is written, and then the process dies.
                let mut row = row(&request, Outcome::Abandoned, 10);
                row.attempts = 1;
                ledger.abandon(row);
            }
        });
        runtime().block_on(async {
            let db = open(&folder).await;
            let (ledger, interrupted) = Ledger::start(&db).await.expect("a ledger");
            assert_eq!(interrupted, 1);
            ledger.close().await;
            let rows: Vec<(String, i64, i64)> = sqlx::query_as(
                "select outcome, attempts, input_tokens from ledger.requests order by attempts",
            )
            .fetch_all(db.readers())
            .await
            .expect("rows");
            let expected = [("abandoned", 1, 10), ("interrupted", 2, 20)];
            let expected = expected.map(|(outcome, n, used)| (outcome.to_owned(), n, used));
            assert_eq!(rows, expected, "{given_up}");
        });
    }
}
