//! What a run of a job is told, and what may come of it.

use std::time::Duration;

use blazz_database::jobs::JobRow;
use blazz_domain::{JobId, Timestamp, random};

/// What a handler knows about its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobContext {
    /// The job.
    pub id: JobId,
    /// Which attempt this is, from 1.
    pub attempt: i32,
    /// How many there may be.
    pub max_attempts: i32,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The work is done; the job is deleted.
    Done,
    /// It failed and is worth another attempt, unless this was the last.
    Retry {
        /// How long to wait; a growing, jittered time when `None`.
        after: Option<Duration>,
        /// What went wrong; stored with the job.
        error: String,
    },
    /// It is not its time yet; this was no attempt.
    Reschedule {
        /// When to look again.
        at: Timestamp,
    },
    /// It failed for good.
    Dead {
        /// What went wrong; stored with the job.
        error: String,
    },
}

/// A job that this process has claimed and must run.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedJob(pub(crate) JobRow);

impl ClaimedJob {
    /// The job's id.
    #[must_use]
    pub fn id(&self) -> JobId {
        self.0.id
    }

    pub(crate) fn context(&self) -> JobContext {
        JobContext { id: self.0.id, attempt: self.0.attempt, max_attempts: self.0.max_attempts }
    }
}

/// The wait before the next attempt: 1 s, doubled with each, at most 5 min, jittered.
pub(crate) fn backoff(attempt: i32) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(0).min(16);
    let full = Duration::from_secs(1).saturating_mul(1 << doublings).min(Duration::from_secs(300));
    random::jittered(full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_in_bounds() {
        for (attempt, longest) in [(0, 1), (1, 1), (2, 2), (5, 16), (30, 300), (i32::MAX, 300)] {
            let wait = backoff(attempt);
            let longest = Duration::from_secs(longest);
            assert!(wait <= longest && wait >= longest / 2, "attempt {attempt}: {wait:?}");
        }
    }
}
