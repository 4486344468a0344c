//! The whole of Blazz as its users meet it: `blazz up`, curl-like calls, phones, and `kill -9`.
//!
//! Each test runs on SQLite with the in-process bus, and on PostgreSQL with Redis.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, reason = "test code")]

mod commands;
mod linking;
mod loss;
mod production;
mod stack;
mod walkthrough;
