//! The admins' house, `/admin-ui`.

pub mod audit;
pub mod backends;
pub mod budgets;
pub mod keys;
pub mod models;
pub mod overview;
pub mod permissions;
pub mod routing;
pub mod scripts;
pub mod teams;
pub mod tokens;
pub mod users;
