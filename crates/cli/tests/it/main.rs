//! The whole of Blazz as its users meet it: `blazz up`, curl-like calls, phones, and `kill -9`.
//!
//! What depends on them runs on SQLite with the in-process bus, and on PostgreSQL with Redis.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "test code outside of #[test] functions"
)]

mod accounts;
mod baileys;
mod client_version;
mod commands;
mod doctor;
mod documents;
mod json;
mod linking;
mod loss;
mod media;
mod packages;
mod production;
#[path = "../../../whatsapp/tests/shared/proxy.rs"]
#[expect(dead_code, reason = "not every test needs all of it")]
mod proxy;
mod samples;
mod schemathesis;
mod settings;
mod stack;
mod systemd;
mod terminal;
mod troubled_road;
mod up;
mod walkthrough;
mod watching;
