//! What the database promises, on SQLite and on PostgreSQL.
#![expect(clippy::unwrap_used, reason = "test code")]

mod client_versions;
mod contacts;
mod conversations;
mod events;
mod parity;
mod seed;
mod server;
mod transactions;
