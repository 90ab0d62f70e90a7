//! Budgets: how much may be spent in a day and in a month.

use serde::{Deserialize, Serialize};

use crate::{KeyId, KeyOwner, NanoUsd, TeamId, Timestamp, UserId, report::PeriodSpend};

/// The limits of one user, team or key. Zero means unlimited, as the forerunners' scripts expect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BudgetLimits {
    /// For a calendar day in the reporting time zone. No call is let in that might pass it.
    pub daily: NanoUsd,
    /// For a calendar month in the reporting time zone.
    pub monthly: NanoUsd,
    /// Passing it in a day refuses nothing, but is told once.
    pub soft_daily: NanoUsd,
    pub soft_monthly: NanoUsd,
}

impl BudgetLimits {
    /// The limit that refuses.
    #[must_use]
    pub const fn hard(&self, period: BudgetPeriod) -> NanoUsd {
        match period {
            BudgetPeriod::Daily => self.daily,
            BudgetPeriod::Monthly => self.monthly,
        }
    }

    /// The limit that only warns.
    #[must_use]
    pub const fn soft(&self, period: BudgetPeriod) -> NanoUsd {
        match period {
            BudgetPeriod::Daily => self.soft_daily,
            BudgetPeriod::Monthly => self.soft_monthly,
        }
    }

    /// Whether there is anything to hold or to tell.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }
}

/// Whose budget it is. A call counts in that of its key and in that of the key's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum BudgetScope {
    User(UserId),
    Team(TeamId),
    Key(KeyId),
}

impl From<KeyOwner> for BudgetScope {
    fn from(owner: KeyOwner) -> Self {
        match owner {
            KeyOwner::User(id) => Self::User(id),
            KeyOwner::Team(id) => Self::Team(id),
        }
    }
}

impl BudgetScope {
    /// The name of the kind in the database and in messages.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Team(_) => "team",
            Self::Key(_) => "key",
        }
    }

    #[must_use]
    pub const fn id(self) -> i64 {
        match self {
            Self::User(UserId(id)) | Self::Team(TeamId(id)) | Self::Key(KeyId(id)) => id,
        }
    }

    /// Reads what [`BudgetScope::kind`] and [`BudgetScope::id`] wrote.
    #[must_use]
    pub fn parse(kind: &str, id: i64) -> Option<Self> {
        match kind {
            "user" => Some(Self::User(UserId(id))),
            "team" => Some(Self::Team(TeamId(id))),
            "key" => Some(Self::Key(KeyId(id))),
            _ => None,
        }
    }

    /// Kind and id in one word, as it travels in forms and URLs: `user-3`.
    #[must_use]
    pub fn word(self) -> String {
        format!("{}-{}", self.kind(), self.id())
    }

    /// Reads what [`BudgetScope::word`] wrote.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let (kind, id) = word.split_once('-')?;
        Self::parse(kind, id.parse().ok()?)
    }
}

/// What happened to a budget that somebody should know; told once in each period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetEventKind {
    /// More was spent than the soft limit; calls go on.
    SoftLimit,
    /// The budget is used up: a call was refused.
    HardLimit,
}

impl BudgetEventKind {
    /// The name used in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SoftLimit => "soft_limit",
            Self::HardLimit => "hard_limit",
        }
    }

    /// Reads what [`BudgetEventKind::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::SoftLimit, Self::HardLimit]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// A limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetEvent {
    pub scope: BudgetScope,
    pub kind: BudgetEventKind,
    pub period: BudgetPeriod,
    /// Names the period: there is one event of a kind in each.
    pub period_start: Timestamp,
    pub period_end: Timestamp,
    /// What counted against the budget when it happened.
    pub spent: NanoUsd,
    pub limit: NanoUsd,
    pub at: Timestamp,
}

/// An event as it is listed, with the name of whose budget it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetAlert {
    pub id: i64,
    #[serde(flatten)]
    pub event: BudgetEvent,
    /// `None` where its bearer was deleted since.
    pub name: Option<String>,
    /// `at` in the reporting zone: `2026-11-21 14:03`.
    pub at_local: String,
    /// The webhook has taken it; `None` where it has not (yet), or where there is none.
    pub delivered_at: Option<Timestamp>,
}

/// The two periods a budget is kept for. The monthly one is checked first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetPeriod {
    Monthly,
    Daily,
}

impl BudgetPeriod {
    /// In the order in which budgets are checked.
    pub const ALL: [Self; 2] = [Self::Monthly, Self::Daily];

    /// As it stands at the head of a refusal: `Monthly budget exceeded`.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Monthly => "Monthly",
            Self::Daily => "Daily",
        }
    }

    /// The name used in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Monthly => "monthly",
            Self::Daily => "daily",
        }
    }

    /// Reads what [`BudgetPeriod::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "monthly" => Some(Self::Monthly),
            "daily" => Some(Self::Daily),
            _ => None,
        }
    }
}

/// What a user, team or key may still spend, after resets. A remainder of `None` means unlimited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetStatus {
    pub limits: BudgetLimits,
    pub daily_budget: NanoUsd,
    pub daily_spend: NanoUsd,
    pub daily_remaining: Option<NanoUsd>,
    /// The end of the present day in the reporting zone.
    pub daily_resets_at: Timestamp,
    /// The same in that zone: `2026-11-21 00:00`.
    pub daily_resets_at_local: String,
    pub monthly_budget: NanoUsd,
    pub monthly_spend: NanoUsd,
    pub monthly_remaining: Option<NanoUsd>,
    /// The end of the present month in the reporting zone.
    pub monthly_resets_at: Timestamp,
    pub monthly_resets_at_local: String,
    /// When the budget is used up if spending goes on as lately; `None`: not in this period.
    pub daily_ends_at_local: Option<String>,
    pub monthly_ends_at_local: Option<String>,
}

/// A budget by itself, with its past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetHistory {
    /// Of the user or team; the label of a key.
    pub name: String,
    pub status: BudgetStatus,
    /// The last twelve, the present one first.
    pub months: Vec<PeriodSpend>,
    /// The last thirty, the present one first.
    pub days: Vec<PeriodSpend>,
    /// What was told this month.
    pub alerts: Vec<BudgetAlert>,
}

/// Which budgets a list shows. Fits a query string.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BudgetQuery {
    /// Part of the name of a user, a team or a key, or of the owner of a key.
    pub search: String,
    pub filter: BudgetFilter,
    /// Counted from 1; 0 is taken for 1.
    pub page: u32,
    /// 0 stands for [`crate::page::DEFAULT_PER_PAGE`].
    pub per_page: u32,
}

/// Which budgets a list shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetFilter {
    /// All that limit or warn.
    #[default]
    Set,
    /// Those of which [`NEAR_PERCENT`] are spent.
    Near,
    /// Those that refuse calls now.
    UsedUp,
    /// Also users, teams and keys without any.
    Everyone,
}

/// From here on a budget is near its limit.
pub const NEAR_PERCENT: u32 = 80;

impl BudgetFilter {
    pub const ALL: [Self; 4] = [Self::Set, Self::Near, Self::UsedUp, Self::Everyone];

    /// As it stands in a URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Near => "near",
            Self::UsedUp => "used-up",
            Self::Everyone => "everyone",
        }
    }

    /// Reads what [`BudgetFilter::as_str`] wrote; what is nothing of it is all that are set.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let known = Self::ALL.into_iter().find(|one| one.as_str() == text);
        known.unwrap_or_default()
    }
}

/// A budget in a list, with what counts against it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetSummary {
    pub scope: BudgetScope,
    /// Of the user or team; the label of a key.
    pub name: String,
    /// Of a key: whose it is.
    pub owner: Option<String>,
    pub limits: BudgetLimits,
    pub spent_today: NanoUsd,
    pub spent_this_month: NanoUsd,
}

impl BudgetSummary {
    /// The highest share of a limit that is spent, warnings included, in percent: may be more than
    /// 100, and is 0 where there is no limit.
    #[must_use]
    pub fn percent(&self) -> u32 {
        let limits = &self.limits;
        [
            (self.spent_today, limits.daily),
            (self.spent_today, limits.soft_daily),
            (self.spent_this_month, limits.monthly),
            (self.spent_this_month, limits.soft_monthly),
        ]
        .into_iter()
        .map(|(spent, limit)| percent(spent, limit))
        .max()
        .unwrap_or_default()
    }

    /// Whether calls are refused because of it.
    #[must_use]
    pub fn is_used_up(&self) -> bool {
        percent(self.spent_today, self.limits.daily) >= 100
            || percent(self.spent_this_month, self.limits.monthly) >= 100
    }
}

/// How much of a limit is spent: may be more than 100, and is 0 where there is no limit.
#[must_use]
pub fn percent(spent: NanoUsd, limit: NanoUsd) -> u32 {
    if limit <= NanoUsd::ZERO {
        return 0;
    }
    let share = i128::from(spent.0.max(0)) * 100 / i128::from(limit.0);
    u32::try_from(share).unwrap_or(u32::MAX)
}

/// What is left of `budget` after `spend`: never negative, and `None` where there is no limit.
#[must_use]
pub fn remaining(budget: NanoUsd, spend: NanoUsd) -> Option<NanoUsd> {
    (budget != NanoUsd::ZERO).then(|| (budget - spend).max(NanoUsd::ZERO))
}

/// When a budget of which `left` is left is used up, if spending goes on at the pace of `spent` in
/// the last `millis`; `None` where that is not before `until`, its next reset.
#[must_use]
pub fn forecast(
    left: NanoUsd,
    spent: NanoUsd,
    millis: i64,
    now: Timestamp,
    until: Timestamp,
) -> Option<Timestamp> {
    if spent <= NanoUsd::ZERO || millis <= 0 {
        return None;
    }
    let lasts = i128::from(left.0.max(0)) * i128::from(millis) / i128::from(spent.0);
    let ends = Timestamp(
        now.0
            .saturating_add(i64::try_from(lasts).unwrap_or(i64::MAX)),
    );
    (ends < until).then_some(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn a_forecast_goes_on_at_the_pace_of_lately() {
        let now = Timestamp(100 * HOUR);
        let until = Timestamp(200 * HOUR);
        let ends = |left, spent| {
            forecast(NanoUsd(left), NanoUsd(spent), 10 * HOUR, now, until)
                .map(|at| (at.0 - now.0) / HOUR)
        };
        assert_eq!(ends(50, 10), Some(50));
        assert_eq!(ends(100, 10), None, "it lasts until the reset");
        assert_eq!(ends(0, 10), Some(0));
        assert_eq!(ends(-5, 10), Some(0));
        assert_eq!(ends(50, 0), None);
        assert_eq!(ends(i64::MAX, 1), None);
    }

    #[test]
    fn the_highest_share_of_a_limit_counts() {
        let mut budget = BudgetSummary {
            scope: BudgetScope::User(UserId(1)),
            name: String::new(),
            owner: None,
            limits: BudgetLimits {
                daily: NanoUsd(100),
                soft_monthly: NanoUsd(1_000),
                ..BudgetLimits::default()
            },
            spent_today: NanoUsd(79),
            spent_this_month: NanoUsd(500),
        };
        assert_eq!((budget.percent(), budget.is_used_up()), (79, false));
        budget.spent_this_month = NanoUsd(2_000);
        assert_eq!((budget.percent(), budget.is_used_up()), (200, false));
        budget.spent_today = NanoUsd(100);
        assert!(budget.is_used_up());
        budget.limits = BudgetLimits::default();
        assert_eq!((budget.percent(), budget.is_used_up()), (0, false));
    }

    #[test]
    fn whose_a_budget_is_reads_what_it_writes() {
        let team = BudgetScope::Team(TeamId(5));
        assert_eq!(BudgetScope::from_word(&team.word()), Some(team));
        for nonsense in ["", "team", "team-", "team-x", "nobody-1"] {
            assert_eq!(BudgetScope::from_word(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn names_read_what_they_write() {
        for filter in BudgetFilter::ALL {
            assert_eq!(BudgetFilter::read(filter.as_str()), filter);
        }
        for scope in [
            BudgetScope::User(UserId(1)),
            BudgetScope::Team(TeamId(2)),
            BudgetScope::Key(KeyId(3)),
        ] {
            assert_eq!(BudgetScope::parse(scope.kind(), scope.id()), Some(scope));
        }
        for kind in [BudgetEventKind::SoftLimit, BudgetEventKind::HardLimit] {
            assert_eq!(BudgetEventKind::parse(kind.as_str()), Some(kind));
        }
    }
}
