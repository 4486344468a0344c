//! A kind of job for tests, and a runner for it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use blazz_bus::Bus;
use blazz_database::{Conn, Pool, jobs};
use blazz_domain::{Clock as _, JobId};
use blazz_jobs::{EnqueueOptions, Job, Outcome, Runner, enqueue};
use blazz_telemetry::Shutdown;
use blazz_test_support::{TestClock, TestDatabase};
use serde::{Deserialize, Serialize};

pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Says its text to the stage.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Say(pub(crate) String);

impl Job for Say {
    const NAME: &'static str = "say";
    const MAX_ATTEMPTS: i32 = 3;
}

/// What runs of [`Say`] do, by the run's number, and what was said.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) said: Vec<String>,
    pub(crate) given_up: Vec<String>,
}

pub(crate) struct Stage {
    pub(crate) pool: Pool,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) script: Arc<Mutex<Script>>,
    shutdown: Shutdown,
}

impl Stage {
    pub(crate) fn new(db: &TestDatabase) -> Self {
        Self {
            pool: db.pool().clone(),
            clock: Arc::default(),
            script: Arc::default(),
            shutdown: Shutdown::new(),
        }
    }

    pub(crate) async fn conn(&self) -> Conn {
        self.pool.get().await.unwrap()
    }

    pub(crate) async fn enqueue(&self, text: &str, options: EnqueueOptions) -> JobId {
        enqueue(&mut self.conn().await, &*self.clock, &Say(text.into()), options).await.unwrap()
    }

    pub(crate) async fn enqueue_in_lane(&self, text: &str, lane: &str) -> JobId {
        self.enqueue(text, EnqueueOptions { lane: Some(lane.into()), ..EnqueueOptions::default() }).await
    }

    /// Claims what is due, up to `limit`.
    pub(crate) async fn claim(&self, limit: u32) -> Vec<jobs::JobRow> {
        let now = self.clock.now();
        let until = now.plus(blazz_jobs::LEASE);
        jobs::claim(&mut self.conn().await, &[Say::NAME], now, until, limit).await.unwrap()
    }

    pub(crate) async fn job(&self, id: JobId) -> Option<jobs::JobRow> {
        jobs::find(&mut self.conn().await, id).await.unwrap()
    }

    /// Starts a runner whose handler says the text and gives what `act` says.
    pub(crate) fn run(&self, act: impl Fn(&str, i32) -> Outcome + Clone + Send + Sync + 'static) {
        let (said, given_up) = (Arc::clone(&self.script), Arc::clone(&self.script));
        let runner =
            Runner::new(self.pool.clone(), Bus::in_process(), self.clock.clone(), self.shutdown.clone(), 4)
                .register::<Say, _, _>(move |Say(text), context| {
                    let (said, act) = (Arc::clone(&said), act.clone());
                    async move {
                        said.lock().unwrap().said.push(text.clone());
                        act(&text, context.attempt)
                    }
                })
                .on_dead::<Say, _, _>(move |Say(text)| {
                    let given_up = Arc::clone(&given_up);
                    async move { given_up.lock().unwrap().given_up.push(text) }
                });
        tokio::spawn(Arc::new(runner).run());
    }

    pub(crate) fn said(&self) -> Vec<String> {
        self.script.lock().unwrap().said.clone()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.shutdown.soft().cancel();
    }
}
