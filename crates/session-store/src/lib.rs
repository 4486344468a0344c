//! The session root on disk: one directory per session, its epochs, its engine file and its durable outbox.
//!
//! ```text
//! {root}/root-id                                    which root this is
//! {root}/{workspace}/{account}/lock                 held by the process that has the session open
//! {root}/{workspace}/{account}/{epoch}/engine.db    the engine's own store
//! {root}/{workspace}/{account}/{epoch}/logged-out   the link is gone, and no new one was asked for yet
//! {root}/{workspace}/{account}/{epoch}/outbox/      what WhatsApp was told we have, until the API has it
//! {root}/{workspace}/{account}/{epoch}/media/       how to fetch files of received messages, until the API has them
//! ```
//!
//! Directories are 0700 and files 0600. Everything here blocks: async callers move it off their threads.

mod directory;
mod durable;
mod error;
mod lock;
mod outbox;
mod pending;
mod root;

pub use directory::SessionDirectory;
pub use error::StoreError;
pub use outbox::{Batch, Durability, MAX_ENTRY_BYTES, Outboxes};
pub use pending::{PendingMedia, Scratch};
pub use root::SessionRoot;
