//! What the whole server does, seen from outside: a client on one side, a scripted upstream on the
//! other, the ledger's file between them. One module per behaviour; what they stand on is in
//! [`support`]. Each test has a server, a database and ports of its own.

#![expect(
    clippy::expect_used,
    reason = "what a test needs and does not get fails it"
)]

mod alerts;
mod audit;
mod bad_input;
mod bill;
mod budget;
mod client_disconnect;
mod compression;
mod configured;
mod demo_data;
mod discovery;
mod fallback;
mod forerunners;
mod hedge;
mod idempotency;
mod key_life;
mod keys;
mod ledger;
mod ledger_commands;
mod limits;
mod logs;
mod oidc;
mod openapi;
mod passthrough;
mod people;
mod playground;
mod prices;
mod reload;
mod routing;
mod scripts;
mod scripts_page;
mod secrets;
mod security;
mod shutdown;
mod sigkill;
mod status;
mod streams;
mod support;
mod teams;
mod translation;
mod usage_pages;
mod user_api;
mod ways_in;
