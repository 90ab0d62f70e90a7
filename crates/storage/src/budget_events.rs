//! What was told about budgets: that a soft limit was passed, that a hard one refused a call. Each at
//! most once in a period, whoever notices it and however often.

use domain::{
    BudgetScope, NanoUsd, Timestamp,
    budget::{BudgetEvent, BudgetEventKind, BudgetPeriod},
};

use crate::{Database, StorageError};

/// An event that was noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRecord {
    pub id: i64,
    pub event: BudgetEvent,
    /// Of whose budget it is; `None` where they were deleted since.
    pub name: Option<String>,
    pub delivered_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct EventRow {
    id: i64,
    scope: String,
    scope_id: i64,
    kind: String,
    period: String,
    period_start: i64,
    period_end: i64,
    spent_nano: i64,
    limit_nano: i64,
    created_at: i64,
    delivered_at: Option<i64>,
    name: Option<String>,
}

impl TryFrom<EventRow> for EventRecord {
    type Error = StorageError;

    fn try_from(row: EventRow) -> Result<Self, StorageError> {
        let corrupt = |what| StorageError::Corrupt { what };
        Ok(Self {
            id: row.id,
            event: BudgetEvent {
                scope: BudgetScope::parse(&row.scope, row.scope_id)
                    .ok_or(corrupt("budget scope"))?,
                kind: BudgetEventKind::parse(&row.kind).ok_or(corrupt("budget event"))?,
                period: BudgetPeriod::parse(&row.period).ok_or(corrupt("budget period"))?,
                period_start: Timestamp(row.period_start),
                period_end: Timestamp(row.period_end),
                spent: NanoUsd(row.spent_nano),
                limit: NanoUsd(row.limit_nano),
                at: Timestamp(row.created_at),
            },
            name: row.name,
            delivered_at: row.delivered_at.map(Timestamp),
        })
    }
}

macro_rules! events {
    () => {
        "select e.*, coalesce(u.name, t.name, k.label) as name from budget_events e \
         left join users u on e.scope = 'user' and u.id = e.scope_id \
         left join teams t on e.scope = 'team' and t.id = e.scope_id \
         left join virtual_keys k on e.scope = 'key' and k.id = e.scope_id"
    };
}

impl Database {
    /// Notes an event. `None`: it was noted before in its period.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_budget_event(
        &self,
        event: &BudgetEvent,
    ) -> Result<Option<EventRecord>, StorageError> {
        let id: Option<i64> = sqlx::query_scalar(
            "insert into budget_events (scope, scope_id, kind, period, period_start, period_end, \
             spent_nano, limit_nano, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
             on conflict do nothing returning id",
        )
        .bind(event.scope.kind())
        .bind(event.scope.id())
        .bind(event.kind.as_str())
        .bind(event.period.as_str())
        .bind(event.period_start.0)
        .bind(event.period_end.0)
        .bind(event.spent.0)
        .bind(event.limit.0)
        .bind(event.at.0)
        .fetch_optional(self.writer())
        .await?;
        let Some(id) = id else { return Ok(None) };
        let row = sqlx::query_as::<_, EventRow>(concat!(events!(), " where e.id = $1"))
            .bind(id)
            .fetch_optional(self.readers())
            .await?;
        row.map(EventRecord::try_from).transpose()
    }

    /// The latest events, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn latest_budget_events(&self, limit: u32) -> Result<Vec<EventRecord>, StorageError> {
        let rows =
            sqlx::query_as::<_, EventRow>(concat!(events!(), " order by e.id desc limit $1"))
                .bind(i64::from(limit))
                .fetch_all(self.readers())
                .await?;
        rows.into_iter().map(EventRecord::try_from).collect()
    }

    /// Events of `whose` budgets that were noted since `since`, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn budget_events_of(
        &self,
        whose: BudgetScope,
        since: Timestamp,
    ) -> Result<Vec<EventRecord>, StorageError> {
        let rows = sqlx::query_as::<_, EventRow>(concat!(
            events!(),
            " where e.scope = $1 and e.scope_id = $2 and e.created_at >= $3 order by e.id desc"
        ))
        .bind(whose.kind())
        .bind(whose.id())
        .bind(since.0)
        .fetch_all(self.readers())
        .await?;
        rows.into_iter().map(EventRecord::try_from).collect()
    }

    /// Events noted since `since` that the webhook has not taken, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn undelivered_budget_events(
        &self,
        since: Timestamp,
    ) -> Result<Vec<EventRecord>, StorageError> {
        let rows = sqlx::query_as::<_, EventRow>(concat!(
            events!(),
            " where e.delivered_at is null and e.created_at >= $1 order by e.id limit 1000"
        ))
        .bind(since.0)
        .fetch_all(self.readers())
        .await?;
        rows.into_iter().map(EventRecord::try_from).collect()
    }

    /// The webhook has taken the event.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_budget_event_delivered(
        &self,
        id: i64,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        sqlx::query("update budget_events set delivered_at = $2 where id = $1")
            .bind(id)
            .bind(now.0)
            .execute(self.writer())
            .await?;
        Ok(())
    }
}
