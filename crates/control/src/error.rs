//! Why a use case was refused or failed. Every text is fixed and may be shown, except that the
//! cause of an internal error is only for the log.

use std::time::Duration;

use domain::{
    configured::SettingProblem,
    validation::{Conflict, FieldError},
};
use storage::{Constraint, StorageError};

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// There is no such thing, or it belongs to somebody else: the two are not told apart.
    #[error("not found")]
    NotFound,
    /// A field cannot be what it is.
    #[error("{0}")]
    Invalid(#[from] FieldError),
    /// The state of things does not allow it.
    #[error("{0}")]
    Conflict(Conflict),
    /// Members of a setting cannot be what they are. At least one.
    #[error("{}", told(.0))]
    Settings(Vec<SettingProblem>),
    /// What there is does not allow it; the text says what.
    #[error("{0}")]
    Unfitting(String),
    /// Whoever asks may not do this at all.
    #[error("not permitted")]
    Forbidden,
    /// Name or password is wrong, or the user is disabled: the three are not told apart.
    #[error("wrong name or password")]
    WrongPassword,
    /// The password was set by somebody else; nothing else can be done before it is changed.
    #[error("the password must be changed first")]
    PasswordChangeRequired,
    /// Too many wrong passwords, or too many sign-ins at once.
    #[error("too many attempts; try again in {} s", retry_after.as_secs().max(1))]
    TooManyAttempts { retry_after: Duration },
    /// The database failed.
    #[error("internal error")]
    Storage(#[source] StorageError),
    /// Something else failed that should not; the text is for the log.
    #[error("internal error")]
    Internal(&'static str),
}

impl From<StorageError> for ControlError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Conflict { what } => match what {
                Constraint::TeamName => Self::Conflict(Conflict::TeamNameTaken),
                Constraint::UserName => Self::Conflict(Conflict::UserNameTaken),
                Constraint::ScriptName => Self::Conflict(Conflict::ScriptNameTaken),
                Constraint::KeyHash => Self::Conflict(Conflict::KeyExists),
                Constraint::LastAdmin => Self::Conflict(Conflict::LastAdmin),
                // What it refers to was deleted while it was being done.
                Constraint::Reference => Self::NotFound,
                Constraint::Duplicate => Self::Unfitting(what.to_string()),
            },
            other => Self::Storage(other),
        }
    }
}

fn told(problems: &[SettingProblem]) -> String {
    let told = problems.iter().map(|problem| match problem.key.as_str() {
        "" => problem.message.clone(),
        key => format!("{key}: {}", problem.message),
    });
    told.collect::<Vec<_>>().join("; ")
}

/// `Ok(false)` of the storage means that there was nothing to change.
pub(crate) fn found(done: bool) -> Result<(), ControlError> {
    done.then_some(()).ok_or(ControlError::NotFound)
}
