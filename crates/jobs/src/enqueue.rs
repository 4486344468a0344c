//! Storing a job, and claiming the one that was just stored.

use std::time::Duration;

use blazz_database::jobs::{self, NewJob};
use blazz_database::{Conn, DatabaseError};
use blazz_domain::{Clock, JobId, Timestamp};

use crate::{ClaimedJob, Job};

/// When and in what order a job runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnqueueOptions {
    /// When it is due; at once when `None`.
    pub run_at: Option<Timestamp>,
    /// Jobs of one lane run one at a time, in the order they were stored. The caller holds a row lock that stands for the lane until its
    /// transaction ends, so that stored order is commit order.
    pub lane: Option<String>,
    /// While a job with this key waits, storing another changes nothing but an earlier time; while it runs, it runs once more after.
    pub unique_key: Option<String>,
    /// Higher ones go first.
    pub priority: i16,
}

/// Stores a job in the caller's transaction. With a unique key that is taken, gives the id of the job that has it.
///
/// # Errors
/// When the database refuses it.
pub async fn enqueue<J: Job>(
    conn: &mut Conn,
    clock: &dyn Clock,
    job: &J,
    options: EnqueueOptions,
) -> Result<JobId, DatabaseError> {
    let now = clock.now();
    let run_at = options.run_at.unwrap_or(now);
    let new = NewJob {
        id: JobId::new(),
        kind: J::NAME,
        payload: serde_json::to_value(job).map_err(|error| DatabaseError::Other(error.to_string()))?,
        lane: options.lane,
        unique_key: options.unique_key.clone(),
        priority: options.priority,
        max_attempts: J::MAX_ATTEMPTS,
        run_at,
        created_at: now,
    };
    // The job with the same key may end between the two looks; then the second insert finds the key free.
    for _ in 0..3 {
        if let Some(id) = jobs::insert(conn, &new).await? {
            return Ok(id);
        }
        let Some(key) = &options.unique_key else { break };
        if let Some(id) = jobs::ask_again(conn, key, run_at).await? {
            return Ok(id);
        }
    }
    Err(DatabaseError::Other("a job's unique key is neither free nor taken".to_owned()))
}

/// Claims a job out of turn: whether it is due or not, but only if nobody has claimed it and it is the first in its lane.
///
/// # Errors
/// When the database is not there.
pub async fn claim_one(
    conn: &mut Conn,
    id: JobId,
    clock: &dyn Clock,
    lease: Duration,
) -> Result<Option<ClaimedJob>, DatabaseError> {
    let row = jobs::claim_one(conn, id, clock.now().plus(lease)).await?;
    Ok(row.map(ClaimedJob))
}
