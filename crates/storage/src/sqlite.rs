//! SQLite: two files in WAL mode, one writing connection for each, and a pool of readers that see
//! both. One writer each is all that SQLite can use; queueing for it here is cheaper than finding
//! the file locked.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    SqlitePool,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{DatabaseOptions, StorageError, Synchronous};

static CORE: Migrator = sqlx::migrate!("../../migrations/sqlite/core");
static LEDGER: Migrator = sqlx::migrate!("../../migrations/sqlite/ledger");

/// How long a statement waits for a lock that another process holds, such as a backup.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Prepared statements that a writer keeps; the ledger has two kinds in some thirty sizes each.
const STATEMENTS: usize = 256;

#[derive(Clone, Debug)]
pub(crate) struct Sqlite {
    pub(crate) writer: SqlitePool,
    pub(crate) ledger_writer: SqlitePool,
    /// Readers of accounts; inside a change its own connection, which sees what the change has done.
    pub(crate) readers: SqlitePool,
    /// Readers of both files.
    pub(crate) ledger_readers: SqlitePool,
    /// One more connection that writes accounts, for a change that takes several statements. Used by whoever
    /// holds the writer's only connection, so that there is one writer still.
    pub(crate) changes: SqlitePool,
    /// Where the ledger's journal is: this and a number.
    pub(crate) journal_stem: PathBuf,
    pub(crate) synchronous: Synchronous,
}

impl Sqlite {
    pub(crate) async fn open(options: &DatabaseOptions) -> Result<Self, StorageError> {
        let core_path = path_of(&options.url)?;
        let ledger_path = beside(&core_path, "-ledger");
        for path in [&core_path, &ledger_path] {
            create(path)?;
        }

        // The writers first: they create the tables that readers then find.
        let writer = writer(&core_path, options.synchronous, &CORE, "accounts").await?;
        let ledger_writer = writer_of_ledger(&ledger_path, options.synchronous).await?;
        let readers = readers(&core_path, &ledger_path, options.readers).await?;
        Ok(Self {
            writer,
            ledger_writer,
            ledger_readers: readers.clone(),
            readers,
            changes: one_connection(writer_options(&core_path, options.synchronous)).await?,
            journal_stem: beside(&core_path, "-ledger-journal"),
            synchronous: options.synchronous,
        })
    }

    /// Writers of such a database fail; they are connected when they are first used, which is never.
    pub(crate) async fn open_read_only(options: &DatabaseOptions) -> Result<Self, StorageError> {
        let core_path = path_of(&options.url)?;
        let ledger_path = beside(&core_path, "-ledger");
        for path in [&core_path, &ledger_path] {
            if !path.is_file() {
                return Err(StorageError::Missing { path: path.clone() });
            }
        }
        let never = |path: &Path| {
            let options = SqliteConnectOptions::new().filename(path).read_only(true);
            SqlitePoolOptions::new().connect_lazy_with(options)
        };
        let readers = readers(&core_path, &ledger_path, options.readers).await?;
        Ok(Self {
            writer: never(&core_path),
            ledger_writer: never(&ledger_path),
            ledger_readers: readers.clone(),
            readers,
            changes: never(&core_path),
            journal_stem: beside(&core_path, "-ledger-journal"),
            synchronous: options.synchronous,
        })
    }

    pub(crate) async fn close(&self) {
        // Readers first, so that the writers, closing last, can fold the write-ahead log back in.
        self.ledger_readers.close().await;
        self.changes.close().await;
        self.ledger_writer.close().await;
        self.writer.close().await;
    }
}

async fn writer_of_ledger(
    path: &Path,
    synchronous: Synchronous,
) -> Result<SqlitePool, StorageError> {
    writer(path, synchronous, &LEDGER, "ledger").await
}

async fn writer(
    path: &Path,
    synchronous: Synchronous,
    migrations: &Migrator,
    database: &'static str,
) -> Result<SqlitePool, StorageError> {
    let pool = one_connection(writer_options(path, synchronous)).await?;
    migrations
        .run(&pool)
        .await
        .map_err(|source| StorageError::Migrate { database, source })?;
    Ok(pool)
}

fn writer_options(path: &Path, synchronous: Synchronous) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(match synchronous {
            Synchronous::Normal => SqliteSynchronous::Normal,
            Synchronous::Full => SqliteSynchronous::Full,
        })
        .foreign_keys(true)
        .statement_cache_capacity(STATEMENTS)
        // Pages that every group changes are copied back once for many groups; 16 MB of log at most.
        .pragma("wal_autocheckpoint", "4000")
        .busy_timeout(BUSY_TIMEOUT)
}

async fn one_connection(options: SqliteConnectOptions) -> Result<SqlitePool, StorageError> {
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        // A file does not go away like a server does; asking it each time costs two thread switches.
        .test_before_acquire(false)
        .connect_with(options)
        .await?;
    Ok(pool)
}

async fn readers(core: &Path, ledger: &Path, connections: u32) -> Result<SqlitePool, StorageError> {
    let options = SqliteConnectOptions::new()
        .filename(core)
        .read_only(true)
        .busy_timeout(BUSY_TIMEOUT);
    let ledger: std::sync::Arc<str> = ledger.to_string_lossy().into();
    let pool = SqlitePoolOptions::new()
        .max_connections(connections.max(1))
        .idle_timeout(None)
        .max_lifetime(None)
        // A file does not go away like a server does; asking it each time costs two thread switches.
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            let ledger = ledger.clone();
            Box::pin(async move {
                sqlx::query("attach database $1 as ledger")
                    .bind(ledger.to_string())
                    .execute(connection)
                    .await?;
                Ok(())
            })
        })
        .connect_with(options)
        .await?;
    Ok(pool)
}

fn path_of(url: &str) -> Result<PathBuf, StorageError> {
    let refuse = |reason| Err(StorageError::Url { reason });
    let Some(path) = url
        .strip_prefix("sqlite://")
        .or_else(|| url.strip_prefix("sqlite:"))
    else {
        return refuse("only sqlite is supported");
    };
    if path.is_empty() {
        return refuse("the path is missing");
    }
    if path.contains(":memory:") {
        return refuse("a database in memory cannot be shared by its connections");
    }
    if path.contains('?') {
        return refuse("parameters are not supported");
    }
    Ok(PathBuf::from(path))
}

/// `data/x.db` → `data/x-ledger.db`.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = match path.extension() {
        Some(extension) => format!("{stem}{suffix}.{}", extension.to_string_lossy()),
        None => format!("{stem}{suffix}"),
    };
    path.with_file_name(name)
}

/// Makes an empty file that only its owner can read, which SQLite takes for an empty database and
/// whose mode it copies to the write-ahead log. A file that exists keeps its mode.
fn create(path: &Path) -> Result<(), StorageError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source| StorageError::Create { path, source }
    };
    if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(failed(folder))?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(failed(path))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    /// The migrations up to a version, as an older router has run them.
    fn up_to(version: i64) -> Migrator {
        let old = LEDGER
            .iter()
            .filter(|migration| migration.version <= version);
        Migrator {
            migrations: Cow::Owned(old.cloned().collect()),
            ..Migrator::DEFAULT
        }
    }

    #[tokio::test]
    async fn requests_that_an_older_router_left_open_are_charged() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.db");
        create(&path).expect("a file");
        let old = up_to(20_261_126_000_001);
        let pool = writer(&path, Synchronous::Normal, &old, "ledger").await;
        let pool = pool.expect("an old ledger");
        sqlx::raw_sql(
            "insert into open_requests (request_id, started_at, user_id, team_id, key_id, dialect, \
             request_model, stream, upstream_model, price_id, attempts, input_tokens, \
             output_tokens, cost_nano) values \
             (x'01', 7200001, 1, 2, 3, 'openai', 'm', 1, 'up', 4, 1, 10, 5, 700), \
             (x'02', 7200002, 1, 2, 3, 'openai', 'm', 1, 'up', 4, 1, 20, 6, 800), \
             (x'03', 7200003, null, null, null, 'openai', 'm', 1, 'up', null, 1, 1, 1, null); \
             insert into rollups (hour, user_id, key_id, backend_id, request_model, team_id, \
             requests, errors, unpriced, input_tokens, cache_read_tokens, cache_write_5m_tokens, \
             cache_write_1h_tokens, output_tokens, reasoning_tokens, cost_nano) values \
             (7200000, 1, 3, 0, 'm', 2, 1, 0, 0, 100, 0, 0, 0, 50, 0, 9000)",
        )
        .execute(&pool)
        .await
        .expect("rows of an old router");
        pool.close().await;

        let pool = writer_of_ledger(&path, Synchronous::Normal).await;
        let pool = pool.expect("the ledger of today");
        let rows: Vec<(i64, Option<i64>, Option<i64>)> = sqlx::query_as(
            "select input_tokens, team_id, cost_nano from requests \
             where outcome = 'interrupted' and usage_estimated and is_final order by started_at",
        )
        .fetch_all(&pool)
        .await
        .expect("rows");
        assert_eq!(
            rows,
            [
                (10, Some(2), Some(700)),
                (20, Some(2), Some(800)),
                (1, None, None)
            ]
        );
        let sums: Vec<(i64, i64, i64, i64, i64, i64, i64)> = sqlx::query_as(
            "select user_id, team_id, requests, errors, unpriced, input_tokens, cost_nano \
             from rollups order by user_id",
        )
        .fetch_all(&pool)
        .await
        .expect("sums");
        assert_eq!(sums, [(0, 0, 1, 1, 1, 1, 0), (1, 2, 3, 2, 0, 130, 10_500)]);
    }

    #[test]
    fn the_ledger_lies_beside_the_accounts() {
        let path = path_of("sqlite://data/llm-router.db").expect("a path");
        assert_eq!(path, Path::new("data/llm-router.db"));
        assert_eq!(
            beside(&path, "-ledger"),
            Path::new("data/llm-router-ledger.db")
        );
        let path = path_of("sqlite:///var/lib/router").expect("a path");
        assert_eq!(
            beside(&path, "-ledger"),
            Path::new("/var/lib/router-ledger")
        );
    }

    #[test]
    fn what_cannot_be_opened_is_refused_without_repeating_it() {
        for url in [
            "",
            "sqlite://",
            "sqlite::memory:",
            "sqlite://x.db?mode=ro",
            "postgres://u:hunter2@h/d",
        ] {
            let error = path_of(url).expect_err("a refusal").to_string();
            assert!(error.contains("sqlite://data/llm-router.db"), "{error}");
            assert!(!error.contains("hunter2"));
        }
    }
}
