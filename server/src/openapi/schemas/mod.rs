//! What requests and answers look like, for the document only. Answers name every member there is, which
//! the tests from outside hold the server to; requests may have members that are not read, as the
//! forerunners' clients send some.

/// Structures of answers: these members and no others.
macro_rules! answers {
    ($($(#[$about:meta])* struct $name:ident {
        $($(#[$note:meta])* $member:ident: $of:ty,)*
    })*) => {$(
        $(#[$about])*
        #[derive(Debug, utoipa::ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$note])* pub $member: $of,)* }
    )*};
}

/// Structures of requests.
macro_rules! requests {
    ($($(#[$about:meta])* struct $name:ident {
        $($(#[$note:meta])* $member:ident: $of:ty,)*
    })*) => {$(
        $(#[$about])*
        #[derive(Debug, utoipa::ToSchema)]
        pub struct $name { $($(#[$note])* pub $member: $of,)* }
    )*};
}

/// Answers that show budgets and limits, too. (A flattened structure would be an `allOf`, which cannot say that
/// there are no other members.)
macro_rules! answers_with_terms {
    ($($(#[$about:meta])* struct $name:ident {
        $($(#[$note:meta])* $member:ident: $of:ty,)*
    })*) => {$(
        answers! { $(#[$about])* struct $name {
            $($(#[$note])* $member: $of,)*
            /// Dollars; 0 is unlimited.
            monthly_budget: f64,
            /// Dollars; 0 is unlimited.
            daily_budget: f64,
            /// Dollars from which on warnings are sent; 0 sends none.
            soft_monthly_budget: f64,
            /// Dollars from which on warnings are sent; 0 sends none.
            soft_daily_budget: f64,
            /// 0 is unlimited.
            requests_per_minute: u32,
            /// 0 is unlimited.
            tokens_per_minute: u64,
            /// Requests at the same time; 0 is unlimited.
            parallel: u32,
        } }
    )*};
}

/// Requests that may set budgets and limits, too.
macro_rules! requests_with_terms {
    ($($(#[$about:meta])* struct $name:ident {
        $($(#[$note:meta])* $member:ident: $of:ty,)*
    })*) => {$(
        requests! { $(#[$about])* struct $name {
            $($(#[$note])* $member: $of,)*
            /// Dollars; 0 is unlimited.
            monthly_budget: Option<Money>,
            /// An older name of `monthly_budget`.
            max_budget: Option<Money>,
            /// Dollars; 0 is unlimited.
            daily_budget: Option<Money>,
            /// Dollars from which on warnings are sent; 0 sends none.
            soft_monthly_budget: Option<Money>,
            /// Dollars from which on warnings are sent; 0 sends none.
            soft_daily_budget: Option<Money>,
            /// 0 is unlimited.
            requests_per_minute: Option<u32>,
            /// 0 is unlimited.
            tokens_per_minute: Option<u64>,
            /// Requests at the same time; 0 is unlimited.
            parallel: Option<u32>,
        } }
    )*};
}

pub mod accounts;
pub mod prices;
pub mod reports;
pub mod routing;
pub mod scripts;
pub mod status;
pub mod user;

use serde_json::Value;
use utoipa::ToSchema;

/// An amount of dollars, read digit by digit.
#[derive(Debug, ToSchema)]
#[serde(untagged)]
pub enum Money {
    Number(f64),
    /// Such as `"12.50"`
    Text(String),
}

answers! {
    /// It is done.
    struct Done {
        ok: bool,
    }

    /// Why a request failed.
    struct Error {
        /// A sentence for a person.
        error: String,
    }

    /// What is said about something that was done.
    struct Message {
        message: String,
    }
}

/// An object in the words of whoever defines the dialect.
#[derive(Debug, ToSchema)]
pub struct Anything(pub Value);
