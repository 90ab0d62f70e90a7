//! The ledger as another program reads it: the database's file, by a connection of its own, and the
//! journal beside it, from which the database takes its rows.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use domain::RequestId;
use serde::Deserialize;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::until;

/// A row of the table `requests`.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Row {
    pub request_id: Vec<u8>,
    /// It ends its request; others are upstream calls that were given up.
    pub is_final: bool,
    pub team_id: Option<i64>,
    pub price_id: Option<i64>,
    pub service_tier: String,
    pub user_id: Option<i64>,
    pub key_id: Option<i64>,
    pub dialect: String,
    pub request_model: String,
    pub upstream_model: String,
    pub stream: bool,
    pub outcome: String,
    pub status: i64,
    pub input_tokens: i64,
    pub cache_read_tokens: i64,
    pub cache_write_5m_tokens: i64,
    pub cache_write_1h_tokens: i64,
    pub output_tokens: i64,
    pub usage_estimated: bool,
    pub cost_nano: Option<i64>,
    pub attempts: i64,
    pub time_to_first_chunk_ms: Option<i64>,
    pub error: Option<String>,
    pub route: Option<String>,
}

/// The sums of the table `rollups`.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Sums {
    pub requests: i64,
    pub errors: i64,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub cost_nano: i64,
}

#[derive(Clone, Debug)]
pub struct LedgerFile(PathBuf);

/// A line of the journal.
#[derive(Deserialize)]
enum Line {
    Call(Request, serde::de::IgnoredAny),
    Row(Request),
}

#[derive(Deserialize)]
struct Request {
    request_id: RequestId,
    request_model: String,
    outcome: Option<domain::Outcome>,
}

impl Request {
    fn has_ended(&self) -> bool {
        self.outcome.is_some_and(domain::Outcome::is_final)
    }
}

impl LedgerFile {
    /// Of the database that a [`super::Setup`] in this folder names.
    pub fn in_folder(folder: &Path) -> Self {
        Self(folder.join("router-ledger.db"))
    }

    /// Connects when the database has every request that had ended before.
    async fn connect(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new()
            .filename(&self.0)
            .read_only(true);
        let mut connection = SqliteConnection::connect_with(&options)
            .await
            .expect("a ledger to read");
        let mut ended: HashSet<RequestId> = HashSet::new();
        for line in self.journal() {
            if let Line::Row(row) = line
                && row.has_ended()
            {
                ended.insert(row.request_id);
            }
        }
        until("the database to have what the journal has", async || {
            let there: Vec<Vec<u8>> =
                sqlx::query_scalar("select request_id from requests where is_final")
                    .fetch_all(&mut connection)
                    .await
                    .expect("ids");
            let there: HashSet<&[u8]> = there.iter().map(Vec::as_slice).collect();
            let mut ended = ended.iter();
            ended
                .all(|id| there.contains(&id.0.to_be_bytes()[..]))
                .then_some(())
        })
        .await;
        connection
    }

    /// The lines of the journal; one that is just being written is left out.
    fn journal(&self) -> Vec<Line> {
        let folder = self.0.parent().expect("a folder");
        let mut lines = Vec::new();
        for entry in std::fs::read_dir(folder).expect("a folder to read") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if !name.starts_with("router-ledger-journal.") {
                continue;
            }
            // The router removes a file whose rows the database has.
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            lines.extend(
                text.lines()
                    .filter_map(|line| serde_json::from_str(line).ok()),
            );
        }
        lines
    }

    /// All rows, in the order in which they were written.
    pub async fn rows(&self) -> Vec<Row> {
        sqlx::query_as("select * from requests order by id")
            .fetch_all(&mut self.connect().await)
            .await
            .expect("rows")
    }

    /// The row that ends a request, if it is there at this moment.
    pub async fn find(&self, id: RequestId) -> Option<Row> {
        let mut found: Vec<Row> =
            sqlx::query_as("select * from requests where request_id = $1 and is_final")
                .bind(id.0.to_be_bytes().to_vec())
                .fetch_all(&mut self.connect().await)
                .await
                .expect("rows");
        assert!(found.len() <= 1, "one row a request");
        found.pop()
    }

    /// Waits until there are so many rows.
    pub async fn wait_for(&self, count: usize) -> Vec<Row> {
        until("rows in the ledger", async || {
            let rows = self.rows().await;
            (rows.len() >= count).then_some(rows)
        })
        .await
    }

    /// The only row, once it is there.
    pub async fn only(&self) -> Row {
        let mut rows = self.wait_for(1).await;
        assert_eq!(rows.len(), 1);
        rows.remove(0)
    }

    pub async fn rollups(&self) -> Sums {
        sqlx::query_as(
            "select sum(requests) requests, sum(errors) errors, sum(input_tokens) input_tokens, \
             sum(output_tokens) output_tokens, sum(cost_nano) cost_nano from rollups",
        )
        .fetch_one(&mut self.connect().await)
        .await
        .expect("sums")
    }

    /// Requests for `model` that are noted as running.
    pub fn open(&self, model: &str) -> usize {
        let mut running: HashMap<RequestId, bool> = HashMap::new();
        for line in self.journal() {
            let (Line::Call(request, _) | Line::Row(request)) = line;
            if request.request_model == model {
                let running = running.entry(request.request_id).or_insert(true);
                *running &= !request.has_ended();
            }
        }
        running.values().filter(|running| **running).count()
    }
}
