//! The admins' house, `/admin-ui`.

pub mod backends;
pub mod keys;
pub mod models;
pub mod overview;
pub mod permissions;
pub mod routing;
pub mod users;
