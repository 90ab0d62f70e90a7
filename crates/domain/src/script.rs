//! Scripts of the operator that change requests, routes and answers.

use serde::{Deserialize, Serialize};

use crate::{
    BackendId, KeyId, RequestId, Timestamp, UserId,
    validation::{Field, FieldError, Problem},
};

/// Longest code of a script, in bytes.
pub const MAX_CODE: usize = 256 * 1024;
/// Longest name of a secret, in characters.
pub const MAX_SECRET_NAME: usize = 100;
/// Longest secret, in bytes.
pub const MAX_SECRET: usize = 16 * 1024;

crate::ids::integer_id! {
    /// A script.
    ScriptId
}

/// Whose requests a script takes part in. Requests pass the types in this order, answers in the
/// opposite one.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum ScriptType {
    #[default]
    Global,
    PerUser,
    PerKey,
    PerBackend,
    PerUserBackend,
}

impl ScriptType {
    pub const ALL: [Self; 5] = [
        Self::Global,
        Self::PerUser,
        Self::PerKey,
        Self::PerBackend,
        Self::PerUserBackend,
    ];

    /// The name used in JSON, in forms and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::PerUser => "per-user",
            Self::PerKey => "per-key",
            Self::PerBackend => "per-backend",
            Self::PerUserBackend => "per-user-backend",
        }
    }

    /// Reads what [`ScriptType::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }
}

/// What becomes of a request whose script fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnScriptError {
    /// It goes on as if the script were not there.
    #[default]
    Skip,
    /// It is refused.
    Fail,
}

impl OnScriptError {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Fail => "fail",
        }
    }

    /// Reads what [`OnScriptError::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "skip" => Some(Self::Skip),
            "fail" => Some(Self::Fail),
            _ => None,
        }
    }
}

/// A script as an admin writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptInput {
    pub name: String,
    pub script_type: ScriptType,
    pub target_user: Option<UserId>,
    pub target_key: Option<KeyId>,
    pub target_backend: Option<BackendId>,
    pub code: String,
    pub on_error: OnScriptError,
    /// Those of one type run by it, the smallest first.
    pub position: i32,
    pub active: bool,
}

impl ScriptInput {
    /// The input with its name trimmed, and without targets that its type does not have.
    ///
    /// # Errors
    /// Names the field that is missing or too long. Code is not read here: what is broken is stored, and
    /// fails when it is run.
    pub fn checked(mut self) -> Result<Self, FieldError> {
        use ScriptType::{PerBackend, PerKey, PerUser, PerUserBackend};
        self.name = crate::validation::script_name(&self.name)?;
        if self.code.trim().is_empty() {
            return Err(FieldError::new(Field::ScriptCode, Problem::Empty));
        }
        if self.code.len() > MAX_CODE {
            let most = u32::try_from(MAX_CODE).unwrap_or(u32::MAX);
            return Err(FieldError::new(Field::ScriptCode, Problem::TooLong(most)));
        }
        let missing = |field| Err(FieldError::new(field, Problem::Empty));
        match self.script_type {
            PerUser | PerUserBackend if self.target_user.is_none() => {
                return missing(Field::TargetUser);
            }
            PerKey if self.target_key.is_none() => return missing(Field::TargetKey),
            PerBackend | PerUserBackend if self.target_backend.is_none() => {
                return missing(Field::TargetBackend);
            }
            _ => {}
        }
        let script_type = self.script_type;
        self.target_user =
            (self.target_user).filter(|_| matches!(script_type, PerUser | PerUserBackend));
        self.target_key = self.target_key.filter(|_| script_type == PerKey);
        self.target_backend =
            (self.target_backend).filter(|_| matches!(script_type, PerBackend | PerUserBackend));
        Ok(self)
    }
}

/// A script that was stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    pub id: ScriptId,
    pub input: ScriptInput,
    /// The version in force.
    pub version: u32,
    pub suspended: Option<Suspension>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// It failed again and again, and is not run any more until somebody activates it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    pub at: Timestamp,
    /// How it failed last.
    pub reason: String,
}

/// A request that a client sent, for trying scripts out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedRequest {
    pub id: RequestId,
    pub at: Timestamp,
    /// That was asked for.
    pub model: String,
    /// As `onRequest` sees it, without credentials.
    pub json: String,
}

/// What somebody has asked a model is not for a log.
impl std::fmt::Debug for RecordedRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordedRequest")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// What a script was from one save to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptVersion {
    pub version: u32,
    pub code: String,
    /// `None`: the master key.
    pub author: Option<String>,
    pub created_at: Timestamp,
}

/// The name of a secret: letters, digits, `_`, `-` and `.`.
///
/// # Errors
/// Names [`Field::Name`] and what is wrong with it.
pub fn secret_name(text: &str) -> Result<String, FieldError> {
    let text = text.trim();
    let problem = if text.is_empty() {
        Problem::Empty
    } else if text.len() > MAX_SECRET_NAME {
        Problem::TooLong(u32::try_from(MAX_SECRET_NAME).unwrap_or(u32::MAX))
    } else if !text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
    {
        Problem::NotAName
    } else {
        return Ok(text.to_owned());
    };
    Err(FieldError::new(Field::Name, problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(script_type: ScriptType) -> ScriptInput {
        ScriptInput {
            name: " x ".to_owned(),
            script_type,
            code: "export const onRequest = 1".to_owned(),
            ..ScriptInput::default()
        }
    }

    #[test]
    fn each_type_needs_its_targets_and_keeps_no_others() {
        let all = ScriptInput {
            target_user: Some(UserId(1)),
            target_key: Some(KeyId(2)),
            target_backend: Some(BackendId(3)),
            ..input(ScriptType::Global)
        };
        for (script_type, missing, kept) in [
            (ScriptType::Global, None, (false, false, false)),
            (
                ScriptType::PerUser,
                Some(Field::TargetUser),
                (true, false, false),
            ),
            (
                ScriptType::PerKey,
                Some(Field::TargetKey),
                (false, true, false),
            ),
            (
                ScriptType::PerBackend,
                Some(Field::TargetBackend),
                (false, false, true),
            ),
            (
                ScriptType::PerUserBackend,
                Some(Field::TargetUser),
                (true, false, true),
            ),
        ] {
            let refused = input(script_type).checked().err().map(|error| error.field);
            assert_eq!(refused, missing, "{script_type:?}");
            let full = ScriptInput {
                script_type,
                ..all.clone()
            };
            let full = full.checked().expect("all targets");
            let there = (
                full.target_user.is_some(),
                full.target_key.is_some(),
                full.target_backend.is_some(),
            );
            assert_eq!(there, kept, "{script_type:?}");
            assert_eq!(full.name, "x");
            assert_eq!(ScriptType::parse(script_type.as_str()), Some(script_type));
        }
        let empty = ScriptInput {
            code: " \n".to_owned(),
            ..all.clone()
        };
        assert_eq!(empty.checked().map_err(|e| e.field), Err(Field::ScriptCode));
        let long = ScriptInput {
            code: "x".repeat(MAX_CODE + 1),
            ..all
        };
        assert_eq!(long.checked().map_err(|e| e.field), Err(Field::ScriptCode));
    }
}
