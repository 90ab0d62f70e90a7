//! The ways in, as the dashboards show them: sessions, tokens of the admin API, one-time links. No secret is
//! ever part of these types.

use serde::{Deserialize, Serialize};

use crate::{Timestamp, TokenId, UserId};

/// How much of the admin API a token opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenScope {
    /// Sees everything and changes nothing.
    #[default]
    Read,
    /// Whatever its owner may do.
    Admin,
}

impl TokenScope {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }

    /// Reads what [`TokenScope::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "read" => Some(Self::Read),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }
}

/// A token of the admin API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiToken {
    pub id: TokenId,
    pub name: String,
    /// `None`: made with the master key.
    pub owner: Option<UserId>,
    /// The owner's name.
    pub owner_name: Option<String>,
    /// The first characters, for recognising it.
    pub prefix: String,
    /// The last four characters.
    pub last4: String,
    pub scope: TokenScope,
    /// `None` never expires.
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// To the minute.
    pub last_used_at: Option<Timestamp>,
}

impl ApiToken {
    /// Whether it opens anything at `now`.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| at > now)
    }
}

/// What is chosen about a new token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NewTokenInput {
    pub name: String,
    pub scope: TokenScope,
    /// `None` never expires.
    pub expires_at: Option<Timestamp>,
}

/// A session of the dashboards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionInfo {
    /// Names the session among those of its user, and opens nothing.
    pub handle: String,
    /// `None`: not known.
    pub created_at: Option<Timestamp>,
    /// Without activity it ends then.
    pub expires_at: Timestamp,
    /// What the browser said that it is.
    pub agent: Option<String>,
    /// Where it was begun.
    pub address: Option<String>,
}

/// What a one-time link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// The first password, for a week.
    Invite,
    /// A new password, for a day.
    Reset,
}

impl LinkKind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invite => "invite",
            Self::Reset => "reset",
        }
    }

    /// Reads what [`LinkKind::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "invite" => Some(Self::Invite),
            "reset" => Some(Self::Reset),
            _ => None,
        }
    }

    /// How long one is good for, in milliseconds.
    #[must_use]
    pub const fn lifetime_ms(self) -> i64 {
        const DAY: i64 = 24 * 3_600_000;
        match self {
            Self::Invite => 7 * DAY,
            Self::Reset => DAY,
        }
    }
}

/// A link that can still be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenLink {
    pub kind: LinkKind,
    pub user_id: UserId,
    pub user: String,
    pub expires_at: Timestamp,
}
