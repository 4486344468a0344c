//! What the job table promises, on both databases.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "test code")]

mod claims;
mod lanes;
mod runs;
mod stage;
