//! The log of requests, read backwards page by page. Each page goes on from the row where the one before
//! it ended, so that the thousandth is as quick as the first; and what no index finds is looked for in so
//! many rows at a time, so that no page takes longer for there being ten million of them.

use domain::{
    LedgerRow, RequestId, Timestamp, UserId,
    period::Period,
    request_log::{LogCursor, LogQuery, LogResult},
};
use sqlx::{QueryBuilder, Sqlite};

use crate::{
    Database, LoggedRequest, StorageError,
    reports::{NamedRow, requests_with_names},
    users::contains_pattern,
};

/// Rows that are looked through for one page, where no index finds what is wanted.
const SCANNED: i64 = 50_000;

/// Names that are offered to filter by, of each kind.
const CHOICES: i64 = 200;

/// Whose requests may be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogScope {
    Everyone,
    Own(UserId),
}

/// One page.
#[derive(Clone, Debug)]
pub struct LogPage {
    pub rows: Vec<LoggedRequest>,
    /// `None`: there is no more.
    pub next: Option<LogCursor>,
    /// Not all was looked through; `next` is where to go on.
    pub partial: bool,
}

/// A row of a request, with the name of its backend.
#[derive(Clone, Debug)]
pub struct LogCall {
    pub row: LedgerRow,
    pub backend: Option<String>,
}

/// An id and what it is called.
pub type Named = (i64, String);

#[derive(sqlx::FromRow)]
struct NumberedRow {
    id: i64,
    #[sqlx(flatten)]
    named: NamedRow,
}

impl Database {
    /// A page of the requests that began in `period`, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn log_page(
        &self,
        query: &LogQuery,
        period: Period,
        scope: LogScope,
        limit: u32,
    ) -> Result<LogPage, StorageError> {
        let limit = i64::from(limit.max(1));
        let mut connection = self.ledger_readers().await.acquire().await?;
        let mut sql = QueryBuilder::<Sqlite>::new(requests_with_names!());
        let scans = has_rest(query);
        if scans {
            sql.push(
                " where r.id in (select c.id from (select * from ledger.requests r where r.is_final",
            );
            push_indexed(&mut sql, query, Some(period), scope);
            sql.push(" order by r.started_at desc, r.id desc limit ")
                .push_bind(SCANNED)
                .push(") c where true");
            push_rest(&mut sql, query, "c");
            sql.push(" limit ").push_bind(limit + 1).push(")");
        } else {
            sql.push(" where r.is_final");
            push_indexed(&mut sql, query, Some(period), scope);
        }
        sql.push(" order by r.started_at desc, r.id desc limit ")
            .push_bind(limit + 1);
        let mut rows: Vec<NumberedRow> = sql.build_query_as().fetch_all(&mut *connection).await?;
        let more = i64::try_from(rows.len()).unwrap_or(0) > limit;
        if more {
            rows.pop();
        }
        let last_row = rows.last().map(|row| row.id);
        let rows = rows.into_iter().map(|row| row.named.try_into());
        let rows: Vec<LoggedRequest> = rows.collect::<Result<_, StorageError>>()?;
        let mut page = LogPage {
            next: None,
            partial: false,
            rows,
        };
        if more {
            page.next = page.rows.last().zip(last_row).map(|(last, row)| LogCursor {
                started_at: last.row.started_at,
                row,
            });
        } else if scans {
            let mut end = QueryBuilder::<Sqlite>::new(
                "select r.started_at, r.id from ledger.requests r where r.is_final",
            );
            push_indexed(&mut end, query, Some(period), scope);
            end.push(" order by r.started_at desc, r.id desc limit 1 offset ")
                .push_bind(SCANNED - 1);
            let end: Option<(i64, i64)> = end
                .build_query_as()
                .fetch_optional(&mut *connection)
                .await?;
            page.next = end.map(|(at, row)| LogCursor {
                started_at: Timestamp(at),
                row,
            });
            page.partial = page.next.is_some();
        }
        Ok(page)
    }

    /// Requests that were written after the row numbered `after`, in that order, at most `limit`; with their
    /// numbers.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn log_tail(
        &self,
        query: &LogQuery,
        scope: LogScope,
        after: i64,
        limit: u32,
    ) -> Result<Vec<(i64, LoggedRequest)>, StorageError> {
        let mut sql = QueryBuilder::<Sqlite>::new(requests_with_names!());
        sql.push(" where r.is_final and r.id > ").push_bind(after);
        let unbounded = LogQuery {
            before: None,
            ..query.clone()
        };
        push_indexed(&mut sql, &unbounded, None, scope);
        push_rest(&mut sql, &unbounded, "r");
        sql.push(" order by r.id limit ")
            .push_bind(i64::from(limit));
        let rows: Vec<NumberedRow> = sql
            .build_query_as()
            .fetch_all(self.ledger_readers().await)
            .await?;
        rows.into_iter()
            .map(|row| Ok((row.id, row.named.try_into()?)))
            .collect()
    }

    /// The number of the row that was written last; 0 before the first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn newest_log_row(&self) -> Result<i64, StorageError> {
        let newest: Option<i64> = sqlx::query_scalar("select max(id) from ledger.requests")
            .fetch_one(self.ledger_readers().await)
            .await?;
        Ok(newest.unwrap_or(0))
    }

    /// All rows of a request: the calls that were given up, and the one that ended it, if it has ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn request_calls(
        &self,
        id: RequestId,
        started_at: Timestamp,
    ) -> Result<Vec<LogCall>, StorageError> {
        let rows: Vec<NamedRow> = sqlx::query_as(concat!(
            requests_with_names!(),
            " where r.started_at = $1 and r.request_id = $2 order by r.is_final, r.id"
        ))
        .bind(started_at.0)
        .bind(&id.0.to_be_bytes()[..])
        .fetch_all(self.ledger_readers().await)
        .await?;
        rows.into_iter()
            .map(|row| {
                let logged = LoggedRequest::try_from(row)?;
                Ok(LogCall {
                    row: logged.row,
                    backend: logged.backend,
                })
            })
            .collect()
    }

    /// How many requests there are, from the rollups; `None` where they do not know it: they are kept by
    /// the hour, and not by every word that one can look for.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_logged(
        &self,
        query: &LogQuery,
        period: Period,
        scope: LogScope,
    ) -> Result<Option<u64>, StorageError> {
        const HOUR_MS: i64 = 3_600_000;
        let column = match query.result {
            LogResult::Any => "requests",
            LogResult::Failed => "errors",
            LogResult::Outcome(_) | LogResult::Status(_) => return Ok(None),
        };
        let whole = |at: Timestamp| at.0 == i64::MAX || at.0.rem_euclid(HOUR_MS) == 0;
        if has_rest(query) || !whole(period.start) || !whole(period.end) {
            return Ok(None);
        }
        let mut sql = QueryBuilder::<Sqlite>::new("select coalesce(sum(r.");
        sql.push(column)
            .push("), 0) from ledger.rollups r where r.hour >= ")
            .push_bind(period.start.0)
            .push(" and r.hour < ")
            .push_bind(period.end.0);
        push_whose(&mut sql, query, scope);
        let count: i64 = sql
            .build_query_scalar()
            .fetch_one(self.ledger_readers().await)
            .await?;
        Ok(u64::try_from(count).ok())
    }

    /// Names of users, teams, keys and backends, in this order; the first of each by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn log_choices(&self, scope: LogScope) -> Result<[Vec<Named>; 4], StorageError> {
        let own = match scope {
            LogScope::Everyone => None,
            LogScope::Own(user) => Some(user.0),
        };
        let list = async |sql: &'static str| {
            sqlx::query_as::<_, Named>(sql)
                .bind(own)
                .bind(CHOICES)
                .fetch_all(self.readers())
                .await
        };
        Ok([
            list("select id, name from users where $1 is null order by name collate nocase limit $2").await?,
            list("select id, name from teams where $1 is null order by name collate nocase limit $2").await?,
            list(
                "select k.id, case when $1 is null then coalesce(u.name, t.name, '') || ' · ' || k.label \
                 else k.label end from virtual_keys k left join users u on u.id = k.user_id \
                 left join teams t on t.id = k.team_id \
                 where $1 is null or k.user_id = $1 order by 2 collate nocase limit $2",
            )
            .await?,
            list("select id, name from backends where $1 is null order by name collate nocase limit $2").await?,
        ])
    }

    /// Models that were asked for since `since`, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn models_used(
        &self,
        scope: LogScope,
        since: Timestamp,
    ) -> Result<Vec<String>, StorageError> {
        let mut sql = QueryBuilder::<Sqlite>::new(
            "select distinct r.request_model from ledger.rollups r where r.hour >= ",
        );
        sql.push_bind(since.0);
        push_whose(&mut sql, &LogQuery::default(), scope);
        sql.push(" order by 1 limit ").push_bind(CHOICES);
        Ok(sql
            .build_query_scalar()
            .fetch_all(self.ledger_readers().await)
            .await?)
    }
}

/// Whether something is looked for that no index finds.
fn has_rest(query: &LogQuery) -> bool {
    query.stream.is_some()
        || query.search.is_some()
        || matches!(query.result, LogResult::Outcome(_) | LogResult::Status(_))
}

/// What rollups are kept apart by as well.
fn push_whose(sql: &mut QueryBuilder<Sqlite>, query: &LogQuery, scope: LogScope) {
    if let LogScope::Own(user) = scope {
        sql.push(" and r.user_id = ").push_bind(user.0);
    }
    let ids = [
        (" and r.user_id = ", query.user),
        (" and r.key_id = ", query.key),
        (" and r.team_id = ", query.team),
        (" and r.backend_id = ", query.backend),
    ];
    for (condition, id) in ids {
        if let Some(id) = id {
            sql.push(condition).push_bind(id);
        }
    }
    if let Some(model) = &query.model {
        sql.push(" and r.request_model = ").push_bind(model.clone());
    }
}

fn push_indexed(
    sql: &mut QueryBuilder<Sqlite>,
    query: &LogQuery,
    period: Option<Period>,
    scope: LogScope,
) {
    if let Some(period) = period {
        sql.push(" and r.started_at >= ")
            .push_bind(period.start.0)
            .push(" and r.started_at < ")
            .push_bind(period.end.0);
    }
    if let Some(before) = query.before {
        sql.push(" and r.started_at <= ")
            .push_bind(before.started_at.0)
            .push(" and (r.started_at < ")
            .push_bind(before.started_at.0)
            .push(" or r.id < ")
            .push_bind(before.row)
            .push(")");
    }
    if query.result == LogResult::Failed {
        // In the words of the index, which only then is used.
        sql.push(" and r.outcome not in ('completed', 'client_disconnected')");
    }
    push_whose(sql, query, scope);
}

fn push_rest(sql: &mut QueryBuilder<Sqlite>, query: &LogQuery, table: &'static str) {
    let column = |sql: &mut QueryBuilder<Sqlite>, before: &'static str, name: &'static str| {
        sql.push(before).push(table).push(".").push(name);
    };
    if let Some(stream) = query.stream {
        column(sql, " and ", "stream");
        sql.push(" = ").push_bind(stream);
    }
    match query.result {
        LogResult::Any | LogResult::Failed => {}
        LogResult::Outcome(outcome) => {
            column(sql, " and ", "outcome");
            sql.push(" = ").push_bind(outcome.as_str());
        }
        LogResult::Status(status) => {
            column(sql, " and ", "status");
            sql.push(" = ").push_bind(i64::from(status));
        }
    }
    if let Some(search) = &query.search {
        let pattern = contains_pattern(search);
        for (before, name) in [
            (" and (", "request_model"),
            (" or ", "upstream_model"),
            (" or ", "error"),
        ] {
            column(sql, before, name);
            sql.push(" like ")
                .push_bind(pattern.clone())
                .push(" escape '\\'");
        }
        sql.push(")");
    }
}
