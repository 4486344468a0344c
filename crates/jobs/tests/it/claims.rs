//! A job belongs to one claim at a time, and only that claim settles it.

use std::time::Duration;

use blazz_database::jobs;
use blazz_domain::Clock as _;
use blazz_jobs::{EnqueueOptions, LEASE};
use blazz_test_support::for_each_database;

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn many_claimers_never_get_the_same_job() -> anyhow::Result<()> {
    for_each_database(async |db| {
        let stage = Stage::new(db);
        for n in 0..60 {
            stage.enqueue(&n.to_string(), EnqueueOptions::default()).await;
        }
        let claimers = (0..6).map(|_| async {
            let mut mine = Vec::new();
            loop {
                let batch = stage.claim(3).await;
                if batch.is_empty() {
                    return mine;
                }
                mine.extend(batch.into_iter().map(|job| job.id));
            }
        });
        let claimed: Vec<_> = futures_util::future::join_all(claimers).await.concat();
        let mut distinct = claimed.clone();
        distinct.sort_by_key(|id| id.0);
        distinct.dedup();
        assert_eq!((claimed.len(), distinct.len()), (60, 60));
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_was_lost_settles_nothing() -> anyhow::Result<()> {
    for_each_database(async |db| {
        let stage = Stage::new(db);
        let id = stage.enqueue("work", EnqueueOptions::default()).await;
        let first = stage.claim(1).await.remove(0);
        assert!(stage.claim(1).await.is_empty(), "it is claimed");
        stage.clock.advance(LEASE + Duration::from_secs(1));
        let second = stage.claim(1).await.remove(0);
        assert_eq!((second.id, second.attempt), (id, 2));

        let (mut conn, now) = (stage.conn().await, stage.clock.now());
        assert!(!jobs::renew(&mut conn, &first, now).await?);
        assert!(!jobs::complete(&mut conn, &first, now).await?);
        assert!(!jobs::postpone(&mut conn, &first, now, now, 0, None).await?);
        assert!(!jobs::bury(&mut conn, &first, now, "late").await?);
        assert_eq!(stage.job(id).await.unwrap().state, jobs::RUNNING);
        assert!(jobs::complete(&mut conn, &second, now).await?);
        assert_eq!(stage.job(id).await, None);
        Ok(())
    })
    .await
}

/// Attempts start over when a job runs once more; claims do not, so the number of an old run cannot come back.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_claim_stays_lost_when_the_attempts_start_over() -> anyhow::Result<()> {
    for_each_database(async |db| {
        let stage = Stage::new(db);
        let unique = EnqueueOptions { unique_key: Some("k".into()), ..EnqueueOptions::default() };
        let id = stage.enqueue("work", unique.clone()).await;
        let stale = stage.claim(1).await.remove(0);
        stage.clock.advance(LEASE + Duration::from_secs(1));
        let current = stage.claim(1).await.remove(0);
        assert_eq!(stage.enqueue("work", unique).await, id, "it runs: it is asked to run once more");
        let (mut conn, now) = (stage.conn().await, stage.clock.now());
        assert!(jobs::complete(&mut conn, &current, now).await?);
        let again = stage.claim(1).await.remove(0);
        assert_eq!((again.id, again.attempt), (id, stale.attempt));
        assert!(!jobs::complete(&mut conn, &stale, now).await?, "that run was another");
        assert!(jobs::complete(&mut conn, &again, now).await?);
        assert_eq!(stage.job(id).await, None);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_while_a_job_runs_is_not_lost() -> anyhow::Result<()> {
    for_each_database(async |db| {
        let stage = Stage::new(db);
        let unique = EnqueueOptions { unique_key: Some("k".into()), ..EnqueueOptions::default() };
        let id = stage.enqueue("work", unique.clone()).await;
        let (mut conn, now) = (stage.conn().await, stage.clock.now());
        for settle in ["complete", "postpone", "bury"] {
            let running = stage.claim(1).await.remove(0);
            assert_eq!(stage.enqueue("work", unique.clone()).await, id);
            let far = now.plus(Duration::from_secs(3600));
            let settled = match settle {
                "complete" => jobs::complete(&mut conn, &running, now).await?,
                "postpone" => jobs::postpone(&mut conn, &running, now, far, 1, None).await?,
                _ => jobs::bury(&mut conn, &running, now, "no").await?,
            };
            let job = stage.job(id).await.unwrap();
            assert!(settled && !job.again, "{settle}");
            assert_eq!((job.state.as_str(), job.run_at), (jobs::PENDING, now), "{settle}");
        }
        Ok(())
    })
    .await
}
