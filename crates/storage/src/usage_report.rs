//! What the usage report reads: the sums and the times of groups in stretches of time, and their names.
//! From the rollups; only where a stretch begins or ends within an hour are single rows read.

use std::collections::HashMap;

use domain::{
    UserId,
    period::Period,
    report::{Latency, Totals},
    usage_report::UsageGroup,
};
use sqlx::{QueryBuilder, Sqlite};

use crate::{
    Database, StorageError,
    usage_sums::{Group, GroupSums, Scope},
};

/// Whose requests are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageScope {
    Everyone,
    User(UserId),
}

impl UsageScope {
    fn as_scope(&self) -> Scope<'_> {
        match self {
            Self::Everyone => Scope::Everyone,
            Self::User(id) => Scope::Users(std::slice::from_ref(id)),
        }
    }
}

/// Sums of one group in one stretch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageSums {
    /// Index of the stretch.
    pub span: usize,
    /// Of the user, team, key or backend; `None`: none, or grouped by something else.
    pub id: Option<i64>,
    /// Empty where not grouped by model.
    pub model: String,
    pub totals: Totals,
}

fn group_of(group: Option<UsageGroup>) -> Group {
    match group {
        None => Group::Nothing,
        Some(UsageGroup::User) => Group::User,
        Some(UsageGroup::Team) => Group::Team,
        Some(UsageGroup::Key) => Group::Key,
        Some(UsageGroup::Model) => Group::Model,
        Some(UsageGroup::Backend) => Group::Backend,
    }
}

fn id_of(sums: &GroupSums) -> Option<i64> {
    let id = sums.user_id.map(|id| id.0);
    let id = id.or(sums.team_id.map(|id| id.0));
    let id = id.or(sums.key_id.map(|id| id.0));
    id.or(sums.backend_id.map(|id| id.0))
}

impl Database {
    /// The sums of `spans` by `group`; groups without requests are missing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn usage_sums(
        &self,
        spans: &[Period],
        scope: UsageScope,
        group: Option<UsageGroup>,
    ) -> Result<Vec<UsageSums>, StorageError> {
        let sums = self.sums(spans, scope.as_scope(), group_of(group)).await?;
        let sums = sums.into_iter().map(|sums| UsageSums {
            span: sums.span,
            id: id_of(&sums),
            totals: sums.totals,
            model: sums.model,
        });
        Ok(sums.collect())
    }

    /// How long requests took in `spans`, by `group`: stretch, id, model, times. UTC hours that a stretch
    /// only touches are counted whole.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn usage_latencies(
        &self,
        spans: &[Period],
        scope: UsageScope,
        group: Option<UsageGroup>,
    ) -> Result<Vec<(usize, Option<i64>, String, Latency)>, StorageError> {
        let found = self
            .latencies(spans, scope.as_scope(), group_of(group))
            .await?;
        let found = found.into_iter().map(|of| {
            // All but one are 0, since there is one group.
            let id = of.user_id + of.team_id + of.key_id + of.backend_id;
            (of.span, (id != 0).then_some(id), of.model, of.latency)
        });
        Ok(found.collect())
    }

    /// What these are called; who was deleted since is missing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn names_of(
        &self,
        group: UsageGroup,
        ids: &[i64],
    ) -> Result<HashMap<i64, String>, StorageError> {
        let sql = match group {
            UsageGroup::User => "select id, name from users where id in (",
            UsageGroup::Team => "select id, name from teams where id in (",
            UsageGroup::Key => "select id, label from virtual_keys where id in (",
            UsageGroup::Backend => "select id, name from backends where id in (",
            UsageGroup::Model => return Ok(HashMap::new()),
        };
        let mut names = HashMap::new();
        for some in ids.chunks(500) {
            let mut query = QueryBuilder::<Sqlite>::new(sql);
            let mut list = query.separated(", ");
            for id in some {
                list.push_bind(id);
            }
            query.push(")");
            let rows: Vec<(i64, String)> = query.build_query_as().fetch_all(self.readers()).await?;
            names.extend(rows);
        }
        Ok(names)
    }
}
