//! Why a server function refused, in fixed words. Without JavaScript the error comes back in the
//! URL, which anyone can forge: so the words are chosen by variant here, and nothing that travels
//! is ever shown as text. What had been typed travels beside it, to fill the form again; passwords
//! and keys never do.

use domain::validation::{Conflict, Field, FieldError};
use leptos::server_fn::{
    codec::JsonEncoding,
    error::{FromServerFnError, ServerFnErrorErr},
};
use serde::{Deserialize, Serialize};

/// Longest input that is carried back, in bytes: a URL has to stay shorter than what proxies allow.
const KEPT_BYTES: usize = 400;

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Cause {
    /// There is no session, or its password was changed or its user disabled since.
    #[error("Your session has ended. Sign in again.")]
    SignedOut,
    #[error("You are not allowed to do that.")]
    Forbidden,
    #[error("Choose a new password first.")]
    PasswordChangeRequired,
    /// It is not there, or it belongs to somebody else.
    #[error("It no longer exists.")]
    NotFound,
    /// At sign-in: the name or the password. Elsewhere: the current password.
    #[error("The password is not right.")]
    WrongPassword,
    /// Sign-in is paused for that name.
    #[error("Too many attempts. Wait {} before the next one.", minutes(*.retry_after_s))]
    TooManyAttempts { retry_after_s: u32 },
    #[error("{0}.")]
    Invalid(FieldError),
    #[error("{}.", conflict(*.0))]
    Conflict(Conflict),
    /// The new password was typed in two ways.
    #[error("The two passwords differ.")]
    RepeatDiffers,
    /// The name that confirms a deletion is not the right one.
    #[error("Type the name exactly as it is shown.")]
    NotConfirmed,
    /// Nobody goes by the name that was typed.
    #[error("There is no user of that name.")]
    NoSuchUser,
    /// What the page says by [`crate::components::form_notes`], since these are no fixed words.
    #[error("It could not be saved; what is wrong stands above.")]
    Told {
        token: String,
        /// The input that it is about, in the words of the configuration file.
        key: String,
    },
    /// Nothing is wrong, and nothing was saved: what was found out stands in the notes.
    #[error("Nothing was saved yet.")]
    Tried { token: String },
    /// It comes from the configuration file or the environment.
    #[error("It comes from the configuration file or the environment. Change it there.")]
    ReadOnly,
    /// Inputs are missing, or are nothing of their kind.
    #[error("The form could not be read.")]
    Unreadable,
    /// The browser could not reach the server.
    #[error("The server cannot be reached.")]
    Unreachable,
    /// The server's log knows more.
    #[error("Something went wrong on the server. Its log says what.")]
    Internal,
}

fn minutes(seconds: u32) -> String {
    match seconds.div_ceil(60) {
        0 | 1 => "a minute".to_owned(),
        n => format!("{n} minutes"),
    }
}

/// `Conflict`'s own words begin in lower case, to be read after "failed to".
fn conflict(conflict: Conflict) -> &'static str {
    match conflict {
        Conflict::UserNameTaken => "A user of that name exists",
        Conflict::LastAdmin => "This is the last active admin",
        Conflict::OwnAccount => "This is your own account",
        Conflict::TooManyKeys => "There are too many keys; delete one first",
        Conflict::KeyExists => "That key exists",
        Conflict::KeyRevoked => "That key was revoked",
        Conflict::EnvironmentKey => "That key is set in the environment; change it there",
        Conflict::TeamNameTaken => "A team of that name exists",
        Conflict::ScriptNameTaken => "A script of that name exists",
    }
}

impl Cause {
    /// The status for a program that called the server function itself, and for a page that could
    /// not be made because of it.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Unreadable => 400,
            Self::SignedOut => 401,
            Self::Forbidden | Self::PasswordChangeRequired => 403,
            Self::NotFound => 404,
            Self::Conflict(_) | Self::ReadOnly => 409,
            Self::Tried { .. } => 422,
            Self::WrongPassword
            | Self::Invalid(_)
            | Self::RepeatDiffers
            | Self::NotConfirmed
            | Self::NoSuchUser
            | Self::Told { .. } => 422,
            Self::TooManyAttempts { .. } => 429,
            Self::Unreachable => 502,
            Self::Internal => 500,
        }
    }

    /// The input to mark, by its name in the form; `None` where the whole form is meant.
    #[must_use]
    pub fn input(&self) -> Option<&'static str> {
        match self {
            Self::Invalid(FieldError { field, .. }) => Some(input_of(*field)),
            Self::Conflict(
                Conflict::UserNameTaken | Conflict::TeamNameTaken | Conflict::ScriptNameTaken,
            ) => Some("name"),
            Self::WrongPassword => Some("current"),
            Self::RepeatDiffers => Some("repeat"),
            Self::NotConfirmed => Some("confirm"),
            Self::NoSuchUser => Some("member"),
            Self::Told { key, .. } => setting_input(key),
            _ => None,
        }
    }
}

/// The input for a setting, by its key in the configuration file.
fn setting_input(key: &str) -> Option<&'static str> {
    const INPUTS: [(&str, &str); 31] = [
        ("name", "name"),
        ("source", "source"),
        ("target", "target"),
        ("kind", "kind"),
        ("base_url", "base_url"),
        ("api_keys", "api_keys"),
        ("region", "region"),
        ("profile", "profile"),
        ("endpoint_url", "endpoint_url"),
        ("priority", "priority"),
        ("max_retries", "max_retries"),
        ("max_concurrent", "max_concurrent"),
        ("timeout", "timeout"),
        ("unpriced", "unpriced"),
        ("rate_limit.requests", "rate_requests"),
        ("rate_limit.window", "rate_window"),
        ("rate_limit", "rate_requests"),
        ("models", "models"),
        ("strategy", "strategy"),
        ("hedge.max_share", "hedge_share"),
        ("hedge.at_least", "hedge_after"),
        ("members", "members"),
        ("code", "code"),
        ("target_user", "target_user"),
        ("target_key", "target_key"),
        ("target_backend", "target_backend"),
        ("position", "position"),
        ("request", "request"),
        ("response", "response"),
        ("chunks", "chunks"),
        ("value", "value"),
    ];
    let whole = INPUTS.iter().find(|(known, _)| *known == key);
    let first = key.split(['.', '[']).next().unwrap_or_default();
    let found = whole.or_else(|| INPUTS.iter().find(|(known, _)| *known == first));
    found.map(|(_, input)| *input)
}

/// How a field is called in our forms.
pub const fn input_of(field: Field) -> &'static str {
    match field {
        Field::Name => "name",
        Field::Email => "email",
        Field::Password => "password",
        Field::CurrentPassword => "current",
        Field::DailyBudget => "daily_budget",
        Field::MonthlyBudget => "monthly_budget",
        Field::Label => "label",
        Field::ExpiresAt => "expires_in_days",
        Field::RequestsPerMinute => "requests_per_minute",
        Field::SoftDailyBudget => "soft_daily_budget",
        Field::SoftMonthlyBudget => "soft_monthly_budget",
        Field::TokensPerMinute => "tokens_per_minute",
        Field::Parallel => "parallel",
        Field::AllowedModels => "allowed_models",
        Field::AllowedBackends => "allowed_backends",
        Field::AllowedAddresses => "allowed_addresses",
        Field::Tags => "tags",
        Field::Price => "price",
        Field::InputPrice => "input",
        Field::OutputPrice => "output",
        Field::CacheReadPrice => "cache_read",
        Field::CacheWritePrice => "cache_write_5m",
        Field::CacheWriteHourPrice => "cache_write_1h",
        Field::LongAbove => "long_above",
        Field::LongInputPrice => "long_input",
        Field::LongOutputPrice => "long_output",
        Field::LongCacheReadPrice => "long_cache_read",
        Field::ImagePrice => "image",
        Field::AudioPrice => "audio_minute",
        Field::SearchPrice => "search_thousand",
        Field::EffectiveFrom => "effective_from",
        Field::ScriptCode => "code",
        Field::Position => "position",
        Field::TargetUser => "target_user",
        Field::TargetKey => "target_key",
        Field::TargetBackend => "target_backend",
        Field::SecretValue => "value",
        Field::Model => "model_1",
        Field::Prompt => "prompt",
        Field::MaxTokens => "max_tokens",
        Field::Temperature => "temperature",
        Field::Tools => "tools",
        Field::Picture => "picture",
    }
}

/// The error of every server function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{cause}")]
pub struct AppError {
    pub cause: Cause,
    /// Inputs by name, for filling the form again where no JavaScript has kept them.
    #[serde(default)]
    kept: Vec<(String, String)>,
}

impl AppError {
    /// Adds what was typed. Never give it a password.
    #[must_use]
    pub fn keep(mut self, inputs: &[(&str, &str)]) -> Self {
        self.kept = inputs
            .iter()
            .filter(|(_, value)| !value.is_empty() && value.len() <= KEPT_BYTES)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        self
    }

    /// What was typed into an input.
    #[must_use]
    pub fn kept(&self, name: &str) -> Option<&str> {
        self.kept
            .iter()
            .find(|(kept, value)| kept == name && value.len() <= KEPT_BYTES)
            .map(|(_, value)| value.as_str())
    }
}

impl From<Cause> for AppError {
    fn from(cause: Cause) -> Self {
        Self {
            cause,
            kept: Vec::new(),
        }
    }
}

impl From<FieldError> for AppError {
    fn from(error: FieldError) -> Self {
        Cause::Invalid(error).into()
    }
}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_) => Cause::Unreachable.into(),
            // What was sent is no such form; only a program sends that.
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) => unreadable(),
            _ => Cause::Internal.into(),
        }
    }
}

fn unreadable() -> AppError {
    #[cfg(feature = "ssr")]
    return crate::server::refuse_with(Cause::Unreadable);
    #[cfg(not(feature = "ssr"))]
    Cause::Unreadable.into()
}

#[cfg(test)]
mod tests {
    use domain::validation::Problem;

    use super::*;

    #[test]
    fn an_error_survives_the_url_and_a_forged_one_shows_nothing_of_its_own() {
        let error = AppError::from(FieldError::new(Field::Name, Problem::Empty))
            .keep(&[("email", "a@b.example"), ("name", "")]);
        let back = AppError::de(error.ser());
        assert_eq!(back, error);
        assert_eq!(back.kept("email"), Some("a@b.example"));
        assert_eq!(back.kept("name"), None);
        assert_eq!(back.cause.input(), Some("name"));

        for forged in [
            &b"call this number"[..],
            b"{\"cause\":\"Call this number\"}",
            b"",
        ] {
            let shown = AppError::de(forged.to_vec().into());
            assert_eq!(shown.cause, Cause::Internal);
            assert!(!shown.to_string().contains("number"));
        }
    }

    #[test]
    fn what_would_make_the_url_too_long_is_not_kept() {
        let long = "x".repeat(KEPT_BYTES + 1);
        let error = AppError::from(Cause::Internal).keep(&[("label", &long), ("name", "ada")]);
        assert_eq!(
            (error.kept("label"), error.kept("name")),
            (None, Some("ada"))
        );
    }

    #[test]
    fn waiting_is_told_in_minutes() {
        let told = |retry_after_s| Cause::TooManyAttempts { retry_after_s }.to_string();
        assert!(told(1).contains("a minute"));
        assert!(told(61).contains("2 minutes"));
    }
}
