//! Teams: people who share keys and a budget.

use serde::{Deserialize, Serialize};

use crate::{BudgetLimits, NanoUsd, RateLimits, TeamId, Timestamp, UserId};

/// A team. Its keys belong to it and not to whoever made them, and only they spend its budget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Team {
    pub id: TeamId,
    /// Unique.
    pub name: String,
    /// The keys of an inactive team are refused.
    pub active: bool,
    pub budget: BudgetLimits,
    pub limits: RateLimits,
    pub created_at: Timestamp,
}

/// What a member may do in a team.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TeamRole {
    /// Manages members and keys.
    Owner,
    /// Sees the team's keys, budget and usage.
    #[default]
    Member,
}

impl TeamRole {
    /// The name used in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Member => "member",
        }
    }

    /// Reads what [`TeamRole::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "owner" => Some(Self::Owner),
            "member" => Some(Self::Member),
            _ => None,
        }
    }
}

/// A user in a team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamMember {
    pub user_id: UserId,
    pub name: String,
    pub role: TeamRole,
}

/// A team in a list, with what it has spent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamSummary {
    pub team: Team,
    pub members: u32,
    pub keys: u32,
    pub spent_today: NanoUsd,
    pub spent_this_month: NanoUsd,
    /// The role of who asks, where they are a member.
    pub role: Option<TeamRole>,
}

/// What is chosen about a team, when it is made and later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamInput {
    pub name: String,
    pub active: bool,
    pub budget: BudgetLimits,
    pub limits: RateLimits,
}
