//! The pages. Each folder is one page: `mod.rs` is what it shows, `api.rs` are its server functions.

pub mod account;
pub mod admin;
pub mod errors;
pub mod link;
pub mod login;
pub mod logs;
pub mod me;
pub mod reveal;
pub mod sign_out;
pub mod usage;
pub mod web;
