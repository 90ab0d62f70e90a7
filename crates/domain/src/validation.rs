//! What people may type into a form, and the fixed words with which it is refused. The words are
//! chosen by variant and never repeat the input, because errors travel in URLs that anyone can
//! forge. Rules that need the database, such as "the name is free", are not here.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{BudgetLimits, NanoUsd, RateLimits, account::KeyAccess, money::ParseMoneyError};

/// Longest name of a user, in characters.
pub const MAX_USER_NAME: usize = 64;
/// Longest label of a key, in characters.
pub const MAX_LABEL: usize = 100;
/// Shortest password, in characters.
pub const MIN_PASSWORD: usize = 8;
/// Longest password, in bytes: hashing must not become a way to keep the server busy.
pub const MAX_PASSWORD: usize = 1_024;
/// Longest e-mail address, in characters (RFC 5321, section 4.5.3.1.3, less the angle brackets).
pub const MAX_EMAIL: usize = 254;
/// Most model names that one key may be restricted to.
pub const MAX_ALLOWED_MODELS: usize = 100;
/// Longest model name, in characters.
pub const MAX_MODEL_NAME: usize = 200;
/// Most tags of one key.
pub const MAX_TAGS: usize = 20;
/// Longest tag, in characters.
pub const MAX_TAG: usize = 50;

/// The field that a problem belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    Name,
    Email,
    Password,
    CurrentPassword,
    DailyBudget,
    MonthlyBudget,
    SoftDailyBudget,
    SoftMonthlyBudget,
    Label,
    ExpiresAt,
    RequestsPerMinute,
    TokensPerMinute,
    Parallel,
    AllowedModels,
    AllowedBackends,
    AllowedAddresses,
    Tags,
    Price,
    InputPrice,
    OutputPrice,
    CacheReadPrice,
    CacheWritePrice,
    CacheWriteHourPrice,
    LongAbove,
    LongInputPrice,
    LongOutputPrice,
    LongCacheReadPrice,
    ImagePrice,
    AudioPrice,
    SearchPrice,
    EffectiveFrom,
    ScriptCode,
    Position,
    TargetUser,
    TargetKey,
    TargetBackend,
    SecretValue,
    Model,
    Prompt,
    MaxTokens,
    Temperature,
    Tools,
    Picture,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    Empty,
    /// Longest length, in characters.
    TooLong(u32),
    /// Shortest length, in characters.
    TooShort(u32),
    ControlCharacters,
    NotAnAddress,
    NotAnAmount,
    /// More than nine decimals of a dollar.
    TooPrecise,
    TooLarge,
    Negative,
    NotANumber,
    InThePast,
    /// Not a date such as 2026-11-20.
    NotADay,
    /// More entries than this.
    TooMany(u32),
    /// The new password is the old one.
    Unchanged,
    /// The name is used by the router itself.
    Reserved,
    /// Neither an IP address nor a range of them.
    NotAnAddressRange,
    /// Other characters than letters, digits and a few more.
    NotAName,
    /// Nothing goes by that name or number.
    Unknown,
    /// A key's budget above that of whoever it belongs to.
    AboveOwner,
    /// Not JSON, or not of the form that is expected.
    NotJson,
    NotADecimal,
    /// Neither an address of the web nor a picture itself.
    NotAPicture,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("must not be empty"),
            Self::TooLong(max) => write!(f, "must have at most {max} characters"),
            Self::TooShort(min) => write!(f, "must have at least {min} characters"),
            Self::ControlCharacters => f.write_str("must not contain control characters"),
            Self::NotAnAddress => f.write_str("is not an e-mail address"),
            Self::NotAnAmount => f.write_str("must be an amount in US dollars such as 2.50"),
            Self::TooPrecise => f.write_str("must have at most nine decimals"),
            Self::TooLarge => f.write_str("is too large"),
            Self::Negative => f.write_str("must not be negative"),
            Self::NotANumber => f.write_str("must be a whole number"),
            Self::InThePast => f.write_str("must lie in the future"),
            Self::NotADay => f.write_str("must be a day such as 2026-11-20"),
            Self::TooMany(max) => write!(f, "must have at most {max} entries"),
            Self::Unchanged => f.write_str("must differ from the present one"),
            Self::Reserved => f.write_str("is reserved"),
            Self::NotAName => f.write_str("may have letters, digits, \"_\", \"-\" and \".\" only"),
            Self::Unknown => f.write_str("is not known here"),
            Self::AboveOwner => f.write_str("must not be higher than that of the key’s owner"),
            Self::NotADecimal => f.write_str("must be a number such as 0.7"),
            Self::NotAPicture => f.write_str("must begin with https://, http:// or data:image/"),
            Self::NotJson => f.write_str("must be a list in JSON"),
            Self::NotAnAddressRange => {
                f.write_str("must be addresses or ranges such as 203.0.113.7 or 203.0.113.0/24")
            }
        }
    }
}

impl Field {
    /// As it begins a sentence: `Name must not be empty`.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Name => "Name",
            Self::Email => "E-mail",
            Self::Password => "Password",
            Self::CurrentPassword => "Current password",
            Self::DailyBudget => "Daily budget",
            Self::MonthlyBudget => "Monthly budget",
            Self::SoftDailyBudget => "Daily warning",
            Self::SoftMonthlyBudget => "Monthly warning",
            Self::Label => "Label",
            Self::ExpiresAt => "Expiry",
            Self::RequestsPerMinute => "Requests per minute",
            Self::TokensPerMinute => "Tokens per minute",
            Self::Parallel => "Parallel requests",
            Self::AllowedModels => "Allowed models",
            Self::AllowedBackends => "Allowed backends",
            Self::AllowedAddresses => "Allowed addresses",
            Self::Tags => "Tags",
            Self::Price => "Price",
            Self::InputPrice => "Input",
            Self::OutputPrice => "Output",
            Self::CacheReadPrice => "Input from the cache",
            Self::CacheWritePrice => "Written to the cache",
            Self::CacheWriteHourPrice => "Written for an hour",
            Self::LongAbove => "The length of long inputs",
            Self::LongInputPrice => "Input",
            Self::LongOutputPrice => "Output",
            Self::LongCacheReadPrice => "From the cache",
            Self::ImagePrice => "Each image",
            Self::AudioPrice => "Minute of audio",
            Self::SearchPrice => "1,000 searches",
            Self::EffectiveFrom => "Start",
            Self::ScriptCode => "Code",
            Self::Position => "Position",
            Self::TargetUser => "User",
            Self::TargetKey => "Key",
            Self::TargetBackend => "Backend",
            Self::SecretValue => "Value",
            Self::Model => "Model",
            Self::Prompt => "Message",
            Self::MaxTokens => "Longest answer",
            Self::Temperature => "Temperature",
            Self::Tools => "Tools",
            Self::Picture => "Picture",
        }
    }
}

/// A field that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[error("{} {problem}", field.title())]
pub struct FieldError {
    pub field: Field,
    pub problem: Problem,
}

impl FieldError {
    #[must_use]
    pub const fn new(field: Field, problem: Problem) -> Self {
        Self { field, problem }
    }
}

/// A change that each field allows and the state of things does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Conflict {
    /// Names are compared without regard to case.
    #[error("a user of that name exists")]
    UserNameTaken,
    /// Nobody would be left who can manage anything.
    #[error("this is the last active admin")]
    LastAdmin,
    /// Nobody deletes or disables themselves.
    #[error("this is your own account")]
    OwnAccount,
    #[error("there are too many keys; delete one first")]
    TooManyKeys,
    /// The same secret is a key already, possibly of somebody else.
    #[error("that key exists")]
    KeyExists,
    /// Revoking is for good.
    #[error("that key was revoked")]
    KeyRevoked,
    /// The environment decides what the key is.
    #[error("that key is set in the environment; change it there")]
    EnvironmentKey,
    /// Names are compared without regard to case.
    #[error("a team of that name exists")]
    TeamNameTaken,
    /// Names are compared without regard to case.
    #[error("a script of that name exists")]
    ScriptNameTaken,
}

/// A user's name: 1 to 64 characters. Spaces around it are dropped.
///
/// # Errors
/// Names [`Field::Name`] and what is wrong with it.
pub fn user_name(text: &str) -> Result<String, FieldError> {
    line(Field::Name, text, MAX_USER_NAME)
}

/// A script's name: 1 to 100 characters. Spaces around it are dropped.
///
/// # Errors
/// Names [`Field::Name`] and what is wrong with it.
pub fn script_name(text: &str) -> Result<String, FieldError> {
    line(Field::Name, text, MAX_LABEL)
}

/// A key's label: 1 to 100 characters. Spaces around it are dropped.
///
/// # Errors
/// Names [`Field::Label`] and what is wrong with it.
pub fn label(text: &str) -> Result<String, FieldError> {
    line(Field::Label, text, MAX_LABEL)
}

fn line(field: Field, text: &str, max: usize) -> Result<String, FieldError> {
    let text = text.trim();
    let problem = if text.is_empty() {
        Problem::Empty
    } else if text.chars().count() > max {
        Problem::TooLong(as_u32(max))
    } else if text.chars().any(char::is_control) {
        Problem::ControlCharacters
    } else {
        return Ok(text.to_owned());
    };
    Err(FieldError::new(field, problem))
}

/// An e-mail address; nothing means none. Whether mail arrives there is for the mail to say, so
/// that only what cannot be one is refused.
///
/// # Errors
/// Names [`Field::Email`] and what is wrong with it.
pub fn email(text: Option<&str>) -> Result<Option<String>, FieldError> {
    let Some(text) = text.map(str::trim).filter(|t| !t.is_empty()) else {
        return Ok(None);
    };
    let text = line(Field::Email, text, MAX_EMAIL)?;
    let plausible = text
        .rsplit_once('@')
        .is_some_and(|(local, host)| !local.is_empty() && !host.is_empty())
        && !text.contains(char::is_whitespace);
    if plausible {
        Ok(Some(text))
    } else {
        Err(FieldError::new(Field::Email, Problem::NotAnAddress))
    }
}

/// A password that somebody chose: at least eight characters, of any kind.
///
/// # Errors
/// Names [`Field::Password`] and what is wrong with it.
pub fn password(text: &str) -> Result<(), FieldError> {
    let problem = if text.chars().count() < MIN_PASSWORD {
        Problem::TooShort(as_u32(MIN_PASSWORD))
    } else if text.len() > MAX_PASSWORD {
        Problem::TooLong(as_u32(MAX_PASSWORD))
    } else {
        return Ok(());
    };
    Err(FieldError::new(Field::Password, problem))
}

/// A budget as it was typed, in dollars; nothing means 0, which is unlimited.
///
/// # Errors
/// Names `field` and what is wrong with it.
pub fn budget(field: Field, text: &str) -> Result<NanoUsd, FieldError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(NanoUsd::ZERO);
    }
    let amount = NanoUsd::parse_usd(text).map_err(|error| {
        let problem = match error {
            ParseMoneyError::NotADecimal => Problem::NotAnAmount,
            ParseMoneyError::TooPrecise => Problem::TooPrecise,
            ParseMoneyError::TooLarge => Problem::TooLarge,
        };
        FieldError::new(field, problem)
    })?;
    not_negative(field, amount)
}

/// A budget as a number.
///
/// # Errors
/// Names `field` when the amount is negative.
pub fn not_negative(field: Field, amount: NanoUsd) -> Result<NanoUsd, FieldError> {
    if amount < NanoUsd::ZERO {
        Err(FieldError::new(field, Problem::Negative))
    } else {
        Ok(amount)
    }
}

/// A whole number as it was typed; nothing means 0.
///
/// # Errors
/// Names `field` when it is not a number of 32 bits.
pub fn count(field: Field, text: &str) -> Result<u32, FieldError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(0);
    }
    text.parse()
        .map_err(|_| FieldError::new(field, Problem::NotANumber))
}

/// A larger whole number as it was typed; nothing means 0.
///
/// # Errors
/// Names `field` when it is not a number, or one that the database cannot hold.
pub fn large_count(field: Field, text: &str) -> Result<u64, FieldError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(0);
    }
    text.parse::<i64>()
        .ok()
        .and_then(|n| u64::try_from(n).ok())
        .ok_or(FieldError::new(field, Problem::NotANumber))
}

/// Budgets as numbers.
///
/// # Errors
/// Names the field that is negative.
pub fn budget_limits(limits: BudgetLimits) -> Result<BudgetLimits, FieldError> {
    Ok(BudgetLimits {
        daily: not_negative(Field::DailyBudget, limits.daily)?,
        monthly: not_negative(Field::MonthlyBudget, limits.monthly)?,
        soft_daily: not_negative(Field::SoftDailyBudget, limits.soft_daily)?,
        soft_monthly: not_negative(Field::SoftMonthlyBudget, limits.soft_monthly)?,
    })
}

/// Limits as numbers.
///
/// # Errors
/// Names [`Field::TokensPerMinute`] when it is more than the database can hold.
pub fn rate_limits(limits: RateLimits) -> Result<RateLimits, FieldError> {
    match i64::try_from(limits.tokens_per_minute) {
        Ok(_) => Ok(limits),
        Err(_) => Err(FieldError::new(Field::TokensPerMinute, Problem::TooLarge)),
    }
}

/// What a key may reach: lists without duplicates and empty entries.
///
/// # Errors
/// Names the list and what is wrong with it.
pub fn access(access: &KeyAccess) -> Result<KeyAccess, FieldError> {
    let list = |field, names| set(field, names, MAX_MODEL_NAME, MAX_ALLOWED_MODELS);
    let addresses = list(Field::AllowedAddresses, &access.addresses)?;
    if addresses.iter().any(|text| address_range(text).is_none()) {
        let problem = Problem::NotAnAddressRange;
        return Err(FieldError::new(Field::AllowedAddresses, problem));
    }
    Ok(KeyAccess {
        models: list(Field::AllowedModels, &access.models)?,
        backends: list(Field::AllowedBackends, &access.backends)?,
        addresses,
    })
}

/// A range of addresses: `203.0.113.0/24`, or a single address as a range of one.
#[must_use]
pub fn address_range(text: &str) -> Option<ipnet::IpNet> {
    match text.parse::<std::net::IpAddr>() {
        Ok(address) => Some(address.to_canonical().into()),
        Err(_) => text.parse().ok(),
    }
}

/// The tags of a key, without duplicates and empty ones.
///
/// # Errors
/// Names [`Field::Tags`] and what is wrong with it.
pub fn tags(tags: &[String]) -> Result<Vec<String>, FieldError> {
    set(Field::Tags, tags, MAX_TAG, MAX_TAGS)
}

fn set(
    field: Field,
    names: &[String],
    longest: usize,
    most: usize,
) -> Result<Vec<String>, FieldError> {
    let mut kept: Vec<String> = Vec::new();
    for name in names.iter().map(|n| n.trim()).filter(|n| !n.is_empty()) {
        let name = line(field, name, longest)?;
        if !kept.contains(&name) {
            kept.push(name);
        }
        if kept.len() > most {
            return Err(FieldError::new(field, Problem::TooMany(as_u32(most))));
        }
    }
    Ok(kept)
}

fn as_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem<T: fmt::Debug>(result: Result<T, FieldError>) -> Problem {
        result.expect_err("a refusal").problem
    }

    #[test]
    fn names_are_short_printable_lines() {
        assert_eq!(user_name("  Ada Lovelace "), Ok("Ada Lovelace".to_owned()));
        assert_eq!(problem(user_name(" ")), Problem::Empty);
        assert_eq!(problem(user_name("a\u{0}b")), Problem::ControlCharacters);
        assert!(user_name(&"é".repeat(64)).is_ok(), "characters, not bytes");
        assert_eq!(problem(user_name(&"é".repeat(65))), Problem::TooLong(64));
        assert_eq!(problem(label(&"x".repeat(101))), Problem::TooLong(100));
    }

    #[test]
    fn addresses_that_cannot_be_one_are_refused() {
        assert_eq!(email(None), Ok(None));
        assert_eq!(email(Some(" ")), Ok(None));
        assert_eq!(email(Some("a@b")), Ok(Some("a@b".to_owned())));
        for text in ["a", "@b", "a@", "a b@c"] {
            assert_eq!(problem(email(Some(text))), Problem::NotAnAddress, "{text}");
        }
    }

    #[test]
    fn passwords_have_eight_characters_and_an_end() {
        assert_eq!(problem(password("1234567")), Problem::TooShort(8));
        assert_eq!(password("пароль12"), Ok(()));
        assert_eq!(
            problem(password(&"x".repeat(1_025))),
            Problem::TooLong(1_024)
        );
    }

    #[test]
    fn budgets_are_read_as_dollars() {
        let read = |text| budget(Field::DailyBudget, text);
        assert_eq!(read(""), Ok(NanoUsd::ZERO));
        assert_eq!(read(" 2.50 "), Ok(NanoUsd(2_500_000_000)));
        assert_eq!(problem(read("-1")), Problem::Negative);
        assert_eq!(problem(read("two")), Problem::NotAnAmount);
        assert_eq!(problem(read("0.0000000001")), Problem::TooPrecise);
        assert_eq!(
            read("x").expect_err("a refusal").to_string(),
            "Daily budget must be an amount in US dollars such as 2.50"
        );
    }

    #[test]
    fn lists_are_bounded_sets() {
        let models = |names: &[&str]| {
            access(&KeyAccess {
                models: names.iter().map(|name| (*name).to_owned()).collect(),
                ..KeyAccess::default()
            })
            .map(|access| access.models)
        };
        assert_eq!(
            models(&["gpt-4o", " ", "gpt-4o ", "x"]),
            Ok(vec!["gpt-4o".to_owned(), "x".to_owned()])
        );
        let many: Vec<String> = (0..101).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(problem(models(&many)), Problem::TooMany(100));
        assert_eq!(problem(tags(&["x".repeat(51)])), Problem::TooLong(50));
    }

    #[test]
    fn addresses_are_single_or_ranges() {
        let read = |text: &str| {
            access(&KeyAccess {
                addresses: vec![text.to_owned()],
                ..KeyAccess::default()
            })
        };
        for text in ["203.0.113.7", "203.0.113.0/24", "2001:db8::/32", "::1"] {
            assert!(read(text).is_ok(), "{text}");
        }
        for text in ["203.0.113.0/33", "localhost", "203.0.113", "1.2.3.4:80"] {
            assert_eq!(problem(read(text)), Problem::NotAnAddressRange, "{text}");
        }
        let range = address_range("::ffff:203.0.113.7").expect("an address");
        assert_eq!(range.to_string(), "203.0.113.7/32");
    }
}
