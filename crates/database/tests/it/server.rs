//! What a database says of itself: its version, its time, which migrations have run.

use blazz_database::{Migrations, Pool};
use blazz_domain::{Clock as _, SystemClock};
use blazz_test_support::for_each_database;

#[tokio::test(flavor = "multi_thread")]
async fn a_database_says_what_it_is_and_what_has_run() -> anyhow::Result<()> {
    for_each_database(async |db| {
        let pool = db.pool();
        assert_eq!(pool.migrations().await?, Migrations { missing: 0, unknown: 0 });
        let server = pool.server().await?;
        let name = if pool.is_sqlite() { "SQLite 3." } else { "PostgreSQL " };
        assert!(server.version.starts_with(name), "{server:?}");
        assert_eq!(server.now.is_none(), pool.is_sqlite());
        if let Some(now) = server.now {
            let apart = now.unix_micros().abs_diff(SystemClock.now().unix_micros());
            assert!(apart < 60_000_000, "{server:?}");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_database_lacks_everything() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let pool = Pool::open(&format!("sqlite:{}", dir.path().join("x.db").display()), 1).await?;
    let migrations = pool.migrations().await?;
    assert!(migrations.missing > 0 && migrations.unknown == 0 && !pool.is_migrated().await?);
    Ok(())
}
