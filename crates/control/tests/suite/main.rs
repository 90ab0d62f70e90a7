//! The use cases as their callers see them, each on a fresh database: above all, who may do what.

#![expect(
    clippy::expect_used,
    reason = "what a case needs and does not get fails it"
)]

mod authorisation;
mod first_start;
mod fixture;
mod keys;
mod prices;
mod reports;
mod sign_in;
mod teams;
mod usage;
mod users;
