//! The runner: claims what is due, runs it, settles it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use blazz_bus::Bus;
use blazz_database::{DatabaseError, Pool, jobs};
use blazz_domain::{Clock, Timestamp};
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

    /// Adds what is to be done when a job of one kind is given up. May run more than once for the same job.
    #[must_use]
    pub fn on_dead<J, F, Fut>(mut self, handler: F) -> Self
    where
        J: Job,
        F: Fn(J) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.registry.insert_dead_handler(handler);
        self
    }

    /// Claims and runs what is due until the process is asked to end; then runs nothing new. What runs is tracked by the shutdown.
    pub async fn run(self: Arc<Self>) {
        let soft = self.shutdown.soft();
        let mut wake_ups = self.bus.subscribe(CHANNEL).await;
        while !soft.is_cancelled() {
            // Not raced against the end: what is claimed must be started.
            match self.clone().claim_and_start().await {
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
                    soft.run_until_cancelled(sleep(PAUSE)).await;
                }
            }
        }
    }

    /// Claims as many due jobs as there are free slots and starts them; how many it were.
    async fn claim_and_start(self: Arc<Self>) -> Result<usize, DatabaseError> {
        // Wait for one slot, then take what else is free.
        let soft = self.shutdown.soft();
        let Some(Ok(first)) = soft.run_until_cancelled(self.slots.clone().acquire_owned()).await else {
            return Ok(0);
        };
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
            () = self.renew(&claimed) => Outcome::Retry { after: None, error: "the claim was lost".to_owned() },
        };
        match self.settle(&claimed, &outcome).await {
            Ok(true) => self.wake_lane(&claimed),
            Ok(false) => tracing::warn!(job.id = %context.id, "a job was settled by somebody else meanwhile"),
            // Its lease ends by itself, and it is due again.
            Err(error) => tracing::error!(job.id = %context.id, %error, "cannot settle a job"),
        }
        outcome
    }

    /// Renews the claim for ever; ends only when it is no longer ours.
    async fn renew(&self, claimed: &ClaimedJob) {
        let mut ticks = interval(LEASE / 3);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            let Ok(mut conn) = self.pool.get().await else { continue };
            let until = self.clock.now().plus(LEASE);
            if let Ok(false) = jobs::renew(&mut conn, &claimed.0, until).await {
                return;
            }
        }
    }

    async fn settle(&self, claimed: &ClaimedJob, outcome: &Outcome) -> Result<bool, DatabaseError> {
        let JobContext { attempt, max_attempts, .. } = claimed.context();
        let (job, now) = (&claimed.0, self.clock.now());
        let mut conn = self.pool.get().await?;
        match outcome {
            Outcome::Done => jobs::complete(&mut conn, job, now).await,
            Outcome::Reschedule { at } => {
                let error = job.last_error.as_deref();
                jobs::postpone(&mut conn, job, now, *at, attempt - 1, error).await
            }
            Outcome::Retry { after, error } if attempt < max_attempts => {
                let at = now.plus(after.unwrap_or_else(|| backoff(attempt)));
                jobs::postpone(&mut conn, job, now, at, attempt, Some(error)).await
            }
            Outcome::Retry { error, .. } | Outcome::Dead { error } => {
                drop(conn);
                self.give_up(claimed, now, error).await
            }
        }
    }

    /// What follows comes first: should the process die in between, the job is claimed and given up once more.
    async fn give_up(
        &self,
        claimed: &ClaimedJob,
        now: Timestamp,
        error: &str,
    ) -> Result<bool, DatabaseError> {
        let job = &claimed.0;
        tracing::error!(job.id = %job.id, job.kind, error, "a job is dead");
        let follow_up = self.registry.run_dead_handler(&job.kind, job.payload.clone());
        if AssertUnwindSafe(follow_up).catch_unwind().await.is_err() {
            tracing::error!(job.id = %job.id, job.kind, "what follows a dead job panicked");
        }
        let mut conn = self.pool.get().await?;
        jobs::bury(&mut conn, job, now, error).await
    }

    /// The next of the lane is due.
    fn wake_lane(&self, claimed: &ClaimedJob) {
        if claimed.0.lane.is_some() {
            self.bus.publish(CHANNEL, "");
        }
    }
}
