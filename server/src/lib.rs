//! The server around the gateway: command line, configuration, routes, wiring, shutdown. It decides
//! nothing about a proxied request, which is the `gateway` crate's, nor about accounts, which is
//! `control`'s. The binary beside this library only starts it.

pub mod cli;
pub mod config;
