//! What has been used and spent, for everyone or for oneself. Days, months and clock times are those
//! of the reporting zone; figures are exact sums of the ledger, and only budgets know resets.

use domain::{
    BudgetLimits, BudgetScope, KeyOwner, RequestId, Timestamp, UserId,
    budget::{BudgetPeriod, BudgetStatus},
    period::{self, Period},
    report::{
        Bucket, MonthlySpend, MyOverview, NamedTotals, Overview, PeriodSpend, ReportRange,
        RequestSummary, UserModelTotals,
    },
};
use jiff::{Zoned, tz::TimeZone};
use storage::LoggedRequest;

use crate::{Admin, Control, ControlError, Principal};

const HOUR_MS: i64 = 3_600_000;
/// Rows of the overview.
const LATEST_REQUESTS: u32 = 20;
const OVERVIEW_MODELS: usize = 10;
/// Months and days of the histories, the present one included.
const MONTHS: usize = 12;
const DAYS: usize = 30;

impl Control {
    /// # Errors
    /// When the database fails.
    pub async fn overview(&self, _: &Admin) -> Result<Overview, ControlError> {
        self.overview_of(None).await
    }

    /// # Errors
    /// [`ControlError::Forbidden`] for the master key, [`ControlError::PasswordChangeRequired`].
    pub async fn my_overview(&self, principal: &Principal) -> Result<MyOverview, ControlError> {
        Ok(MyOverview {
            overview: self.overview_of(Some(principal.owner()?)).await?,
            budget: self.my_budget(principal).await?,
        })
    }

    /// # Errors
    /// As [`Control::my_overview`].
    pub async fn my_budget(&self, principal: &Principal) -> Result<BudgetStatus, ControlError> {
        let user = self.user(principal.owner()?).await?;
        let whose = BudgetScope::User(user.id);
        self.budget_status(whose, user.budget).await
    }

    /// The present day or month by model, the dearest first.
    ///
    /// # Errors
    /// As [`Control::my_overview`].
    pub async fn my_usage(
        &self,
        principal: &Principal,
        period: BudgetPeriod,
    ) -> Result<Vec<NamedTotals>, ControlError> {
        let user = principal.owner()?;
        let period = self.current(period);
        Ok(self.db().totals_by_model(period, Some(user)).await?)
    }

    /// The last twelve months, the present one first.
    ///
    /// # Errors
    /// As [`Control::my_overview`].
    pub async fn my_monthly_history(
        &self,
        principal: &Principal,
    ) -> Result<Vec<PeriodSpend>, ControlError> {
        let user = self.user(principal.owner()?).await?;
        let me = BudgetScope::User(user.id);
        self.spent_by_period(me, BudgetPeriod::Monthly, user.budget)
            .await
    }

    /// The last thirty days, the present one first.
    ///
    /// # Errors
    /// As [`Control::my_overview`].
    pub async fn my_daily_history(
        &self,
        principal: &Principal,
    ) -> Result<Vec<PeriodSpend>, ControlError> {
        let user = self.user(principal.owner()?).await?;
        let me = BudgetScope::User(user.id);
        self.spent_by_period(me, BudgetPeriod::Daily, user.budget)
            .await
    }

    /// The dearest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn usage_by_user_and_model(
        &self,
        _: &Admin,
        range: ReportRange,
    ) -> Result<Vec<UserModelTotals>, ControlError> {
        let today = self.current(BudgetPeriod::Daily);
        let period = match range {
            ReportRange::Today => today,
            ReportRange::ThisMonth => self.current(BudgetPeriod::Monthly),
            ReportRange::AllTime => Period {
                start: Timestamp(0),
                end: today.end,
            },
        };
        Ok(self.db().totals_by_user_and_model(period).await?)
    }

    /// The last twelve months of everyone who spent anything in them, the present one first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn monthly_history(&self, _: &Admin) -> Result<Vec<MonthlySpend>, ControlError> {
        let periods = self.latest_periods(BudgetPeriod::Monthly, MONTHS);
        let spends = self.db().spend_by_owner(&periods).await?;
        let users = self.db().all_users().await?;
        let teams = self.db().list_teams(None).await?;
        let mut rows = Vec::new();
        for (period, spends) in periods.iter().zip(spends) {
            let month = label(period.start, self.zone(), "%Y-%m");
            let first = rows.len();
            rows.extend(spends.into_iter().map(|(owner, spend)| {
                let (user_id, team_id, known) = match owner {
                    Some(KeyOwner::User(id)) => {
                        let user = users.get(&id).map(|user| (&user.name, user.budget));
                        (Some(id), None, user)
                    }
                    Some(KeyOwner::Team(id)) => {
                        let team = teams.iter().map(|counted| &counted.team);
                        let team = team.clone().find(|team| team.id == id);
                        (None, Some(id), team.map(|team| (&team.name, team.budget)))
                    }
                    None => (None, None, None),
                };
                MonthlySpend {
                    month: month.clone(),
                    user_id,
                    team_id,
                    user: known.map(|(name, _)| name.clone()),
                    budget: known.map(|(_, budget)| budget.monthly).unwrap_or_default(),
                    spend,
                }
            }));
            rows[first..].sort_by(|a, b| (b.spend, &a.user).cmp(&(a.spend, &b.user)));
        }
        Ok(rows)
    }

    /// `None`: there is no such request, or it has not ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_request(
        &self,
        _: &Admin,
        id: RequestId,
    ) -> Result<Option<RequestSummary>, ControlError> {
        let request = self.db().find_request(id).await?;
        Ok(request.map(|request| summary(request, self.zone())))
    }

    /// One of one's own requests, as [`Control::find_request`].
    ///
    /// # Errors
    /// As [`Control::my_overview`].
    pub async fn find_my_request(
        &self,
        principal: &Principal,
        id: RequestId,
    ) -> Result<Option<RequestSummary>, ControlError> {
        let me = principal.owner()?;
        let request = self.db().find_request(id).await?;
        let mine = request.filter(|request| request.row.user_id == Some(me));
        Ok(mine.map(|request| summary(request, self.zone())))
    }

    async fn overview_of(&self, user: Option<UserId>) -> Result<Overview, ControlError> {
        let today = self.current(BudgetPeriod::Daily);
        let month = self.current(BudgetPeriod::Monthly);
        let hours = hours_until(today, self.now());

        let mut spans = vec![today, month];
        spans.extend_from_slice(&hours);
        let mut totals = self.db().totals(&spans, user).await?.into_iter();
        let (today, this_month) = (
            totals.next().unwrap_or_default(),
            totals.next().unwrap_or_default(),
        );
        let by_hour = hours.iter().zip(totals).map(|(hour, totals)| Bucket {
            start: hour.start,
            label: label(hour.start, self.zone(), "%H:%M"),
            totals,
        });
        let mut by_model = self.db().totals_by_model(month, user).await?;
        by_model.truncate(OVERVIEW_MODELS);
        let latest = self.db().latest_requests(LATEST_REQUESTS, user).await?;
        Ok(Overview {
            time_zone: self.time_zone_name().to_owned(),
            today,
            this_month,
            by_hour: by_hour.collect(),
            by_model,
            latest: latest
                .into_iter()
                .map(|request| summary(request, self.zone()))
                .collect(),
        })
    }

    /// What was spent in the last twelve months or thirty days, the present one first, each beside the
    /// limit that holds now.
    pub(crate) async fn spent_by_period(
        &self,
        whose: BudgetScope,
        kind: BudgetPeriod,
        limits: BudgetLimits,
    ) -> Result<Vec<PeriodSpend>, ControlError> {
        let (count, format) = match kind {
            BudgetPeriod::Daily => (DAYS, "%Y-%m-%d"),
            BudgetPeriod::Monthly => (MONTHS, "%Y-%m"),
        };
        let periods = self.latest_periods(kind, count);
        let spends = self.db().spend_by_period(whose, &periods).await?;
        let rows = periods
            .iter()
            .zip(spends)
            .map(|(period, spend)| PeriodSpend {
                label: label(period.start, self.zone(), format),
                budget: limits.hard(kind),
                spend,
            });
        Ok(rows.collect())
    }

    /// The present day or month and those before it, the present one first.
    fn latest_periods(&self, kind: BudgetPeriod, count: usize) -> Vec<Period> {
        let mut periods = vec![self.current(kind)];
        while periods.len() < count {
            let Some(later) = periods.last() else { break };
            let before = Timestamp(later.start.0 - 1);
            periods.push(match kind {
                BudgetPeriod::Daily => period::day(before, self.zone()),
                BudgetPeriod::Monthly => period::month(before, self.zone()),
            });
        }
        periods
    }
}

/// The hours of a day up to the one that `now` lies in. They are counted from the day's start, so
/// that a day on which clocks change has 23 or 25 of them.
fn hours_until(day: Period, now: Timestamp) -> Vec<Period> {
    let mut hours = Vec::with_capacity(25);
    let mut start = day.start;
    while start <= now && start < day.end {
        let end = Timestamp(start.0.saturating_add(HOUR_MS).min(day.end.0));
        hours.push(Period { start, end });
        start = end;
    }
    hours
}

pub(crate) fn label(at: Timestamp, zone: &TimeZone, format: &str) -> String {
    let local: Zoned = jiff::Timestamp::from_millisecond(at.0)
        .unwrap_or_default()
        .to_zoned(zone.clone());
    local.strftime(format).to_string()
}

pub(crate) fn summary(request: LoggedRequest, zone: &TimeZone) -> RequestSummary {
    let row = request.row;
    RequestSummary {
        request_id: row.request_id,
        started_at: row.started_at,
        started_at_local: label(row.started_at, zone, "%Y-%m-%d %H:%M:%S"),
        user: request.owner,
        key_label: request.key_label,
        backend: request.backend,
        request_model: row.request_model,
        upstream_model: row.upstream_model,
        stream: row.stream,
        outcome: row.outcome,
        status: row.status,
        usage: row.used.tokens,
        usage_estimated: row.used.estimated,
        cost: request.total_cost,
        attempts: row.attempts,
        time_to_first_chunk_ms: row.time_to_first_chunk_ms,
        duration_ms: row.duration_ms,
        error: row.error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        let time: jiff::Timestamp = text.parse().expect("a time");
        Timestamp(time.as_millisecond())
    }

    #[test]
    fn a_day_on_which_clocks_change_has_23_hours_that_cover_it() {
        let zone = TimeZone::get("Europe/Paris").expect("a zone");
        let evening = at("2026-03-29T21:59:59Z");
        let day = period::day(evening, &zone);
        let hours = hours_until(day, evening);
        assert_eq!(hours.len(), 23);
        assert_eq!(hours.first().map(|hour| hour.start), Some(day.start));
        assert_eq!(hours.last().map(|hour| hour.end), Some(day.end));
        let labels: Vec<String> = hours[1..4]
            .iter()
            .map(|hour| label(hour.start, &zone, "%H:%M"))
            .collect();
        assert_eq!(labels, ["01:00", "03:00", "04:00"]);
    }

    #[test]
    fn hours_that_have_not_begun_are_not_shown() {
        let noon = at("2026-11-20T12:00:00Z");
        let day = period::day(noon, &TimeZone::UTC);
        assert_eq!(hours_until(day, noon).len(), 13);
    }
}
