//! The one query behind every figure: sums of the ledger per stretch of time, grouped. It reads the
//! hourly rollups; only where a stretch begins or ends within a UTC hour, as days do in zones with
//! half-hour offsets, does it add the single requests of that part, so that sums are exact anywhere.
//!
//! Rollups are kept by the hour in which a request started; so must the single requests be counted.

use domain::{
    BackendId, KeyId, NanoUsd, Outcome, TeamId, Timestamp, TokenUsage, UserId, period::Period,
    report::Totals,
};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::{Database, StorageError};

const HOUR_MS: i64 = 3_600_000;

/// An end for stretches that reach up to now and beyond.
pub(crate) const FOREVER: Timestamp = Timestamp(i64::MAX);

/// Whose requests are counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope<'a> {
    Everyone,
    Users(&'a [UserId]),
    Teams(&'a [TeamId]),
    Keys(&'a [KeyId]),
}

/// What sums are kept apart by, besides the stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Nothing,
    User,
    Team,
    Key,
    Backend,
    Model,
    /// By user, and by team.
    Owner,
    OwnerAndModel,
}

impl Group {
    fn has_user(self) -> bool {
        matches!(self, Self::User | Self::Owner | Self::OwnerAndModel)
    }

    fn has_team(self) -> bool {
        matches!(self, Self::Team | Self::Owner | Self::OwnerAndModel)
    }

    fn has_model(self) -> bool {
        matches!(self, Self::Model | Self::OwnerAndModel)
    }
}

/// Sums of one group in one stretch. Groups without requests are missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupSums {
    /// Index of the stretch.
    pub(crate) span: usize,
    /// `None` where not grouped by user, and for requests without one.
    pub(crate) user_id: Option<UserId>,
    /// `None` where not grouped by team, and for requests without one.
    pub(crate) team_id: Option<TeamId>,
    /// `None` where not grouped by key, and for requests without one.
    pub(crate) key_id: Option<KeyId>,
    /// `None` where not grouped by backend, and for requests without one.
    pub(crate) backend_id: Option<BackendId>,
    /// Empty where not grouped by model.
    pub(crate) model: String,
    pub(crate) totals: Totals,
}

#[derive(sqlx::FromRow)]
struct SumsRow {
    span: i64,
    user_id: i64,
    team_id: i64,
    key_id: i64,
    backend_id: i64,
    model: String,
    requests: i64,
    errors: i64,
    unpriced: i64,
    input_tokens: i64,
    cache_read_tokens: i64,
    cache_write_5m_tokens: i64,
    cache_write_1h_tokens: i64,
    output_tokens: i64,
    reasoning_tokens: i64,
    cost_nano: i64,
}

impl From<SumsRow> for GroupSums {
    fn from(row: SumsRow) -> Self {
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        Self {
            span: usize::try_from(row.span).unwrap_or(0),
            user_id: (row.user_id != 0).then_some(UserId(row.user_id)),
            team_id: (row.team_id != 0).then_some(TeamId(row.team_id)),
            key_id: (row.key_id != 0).then_some(KeyId(row.key_id)),
            backend_id: (row.backend_id != 0).then_some(BackendId(row.backend_id)),
            model: row.model,
            totals: Totals {
                requests: count(row.requests),
                errors: count(row.errors),
                unpriced: count(row.unpriced),
                usage: TokenUsage {
                    input: count(row.input_tokens),
                    cache_read: count(row.cache_read_tokens),
                    cache_write_5m: count(row.cache_write_5m_tokens),
                    cache_write_1h: count(row.cache_write_1h_tokens),
                    output: count(row.output_tokens),
                    reasoning: count(row.reasoning_tokens),
                    ..TokenUsage::default()
                },
                cost: NanoUsd(row.cost_nano),
            },
        }
    }
}

/// A stretch, cut into whole UTC hours and what remains before and after them. Without a whole hour,
/// everything is "before".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    start: i64,
    whole_from: i64,
    whole_to: i64,
    end: i64,
}

impl Cut {
    fn new(period: &Period) -> Self {
        let (start, end) = (period.start.0, period.end.0.max(period.start.0));
        let floor = |t: i64| t - t.rem_euclid(HOUR_MS);
        let whole_from = match floor(start) {
            hour if hour == start => start,
            hour => hour + HOUR_MS,
        };
        let whole_to = if end == FOREVER.0 { end } else { floor(end) };
        if whole_from <= whole_to {
            Self {
                start,
                whole_from,
                whole_to,
                end,
            }
        } else {
            Self {
                start,
                whole_from: end,
                whole_to: end,
                end,
            }
        }
    }

    fn is_whole(&self) -> bool {
        self.start == self.whole_from && self.whole_to == self.end
    }
}

impl Database {
    /// Sums of `spans`, which may overlap, over `scope`, grouped by `group`.
    pub(crate) async fn sums(
        &self,
        spans: &[Period],
        scope: Scope<'_>,
        group: Group,
    ) -> Result<Vec<GroupSums>, StorageError> {
        let mut connection = self.ledger_readers().await.acquire().await?;
        sums_on(&mut connection, spans, scope, group).await
    }
}

/// The same on a connection of the caller's, which may see a snapshot.
pub(crate) async fn sums_on(
    connection: &mut SqliteConnection,
    spans: &[Period],
    scope: Scope<'_>,
    group: Group,
) -> Result<Vec<GroupSums>, StorageError> {
    let nobody = match scope {
        Scope::Everyone => false,
        Scope::Users(ids) => ids.is_empty(),
        Scope::Teams(ids) => ids.is_empty(),
        Scope::Keys(ids) => ids.is_empty(),
    };
    if spans.is_empty() || nobody {
        return Ok(Vec::new());
    }
    let cuts: Vec<Cut> = spans.iter().map(Cut::new).collect();

    let mut query = QueryBuilder::<Sqlite>::new(
        "with spans (span, start_at, whole_from, whole_to, end_at) as (",
    );
    query.push_values(cuts.iter().enumerate(), |mut row, (index, cut)| {
        row.push_bind(i64::try_from(index).unwrap_or(i64::MAX))
            .push_bind(cut.start)
            .push_bind(cut.whole_from)
            .push_bind(cut.whole_to)
            .push_bind(cut.end);
    });
    query.push(
        ") select span, user_id, team_id, key_id, backend_id, model, sum(requests) as requests, \
             sum(errors) as errors, sum(unpriced) as unpriced, \
             sum(input_tokens) as input_tokens, sum(cache_read_tokens) as cache_read_tokens, \
             sum(cache_write_5m_tokens) as cache_write_5m_tokens, \
             sum(cache_write_1h_tokens) as cache_write_1h_tokens, \
             sum(output_tokens) as output_tokens, sum(reasoning_tokens) as reasoning_tokens, \
             sum(cost_nano) as cost_nano from (",
    );
    push_rollups(&mut query, scope, group);
    if !cuts.iter().all(Cut::is_whole) {
        push_requests(&mut query, scope, group, "start_at", "whole_from");
        push_requests(&mut query, scope, group, "whole_to", "end_at");
    }
    query.push(") group by span, user_id, team_id, key_id, backend_id, model");

    let rows: Vec<SumsRow> = query.build_query_as().fetch_all(connection).await?;
    Ok(rows.into_iter().map(GroupSums::from).collect())
}

/// `cross join` keeps the stretches on the outside, so that each is one range of the index.
fn push_rollups(query: &mut QueryBuilder<Sqlite>, scope: Scope<'_>, group: Group) {
    query.push("select s.span, ");
    push_group(query, group);
    query.push(
        "t.requests, t.errors, t.unpriced, t.input_tokens, t.cache_read_tokens, \
         t.cache_write_5m_tokens, t.cache_write_1h_tokens, t.output_tokens, t.reasoning_tokens, \
         t.cost_nano from spans s cross join ledger.rollups t \
         where t.hour >= s.whole_from and t.hour < s.whole_to",
    );
    push_scope(query, scope);
}

fn push_requests(
    query: &mut QueryBuilder<Sqlite>,
    scope: Scope<'_>,
    group: Group,
    from: &'static str,
    to: &'static str,
) {
    query.push(" union all select s.span, ");
    push_group(query, group);
    query.push("t.is_final, t.outcome in (");
    let mut outcomes = query.separated(", ");
    let errors = |o: &Outcome| o.is_error() && o.is_final();
    for outcome in Outcome::ALL.into_iter().filter(errors) {
        outcomes.push_bind(outcome.as_str());
    }
    query.push(
        "), t.is_final and t.cost_nano is null, t.input_tokens, t.cache_read_tokens, t.cache_write_5m_tokens, \
         t.cache_write_1h_tokens, t.output_tokens, t.reasoning_tokens, coalesce(t.cost_nano, 0) \
         from spans s cross join ledger.requests t where t.started_at >= s.",
    );
    query.push(from).push(" and t.started_at < s.").push(to);
    push_scope(query, scope);
}

pub(crate) fn push_group(query: &mut QueryBuilder<Sqlite>, group: Group) {
    query.push(if group.has_user() {
        "coalesce(t.user_id, 0) as user_id, "
    } else {
        "0 as user_id, "
    });
    query.push(if group.has_team() {
        "coalesce(t.team_id, 0) as team_id, "
    } else {
        "0 as team_id, "
    });
    query.push(if group == Group::Key {
        "coalesce(t.key_id, 0) as key_id, "
    } else {
        "0 as key_id, "
    });
    query.push(if group == Group::Backend {
        "coalesce(t.backend_id, 0) as backend_id, "
    } else {
        "0 as backend_id, "
    });
    query.push(if group.has_model() {
        "t.request_model as model, "
    } else {
        "'' as model, "
    });
}

pub(crate) fn push_scope(query: &mut QueryBuilder<Sqlite>, scope: Scope<'_>) {
    let (column, ids): (_, Vec<i64>) = match scope {
        Scope::Everyone => return,
        Scope::Users(ids) => (" and t.user_id in (", ids.iter().map(|id| id.0).collect()),
        Scope::Teams(ids) => (" and t.team_id in (", ids.iter().map(|id| id.0).collect()),
        Scope::Keys(ids) => (" and t.key_id in (", ids.iter().map(|id| id.0).collect()),
    };
    query.push(column);
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(id);
    }
    query.push(")");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_parts_of_a_cut_follow_each_other_and_hours_are_whole(
            start in -10_000_000i64..10_000_000, length in 0i64..20_000_000,
        ) {
            let period = Period { start: Timestamp(start), end: Timestamp(start + length) };
            let cut = Cut::new(&period);
            prop_assert_eq!((cut.start, cut.end), (start, start + length));
            prop_assert!(cut.start <= cut.whole_from);
            prop_assert!(cut.whole_from <= cut.whole_to);
            prop_assert!(cut.whole_to <= cut.end);
            if cut.whole_from < cut.whole_to {
                prop_assert_eq!(cut.whole_from.rem_euclid(HOUR_MS), 0);
                prop_assert_eq!(cut.whole_to.rem_euclid(HOUR_MS), 0);
            }
            prop_assert!(cut.whole_from - cut.start < HOUR_MS || cut.whole_from == cut.end);
        }
    }

    #[test]
    fn an_open_end_needs_no_single_requests() {
        let period = Period {
            start: Timestamp(HOUR_MS),
            end: FOREVER,
        };
        assert!(Cut::new(&period).is_whole());
    }
}
