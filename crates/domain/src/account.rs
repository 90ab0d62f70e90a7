//! People and their keys, as the dashboards and the admin API see them. No secret is ever part of
//! these types: a key is known by its prefix and its last four characters.

use serde::{Deserialize, Serialize};

use crate::{BudgetLimits, KeyId, NanoUsd, RateLimits, TeamId, Timestamp, UserId};

/// What a signed-in person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Manages everything.
    Admin,
    /// Sees everything and changes nothing but what is their own.
    Viewer,
    /// Sees and manages what is their own.
    User,
}

impl Role {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Viewer => "viewer",
            Self::User => "user",
        }
    }

    /// Whether everything may be looked at.
    #[must_use]
    pub const fn sees_all(self) -> bool {
        matches!(self, Self::Admin | Self::Viewer)
    }

    /// Reads what [`Role::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "admin" => Some(Self::Admin),
            "viewer" => Some(Self::Viewer),
            "user" => Some(Self::User),
            _ => None,
        }
    }
}

/// A person, or a program that owns keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub id: UserId,
    /// Unique; what one signs in with.
    pub name: String,
    pub email: Option<String>,
    pub role: Role,
    /// An inactive user cannot sign in, and their keys are refused.
    pub active: bool,
    /// The password was set by somebody else and must be changed at the first sign-in.
    pub must_change_password: bool,
    pub budget: BudgetLimits,
    pub limits: RateLimits,
    pub created_at: Timestamp,
}

/// Whom a key belongs to, and whose budget it spends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyOwner {
    User(UserId),
    Team(TeamId),
}

/// A virtual key: what a client sends instead of a provider's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualKey {
    pub id: KeyId,
    pub owner: KeyOwner,
    pub label: String,
    /// The first characters, such as `sk-lr-3fQ`, for recognising a key in a list.
    pub prefix: String,
    /// The last four characters.
    pub last4: String,
    pub active: bool,
    /// An admin switched it off; its owner cannot switch it on again.
    pub disabled_by_admin: bool,
    /// For good: a revoked key never works again, but stays in the lists.
    pub revoked_at: Option<Timestamp>,
    /// `None` never expires.
    pub expires_at: Option<Timestamp>,
    pub limits: RateLimits,
    /// Of the key itself, within that of its owner.
    pub budget: BudgetLimits,
    pub access: KeyAccess,
    /// Words of the admin's own, to find keys and to tell them apart in reports.
    pub tags: Vec<String>,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    /// What the key was before it was rotated, as long as that still works.
    pub retiring: Option<RetiringSecret>,
}

/// What a key may reach, and from where. An empty list means no restriction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyAccess {
    /// Model names, as clients ask for them.
    pub models: Vec<String>,
    /// Names of backends.
    pub backends: Vec<String>,
    /// Addresses that clients may come from: `203.0.113.7` or `203.0.113.0/24`.
    pub addresses: Vec<String>,
}

/// An older secret of a rotated key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiringSecret {
    pub prefix: String,
    pub last4: String,
    /// It works until then.
    pub valid_until: Timestamp,
}

impl VirtualKey {
    #[must_use]
    pub fn status(&self, now: Timestamp) -> KeyStatus {
        if self.revoked_at.is_some() {
            KeyStatus::Revoked
        } else if !self.active {
            KeyStatus::Disabled
        } else if self.expires_at.is_some_and(|at| at <= now) {
            KeyStatus::Expired
        } else {
            KeyStatus::Active
        }
    }
}

/// Whether a key works, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyStatus {
    Active,
    Disabled,
    Expired,
    Revoked,
}

/// A user in a list, with what they have spent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSummary {
    pub user: User,
    pub keys: u32,
    pub spent_today: NanoUsd,
    pub spent_this_month: NanoUsd,
}

/// A key in a list, with its owner and what it has spent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySummary {
    pub key: VirtualKey,
    /// The name of the user or team.
    pub owner: String,
    /// The owner is active; a key of an inactive owner is refused.
    pub owner_active: bool,
    pub spent_today: NanoUsd,
    pub spent_this_month: NanoUsd,
    pub status: KeyStatus,
}

/// Which users a list shows. Fits a query string: what is missing there has its default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserQuery {
    /// Part of a name or e-mail address, without regard to case.
    pub search: String,
    pub sort: UserSort,
    /// Counted from 1; 0 is taken for 1.
    pub page: u32,
    /// 0 stands for [`crate::page::DEFAULT_PER_PAGE`].
    pub per_page: u32,
}

/// In which order users are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserSort {
    #[default]
    Name,
    Newest,
    Oldest,
}

/// Which keys a list shows. Fits a query string.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyQuery {
    /// Part of a label, of a tag or of an owner's name, or the beginning or end of a key as it is
    /// shown.
    pub search: String,
    /// Only the keys of this user.
    pub user_id: Option<UserId>,
    /// Only the keys of this team.
    pub team_id: Option<TeamId>,
    /// Only this one.
    pub key_id: Option<KeyId>,
    pub filter: KeyFilter,
    pub sort: KeySort,
    /// Counted from 1; 0 is taken for 1.
    pub page: u32,
    /// 0 stands for [`crate::page::DEFAULT_PER_PAGE`].
    pub per_page: u32,
}

/// In which state keys are that a list shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyFilter {
    #[default]
    All,
    Active,
    Disabled,
    Expired,
    Revoked,
    /// Not revoked, and not used for [`UNUSED_DAYS`].
    Unused,
}

/// After so many days without use a key counts as unused.
pub const UNUSED_DAYS: i64 = 90;

impl KeyFilter {
    pub const ALL: [Self; 6] = [
        Self::All,
        Self::Active,
        Self::Disabled,
        Self::Expired,
        Self::Revoked,
        Self::Unused,
    ];

    /// As it stands in a URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Unused => "unused",
        }
    }

    /// Reads what [`KeyFilter::as_str`] wrote; what is nothing of it is all.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let known = Self::ALL.into_iter().find(|one| one.as_str() == text);
        known.unwrap_or_default()
    }
}

/// In which order keys are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeySort {
    #[default]
    Newest,
    Label,
    Owner,
    /// Those used last come first.
    LastUsed,
    /// Those that expire next come first.
    Expiry,
}

impl KeySort {
    pub const ALL: [Self; 5] = [
        Self::Newest,
        Self::Label,
        Self::Owner,
        Self::LastUsed,
        Self::Expiry,
    ];

    /// As it stands in a URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Label => "label",
            Self::Owner => "owner",
            Self::LastUsed => "last-used",
            Self::Expiry => "expiry",
        }
    }

    /// Reads what [`KeySort::as_str`] wrote; what is nothing of it is the newest first.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let known = Self::ALL.into_iter().find(|one| one.as_str() == text);
        known.unwrap_or_default()
    }
}

/// What is chosen about a key, when it is made and later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NewKeyInput {
    pub label: String,
    /// `None` never expires.
    pub expires_at: Option<Timestamp>,
    pub limits: RateLimits,
    pub budget: BudgetLimits,
    pub access: KeyAccess,
    pub tags: Vec<String>,
}

/// What is known about a user besides budgets and keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileInput {
    pub name: String,
    pub email: Option<String>,
    pub role: Role,
}
