//! What every engine behind [`storage::Database`] must do. The cases speak to the handle only, so
//! that a second engine runs the same ones by another `Fixture::new`.

#![expect(
    clippy::expect_used,
    reason = "what a case needs and does not get fails it"
)]

mod backends;
mod budgets;
mod fixture;
mod keys;
mod ledger;
mod lifecycle;
mod reports;
mod sessions;
mod users;
mod verify;
