//! What is left to do, as whoever watches it sees it.

use std::time::Duration;

use blazz_database::jobs::{self, Backlog};
use blazz_domain::Clock as _;
use blazz_jobs::EnqueueOptions;
use blazz_test_support::for_each_database;

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_and_what_is_dead_is_counted() -> anyhow::Result<()> {
    for_each_database(async |db| {
        let stage = Stage::new(db);
        let mut conn = stage.conn().await;
        assert_eq!(jobs::backlog(&mut conn, stage.clock.now()).await?, Backlog::default());
        let since = stage.clock.now();
        stage.enqueue("first", EnqueueOptions::default()).await;
        stage.clock.advance(Duration::from_secs(5));
        stage.enqueue("second", EnqueueOptions::default()).await;
        let later = EnqueueOptions {
            run_at: Some(stage.clock.now().plus(Duration::from_secs(60))),
            ..EnqueueOptions::default()
        };
        stage.enqueue("later", later).await;
        let expected = Backlog { due: 2, due_since: Some(since), dead: 0 };
        assert_eq!(jobs::backlog(&mut conn, stage.clock.now()).await?, expected);
        // One that runs is not waiting any more.
        let claimed = stage.claim(2).await;
        assert!(jobs::bury(&mut conn, &claimed[0], stage.clock.now(), "broken").await?);
        let expected = Backlog { due: 0, due_since: None, dead: 1 };
        assert_eq!(jobs::backlog(&mut conn, stage.clock.now()).await?, expected);
        Ok(())
    })
    .await
}
