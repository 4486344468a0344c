//! The runner: claims what is due, runs it, settles it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use blazz_bus::Bus;
use blazz_database::{DatabaseError, Pool, jobs};
use blazz_domain::Clock;
use blazz_telemetry::Shutdown;
use futures_util::FutureExt as _;
use tokio::sync::Semaphore;
use tokio::time::{interval, sleep};

use crate::outcome::backoff;
use crate::registry::Registry;
use crate::{CHANNEL, ClaimedJob, Job, JobContext, LEASE, Outcome};

/// The longest the runner sleeps when nobody wakes it.
const POLL: Duration = Duration::from_secs(1);
/// The pause after the database has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs jobs, several at a time.
pub struct Runner {
    pool: Pool,
    bus: Bus,
    clock: Arc<dyn Clock>,
    shutdown: Shutdown,
    slots: Arc<Semaphore>,
    registry: Registry,
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner").field("kinds", &self.registry.names()).finish_non_exhaustive()
    }
}

impl Runner {
    /// A runner without handlers that runs at most `concurrency` jobs at a time.
    #[must_use]
    pub fn new(pool: Pool, bus: Bus, clock: Arc<dyn Clock>, shutdown: Shutdown, concurrency: usize) -> Self {
        let slots = Arc::new(Semaphore::new(concurrency));
        Self { pool, bus, clock, shutdown, slots, registry: Registry::default() }
    }

    /// Adds the handler of one kind of job.
    #[must_use]
    pub fn register<J, F, Fut>(mut self, handler: F) -> Self
    where
        J: Job,
        F: Fn(J, JobContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Outcome> + Send + 'static,
    {
        self.registry.insert(handler);
        self
    }

    /// Claims and runs what is due until the process is asked to end; then runs nothing new. What runs is tracked by the shutdown.
    pub async fn run(self: Arc<Self>) {
        let soft = self.shutdown.soft();
        let mut wake_ups = self.bus.subscribe(CHANNEL).await;
        loop {
            let claimed = tokio::select! {
                () = soft.cancelled() => return,
                claimed = self.clone().claim_and_start() => claimed,
            };
            match claimed {
                Ok(0) => {
                    tokio::select! {
                        () = soft.cancelled() => return,
                        _ = wake_ups.next() => {}
                        () = sleep(POLL) => {}
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot claim jobs");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Claims as many due jobs as there are free slots and starts them; how many it were.
    async fn claim_and_start(self: Arc<Self>) -> Result<usize, DatabaseError> {
        // Wait for one slot, then take what else is free.
        let Ok(first) = self.slots.clone().acquire_owned().await else { return Ok(0) };
        let mut slots = vec![first];
        while let Ok(slot) = self.slots.clone().try_acquire_owned() {
            slots.push(slot);
        }
        let limit = u32::try_from(slots.len()).unwrap_or(u32::MAX);
        let now = self.clock.now();
        let mut conn = self.pool.get().await?;
        let rows = jobs::claim(&mut conn, &self.registry.names(), now, now.plus(LEASE), limit).await?;
        drop(conn);
        let count = rows.len();
        for (row, slot) in rows.into_iter().zip(slots) {
            let runner = self.clone();
            self.shutdown.tracker().spawn(async move {
                runner.run_claimed(ClaimedJob(row)).await;
                drop(slot);
            });
        }
        Ok(count)
    }

    /// Runs a job that this process has claimed, renewing the claim, and settles it by what came of it. Gives that.
    pub async fn run_claimed(&self, claimed: ClaimedJob) -> Outcome {
        let context = claimed.context();
        let work = self.registry.run(&claimed.0.kind, claimed.0.payload.clone(), context);
        let outcome = tokio::select! {
            outcome = AssertUnwindSafe(work).catch_unwind() => {
                outcome.unwrap_or_else(|_| Outcome::Retry { after: None, error: "the handler panicked".to_owned() })
            }
            () = self.renew(context) => Outcome::Retry { after: None, error: "the claim was lost".to_owned() },
        };
        match self.settle(&claimed, &outcome).await {
            Ok(true) => self.wake_lane(&claimed).await,
            Ok(false) => tracing::warn!(job.id = %context.id, "a job was settled by somebody else meanwhile"),
            // Its lease ends by itself, and it is due again.
            Err(error) => tracing::error!(job.id = %context.id, %error, "cannot settle a job"),
        }
        outcome
    }

    /// Renews the claim for ever; ends only when it is no longer ours.
    async fn renew(&self, context: JobContext) {
        let mut ticks = interval(LEASE / 3);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            let Ok(mut conn) = self.pool.get().await else { continue };
            let until = self.clock.now().plus(LEASE);
            if let Ok(false) = jobs::renew(&mut conn, context.id, context.attempt, until).await {
                return;
            }
        }
    }

    async fn settle(&self, claimed: &ClaimedJob, outcome: &Outcome) -> Result<bool, DatabaseError> {
        let JobContext { id, attempt, max_attempts } = claimed.context();
        let now = self.clock.now();
        let mut conn = self.pool.get().await?;
        match outcome {
            Outcome::Done => jobs::complete(&mut conn, id, attempt, now).await,
            Outcome::Reschedule { at } => {
                let error = claimed.0.last_error.as_deref();
                jobs::postpone(&mut conn, id, attempt, *at, attempt - 1, error).await
            }
            Outcome::Retry { after, error } if attempt < max_attempts => {
                let at = now.plus(after.unwrap_or_else(|| backoff(attempt)));
                jobs::postpone(&mut conn, id, attempt, at, attempt, Some(error)).await
            }
            Outcome::Retry { error, .. } | Outcome::Dead { error } => {
                tracing::error!(job.id = %id, job.kind = claimed.0.kind, error, "a job is dead");
                jobs::bury(&mut conn, id, attempt, error).await
            }
        }
    }

    /// The next of the lane may be due already.
    async fn wake_lane(&self, claimed: &ClaimedJob) {
        if claimed.0.lane.is_some()
            && let Err(error) = self.bus.publish(CHANNEL, "").await
        {
            tracing::warn!(%error, "cannot wake the job runners; they look by themselves");
        }
    }
}
