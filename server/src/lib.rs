//! The server around the gateway: command line, configuration, routes, wiring, shutdown. It decides
//! nothing about a proxied request, which is the `gateway` crate's, nor about accounts, which is
//! `control`'s. The binary beside this library only starts it.

pub mod admin;
pub mod alerts;
pub mod assets;
pub mod banner;
pub mod cli;
pub mod compress;
pub mod config;
pub mod connections;
mod exports;
pub mod jobs;
pub mod log_files;
pub mod oidc;
pub mod openapi;
pub mod plane;
pub mod playground;
pub mod prices;
pub mod proxy;
pub mod reload;
pub mod router;
pub mod same_origin;
pub mod secret_file;
pub mod serve;
pub mod session;
pub mod settings;
pub mod site;
pub mod state;
pub mod status;
pub mod telemetry;
pub mod token;
pub mod unread;
pub mod user;
