//! The emulator driven by the real engine's client.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod admin;
mod baileys;
mod companion;
mod contact;
mod content;
mod devices;
mod faults;
mod linking;
mod messages;
mod offline;
mod profile;
mod receipts;
mod retries;
mod stage;
