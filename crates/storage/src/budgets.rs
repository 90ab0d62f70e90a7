//! What has been spent, and what of it was forgiven. Spend is never stored: it is a sum over the
//! ledger, and a reset is a row that says how much of that sum no longer counts in one period.

use std::collections::HashMap;

use domain::{KeyId, NanoUsd, Timestamp, UserId, budget::BudgetPeriod, period::Period};
use sqlx::{QueryBuilder, Sqlite};

use crate::{
    Database, StorageError,
    usage_sums::{FOREVER, Group, Scope},
};

fn since(start: Timestamp) -> [Period; 1] {
    [Period {
        start,
        end: FOREVER,
    }]
}

impl Database {
    /// What every user spent since `start`, before resets. Who spent nothing is missing, and so are
    /// requests without a user.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn spend_since(
        &self,
        start: Timestamp,
    ) -> Result<Vec<(UserId, NanoUsd)>, StorageError> {
        let sums = self
            .sums(&since(start), Scope::Everyone, Group::User)
            .await?;
        Ok(sums
            .into_iter()
            .filter_map(|sum| Some((sum.user_id?, sum.totals.cost)))
            .collect())
    }

    /// The same for some users.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn spend_of_users(
        &self,
        users: &[UserId],
        start: Timestamp,
    ) -> Result<HashMap<UserId, NanoUsd>, StorageError> {
        let sums = self
            .sums(&since(start), Scope::Users(users), Group::User)
            .await?;
        Ok(sums
            .into_iter()
            .filter_map(|sum| Some((sum.user_id?, sum.totals.cost)))
            .collect())
    }

    /// The same for one user.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn spend_of_user(
        &self,
        user: UserId,
        start: Timestamp,
    ) -> Result<NanoUsd, StorageError> {
        let spend = self.spend_of_users(&[user], start).await?;
        Ok(spend.get(&user).copied().unwrap_or_default())
    }

    /// What was spent with some keys since `start`. Resets concern users and not keys.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn spend_of_keys(
        &self,
        keys: &[KeyId],
        start: Timestamp,
    ) -> Result<HashMap<KeyId, NanoUsd>, StorageError> {
        let sums = self
            .sums(&since(start), Scope::Keys(keys), Group::Key)
            .await?;
        Ok(sums
            .into_iter()
            .filter_map(|sum| Some((sum.key_id?, sum.totals.cost)))
            .collect())
    }

    /// What resets forgave some users in the period that began at `period_start`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forgiven(
        &self,
        users: &[UserId],
        period: BudgetPeriod,
        period_start: Timestamp,
    ) -> Result<HashMap<UserId, NanoUsd>, StorageError> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "select user_id, sum(forgiven_nano) from budget_resets where period = ",
        );
        query
            .push_bind(period.as_str())
            .push(" and period_start = ")
            .push_bind(period_start.0)
            .push(" and user_id in (");
        let mut ids = query.separated(", ");
        for user in users {
            ids.push_bind(user.0);
        }
        query.push(") group by user_id");
        let rows: Vec<(i64, i64)> = query.build_query_as().fetch_all(self.readers()).await?;
        Ok(rows
            .into_iter()
            .map(|(user, nano)| (UserId(user), NanoUsd(nano)))
            .collect())
    }

    /// Forgives what the user spent since `period_start`, less what was forgiven before. Returns how
    /// much that was. What is spent later, or settled later, counts again.
    ///
    /// # Errors
    /// [`crate::Constraint::Reference`] when there is no such user.
    pub async fn reset_budget(
        &self,
        user: UserId,
        period: BudgetPeriod,
        period_start: Timestamp,
        now: Timestamp,
    ) -> Result<NanoUsd, StorageError> {
        let spent = self.spend_of_user(user, period_start).await?;
        // One statement, so that two resets at the same time do not forgive the same twice.
        let forgiven: i64 = sqlx::query_scalar(
            "insert into budget_resets (user_id, period, period_start, forgiven_nano, created_at) \
             select $1, $2, $3, $4 - coalesce(sum(forgiven_nano), 0), $5 from budget_resets \
             where user_id = $1 and period = $2 and period_start = $3 \
             returning forgiven_nano",
        )
        .bind(user.0)
        .bind(period.as_str())
        .bind(period_start.0)
        .bind(spent.0)
        .bind(now.0)
        .fetch_one(self.writer())
        .await?;
        Ok(NanoUsd(forgiven))
    }
}
