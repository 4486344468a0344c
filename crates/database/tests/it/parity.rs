//! The tables of both databases are the same.

use std::collections::BTreeSet;
use std::sync::Mutex;

use blazz_database::admin::describe;
use blazz_test_support::for_each_database;

#[tokio::test(flavor = "multi_thread")]
async fn both_databases_have_the_same_columns_indexes_and_foreign_keys() -> anyhow::Result<()> {
    let seen: Mutex<Vec<BTreeSet<String>>> = Mutex::default();
    for_each_database(async |db| {
        let lines = describe(db.pool()).await?;
        seen.lock().unwrap().push(lines);
        Ok(())
    })
    .await?;
    let seen = seen.into_inner()?;
    let [sqlite, postgres] = seen.as_slice() else { panic!("two databases") };
    assert!(sqlite.len() > 100, "{sqlite:?}");
    let differences: Vec<_> = sqlite.symmetric_difference(postgres).collect();
    assert!(differences.is_empty(), "{differences:#?}");
    Ok(())
}

/// Several processes may start at once.
#[tokio::test(flavor = "multi_thread")]
async fn migrating_again_and_at_once_changes_nothing() -> anyhow::Result<()> {
    for_each_database(async |db| {
        let before = describe(db.pool()).await?;
        let all = (0..4).map(|_| db.pool().migrate());
        for migrated in futures_util::future::join_all(all).await {
            migrated?;
        }
        assert_eq!(describe(db.pool()).await?, before);
        Ok(())
    })
    .await
}
