//! Checks the books: everything that is derived from the ledger's rows (rollups, the spend of every
//! day and month, costs) is computed again from the rows and compared; and hands the rows out for
//! others to check. Reads only, also while a router is writing.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use domain::{
    BudgetScope, DeploymentId, LedgerRow, NanoUsd, Price, PriceId, RequestId, Timestamp,
    budget::BudgetPeriod,
    period::{self, Period},
};
use jiff::tz::TimeZone;
use sqlx::{Acquire as _, SqliteConnection};

use crate::{
    Database, PriceRecord, StorageError,
    budgets::spend,
    ledger, prices,
    reports::RequestRow,
    usage_sums::{Group, Scope, sums_on},
};

/// Rows that are read at once.
const PAGE: i64 = 2_000;

/// How often, and how long apart, it is looked for the end of a request that seems to have none. A
/// router that has ended it writes that within milliseconds.
const LOOKS: u32 = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// Differences that are told one by one; a broken ledger has too many for anybody to read.
pub const MAX_DIFFERENCES: usize = 1_000;

/// Something that is not as the rows say it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which check found it: `cost`, `rollup`, `minute`, `timing`, `budget period`, `request`, `reset`.
    pub check: &'static str,
    /// Where exactly: the request, or the hour and whose, or the budget and its period.
    pub place: String,
    pub expected: String,
    pub found: String,
}

/// What was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    pub rows: u64,
    pub requests: u64,
    pub rollups: u64,
    pub budget_periods: u64,
    /// Of all rows.
    pub cost: NanoUsd,
    /// Rows of an older version, which do not name the price that they were computed by; the price
    /// that held then was taken.
    pub dated_by_time: u64,
    /// The first [`MAX_DIFFERENCES`].
    pub differences: Vec<Difference>,
    pub difference_count: u64,
}

impl Verified {
    fn differ(&mut self, check: &'static str, place: String, expected: String, found: String) {
        self.difference_count += 1;
        if self.differences.len() < MAX_DIFFERENCES {
            self.differences.push(Difference {
                check,
                place,
                expected,
                found,
            });
        }
    }
}

/// Prices by their row, and those of a deployment, the oldest first.
struct Prices {
    by_id: HashMap<PriceId, (DeploymentId, Price)>,
    by_deployment: HashMap<DeploymentId, Vec<PriceRecord>>,
}

impl Prices {
    async fn load(connection: &mut SqliteConnection) -> Result<Self, StorageError> {
        let by_deployment = prices::histories(connection).await?;
        let mut by_id = HashMap::new();
        for (deployment, records) in &by_deployment {
            for record in records {
                if let Some(price) = &record.price {
                    by_id.insert(record.id, (*deployment, price.clone()));
                }
            }
        }
        Ok(Self {
            by_id,
            by_deployment,
        })
    }

    /// What a row should cost, or why that cannot be said. `None`: it has no price.
    fn expected(&self, row: &LedgerRow, dated: &mut u64) -> Result<Option<NanoUsd>, String> {
        if let Some(id) = row.price_id {
            let Some((deployment, price)) = self.by_id.get(&id) else {
                return Err(format!("price {id} is not in the history"));
            };
            if row.deployment_id != Some(*deployment) {
                return Err(format!("price {id} is that of deployment {deployment}"));
            }
            return Ok(Some(price.cost(&row.used.tokens, row.used.tier)));
        }
        if row.cost.is_none() || row.used.tokens == domain::TokenUsage::default() {
            return Ok(row.cost.map(|_| NanoUsd::ZERO));
        }
        *dated += 1;
        let records = row.deployment_id.and_then(|id| self.by_deployment.get(&id));
        let held = records.and_then(|records| {
            let before = records.iter().rev();
            before
                .filter_map(|record| Some((record.effective_from, record.price.as_ref()?)))
                .find(|(from, _)| *from <= row.started_at)
        });
        match held {
            Some((_, price)) => Ok(Some(price.cost(&row.used.tokens, row.used.tier))),
            None => Err("no price of that day is known".to_owned()),
        }
    }
}

#[derive(sqlx::FromRow)]
struct NumberedRow {
    row_id: i64,
    #[sqlx(flatten)]
    row: RequestRow,
}

/// A row for export, with the names of whom and what it concerns.
#[derive(Clone, Debug)]
pub struct ExportedRow {
    pub row: LedgerRow,
    pub user: Option<String>,
    pub team: Option<String>,
    pub key_label: Option<String>,
    pub backend: Option<String>,
}

#[derive(sqlx::FromRow)]
struct ExportRow {
    row_id: i64,
    #[sqlx(flatten)]
    row: RequestRow,
    user_name: Option<String>,
    team_name: Option<String>,
    key_label: Option<String>,
    backend_name: Option<String>,
}

impl Database {
    /// Computes everything again from the rows. Days and months begin in `zone`.
    ///
    /// # Errors
    /// When the database cannot be read; differences are no error.
    pub async fn verify_ledger(&self, zone: &TimeZone) -> Result<Verified, StorageError> {
        let mut connection = self.ledger_readers().await.acquire().await?;
        // One snapshot, so that rows that are written meanwhile are seen with their rollups or not at all.
        let mut snapshot = connection.begin().await?;
        let mut verified = Verified::default();
        let prices = Prices::load(&mut snapshot).await?;
        let sums = check_rows(&mut snapshot, &prices, zone, &mut verified).await?;
        let not_ended = check_requests(&mut snapshot, &mut verified).await?;
        check_rollups(&mut snapshot, &mut verified).await?;
        check_minutes(&mut snapshot, &mut verified).await?;
        check_timings(&mut snapshot, &mut verified).await?;
        check_periods(&mut snapshot, &sums, &mut verified).await?;
        check_resets(&mut snapshot, &sums, &mut verified).await?;
        drop(snapshot);
        drop(connection);
        self.check_running(not_ended, &mut verified).await?;
        Ok(verified)
    }

    /// Requests that had a call given up and no end yet: a router may be about to end them.
    async fn check_running(
        &self,
        requests: Vec<RequestId>,
        verified: &mut Verified,
    ) -> Result<(), StorageError> {
        if requests.is_empty() {
            return Ok(());
        }
        let mut left = requests;
        for _ in 0..LOOKS {
            let running = ledger::running(self)?;
            let mut not_there = Vec::new();
            for id in left {
                if !running.contains(&id) && self.find_request(id).await?.is_none() {
                    not_there.push(id);
                }
            }
            left = not_there;
            if left.is_empty() {
                break;
            }
            // What has just ended is on its way.
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        for id in left {
            let expected = "1 row that ends it".to_owned();
            verified.differ("request", id.to_string(), expected, "0".to_owned());
        }
        Ok(())
    }

    /// Rows that began in `period`, in the order in which they were written, after the one numbered
    /// `after`; at most some thousand. With the number of the last one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn export_page(
        &self,
        period: Period,
        after: i64,
    ) -> Result<(Vec<ExportedRow>, i64), StorageError> {
        let rows: Vec<ExportRow> = sqlx::query_as(
            "select r.id as row_id, r.*, u.name as user_name, t.name as team_name, \
             k.label as key_label, b.name as backend_name \
             from ledger.requests r left join users u on u.id = r.user_id \
             left join teams t on t.id = r.team_id left join virtual_keys k on k.id = r.key_id \
             left join backends b on b.id = r.backend_id \
             where r.id > $1 and r.started_at >= $2 and r.started_at < $3 order by r.id limit $4",
        )
        .bind(after)
        .bind(period.start.0)
        .bind(period.end.0)
        .bind(PAGE)
        .fetch_all(self.ledger_readers().await)
        .await?;
        let last = rows.last().map_or(after, |row| row.row_id);
        let rows = rows.into_iter().map(|row| {
            Ok(ExportedRow {
                row: row.row.try_into()?,
                user: row.user_name,
                team: row.team_name,
                key_label: row.key_label,
                backend: row.backend_name,
            })
        });
        Ok((rows.collect::<Result<_, StorageError>>()?, last))
    }
}

/// Sums of rows by whose budget, kind of period, and the period's start and end.
type PeriodSums = BTreeMap<(BudgetScope, &'static str, i64, i64), NanoUsd>;

/// The cost of every row, by the price that it names.
async fn check_rows(
    connection: &mut SqliteConnection,
    prices: &Prices,
    zone: &TimeZone,
    verified: &mut Verified,
) -> Result<PeriodSums, StorageError> {
    let mut sums = PeriodSums::new();
    let mut after = 0;
    // Rows follow each other in time; the zone is asked once for each day.
    let mut day: Option<(Period, Period)> = None;
    loop {
        let rows: Vec<NumberedRow> = sqlx::query_as(
            "select id as row_id, * from ledger.requests where id > $1 order by id limit $2",
        )
        .bind(after)
        .bind(PAGE)
        .fetch_all(&mut *connection)
        .await?;
        let Some(last) = rows.last() else {
            return Ok(sums);
        };
        after = last.row_id;
        for NumberedRow { row, .. } in rows {
            let row = LedgerRow::try_from(row)?;
            verified.rows += 1;
            let cost = row.cost.unwrap_or_default();
            verified.cost += cost;
            match prices.expected(&row, &mut verified.dated_by_time) {
                Ok(expected) if expected == row.cost => {}
                Ok(expected) => {
                    let text = |cost: Option<NanoUsd>| {
                        cost.map_or("unpriced".to_owned(), |cost| cost.to_string())
                    };
                    verified.differ("cost", place_of(&row), text(expected), text(row.cost));
                }
                Err(why) => {
                    let expected = "a price".to_owned();
                    verified.differ("cost", place_of(&row), expected, why);
                }
            }
            let (day, month) = match day {
                Some(periods) if periods.0.contains(row.started_at) => periods,
                _ => *day.insert((
                    period::day(row.started_at, zone),
                    period::month(row.started_at, zone),
                )),
            };
            let scopes = [
                row.user_id.map(BudgetScope::User),
                row.team_id.map(BudgetScope::Team),
                row.key_id.map(BudgetScope::Key),
            ];
            for scope in scopes.into_iter().flatten() {
                for (kind, period) in [(BudgetPeriod::Daily, day), (BudgetPeriod::Monthly, month)] {
                    let key = (scope, kind.as_str(), period.start.0, period.end.0);
                    *sums.entry(key).or_default() += cost;
                }
            }
        }
    }
}

fn place_of(row: &LedgerRow) -> String {
    format!("{}, call {}", row.request_id, row.attempts)
}

/// Every request ends once. Returns those that have not ended.
async fn check_requests(
    connection: &mut SqliteConnection,
    verified: &mut Verified,
) -> Result<Vec<RequestId>, StorageError> {
    let requests: i64 = sqlx::query_scalar(
        "select count(*) from (select 1 from ledger.requests group by request_id)",
    )
    .fetch_one(&mut *connection)
    .await?;
    verified.requests = u64::try_from(requests).unwrap_or(0);
    let wrong: Vec<(Vec<u8>, i64)> = sqlx::query_as(
        "select request_id, sum(is_final) from ledger.requests \
         group by request_id having sum(is_final) <> 1",
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut not_ended = Vec::new();
    for (id, finals) in wrong {
        let id: Result<[u8; 16], _> = id.try_into();
        let id = id.map_err(|_| StorageError::Corrupt { what: "request id" })?;
        let id = RequestId(u128::from_be_bytes(id));
        if finals == 0 {
            not_ended.push(id);
            continue;
        }
        let expected = "1 row that ends it".to_owned();
        verified.differ("request", id.to_string(), expected, finals.to_string());
    }
    Ok(not_ended)
}

#[derive(sqlx::FromRow)]
struct RollupDifference {
    hour: i64,
    user_id: i64,
    key_id: i64,
    backend_id: i64,
    request_model: String,
    column: String,
    expected: i64,
    found: i64,
}

/// The columns of a rollup, and what each is in a row.
const SUMMED: [(&str, &str); 11] = [
    ("team_id", "max(coalesce(team_id, 0))"),
    ("requests", "sum(is_final)"),
    (
        "errors",
        "sum(is_final and outcome not in ('completed', 'client_disconnected'))",
    ),
    ("unpriced", "sum(is_final and cost_nano is null)"),
    ("input_tokens", "sum(input_tokens)"),
    ("cache_read_tokens", "sum(cache_read_tokens)"),
    ("cache_write_5m_tokens", "sum(cache_write_5m_tokens)"),
    ("cache_write_1h_tokens", "sum(cache_write_1h_tokens)"),
    ("output_tokens", "sum(output_tokens)"),
    ("reasoning_tokens", "sum(reasoning_tokens)"),
    ("cost_nano", "coalesce(sum(cost_nano), 0)"),
];

/// Every rollup is the sum of its rows, and every row is in one.
async fn check_rollups(
    connection: &mut SqliteConnection,
    verified: &mut Verified,
) -> Result<(), StorageError> {
    let rollups: i64 = sqlx::query_scalar("select count(*) from ledger.rollups")
        .fetch_one(&mut *connection)
        .await?;
    verified.rollups = u64::try_from(rollups).unwrap_or(0);
    let list = |part: &dyn Fn(&str, &str) -> String| {
        let parts: Vec<String> = SUMMED.iter().map(|(name, sum)| part(name, sum)).collect();
        parts.join(", ")
    };
    let each = |part: &dyn Fn(&str) -> String| {
        let parts: Vec<String> = SUMMED.iter().map(|(name, _)| part(name)).collect();
        parts.join(" union all ")
    };
    // Both sides as rows of one list, so that a group that only one of them has shows up as well.
    let sql = format!(
        "with should as (select started_at - started_at % 3600000 as hour, \
         coalesce(user_id, 0) as user_id, coalesce(key_id, 0) as key_id, \
         coalesce(backend_id, 0) as backend_id, request_model, {summed} \
         from ledger.requests group by 1, 2, 3, 4, 5), \
         joined as (select coalesce(s.hour, r.hour) as hour, \
         coalesce(s.user_id, r.user_id) as user_id, coalesce(s.key_id, r.key_id) as key_id, \
         coalesce(s.backend_id, r.backend_id) as backend_id, \
         coalesce(s.request_model, r.request_model) as request_model, {pairs} \
         from should s full outer join ledger.rollups r on r.hour = s.hour \
         and r.user_id = s.user_id and r.key_id = s.key_id and r.backend_id = s.backend_id \
         and r.request_model = s.request_model) {differences}",
        summed = list(&|name, sum| format!("{sum} as {name}")),
        pairs = list(&|name, _| format!(
            "coalesce(s.{name}, 0) as should_{name}, coalesce(r.{name}, 0) as is_{name}"
        )),
        differences = each(&|name| format!(
            "select hour, user_id, key_id, backend_id, request_model, '{name}' as column, \
             should_{name} as expected, is_{name} as found from joined \
             where should_{name} <> is_{name}"
        )),
    );
    // Made of the constant table above and of nothing else.
    let rows: Vec<RollupDifference> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .fetch_all(&mut *connection)
        .await?;
    for row in rows {
        let hour = jiff::Timestamp::from_millisecond(row.hour).unwrap_or_default();
        let place = format!(
            "hour {hour}, user {}, key {}, backend {}, model \"{}\": {}",
            row.user_id, row.key_id, row.backend_id, row.request_model, row.column
        );
        let (expected, found) = (row.expected.to_string(), row.found.to_string());
        verified.differ("rollup", place, expected, found);
    }
    Ok(())
}

#[derive(sqlx::FromRow)]
struct MinuteDifference {
    minute: i64,
    backend_id: i64,
    expected: String,
    found: String,
}

/// Minutes are kept for a month, and since the version that has them: those that are there are what their
/// rows say, and between the first and the last none is missing.
async fn check_minutes(
    connection: &mut SqliteConnection,
    verified: &mut Verified,
) -> Result<(), StorageError> {
    let rows: Vec<MinuteDifference> = sqlx::query_as(
        "with oldest as (select min(minute) as minute from ledger.minutes), \
         should as (select started_at - started_at % 60000 as minute, \
         coalesce(backend_id, 0) as backend_id, \
         sum(is_final) || ' requests, ' \
         || sum(is_final and outcome not in ('completed', 'client_disconnected')) || ' errors, ' \
         || sum(is_final and stream) || ' streams, ' \
         || sum(is_final * duration_ms) || ' ms, ' \
         || sum(is_final * coalesce(time_to_first_chunk_ms, 0)) || ' ms to the first of ' \
         || sum(is_final and time_to_first_chunk_ms is not null) || ', ' \
         || sum(input_tokens + cache_read_tokens + cache_write_5m_tokens \
         + cache_write_1h_tokens) || ' tokens in, ' \
         || sum(cache_read_tokens) || ' cached, ' || sum(output_tokens) || ' out, ' \
         || coalesce(sum(cost_nano), 0) || ' nano-dollars, ' \
         || min(started_at) || ' to ' || max(started_at) as text \
         from ledger.requests, oldest where started_at >= oldest.minute group by 1, 2), \
         found as (select minute, backend_id, requests || ' requests, ' || errors || ' errors, ' \
         || streams || ' streams, ' || duration_ms || ' ms, ' || first_chunk_ms \
         || ' ms to the first of ' || first_chunks || ', ' || input_tokens || ' tokens in, ' \
         || cached_tokens || ' cached, ' || output_tokens || ' out, ' || cost_nano \
         || ' nano-dollars, ' || first_at || ' to ' || last_at as text from ledger.minutes) \
         select coalesce(s.minute, f.minute) as minute, \
         coalesce(s.backend_id, f.backend_id) as backend_id, \
         coalesce(s.text, 'nothing') as expected, coalesce(f.text, 'nothing') as found \
         from should s full outer join found f \
         on f.minute = s.minute and f.backend_id = s.backend_id \
         where coalesce(s.text, '') <> coalesce(f.text, '')",
    )
    .fetch_all(&mut *connection)
    .await?;
    for row in rows {
        let minute = jiff::Timestamp::from_millisecond(row.minute).unwrap_or_default();
        let place = format!("minute {minute}, backend {}", row.backend_id);
        verified.differ("minute", place, row.expected, row.found);
    }
    Ok(())
}

/// Every time that a request took is counted in its slot, and nothing else is.
async fn check_timings(
    connection: &mut SqliteConnection,
    verified: &mut Verified,
) -> Result<(), StorageError> {
    let rows: Vec<(i64, i64, i64, String, i64, String, String)> = sqlx::query_as(
        "with each as (select started_at - started_at % 3600000 as hour, \
         coalesce(user_id, 0) as user_id, coalesce(key_id, 0) as key_id, \
         coalesce(backend_id, 0) as backend_id, request_model, coalesce(team_id, 0) as team_id, \
         (select max(slot) from ledger.timing_slots where from_ms <= max(duration_ms, 0)) as slot, \
         1 as durations, 0 as first_chunks from ledger.requests where outcome = 'completed' \
         union all select started_at - started_at % 3600000, coalesce(user_id, 0), \
         coalesce(key_id, 0), coalesce(backend_id, 0), request_model, coalesce(team_id, 0), \
         (select max(slot) from ledger.timing_slots where from_ms <= max(time_to_first_chunk_ms, 0)), \
         0, 1 from ledger.requests \
         where outcome = 'completed' and time_to_first_chunk_ms is not null), \
         should as (select hour, user_id, key_id, backend_id, request_model, slot, \
         sum(durations) || ' in all, ' || sum(first_chunks) || ' to the first, team ' \
         || max(team_id) as text from each group by 1, 2, 3, 4, 5, 6), \
         found as (select hour, user_id, key_id, backend_id, request_model, slot, \
         durations || ' in all, ' || first_chunks || ' to the first, team ' || team_id as text \
         from ledger.timings) \
         select coalesce(s.hour, f.hour), coalesce(s.user_id, f.user_id), \
         coalesce(s.key_id, f.key_id), coalesce(s.request_model, f.request_model), \
         coalesce(s.slot, f.slot), coalesce(s.text, 'nothing'), coalesce(f.text, 'nothing') \
         from should s full outer join found f on f.hour = s.hour and f.user_id = s.user_id \
         and f.key_id = s.key_id and f.backend_id = s.backend_id \
         and f.request_model = s.request_model and f.slot = s.slot \
         where coalesce(s.text, '') <> coalesce(f.text, '')",
    )
    .fetch_all(&mut *connection)
    .await?;
    for (hour, user, key, model, slot, expected, found) in rows {
        let hour = jiff::Timestamp::from_millisecond(hour).unwrap_or_default();
        let place = format!("hour {hour}, user {user}, key {key}, model \"{model}\", slot {slot}");
        verified.differ("timing", place, expected, found);
    }
    Ok(())
}

/// What every budget sees as spent, in every day and month, is what its rows cost.
async fn check_periods(
    connection: &mut SqliteConnection,
    sums: &PeriodSums,
    verified: &mut Verified,
) -> Result<(), StorageError> {
    let mut periods: Vec<Period> = sums
        .keys()
        .map(|(_, _, start, end)| Period {
            start: Timestamp(*start),
            end: Timestamp(*end),
        })
        .collect();
    periods.sort_by_key(|period| (period.start, period.end));
    periods.dedup();
    let mut seen: HashMap<(BudgetScope, i64, i64), NanoUsd> = HashMap::new();
    for some in periods.chunks(50) {
        for group in [Group::User, Group::Team, Group::Key] {
            for sum in sums_on(&mut *connection, some, Scope::Everyone, group).await? {
                let Some(period) = some.get(sum.span) else {
                    continue;
                };
                if let Some((scope, cost)) = spend(sum) {
                    seen.insert((scope, period.start.0, period.end.0), cost);
                }
            }
        }
    }
    for ((scope, kind, start, end), expected) in sums {
        verified.budget_periods += 1;
        let found = seen
            .get(&(*scope, *start, *end))
            .copied()
            .unwrap_or_default();
        if found != *expected {
            let place = budget_place(*scope, kind, *start);
            let (expected, found) = (expected.to_string(), found.to_string());
            verified.differ("budget period", place, expected, found);
        }
    }
    Ok(())
}

/// No reset forgives more than was spent.
async fn check_resets(
    connection: &mut SqliteConnection,
    sums: &PeriodSums,
    verified: &mut Verified,
) -> Result<(), StorageError> {
    let rows: Vec<(String, i64, String, i64, i64)> = sqlx::query_as(
        "select scope, scope_id, period, period_start, sum(forgiven_nano) from budget_resets \
         group by scope, scope_id, period, period_start",
    )
    .fetch_all(connection)
    .await?;
    for (kind, id, period, start, forgiven) in rows {
        let corrupt = |what| StorageError::Corrupt { what };
        let scope = BudgetScope::parse(&kind, id).ok_or(corrupt("budget scope"))?;
        let period = BudgetPeriod::parse(&period).ok_or(corrupt("budget period"))?;
        let from = (scope, period.as_str(), start, i64::MIN);
        let to = (scope, period.as_str(), start, i64::MAX);
        let mut of_period = sums.range(from..=to);
        let spent = of_period.next().map_or(NanoUsd::ZERO, |(_, spent)| *spent);
        if NanoUsd(forgiven) > spent {
            let place = budget_place(scope, period.as_str(), start);
            let expected = format!("at most {spent} forgiven");
            verified.differ("reset", place, expected, NanoUsd(forgiven).to_string());
        }
    }
    Ok(())
}

fn budget_place(scope: BudgetScope, kind: &str, start: i64) -> String {
    let start = jiff::Timestamp::from_millisecond(start).unwrap_or_default();
    let (whose, id) = (scope.kind(), scope.id());
    format!("{kind} budget of {whose} {id}, period from {start}")
}
