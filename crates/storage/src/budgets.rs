//! What has been spent, and what of it was forgiven. Spend is never stored: it is a sum over the
//! ledger, and a reset is a row that says how much of that sum no longer counts in one period.

use std::collections::HashMap;

use domain::{BudgetLimits, BudgetScope, NanoUsd, Timestamp, budget::BudgetPeriod, period::Period};
use sqlx::{QueryBuilder, Sqlite};

use crate::{
    Constraint, Database, StorageError,
    terms::{TermsRow, terms_columns},
    usage_sums::{FOREVER, Group, GroupSums, Scope},
    users::contains_pattern,
};

/// Budgets by whose they are.
pub type Spends = HashMap<BudgetScope, NanoUsd>;

/// Somebody or something that can have a budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetHolder {
    pub scope: BudgetScope,
    /// Of the user or team; the label of a key.
    pub name: String,
    /// Of a key: whose it is.
    pub owner: Option<String>,
    pub budget: BudgetLimits,
}

#[derive(sqlx::FromRow)]
struct HolderRow {
    kind: String,
    id: i64,
    name: String,
    owner: Option<String>,
    #[sqlx(flatten)]
    terms: TermsRow,
}

impl Database {
    /// Users, teams and keys whose names, or whose owners' names, contain `search`, without regard to
    /// case; only those with some limit unless `everyone`. Revoked keys are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn budget_holders(
        &self,
        search: &str,
        everyone: bool,
    ) -> Result<Vec<BudgetHolder>, StorageError> {
        macro_rules! limited {
            ($table:literal) => {
                concat!(
                    " and ($2 or ",
                    $table,
                    ".daily_budget_nano > 0 or ",
                    $table,
                    ".monthly_budget_nano > 0 or ",
                    $table,
                    ".soft_daily_nano > 0 or ",
                    $table,
                    ".soft_monthly_nano > 0)"
                )
            };
        }
        let rows = sqlx::query_as::<_, HolderRow>(concat!(
            "select 'user' as kind, users.id, users.name, null as owner, ",
            terms_columns!("users"),
            " from users where users.name like $1 escape '\\'",
            limited!("users"),
            " union all select 'team', teams.id, teams.name, null, ",
            terms_columns!("teams"),
            " from teams where teams.name like $1 escape '\\'",
            limited!("teams"),
            " union all select 'key', k.id, k.label, coalesce(u.name, t.name), ",
            terms_columns!("k"),
            " from virtual_keys k left join users u on u.id = k.user_id \
             left join teams t on t.id = k.team_id where k.revoked_at is null \
             and (k.label like $1 escape '\\' or coalesce(u.name, t.name) like $1 escape '\\')",
            limited!("k"),
        ))
        .bind(contains_pattern(search))
        .bind(everyone)
        .fetch_all(self.readers())
        .await?;
        rows.into_iter()
            .map(|row| {
                let scope = BudgetScope::parse(&row.kind, row.id);
                Ok(BudgetHolder {
                    scope: scope.ok_or(StorageError::Corrupt {
                        what: "budget scope",
                    })?,
                    name: row.name,
                    owner: row.owner,
                    budget: row.terms.budget(),
                })
            })
            .collect()
    }

    /// What resets forgave everyone in the period that began at `period_start`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn all_forgiven(
        &self,
        period: BudgetPeriod,
        period_start: Timestamp,
    ) -> Result<Spends, StorageError> {
        let rows: Vec<(String, i64, i64)> = sqlx::query_as(
            "select scope, scope_id, sum(forgiven_nano) from budget_resets \
             where period = $1 and period_start = $2 group by scope, scope_id",
        )
        .bind(period.as_str())
        .bind(period_start.0)
        .fetch_all(self.readers())
        .await?;
        rows.into_iter().map(forgiven_row).collect()
    }

    /// What one of them spent in each of `periods`, in their order, before resets.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn spend_by_period(
        &self,
        whose: BudgetScope,
        periods: &[Period],
    ) -> Result<Vec<NanoUsd>, StorageError> {
        let sums = match whose {
            BudgetScope::User(id) => {
                self.sums(periods, Scope::Users(&[id]), Group::Nothing)
                    .await
            }
            BudgetScope::Team(id) => {
                self.sums(periods, Scope::Teams(&[id]), Group::Nothing)
                    .await
            }
            BudgetScope::Key(id) => self.sums(periods, Scope::Keys(&[id]), Group::Nothing).await,
        };
        let mut spends = vec![NanoUsd::ZERO; periods.len()];
        for sum in sums? {
            if let Some(spend) = spends.get_mut(sum.span) {
                *spend = sum.totals.cost;
            }
        }
        Ok(spends)
    }

    /// What everyone spent since `start`, before resets: users, teams and keys. Who spent nothing is
    /// missing, and so are requests without a key.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn spend_since(&self, start: Timestamp) -> Result<Spends, StorageError> {
        let mut spends = Spends::new();
        for group in [Group::User, Group::Team, Group::Key] {
            let sums = self.sums(&since(start), Scope::Everyone, group).await?;
            spends.extend(sums.into_iter().filter_map(spend));
        }
        Ok(spends)
    }

    /// The same for some of them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn spend_of(
        &self,
        whose: &[BudgetScope],
        start: Timestamp,
    ) -> Result<Spends, StorageError> {
        self.spend_between(
            whose,
            Period {
                start,
                end: FOREVER,
            },
        )
        .await
    }

    /// The same in one stretch of time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn spend_between(
        &self,
        whose: &[BudgetScope],
        period: Period,
    ) -> Result<Spends, StorageError> {
        let (mut users, mut teams, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        for scope in whose {
            match *scope {
                BudgetScope::User(id) => users.push(id),
                BudgetScope::Team(id) => teams.push(id),
                BudgetScope::Key(id) => keys.push(id),
            }
        }
        let parts = [
            (Scope::Users(&users), Group::User),
            (Scope::Teams(&teams), Group::Team),
            (Scope::Keys(&keys), Group::Key),
        ];
        let mut spends = Spends::new();
        for (scope, group) in parts {
            let sums = self.sums(&[period], scope, group).await?;
            spends.extend(sums.into_iter().filter_map(spend));
        }
        Ok(spends)
    }

    /// What resets forgave in the period that began at `period_start`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forgiven(
        &self,
        whose: &[BudgetScope],
        period: BudgetPeriod,
        period_start: Timestamp,
    ) -> Result<Spends, StorageError> {
        if whose.is_empty() {
            return Ok(Spends::new());
        }
        let mut query = QueryBuilder::<Sqlite>::new(
            "select scope, scope_id, sum(forgiven_nano) from budget_resets where period = ",
        );
        query
            .push_bind(period.as_str())
            .push(" and period_start = ")
            .push_bind(period_start.0)
            .push(" and (scope, scope_id) in (values ");
        let mut pairs = query.separated(", ");
        for scope in whose {
            pairs
                .push("(")
                .push_bind_unseparated(scope.kind())
                .push_unseparated(", ")
                .push_bind_unseparated(scope.id())
                .push_unseparated(")");
        }
        query.push(") group by scope, scope_id");
        let rows: Vec<(String, i64, i64)> =
            query.build_query_as().fetch_all(self.readers()).await?;
        rows.into_iter().map(forgiven_row).collect()
    }

    /// Forgives what was spent since `period_start`, less what was forgiven before. Returns how much
    /// that was. What is spent later, or settled later, counts again.
    ///
    /// # Errors
    /// [`Constraint::Reference`] when there is no such user, team or key.
    pub async fn reset_budget(
        &self,
        whose: BudgetScope,
        period: BudgetPeriod,
        period_start: Timestamp,
        now: Timestamp,
    ) -> Result<NanoUsd, StorageError> {
        let spent = self.spend_of(&[whose], period_start).await?;
        let spent = spent.get(&whose).copied().unwrap_or_default();
        // One statement, so that two resets at the same time do not forgive the same twice.
        macro_rules! reset {
            ($table:literal) => {
                concat!(
                    "insert into budget_resets (scope, scope_id, period, period_start, \
                     forgiven_nano, created_at) \
                     select $1, t.id, $3, $4, $5 - coalesce((select sum(forgiven_nano) \
                     from budget_resets where scope = $1 and scope_id = $2 and period = $3 \
                     and period_start = $4), 0), $6 from ",
                    $table,
                    " t where t.id = $2 returning forgiven_nano"
                )
            };
        }
        let sql = match whose {
            BudgetScope::User(_) => reset!("users"),
            BudgetScope::Team(_) => reset!("teams"),
            BudgetScope::Key(_) => reset!("virtual_keys"),
        };
        let forgiven: Option<i64> = sqlx::query_scalar(sql)
            .bind(whose.kind())
            .bind(whose.id())
            .bind(period.as_str())
            .bind(period_start.0)
            .bind(spent.0)
            .bind(now.0)
            .fetch_optional(self.writer())
            .await?;
        forgiven.map(NanoUsd).ok_or(StorageError::Conflict {
            what: Constraint::Reference,
        })
    }
}

fn since(start: Timestamp) -> [Period; 1] {
    [Period {
        start,
        end: FOREVER,
    }]
}

/// Whose sum it is; `None` for requests without one.
pub(crate) fn spend(sum: GroupSums) -> Option<(BudgetScope, NanoUsd)> {
    let user = sum.user_id.map(BudgetScope::User);
    let team = sum.team_id.map(BudgetScope::Team);
    let key = sum.key_id.map(BudgetScope::Key);
    Some((user.or(team).or(key)?, sum.totals.cost))
}

fn forgiven_row(
    (kind, id, nano): (String, i64, i64),
) -> Result<(BudgetScope, NanoUsd), StorageError> {
    let scope = BudgetScope::parse(&kind, id).ok_or(StorageError::Corrupt {
        what: "budget scope",
    })?;
    Ok((scope, NanoUsd(nano)))
}
