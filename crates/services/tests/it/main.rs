//! The use cases on both databases and both buses, against real nodes behind real signatures.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod accounts;
mod audit;
mod client_version;
mod delayed;
mod fleet;
mod inbox;
mod keys;
mod media;
mod node;
mod outbox;
mod read_conversations;
mod reading;
mod receipts;
mod replies;
mod retention;
mod sending;
mod sessions;
mod settings;
mod tenants;
mod world;
