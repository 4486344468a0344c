//! Background work: one table, claimed under a lease, retried with backoff, in lanes where order matters.
//!
//! A job is stored in its caller's transaction, so it exists if and only if what caused it does. Handlers may run more than once for the same
//! job and must be written for that.

mod enqueue;
mod outcome;
mod registry;
mod runner;

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use enqueue::{EnqueueOptions, claim_one, enqueue};
pub use outcome::{ClaimedJob, JobContext, Outcome};
pub use runner::Runner;

/// The bus channel that says «there is a job that is due».
pub const CHANNEL: &str = "jobs";

/// How long a claim holds unless it is renewed; a job whose process died is due again after that.
pub const LEASE: Duration = Duration::from_secs(15);

/// A kind of work, and what one piece of it says.
pub trait Job: Serialize + DeserializeOwned + Send + 'static {
    /// The name under which it is stored. Never changes.
    const NAME: &'static str;
    /// How often it may be attempted before it counts as dead.
    const MAX_ATTEMPTS: i32;
}
