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

mod commands;
mod documents;
mod linking;
mod loss;
mod media;
mod production;
mod samples;
mod schemathesis;
mod settings;
mod stack;
mod troubled_road;
mod up;
mod walkthrough;
