//! The dashboards: Leptos pages that the server renders and the browser then brings to life. They
//! only ask `control` for things and show what it answers; no rule about money, keys or who may do
//! what is decided here. Whatever works here works with JavaScript off, too.
//!
//! # Adding a page
//!
//! 1. Make `pages/<house>/<noun>/mod.rs` (the view) and `api.rs` beside it (its server functions).
//! 2. A server function is three moves: [`server::principal`] or [`server::admin`], one call into
//!    `control`, return a `domain` type. It is a public endpoint; the guarded route is no protection.
//! 3. Load with [`components::suspense_error::Load`], which shows the skeleton, the error with Retry
//!    and the content. Keep filters, pages and open panels in the URL ([`url::ListUrl`]).
//! 4. Add the route to the table in [`app`] with `SsrMode::Async`, and the link to
//!    [`components::nav`].

// Each element of a view is a type inside the type of its parent.
#![recursion_limit = "256"]

pub mod app;
#[cfg(feature = "ssr")]
pub mod charts;
pub mod components;
pub mod error;
pub mod format;
pub mod pages;
#[cfg(feature = "ssr")]
pub mod server;
pub mod session;
pub mod theme;
pub mod url;

pub use app::{App, shell};
#[cfg(feature = "ssr")]
pub use server::ServerInfo;
