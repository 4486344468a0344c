//! The emulator driven by the real engine's client.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod admin;
mod app_state;
mod baileys;
mod channels;
mod client;
mod communities;
mod companion;
mod contact;
mod content;
mod devices;
mod faults;
mod group_changes;
mod groups;
mod history;
mod linking;
mod messages;
mod offline;
mod prekeys;
mod profile;
mod receipts;
mod retries;
mod stage;
mod status;
