//! The admins' house, `/admin-ui`.

pub mod audit;
pub mod keys;
pub mod overview;
pub mod tokens;
pub mod users;
