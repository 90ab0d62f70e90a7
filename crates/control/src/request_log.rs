//! The log of requests: pages of it, its tail, and one request with everything that is known. An admin sees
//! all of it, a user their own; another's request does not exist for them.

use domain::{
    LedgerRow, Price, RequestId, Timestamp, UserId,
    period::Period,
    report::RequestSummary,
    request_log::{CallDetail, LogChoices, LogQuery, RequestDetail, RequestLog, pasted_id},
    routing::RouteTrail,
};
use storage::{LogCall, LogScope, LoggedRequest, PriceSource};

use crate::{
    Admin, Control, ControlError, Principal,
    reports::{label, summary},
};

/// Rows of a page on screen.
const PAGE: u32 = 50;
/// Rows that an export reads at once.
const EXPORT_PAGE: u32 = 1_000;
/// Rows that the tail sends at once.
const TAIL: u32 = 100;

/// How far back the models to choose from were used, in milliseconds.
const MODELS_SINCE_MS: i64 = 90 * 24 * 3_600_000;

/// Whose log it is. Only a proof makes one.
#[derive(Clone, Copy, Debug)]
pub struct LogAccess(LogScope);

impl From<&Admin> for LogAccess {
    fn from(_: &Admin) -> Self {
        Self(LogScope::Everyone)
    }
}

impl LogAccess {
    /// One's own log.
    ///
    /// # Errors
    /// [`ControlError::Forbidden`] for the master key, [`ControlError::PasswordChangeRequired`].
    pub fn own(principal: &Principal) -> Result<Self, ControlError> {
        Ok(Self(LogScope::Own(principal.owner()?)))
    }

    fn sees(self, row: &LedgerRow) -> bool {
        match self.0 {
            LogScope::Everyone => true,
            LogScope::Own(user) => row.user_id == Some(user),
        }
    }

    /// Names of other people's things mean nothing here.
    fn narrow(self, query: &LogQuery) -> LogQuery {
        let mut query = query.clone();
        if let LogScope::Own(UserId(own)) = self.0 {
            query.user = query.user.filter(|user| *user == own);
            query.team = None;
            query.backend = None;
        }
        query
    }
}

impl Control {
    /// A page of the log.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn log(
        &self,
        access: LogAccess,
        query: &LogQuery,
    ) -> Result<RequestLog, ControlError> {
        let query = access.narrow(query);
        let period = self.log_period(&query);
        let newest = self.db().newest_log_row().await?;
        let (rows, next, partial, total) = match self.pasted(access, &query).await? {
            Some(found) => {
                let total = Some(found.len() as u64);
                (found, None, false, total)
            }
            None => {
                let page = self.db().log_page(&query, period, access.0, PAGE).await?;
                let total = self.db().count_logged(&query, period, access.0).await?;
                (page.rows, page.next, page.partial, total)
            }
        };
        let [users, teams, keys, backends] = self.db().log_choices(access.0).await?;
        let since = Timestamp(self.now().0 - MODELS_SINCE_MS);
        let models = self.db().models_used(access.0, since).await?;
        Ok(RequestLog {
            time_zone: self.time_zone_name().to_owned(),
            start_local: label(period.start, self.zone(), "%Y-%m-%d %H:%M"),
            // What has no end is shown up to now.
            end_local: label(period.end.min(self.now()), self.zone(), "%Y-%m-%d %H:%M"),
            rows: rows
                .into_iter()
                .map(|row| self.shown(access, row))
                .collect(),
            next,
            partial,
            total,
            newest,
            choices: LogChoices {
                users,
                teams,
                keys,
                backends,
                models,
            },
        })
    }

    /// The next rows of an export, and the query that goes on from there; `None`: that was all.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn log_export(
        &self,
        access: LogAccess,
        query: &LogQuery,
    ) -> Result<(Vec<RequestSummary>, Option<LogQuery>), ControlError> {
        let query = access.narrow(query);
        if let Some(found) = self.pasted(access, &query).await? {
            let rows = found.into_iter().map(|row| self.shown(access, row));
            return Ok((rows.collect(), None));
        }
        let period = self.log_period(&query);
        let page = self
            .db()
            .log_page(&query, period, access.0, EXPORT_PAGE)
            .await?;
        let next = page.next.map(|before| LogQuery {
            before: Some(before),
            ..query
        });
        let rows = page.rows.into_iter().map(|row| self.shown(access, row));
        Ok((rows.collect(), next))
    }

    /// What was written after the row numbered `after`, as far as the query wants it, with its numbers.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn log_tail(
        &self,
        access: LogAccess,
        query: &LogQuery,
        after: i64,
    ) -> Result<Vec<(i64, RequestSummary)>, ControlError> {
        let query = access.narrow(query);
        let rows = self.db().log_tail(&query, access.0, after, TAIL).await?;
        let rows = rows
            .into_iter()
            .map(|(number, row)| (number, self.shown(access, row)));
        Ok(rows.collect())
    }

    /// The number of the row that was written last.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn newest_log_row(&self, _: LogAccess) -> Result<i64, ControlError> {
        Ok(self.db().newest_log_row().await?)
    }

    /// One request.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] where there is none, or it is somebody else's.
    pub async fn logged_request(
        &self,
        access: LogAccess,
        id: RequestId,
    ) -> Result<RequestDetail, ControlError> {
        let found = self.db().find_request(id).await?;
        let found = found
            .filter(|found| access.sees(&found.row))
            .ok_or(ControlError::NotFound)?;
        let rows = self.db().request_calls(id, found.row.started_at).await?;
        let histories = self.db().price_histories().await?;
        let calls = rows.iter().map(|call| {
            let priced = call.row.deployment_id.zip(call.row.price_id);
            let record = priced.and_then(|(deployment, id)| {
                let history = histories.get(&deployment)?;
                history.iter().find(|record| record.id == id)
            });
            let since = record.map(|record| {
                let from = label(record.effective_from, self.zone(), "%Y-%m-%d");
                format!("{}, since {from}", source(record.source))
            });
            detail(call, record.and_then(|record| record.price.as_ref()), since)
        });
        let mut calls: Vec<CallDetail> = calls.collect();
        let own = matches!(access.0, LogScope::Own(_));
        let trail: RouteTrail = self.trail(&found.row);
        if own {
            for call in &mut calls {
                call.backend = None;
                call.credential = None;
            }
        }
        let row = &found.row;
        Ok(RequestDetail {
            time_zone: self.time_zone_name().to_owned(),
            user_id: row.user_id,
            team_id: row.team_id.map(|id| id.0),
            key_id: row.key_id.map(|id| id.0),
            path: path_of(row).to_owned(),
            calls,
            // Which backends there are is for admins to know.
            failed: if own { Vec::new() } else { trail.attempts },
            excluded: if own { Vec::new() } else { trail.excluded },
            summary: self.shown(access, found),
        })
    }

    fn trail(&self, row: &LedgerRow) -> RouteTrail {
        let json = row.route.as_deref();
        json.and_then(|json| serde_json::from_str(json).ok())
            .unwrap_or_default()
    }

    fn shown(&self, access: LogAccess, row: LoggedRequest) -> RequestSummary {
        let mut shown = summary(row, self.zone());
        if matches!(access.0, LogScope::Own(_)) {
            shown.backend = None;
        }
        shown
    }

    fn log_period(&self, query: &LogQuery) -> Period {
        let mut period = self.period_of(&query.range);
        // "All time", and days that are not over, have no end that anything could lie behind.
        if period.end > self.now() && query.range.until.is_none() {
            period.end = Timestamp(i64::MAX);
        }
        period
    }

    /// What is found where the search is a request's id; `None`: it is none.
    async fn pasted(
        &self,
        access: LogAccess,
        query: &LogQuery,
    ) -> Result<Option<Vec<LoggedRequest>>, ControlError> {
        let Some(id) = query.search.as_deref().and_then(pasted_id) else {
            return Ok(None);
        };
        let found = self.db().find_request(id).await?;
        let found = found.filter(|found| access.sees(&found.row));
        Ok(Some(found.into_iter().collect()))
    }
}

fn source(source: PriceSource) -> &'static str {
    match source {
        PriceSource::Catalogue => "the built-in price list",
        PriceSource::Environment => "the environment",
        PriceSource::File => "the configuration file",
        PriceSource::Admin => "an admin",
    }
}

fn detail(call: &LogCall, price: Option<&Price>, price_source: Option<String>) -> CallDetail {
    let row = &call.row;
    CallDetail {
        attempt: row.attempts,
        outcome: row.outcome,
        status: row.status,
        backend: call.backend.clone(),
        credential: row.credential.map(|n| n + 1),
        model: row.upstream_model.clone(),
        usage: row.used.tokens,
        tier: row.used.tier.as_str().to_owned(),
        cost: row.cost,
        time_to_first_chunk_ms: row.time_to_first_chunk_ms,
        duration_ms: row.duration_ms,
        error: row.error.clone(),
        price: price.map_or_else(Vec::new, |price| {
            price.lines(&row.used.tokens, row.used.tier)
        }),
        price_source,
    }
}

fn path_of(row: &LedgerRow) -> &'static str {
    use domain::Dialect;
    match row.dialect {
        Dialect::AnthropicMessages => "/v1/messages",
        Dialect::OpenaiChat => "/v1/chat/completions",
        Dialect::OpenaiCompletions => "/v1/completions",
        Dialect::OpenaiResponses => "/v1/responses",
        Dialect::OpenaiEmbeddings => "/v1/embeddings",
        Dialect::OpenaiMedia => "/v1/images/generations",
        Dialect::BedrockConverse => "/model",
    }
}
