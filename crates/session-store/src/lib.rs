//! The session root on disk: one directory per session, its epochs, its sealed store and its durable outbox.
//!
//! ```text
//! {root}/root-id                                    which root this is
//! {root}/{workspace}/keys                           what the workspace's sessions are sealed with, itself sealed
//! {root}/{workspace}/{account}/lock                 held by the process that has the session open
//! {root}/{workspace}/{account}/{epoch}/store        what the engine keeps, sealed
//! {root}/{workspace}/{account}/{epoch}/logged-out   the link is gone, and no new one was asked for yet
//! {root}/{workspace}/{account}/{epoch}/outbox/      what WhatsApp was told we have, until the API has it
//! {root}/{workspace}/{account}/{epoch}/media/       how to fetch files of received messages, until the API has them
//! ```
//!
//! Directories are 0700 and files 0600. Everything here blocks: async callers move it off their threads.

mod directory;
mod durable;
mod error;
mod keyring;
mod lock;
mod outbox;
mod pending;
mod root;
mod seal;
mod store;
mod sync;

pub use directory::SessionDirectory;
pub use error::StoreError;
pub use keyring::{StorageKey, StorageKeys, StorageSecret};
pub use outbox::{Batch, Durability, MAX_ENTRY_BYTES, Outboxes};
pub use pending::{PendingMedia, Scratch};
pub use root::SessionRoot;
pub use seal::SealingKey;
pub use store::{Changes, Entry, MAX_VALUE_BYTES, SealingKeys, Store, StoreSize};
