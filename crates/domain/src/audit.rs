//! The audit log as the dashboards show it: who did what, when, and what was different afterwards. No
//! secret is ever part of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{DeploymentId, KeyId, TeamId, Timestamp, TokenId, UserId, script::ScriptId};

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    pub kind: ActorKind,
    /// The user's, also behind a token; who may be gone by now.
    pub user_id: Option<UserId>,
    /// The user's name, the token's name and its owner's, or what was typed at a sign-in.
    pub name: String,
}

/// What somebody showed who they are by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A user who signed in.
    User,
    /// An API token.
    Token,
    MasterKey,
    /// Somebody who could not show it, or had no need to.
    Nobody,
}

impl ActorKind {
    const ALL: [Self; 4] = [Self::User, Self::Token, Self::MasterKey, Self::Nobody];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Token => "token",
            Self::MasterKey => "master_key",
            Self::Nobody => "nobody",
        }
    }

    /// Reads what [`ActorKind::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What something was done to: a kind such as `user`, and which one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Subject {
    pub kind: String,
    pub id: String,
}

impl Subject {
    #[must_use]
    pub fn new(kind: &str, id: impl fmt::Display) -> Self {
        Self {
            kind: kind.to_owned(),
            id: id.to_string(),
        }
    }
}

macro_rules! subject_of {
    ($($id:ident $kind:literal),*) => {
        $(impl From<$id> for Subject {
            fn from(id: $id) -> Self {
                Self::new($kind, id)
            }
        })*
    };
}
subject_of!(UserId "user", KeyId "key", TeamId "team", TokenId "token", DeploymentId "price", ScriptId "script");

impl From<(&str, &str)> for Subject {
    fn from((kind, id): (&str, &str)) -> Self {
        Self::new(kind, id)
    }
}

/// A row of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// Counts up without gaps from 1.
    pub seq: i64,
    pub at: Timestamp,
    pub actor: Actor,
    /// Such as `user.create`: a kind of thing and what was done to it.
    pub action: String,
    pub subject: Option<Subject>,
    /// What it was called at the time.
    pub subject_name: Option<String>,
    /// JSON; `None`: there was nothing before, or it is not known.
    pub before: Option<String>,
    /// JSON; `None`: there is nothing any more.
    pub after: Option<String>,
    /// Over the row before and this one, in hexadecimal digits.
    pub hash: String,
}

/// Which rows a list shows, the newest first. Fits a query string.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditQuery {
    /// Part of an actor's or subject's name, or of what it was before or after.
    pub search: String,
    /// The beginning of an action: `user` finds `user.create`.
    pub action: String,
    /// Only what this user did.
    pub actor_id: Option<UserId>,
    /// Only what was done to this kind of thing.
    pub subject_kind: String,
    /// Only what was done to this one of `subject_kind`.
    pub subject_id: String,
    /// From this time on.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// Counted from 1; 0 is taken for 1.
    pub page: u32,
    /// 0 stands for [`crate::page::DEFAULT_PER_PAGE`].
    pub per_page: u32,
}
