//! What the job table promises, on both databases.
#![expect(clippy::unwrap_used, reason = "test code")]

mod backlog;
mod claims;
mod lanes;
mod runs;
mod stage;
