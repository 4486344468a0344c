//! The database: pool, transactions, one module per table, migrations. The only crate that knows diesel and SQL.
//!
//! PostgreSQL and SQLite hold the same tables ([`schema`]), and one query expression serves both: the `on!` macro checks it against each of
//! them. Functions on tables of a tenant take the connection, then the workspace's id, and see no other workspace's rows.

#[macro_use]
mod conn;
#[macro_use]
mod row;

#[cfg(feature = "admin")]
pub mod admin;
mod error;
mod exclusive;
mod lite;
mod migrate;
mod pool;
mod schema;
mod server;
mod types;

pub mod accounts;
pub mod api_keys;
pub mod audit_entries;
pub mod client_versions;
pub mod contacts;
pub mod conversations;
pub mod counters;
pub mod early_receipts;
pub mod events;
pub mod idempotency_keys;
pub mod installation;
pub mod jobs;
pub mod media;
pub mod messages;
pub mod nodes;
pub mod outbox_cursors;
pub mod rejected_events;
pub mod removals;
pub mod workspaces;

pub use conn::Conn;
pub use error::DatabaseError;
pub use exclusive::Alone;
pub use migrate::Migrations;
pub use pool::Pool;
pub use server::Server;
