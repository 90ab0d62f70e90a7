//! Everybody's own house, `/user-ui`. It works when the budget is gone: its pages pass no budget.

pub mod connect;
pub mod keys;
pub mod models;
pub mod overview;
pub mod playground;
pub mod teams;
