//! Transactions whose future is dropped half way: what an HTTP client's hang-up does.

use std::time::Duration;

use blazz_database::workspaces::{self, WorkspaceRow};
use blazz_database::{Conn, DatabaseError};
use blazz_domain::WorkspaceId;
use blazz_test_support::{eventually, for_each_database};

use crate::seed;

const DEADLINE: Duration = Duration::from_secs(20);

async fn insert(conn: &mut Conn, id: WorkspaceId) -> Result<(), DatabaseError> {
    let row = WorkspaceRow { id, name: "test".into(), created_at: seed::now() };
    workspaces::insert(conn, &row).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_transaction_leaves_nothing_and_blocks_nobody() -> anyhow::Result<()> {
    for_each_database(async |db| {
        for _ in 0..20 {
            let id = WorkspaceId::new();
            let (pool, (begun, has_begun)) = (db.pool().clone(), tokio::sync::oneshot::channel());
            let writer = tokio::spawn(async move {
                let mut conn = pool.get().await?;
                conn.transaction(async |conn| {
                    insert(conn, id).await?;
                    let _ = begun.send(());
                    std::future::pending::<Result<(), DatabaseError>>().await
                })
                .await
            });
            has_begun.await?;
            writer.abort();
            let _ = writer.await;
            let mut conn = db.pool().get().await?;
            assert!(workspaces::find(&mut conn, id).await?.is_none());
            conn.transaction(async |conn| insert(conn, WorkspaceId::new()).await).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_that_are_cut_off_at_any_moment_do_no_harm() -> anyhow::Result<()> {
    for_each_database(async |db| {
        let mut wait = Duration::ZERO;
        for _ in 0..100 {
            let (pool, id) = (db.pool().clone(), WorkspaceId::new());
            let work = async move {
                let mut conn = pool.get().await?;
                conn.transaction(async |conn| {
                    insert(conn, id).await?;
                    workspaces::find(conn, id).await
                })
                .await
            };
            let _ = tokio::time::timeout(wait, work).await;
            wait += Duration::from_micros(50);
        }
        eventually(DEADLINE, async || db.pool().ping().await.ok()).await?;
        let mut conn = db.pool().get().await?;
        let id = WorkspaceId::new();
        conn.transaction(async |conn| insert(conn, id).await).await?;
        assert!(workspaces::find(&mut conn, id).await?.is_some());
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_savepoint_takes_back_its_own_part_only() -> anyhow::Result<()> {
    for_each_database(async |db| {
        let (kept, lost) = (WorkspaceId::new(), WorkspaceId::new());
        let mut conn = db.pool().get().await?;
        conn.transaction(async |conn| {
            insert(conn, kept).await?;
            let inner: Result<(), DatabaseError> = conn
                .transaction(async |conn| {
                    insert(conn, lost).await?;
                    insert(conn, kept).await
                })
                .await;
            assert!(matches!(inner, Err(DatabaseError::UniqueViolation { .. })), "{inner:?}");
            Ok::<_, DatabaseError>(())
        })
        .await?;
        assert!(workspaces::find(&mut conn, kept).await?.is_some());
        assert!(workspaces::find(&mut conn, lost).await?.is_none());
        Ok(())
    })
    .await
}

/// The connection may outlive the dropped future; what was begun on it is still open.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_with_an_abandoned_transaction_is_of_no_further_use() -> anyhow::Result<()> {
    for_each_database(async |db| {
        let (abandoned, later) = (WorkspaceId::new(), WorkspaceId::new());
        let mut conn = db.pool().get().await?;
        let hangs = conn.transaction(async |conn| {
            insert(conn, abandoned).await?;
            std::future::pending::<Result<(), DatabaseError>>().await
        });
        assert!(tokio::time::timeout(Duration::from_millis(200), hangs).await.is_err());
        let reused = conn.transaction(async |conn| insert(conn, later).await).await;
        assert!(matches!(reused, Err(DatabaseError::Unavailable(_))), "{reused:?}");
        drop(conn);
        let mut conn = db.pool().get().await?;
        assert!(workspaces::find(&mut conn, abandoned).await?.is_none());
        assert!(workspaces::find(&mut conn, later).await?.is_none());
        conn.transaction(async |conn| insert(conn, later).await).await?;
        Ok(())
    })
    .await
}
