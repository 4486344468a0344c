//! What comes of a run.

use std::time::Duration;

use blazz_database::jobs;
use blazz_domain::Clock as _;
use blazz_jobs::{EnqueueOptions, LEASE, Outcome};
use blazz_test_support::{eventually, for_each_database};

use crate::stage::{DEADLINE, Stage};

const NOW: Option<Duration> = Some(Duration::ZERO);

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_always_fails_is_given_up_once() -> anyhow::Result<()> {
    for_each_database(async |db| {
        let stage = Stage::new(db);
        let id = stage.enqueue("work", EnqueueOptions::default()).await;
        stage.run(|_, _| Outcome::Retry { after: NOW, error: "broken".into() });
        let dead =
            eventually(DEADLINE, async || stage.job(id).await.filter(|job| job.state == jobs::DEAD)).await?;
        assert_eq!((dead.attempt, dead.last_error.as_deref()), (3, Some("broken")));
        assert_eq!(stage.said().len(), 3);
        assert_eq!(stage.script.lock().unwrap().given_up, ["work"]);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_a_failed_attempt() -> anyhow::Result<()> {
    for_each_database(async |db| {
        let stage = Stage::new(db);
        let id = stage.enqueue("work", EnqueueOptions::default()).await;
        stage.run(|_, _| panic!("a handler that panics"));
        let job = eventually(DEADLINE, async || {
            stage.job(id).await.filter(|job| job.attempt == 1 && job.state == jobs::PENDING)
        })
        .await?;
        assert_eq!(job.last_error.as_deref(), Some("the handler panicked"));
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn being_rescheduled_is_no_attempt() -> anyhow::Result<()> {
    for_each_database(async |db| {
        let stage = Stage::new(db);
        let id = stage.enqueue("work", EnqueueOptions::default()).await;
        let at = stage.clock.now().plus(Duration::from_secs(60));
        stage.run(move |_, _| Outcome::Reschedule { at });
        let job = eventually(DEADLINE, async || stage.job(id).await.filter(|job| job.run_at == at)).await?;
        assert_eq!((job.attempt, job.state.as_str()), (0, jobs::PENDING));
        Ok(())
    })
    .await
}

/// A process that dies leaves its job running; when the lease has ended somebody else takes it.
#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_job_is_taken_over() -> anyhow::Result<()> {
    for_each_database(async |db| {
        let stage = Stage::new(db);
        let id = stage.enqueue("work", EnqueueOptions::default()).await;
        assert_eq!(stage.claim(1).await.len(), 1);
        stage.clock.advance(LEASE + Duration::from_secs(1));
        stage.run(|_, _| Outcome::Done);
        eventually(DEADLINE, async || stage.job(id).await.is_none().then_some(())).await?;
        assert_eq!(stage.said(), ["work"]);
        Ok(())
    })
    .await
}
