//! Jobs of one lane run one at a time, in order.

use std::time::Duration;

use blazz_database::jobs;
use blazz_domain::Clock as _;
use blazz_jobs::{Outcome, claim_one};
use blazz_test_support::{eventually, for_each_database};

use crate::stage::{DEADLINE, Stage};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread")]
async fn only_the_first_of_a_lane_can_be_claimed() -> anyhow::Result<()> {
    for_each_database(async |db| {
        let stage = Stage::new(db);
        let mut ids = Vec::new();
        for lane in ["a", "b"] {
            for n in 0..3 {
                ids.push(stage.enqueue_in_lane(&format!("{lane}{n}"), lane).await);
            }
        }
        let claimers = (0..6).map(|_| stage.claim(6));
        let claimed: Vec<_> = futures_util::future::join_all(claimers).await.concat();
        let mut first: Vec<_> = claimed.iter().map(|job| job.id).collect();
        first.sort_by_key(|id| id.0);
        assert_eq!(first, [ids[0], ids[3]]);
        let second = claim_one(&mut stage.conn().await, ids[1], &*stage.clock, blazz_jobs::LEASE).await?;
        assert_eq!(second, None, "not out of turn either");

        let now = stage.clock.now();
        let of_a = claimed.iter().find(|job| job.id == ids[0]).unwrap();
        assert!(jobs::complete(&mut stage.conn().await, of_a, now).await?);
        let next: Vec<_> = stage.claim(6).await.into_iter().map(|job| job.id).collect();
        assert_eq!(next, [ids[1]]);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_keeps_its_order_over_retries_and_failures() -> anyhow::Result<()> {
    for_each_database(async |db| {
        let stage = Stage::new(db);
        for n in 0..8 {
            stage.enqueue_in_lane(&n.to_string(), "lane").await;
        }
        let soon = Some(Duration::ZERO);
        stage.run(move |text, attempt| match (text, attempt) {
            ("2", 1) => Outcome::Retry { after: soon, error: "once".into() },
            ("4", _) => Outcome::Dead { error: "never".into() },
            _ => Outcome::Done,
        });
        eventually(DEADLINE, async || (stage.said().len() >= 9).then_some(())).await?;
        assert_eq!(stage.said(), ["0", "1", "2", "2", "3", "4", "5", "6", "7"]);
        Ok(())
    })
    .await
}

/// What waits behind a job that waits is not even looked at, however long it has been due.
#[tokio::test(flavor = "multi_thread")]
async fn a_lane_waits_with_its_first() -> anyhow::Result<()> {
    for_each_database(async |db| {
        let stage = Stage::new(db);
        let first = stage.enqueue_in_lane("first", "lane").await;
        let second = stage.enqueue_in_lane("second", "lane").await;
        let running = stage.claim(1).await.remove(0);
        let now = stage.clock.now();
        let later = now.plus(HOUR);
        assert!(jobs::postpone(&mut stage.conn().await, &running, now, later, 0, None).await?);
        let third = stage.enqueue_in_lane("third", "lane").await;
        for id in [first, second, third] {
            assert_eq!(stage.job(id).await.unwrap().run_at, later);
        }
        jobs::pull_forward(&mut stage.conn().await, &["lane".to_owned()], now).await?;
        let due: Vec<_> = stage.claim(9).await;
        assert_eq!(due.iter().map(|job| job.id).collect::<Vec<_>>(), [first]);
        assert!(jobs::complete(&mut stage.conn().await, &due[0], now).await?);
        assert_eq!(stage.claim(9).await.remove(0).id, second, "the next is due at once");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_woken_while_it_runs_does_not_wait() -> anyhow::Result<()> {
    for_each_database(async |db| {
        let stage = Stage::new(db);
        let id = stage.enqueue_in_lane("work", "lane").await;
        let running = stage.claim(1).await.remove(0);
        let now = stage.clock.now();
        jobs::pull_forward(&mut stage.conn().await, &["lane".to_owned()], now).await?;
        assert!(jobs::postpone(&mut stage.conn().await, &running, now, now.plus(HOUR), 0, None).await?);
        let again = stage.claim(1).await.remove(0);
        assert_eq!(again.id, id);
        assert!(jobs::postpone(&mut stage.conn().await, &again, now, now.plus(HOUR), 0, None).await?);
        assert!(stage.claim(1).await.is_empty(), "woken once, not for ever");
        Ok(())
    })
    .await
}
