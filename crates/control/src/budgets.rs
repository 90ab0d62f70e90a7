//! Budgets of users, teams and keys: what counts against them, until when they last, and what was told
//! about them. That they hold is the data plane's business.

use std::cmp::Reverse;

use domain::{
    BudgetLimits, BudgetScope, NanoUsd, Timestamp,
    account::NewKeyInput,
    budget::{
        BudgetAlert, BudgetFilter, BudgetHistory, BudgetPeriod, BudgetQuery, BudgetStatus,
        BudgetSummary, NEAR_PERCENT, forecast, remaining,
    },
    page::{Page, PageWindow},
    period::{self, Period},
    report::NearBudget,
    team::TeamInput,
};
use storage::{EventRecord, Spends};

use crate::{Admin, Control, ControlError, Principal, audit, reports::label};

/// Budgets near their limit that are listed.
const NEAR: usize = 10;

/// Alerts of a list.
const LATEST_ALERTS: u32 = 50;

const HOUR_MS: i64 = 3_600_000;

/// How far back the pace of a monthly budget is measured.
const MONTHLY_PACE_MS: i64 = 7 * 24 * HOUR_MS;

/// A pace is measured over this long at least: the first call of a day says nothing about the day.
const SHORTEST_PACE_MS: i64 = HOUR_MS;

impl Control {
    /// What was told about everybody's budgets, the latest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn budget_alerts(&self, _: &Admin) -> Result<Vec<BudgetAlert>, ControlError> {
        let records = self.db().latest_budget_events(LATEST_ALERTS).await?;
        Ok(records.into_iter().map(|r| self.alert(r)).collect())
    }

    /// Budgets of users and teams of which four fifths are used up, the fullest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn budgets_near_their_limit(
        &self,
        _: &Admin,
    ) -> Result<Vec<NearBudget>, ControlError> {
        let users = self.db().all_users().await?.into_values();
        let users = users.filter(|user| user.active);
        let users = users.map(|user| (BudgetScope::User(user.id), user.name, user.budget));
        let teams = self.db().list_teams(None).await?.into_iter();
        let teams = teams.map(|counted| counted.team).filter(|team| team.active);
        let teams = teams.map(|team| (BudgetScope::Team(team.id), team.name, team.budget));
        let all: Vec<(BudgetScope, String, BudgetLimits)> = users.chain(teams).collect();
        let mut near = Vec::new();
        for period in [BudgetPeriod::Daily, BudgetPeriod::Monthly] {
            let limit_of = |limits: &BudgetLimits| match period {
                BudgetPeriod::Daily => limits.daily,
                BudgetPeriod::Monthly => limits.monthly,
            };
            let current = self.current(period);
            // What was forgiven makes it less, so that only those who may be near are looked at closely.
            let spends = self.db().spend_since(current.start).await?;
            let is_near = |spend: NanoUsd, limit: NanoUsd| {
                limit > NanoUsd::ZERO && i128::from(spend.0) * 5 >= i128::from(limit.0) * 4
            };
            let candidates: Vec<&(BudgetScope, String, BudgetLimits)> = all
                .iter()
                .filter(|(scope, _, limits)| {
                    let spend = spends.get(scope).copied().unwrap_or_default();
                    is_near(spend, limit_of(limits))
                })
                .collect();
            let scopes: Vec<BudgetScope> = candidates.iter().map(|(scope, ..)| *scope).collect();
            let exact = self.spends_in(&scopes, period).await?;
            for (scope, name, limits) in candidates {
                let spend = exact.get(scope).copied().unwrap_or_default();
                let limit = limit_of(limits);
                if is_near(spend, limit) {
                    near.push(NearBudget {
                        kind: scope.kind().to_owned(),
                        id: scope.id(),
                        name: name.clone(),
                        period: period.as_str().to_owned(),
                        spend,
                        limit,
                        resets_at_local: label(current.end, self.zone(), "%Y-%m-%d %H:%M"),
                    });
                }
            }
        }
        let share =
            |near: &NearBudget| i128::from(near.spend.0) * 1_000 / i128::from(near.limit.0.max(1));
        near.sort_by(|a, b| share(b).cmp(&share(a)).then_with(|| a.name.cmp(&b.name)));
        near.truncate(NEAR);
        Ok(near)
    }

    /// What was told this month about the principal's own budget.
    ///
    /// # Errors
    /// [`ControlError::Forbidden`] for the master key, [`ControlError::PasswordChangeRequired`].
    pub async fn my_budget_alerts(
        &self,
        principal: &Principal,
    ) -> Result<Vec<BudgetAlert>, ControlError> {
        let whose = BudgetScope::User(principal.owner()?);
        let since = self.current(BudgetPeriod::Monthly).start;
        let records = self.db().budget_events_of(whose, since).await?;
        Ok(records.into_iter().map(|r| self.alert(r)).collect())
    }

    /// One page of budgets, those nearest to a limit first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn budgets(
        &self,
        _: &Admin,
        query: &BudgetQuery,
    ) -> Result<Page<BudgetSummary>, ControlError> {
        let everyone = query.filter == BudgetFilter::Everyone;
        let holders = self.db().budget_holders(query.search.trim(), everyone);
        let holders = holders.await?;
        let today = self.all_spends(BudgetPeriod::Daily).await?;
        let month = self.all_spends(BudgetPeriod::Monthly).await?;
        let spent =
            |spends: &Spends, scope: BudgetScope| spends.get(&scope).copied().unwrap_or_default();
        let budgets = holders.into_iter().map(|holder| BudgetSummary {
            spent_today: spent(&today, holder.scope),
            spent_this_month: spent(&month, holder.scope),
            scope: holder.scope,
            name: holder.name,
            owner: holder.owner,
            limits: holder.budget,
        });
        let mut budgets: Vec<_> = budgets
            .filter(|budget| match query.filter {
                BudgetFilter::Set | BudgetFilter::Everyone => true,
                BudgetFilter::Near => budget.percent() >= NEAR_PERCENT,
                BudgetFilter::UsedUp => budget.is_used_up(),
            })
            .collect();
        budgets.sort_by_cached_key(|budget| {
            let name = budget.name.to_lowercase();
            (Reverse(budget.percent()), name, budget.scope)
        });
        Ok(PageWindow::new(query.page, query.per_page).of(budgets))
    }

    /// What counts against everyone's budget, after resets.
    async fn all_spends(&self, period: BudgetPeriod) -> Result<Spends, ControlError> {
        let start = self.current(period).start;
        let spends = self.db().spend_since(start).await?;
        let forgiven = self.db().all_forgiven(period, start).await?;
        Ok(after_resets(spends, forgiven))
    }

    /// Sets the limits of a user, team or key, and nothing else of them.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Invalid`], and for keys
    /// [`domain::validation::Conflict::KeyRevoked`].
    pub async fn set_budget(
        &self,
        admin: &Admin,
        whose: BudgetScope,
        limits: BudgetLimits,
    ) -> Result<(), ControlError> {
        match whose {
            BudgetScope::User(id) => self.update_budget(admin, id, limits).await,
            BudgetScope::Team(id) => {
                let team = self.team(id).await?;
                let input = TeamInput {
                    name: team.name,
                    active: team.active,
                    budget: limits,
                    limits: team.limits,
                };
                self.update_team(admin, id, input).await.map(drop)
            }
            BudgetScope::Key(id) => {
                let key = self.get_key(admin, id).await?;
                let input = NewKeyInput {
                    label: key.label,
                    expires_at: key.expires_at,
                    limits: key.limits,
                    budget: limits,
                    access: key.access,
                    tags: key.tags,
                };
                self.update_key(admin, id, input).await.map(drop)
            }
        }
    }

    /// The name of whose budget it is, how it stands, what was spent in the last twelve months and
    /// thirty days, and what was told of it this month.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn budget_history(
        &self,
        admin: &Admin,
        whose: BudgetScope,
    ) -> Result<BudgetHistory, ControlError> {
        let (name, limits) = match whose {
            BudgetScope::User(id) => {
                let user = self.user(id).await?;
                (user.name, user.budget)
            }
            BudgetScope::Team(id) => {
                let team = self.team(id).await?;
                (team.name, team.budget)
            }
            BudgetScope::Key(id) => {
                let key = self.get_key(admin, id).await?;
                (key.label, key.budget)
            }
        };
        let since = self.current(BudgetPeriod::Monthly).start;
        let alerts = self.db().budget_events_of(whose, since).await?;
        Ok(BudgetHistory {
            status: self.budget_status(whose, limits).await?,
            months: self
                .spent_by_period(whose, BudgetPeriod::Monthly, limits)
                .await?,
            days: self
                .spent_by_period(whose, BudgetPeriod::Daily, limits)
                .await?,
            alerts: alerts.into_iter().map(|r| self.alert(r)).collect(),
            name,
        })
    }

    /// When the present day and month end, and budgets begin anew.
    #[must_use]
    pub fn resets_at(&self, period: BudgetPeriod) -> Timestamp {
        self.current(period).end
    }

    /// Forgives what was spent so far in the present day or month. The ledger and the bill stay as
    /// they are.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn reset_budget(
        &self,
        admin: &Admin,
        whose: BudgetScope,
        period: BudgetPeriod,
    ) -> Result<(), ControlError> {
        let act = admin.does("budget.reset").on(audit::bearer(whose));
        self.change(act, move |control| async move {
            let (start, now) = (control.current(period).start, control.now());
            let forgiven = control.db().reset_budget(whose, period, start, now).await?;
            control.tell_after(&serde_json::json!({
                "period": period.as_str(),
                "period_start": start,
                "forgiven_nano_usd": forgiven,
            }));
            Ok(())
        })
        .await
    }

    /// The day or month that now lies in.
    pub(crate) fn current(&self, period: BudgetPeriod) -> Period {
        match period {
            BudgetPeriod::Daily => period::day(self.now(), self.zone()),
            BudgetPeriod::Monthly => period::month(self.now(), self.zone()),
        }
    }

    /// What counts against the budget today and this month.
    pub(crate) async fn spend_of(&self, whose: BudgetScope) -> Result<[NanoUsd; 2], ControlError> {
        let spends = self.spends_after_resets(&[whose]).await?;
        Ok(spends.map(|spends| spends.get(&whose).copied().unwrap_or_default()))
    }

    /// The same for many.
    pub(crate) async fn spends_after_resets(
        &self,
        whose: &[BudgetScope],
    ) -> Result<[Spends; 2], ControlError> {
        let today = self.spends_in(whose, BudgetPeriod::Daily).await?;
        let month = self.spends_in(whose, BudgetPeriod::Monthly).await?;
        Ok([today, month])
    }

    async fn spends_in(
        &self,
        whose: &[BudgetScope],
        period: BudgetPeriod,
    ) -> Result<Spends, ControlError> {
        let start = self.current(period).start;
        let spends = self.db().spend_of(whose, start).await?;
        let forgiven = self.db().forgiven(whose, period, start).await?;
        Ok(after_resets(spends, forgiven))
    }

    pub(crate) async fn budget_status(
        &self,
        whose: BudgetScope,
        limits: BudgetLimits,
    ) -> Result<BudgetStatus, ControlError> {
        let [daily_spend, monthly_spend] = self.spend_of(whose).await?;
        let day = self.current(BudgetPeriod::Daily);
        let month = self.current(BudgetPeriod::Monthly);
        let local = |at| label(at, self.zone(), "%Y-%m-%d %H:%M");
        let daily_remaining = remaining(limits.daily, daily_spend);
        let monthly_remaining = remaining(limits.monthly, monthly_spend);
        let now = self.now();
        let today_so_far = now.millis_since(day.start);
        let daily_ends = self
            .forecast(whose, daily_remaining, today_so_far, day.end)
            .await?;
        let monthly_ends = self
            .forecast(whose, monthly_remaining, MONTHLY_PACE_MS, month.end)
            .await?;
        Ok(BudgetStatus {
            limits,
            daily_budget: limits.daily,
            daily_spend,
            daily_remaining,
            daily_resets_at: day.end,
            daily_resets_at_local: local(day.end),
            monthly_budget: limits.monthly,
            monthly_spend,
            monthly_remaining,
            monthly_resets_at: month.end,
            monthly_resets_at_local: local(month.end),
            daily_ends_at_local: daily_ends.map(local),
            monthly_ends_at_local: monthly_ends.map(local),
        })
    }

    /// When a budget ends at the pace of the last `over` milliseconds, if before `until`.
    async fn forecast(
        &self,
        whose: BudgetScope,
        left: Option<NanoUsd>,
        over: i64,
        until: Timestamp,
    ) -> Result<Option<Timestamp>, ControlError> {
        let Some(left) = left else { return Ok(None) };
        let now = self.now();
        let over = over.max(SHORTEST_PACE_MS);
        let lately = Period {
            start: Timestamp(now.0.saturating_sub(over)),
            end: Timestamp(now.0.saturating_add(1)),
        };
        let spent = self.db().spend_between(&[whose], lately).await?;
        let spent = spent.get(&whose).copied().unwrap_or_default();
        Ok(forecast(left, spent, over, now, until))
    }

    fn alert(&self, record: EventRecord) -> BudgetAlert {
        BudgetAlert {
            id: record.id,
            at_local: label(record.event.at, self.zone(), "%Y-%m-%d %H:%M"),
            event: record.event,
            name: record.name,
            delivered_at: record.delivered_at,
        }
    }
}

/// What still counts of what was spent.
fn after_resets(mut spends: Spends, forgiven: Spends) -> Spends {
    for (scope, forgiven) in forgiven {
        let left = spends.entry(scope).or_default();
        *left = (*left - forgiven).max(NanoUsd::ZERO);
    }
    spends
}
