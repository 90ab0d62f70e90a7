//! What the dashboards read: sums, and single requests with the names of whom and what they
//! concern. Where a day begins is for the caller to say; this file knows no time zone.

use std::collections::HashMap;

use domain::{
    BackendId, DeploymentId, Dialect, KeyId, KeyOwner, LedgerRow, NanoUsd, Outcome, PriceId,
    RequestId, ServiceTier, TeamId, Timestamp, TokenUsage, Used, UserId,
    period::Period,
    report::{NamedTotals, Totals, UserModelTotals},
};

use sqlx::{QueryBuilder, Sqlite};

use crate::{
    Database, StorageError,
    usage_sums::{Group, Scope},
    users::contains_pattern,
};

/// How far a request's start may be from the time in its id.
const ID_TOLERANCE_MS: i64 = 1_000;

/// A row of the ledger with names. A name is `None` where the row has none, or where its bearer was
/// deleted since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRequest {
    /// The row that ended it.
    pub row: LedgerRow,
    /// Of all its upstream calls.
    pub total_cost: Option<NanoUsd>,
    /// Of the user or team.
    pub owner: Option<String>,
    pub key_label: Option<String>,
    pub backend: Option<String>,
}

/// A row of `requests`.
#[derive(sqlx::FromRow)]
pub(crate) struct RequestRow {
    request_id: Vec<u8>,
    started_at: i64,
    user_id: Option<i64>,
    team_id: Option<i64>,
    key_id: Option<i64>,
    backend_id: Option<i64>,
    deployment_id: Option<i64>,
    dialect: String,
    request_model: String,
    upstream_model: String,
    stream: bool,
    outcome: String,
    status: i64,
    input_tokens: i64,
    cache_read_tokens: i64,
    cache_write_5m_tokens: i64,
    cache_write_1h_tokens: i64,
    output_tokens: i64,
    reasoning_tokens: i64,
    searches: i64,
    images: i64,
    audio_ms: i64,
    service_tier: String,
    usage_estimated: bool,
    price_id: Option<i64>,
    cost_nano: Option<i64>,
    attempts: i64,
    time_to_first_chunk_ms: Option<i64>,
    duration_ms: i64,
    error: Option<String>,
    credential: Option<i64>,
    route: Option<String>,
    playground: bool,
}

#[derive(sqlx::FromRow)]
pub(crate) struct NamedRow {
    #[sqlx(flatten)]
    row: RequestRow,
    earlier_cost_nano: i64,
    owner_name: Option<String>,
    key_label: Option<String>,
    backend_name: Option<String>,
}

macro_rules! requests_with_names {
    () => {
        "select r.*, coalesce(u.name, t.name) as owner_name, coalesce(k.label, \
         case when r.playground then 'playground' end) as key_label, \
         b.name as backend_name, case when r.attempts > 1 then \
         (select coalesce(sum(e.cost_nano), 0) from ledger.requests e \
          where e.started_at = r.started_at and e.request_id = r.request_id and not e.is_final) \
         else 0 end as earlier_cost_nano \
         from ledger.requests r left join users u on u.id = r.user_id \
         left join teams t on t.id = r.team_id \
         left join virtual_keys k on k.id = r.key_id \
         left join backends b on b.id = r.backend_id"
    };
}

pub(crate) use requests_with_names;

impl TryFrom<RequestRow> for LedgerRow {
    type Error = StorageError;

    fn try_from(row: RequestRow) -> Result<Self, StorageError> {
        let corrupt = |what| StorageError::Corrupt { what };
        let id: [u8; 16] = row
            .request_id
            .try_into()
            .map_err(|_| corrupt("request id"))?;
        let tokens = |n: i64| u64::try_from(n).unwrap_or(0);
        let millis = |n: i64| u32::try_from(n.max(0)).unwrap_or(u32::MAX);
        Ok(Self {
            request_id: RequestId(u128::from_be_bytes(id)),
            started_at: Timestamp(row.started_at),
            user_id: row.user_id.map(UserId),
            team_id: row.team_id.map(TeamId),
            key_id: row.key_id.map(KeyId),
            backend_id: row.backend_id.map(BackendId),
            deployment_id: row.deployment_id.map(DeploymentId),
            dialect: Dialect::parse(&row.dialect).ok_or(corrupt("dialect"))?,
            request_model: row.request_model,
            upstream_model: row.upstream_model,
            stream: row.stream,
            outcome: Outcome::parse(&row.outcome).ok_or(corrupt("outcome"))?,
            status: u16::try_from(row.status).map_err(|_| corrupt("status"))?,
            used: Used {
                tokens: TokenUsage {
                    input: tokens(row.input_tokens),
                    cache_read: tokens(row.cache_read_tokens),
                    cache_write_5m: tokens(row.cache_write_5m_tokens),
                    cache_write_1h: tokens(row.cache_write_1h_tokens),
                    output: tokens(row.output_tokens),
                    reasoning: tokens(row.reasoning_tokens),
                    searches: tokens(row.searches),
                    images: tokens(row.images),
                    audio_ms: tokens(row.audio_ms),
                },
                tier: ServiceTier::parse(&row.service_tier).ok_or(corrupt("service tier"))?,
                estimated: row.usage_estimated,
            },
            price_id: row.price_id.map(PriceId),
            cost: row.cost_nano.map(NanoUsd),
            attempts: millis(row.attempts),
            time_to_first_chunk_ms: row.time_to_first_chunk_ms.map(millis),
            duration_ms: millis(row.duration_ms),
            error: row.error,
            credential: row.credential.and_then(|n| u32::try_from(n).ok()),
            route: row.route,
            playground: row.playground,
        })
    }
}

impl TryFrom<NamedRow> for LoggedRequest {
    type Error = StorageError;

    fn try_from(named: NamedRow) -> Result<Self, StorageError> {
        let row = LedgerRow::try_from(named.row)?;
        let earlier = NanoUsd(named.earlier_cost_nano);
        Ok(Self {
            total_cost: row.cost.map(|cost| cost + earlier),
            row,
            owner: named.owner_name,
            key_label: named.key_label,
            backend: named.backend_name,
        })
    }
}

/// `None` is everyone, the master key included.
fn scope(user: Option<&UserId>) -> Scope<'_> {
    user.map_or(Scope::Everyone, |id| Scope::Users(std::slice::from_ref(id)))
}

impl Database {
    /// The sums of each stretch of time, in the order of `spans`; of one user or of everyone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn totals(
        &self,
        spans: &[Period],
        user: Option<UserId>,
    ) -> Result<Vec<Totals>, StorageError> {
        let mut totals = vec![Totals::default(); spans.len()];
        for sum in self
            .sums(spans, scope(user.as_ref()), Group::Nothing)
            .await?
        {
            if let Some(total) = totals.get_mut(sum.span) {
                *total = sum.totals;
            }
        }
        Ok(totals)
    }

    /// Sums by the model that clients asked for, the dearest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn totals_by_model(
        &self,
        period: Period,
        user: Option<UserId>,
    ) -> Result<Vec<NamedTotals>, StorageError> {
        let sums = self
            .sums(&[period], scope(user.as_ref()), Group::Model)
            .await?;
        let mut rows: Vec<NamedTotals> = sums
            .into_iter()
            .map(|sum| NamedTotals {
                name: sum.model,
                totals: sum.totals,
            })
            .collect();
        rows.sort_by(|a, b| {
            (b.totals.cost, b.totals.requests, &a.name).cmp(&(
                a.totals.cost,
                a.totals.requests,
                &b.name,
            ))
        });
        Ok(rows)
    }

    /// Sums by user or team and by model, the dearest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn totals_by_user_and_model(
        &self,
        period: Period,
    ) -> Result<Vec<UserModelTotals>, StorageError> {
        let sums = self
            .sums(&[period], Scope::Everyone, Group::OwnerAndModel)
            .await?;
        let users = self.all_users().await?;
        let teams = self.team_names().await?;
        let mut rows: Vec<UserModelTotals> = sums
            .into_iter()
            .map(|sum| UserModelTotals {
                user: match (sum.user_id, sum.team_id) {
                    (Some(id), _) => users.get(&id).map(|user| user.name.clone()),
                    (None, Some(id)) => teams.get(&id).cloned(),
                    (None, None) => None,
                },
                user_id: sum.user_id,
                team_id: sum.team_id,
                model: sum.model,
                totals: sum.totals,
            })
            .collect();
        rows.sort_by(|a, b| {
            (b.totals.cost, &a.user, &a.model).cmp(&(a.totals.cost, &b.user, &b.model))
        });
        Ok(rows)
    }

    /// Sums by key; keys that were not used are missing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn totals_by_key(
        &self,
        period: Period,
    ) -> Result<HashMap<KeyId, Totals>, StorageError> {
        let sums = self.sums(&[period], Scope::Everyone, Group::Key).await?;
        let of_keys = sums
            .into_iter()
            .filter_map(|sum| Some((sum.key_id?, sum.totals)));
        Ok(of_keys.collect())
    }

    /// What each user and team spent in each stretch of time, before resets; `None` is the master key.
    /// Who spent nothing is missing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn spend_by_owner(
        &self,
        spans: &[Period],
    ) -> Result<Vec<Vec<(Option<KeyOwner>, NanoUsd)>>, StorageError> {
        let mut spends = vec![Vec::new(); spans.len()];
        for sum in self.sums(spans, Scope::Everyone, Group::Owner).await? {
            if let Some(spend) = spends.get_mut(sum.span) {
                let user = sum.user_id.map(KeyOwner::User);
                let owner = user.or(sum.team_id.map(KeyOwner::Team));
                spend.push((owner, sum.totals.cost));
            }
        }
        Ok(spends)
    }

    /// The latest requests that have ended, the newest first; of one user or of everyone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn latest_requests(
        &self,
        limit: u32,
        user: Option<UserId>,
    ) -> Result<Vec<LoggedRequest>, StorageError> {
        // Two statements rather than one with `or`, since each has an index that gives the order.
        let query = match user {
            None => sqlx::query_as::<_, NamedRow>(concat!(
                requests_with_names!(),
                " where r.is_final order by r.started_at desc, r.id desc limit $1"
            )),
            Some(_) => sqlx::query_as(concat!(
                requests_with_names!(),
                " where r.user_id = $2 and r.is_final order by r.started_at desc, r.id desc limit $1"
            )),
        };
        let query = query.bind(i64::from(limit));
        let query = match user {
            Some(id) => query.bind(id.0),
            None => query,
        };
        let rows = query.fetch_all(self.ledger_readers().await).await?;
        rows.into_iter().map(LoggedRequest::try_from).collect()
    }

    /// A request by its id, over all dates. The id tells when the request started, so that the index
    /// on time finds it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_request(&self, id: RequestId) -> Result<Option<LoggedRequest>, StorageError> {
        let at = id.unix_millis();
        sqlx::query_as::<_, NamedRow>(concat!(
            requests_with_names!(),
            " where r.started_at between $1 and $2 and r.request_id = $3 and r.is_final"
        ))
        .bind(at.saturating_sub(ID_TOLERANCE_MS))
        .bind(at.saturating_add(ID_TOLERANCE_MS))
        .bind(&id.0.to_be_bytes()[..])
        .fetch_optional(self.ledger_readers().await)
        .await?
        .map(LoggedRequest::try_from)
        .transpose()
    }

    /// Requests that have ended, the newest first, and how many there are in all.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn request_log(
        &self,
        query: &RequestLogQuery,
    ) -> Result<(Vec<LoggedRequest>, u64), StorageError> {
        let mut connection = self.ledger_readers().await.acquire().await?;
        let mut count = QueryBuilder::<Sqlite>::new("select count(*) from ledger.requests r");
        query.push_conditions(&mut count);
        let total: i64 = count
            .build_query_scalar()
            .fetch_one(&mut *connection)
            .await?;
        let mut rows = QueryBuilder::<Sqlite>::new(requests_with_names!());
        query.push_conditions(&mut rows);
        rows.push(" order by r.started_at desc, r.id desc limit ")
            .push_bind(i64::from(query.limit))
            .push(" offset ")
            .push_bind(i64::try_from(query.offset).unwrap_or(i64::MAX));
        let rows: Vec<NamedRow> = rows.build_query_as().fetch_all(&mut *connection).await?;
        let rows: Result<_, _> = rows.into_iter().map(LoggedRequest::try_from).collect();
        Ok((rows?, u64::try_from(total).unwrap_or(0)))
    }
}

/// Which requests are wanted.
#[derive(Clone, Debug)]
pub struct RequestLogQuery {
    pub period: Period,
    pub user_id: Option<UserId>,
    pub backend_id: Option<BackendId>,
    /// Of clients.
    pub dialect: Option<Dialect>,
    /// A part of the model's name, as it was asked for or sent, or of the error.
    pub search: Option<String>,
    pub limit: u32,
    pub offset: u64,
}

impl RequestLogQuery {
    fn push_conditions(&self, query: &mut QueryBuilder<Sqlite>) {
        query
            .push(" where r.is_final and r.started_at >= ")
            .push_bind(self.period.start.0)
            .push(" and r.started_at < ")
            .push_bind(self.period.end.0);
        if let Some(user) = self.user_id {
            query.push(" and r.user_id = ").push_bind(user.0);
        }
        if let Some(backend) = self.backend_id {
            query.push(" and r.backend_id = ").push_bind(backend.0);
        }
        if let Some(dialect) = self.dialect {
            query.push(" and r.dialect = ").push_bind(dialect.as_str());
        }
        if let Some(search) = &self.search {
            let pattern = contains_pattern(search);
            query
                .push(" and (r.request_model like ")
                .push_bind(pattern.clone());
            query
                .push(" escape '\\' or r.upstream_model like ")
                .push_bind(pattern.clone());
            query
                .push(" escape '\\' or r.error like ")
                .push_bind(pattern);
            query.push(" escape '\\')");
        }
    }
}
