//! The event log has no gaps, however much is appended by however many.

use blazz_database::events;
use blazz_domain::{Account, AccountId, AccountState, Desired, EventPayload, Provider, WorkspaceId};
use blazz_test_support::for_each_database;

use crate::seed;

fn payload(workspace_id: WorkspaceId) -> EventPayload {
    EventPayload::AccountCreated(Account {
        id: AccountId::new(),
        workspace_id,
        name: "Sales".into(),
        provider: Provider::Web,
        device_name: "Blazz".into(),
        proxy: None,
        phone: None,
        state: AccountState::New,
        state_reason: None,
        state_at: seed::now(),
        desired: Desired::Stopped,
        node_id: None,
        linked_at: None,
        created_at: seed::now(),
    })
}

/// One statement binds at most 65,535 values on PostgreSQL.
#[tokio::test(flavor = "multi_thread")]
async fn many_thousand_events_fit_into_one_append() -> anyhow::Result<()> {
    for_each_database(async |db| {
        let mut conn = db.pool().get().await?;
        let workspace = seed::workspace(&mut conn).await;
        let payloads = (0..10_000).map(|_| (payload(workspace), seed::now())).collect();
        let last = conn.transaction(async |conn| events::append(conn, workspace, payloads).await).await?;
        assert_eq!(last, Some(10_000));
        let tail = events::list_after(&mut conn, workspace, 9_998, 10).await?;
        assert_eq!(tail.iter().map(|event| event.sequence).collect::<Vec<_>>(), [9_999, 10_000]);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_taken_one_transaction_after_the_other() -> anyhow::Result<()> {
    for_each_database(async |db| {
        let workspace = seed::workspace(&mut db.pool().get().await?).await;
        let writers = (0..8).map(|writer| async move {
            for n in 0..10 {
                let mut conn = db.pool().get().await.unwrap();
                let payloads = vec![(payload(workspace), seed::now()); 1 + n % 3];
                let appended: Result<_, blazz_database::DatabaseError> = conn
                    .transaction(async |conn| {
                        events::append(conn, workspace, payloads).await?;
                        // Every fourth one is taken back: its numbers must be given again.
                        if (writer + n) % 4 == 0 {
                            Err(blazz_database::DatabaseError::NotFound)
                        } else {
                            Ok(())
                        }
                    })
                    .await;
                assert_eq!(appended.is_err(), (writer + n) % 4 == 0);
            }
        });
        futures_util::future::join_all(writers).await;
        let mut conn = db.pool().get().await?;
        let all = events::list_after(&mut conn, workspace, 0, 1000).await?;
        let numbers: Vec<i64> = all.iter().map(|event| event.sequence).collect();
        assert!(!numbers.is_empty());
        assert_eq!(numbers, (1..).take(numbers.len()).collect::<Vec<_>>());
        Ok(())
    })
    .await
}
