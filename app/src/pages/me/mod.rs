//! Everybody's own house, `/user-ui`. It works when the budget is gone: its pages pass no budget.

pub mod keys;
pub mod overview;
