//! The data plane: a proxied request from its first byte to its row in the ledger.
//!
//! [`pipeline`] is the whole way in one straight line; every other module is one of its stages or
//! what a stage needs. Until a request is recorded only memory is read: accounts and routes are an
//! immutable snapshot ([`catalog`]), spend and rates are counters ([`counters`]).
//!
//! # Adding a provider
//! A file in [`providers`] that turns a [`transform::UpstreamRequest`] into an HTTP request (or, like
//! `scripted`, into an answer), a variant in [`settings::BackendKind`], and the arms that the compiler then asks
//! for.

pub mod admit;
pub mod authenticate;
pub mod aws_status;
pub mod body;
pub mod catalog;
pub mod count_tokens;
pub mod counters;
pub mod detached;
pub mod discovery;
pub mod dispatch;
pub mod egress;
pub mod endpoint;
pub mod error;
pub mod headers;
pub mod idempotency;
pub mod kept_items;
pub mod layout;
pub mod models;
pub mod pipeline;
pub mod providers;
pub mod record;
pub mod relay;
pub mod route;
pub mod scripting;
pub mod settings;
pub mod settle;
pub mod status;
pub mod transform;

pub use body::ResponseBody;
pub use endpoint::Endpoint;
pub use error::GatewayError;
pub use pipeline::Gateway;
