//! Reading the log and the lists.

use blazz_domain::{ErrorCode, MessageStatus};
use blazz_services::events::CHANNEL;
use blazz_services::messages::{self, MessageFilter};
use blazz_services::{PageQuery, events, workspaces};
use blazz_test_support::for_each_database;

use crate::world::{World, quick};

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_read_from_where_a_reader_stopped() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let services = &world.services;
        let start = events::list(services, world.workspace, None, None).await.unwrap();
        assert!(start.data.is_empty());
        for _ in 0..3 {
            world.account().await;
        }
        let first = events::list(services, world.workspace, Some(&start.next), Some(2)).await.unwrap();
        let rest = events::list(services, world.workspace, Some(&first.next), None).await.unwrap();
        let numbers: Vec<_> = first.data.iter().chain(&rest.data).map(|event| event.sequence).collect();
        assert_eq!(numbers, [1, 2, 3]);
        let end = events::list(services, world.workspace, Some(&rest.next), None).await.unwrap();
        assert!(end.data.is_empty() && end.next == rest.next);

        for odd in ["", "x", "ZXZlbnR8eDox"] {
            let refused = events::list(services, world.workspace, Some(odd), None).await.unwrap_err();
            assert_eq!(refused.code(), ErrorCode::InvalidCursor, "{odd}");
        }
        // A cursor of a workspace with more events points beyond the log of one with fewer.
        let other = workspaces::create(services, "other").await.unwrap().id;
        let refused = events::list(services, other, Some(&rest.next), None).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidCursor);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_another_log_is_told_apart() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        world.account().await;
        use base64::Engine as _;
        let foreign = format!("event|{}:1", uuid::Uuid::now_v7());
        let foreign = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(foreign);
        let refused = events::list(&world.services, world.workspace, Some(&foreign), None).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::LogReplaced);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_are_told_how_far_the_log_has_come() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let mut told = world.services.bus.subscribe(CHANNEL).await;
        world.account().await;
        // Others speak on the same Redis.
        let ours = async { while told.next().await != format!("{}:1", world.workspace) {} };
        tokio::time::timeout(crate::world::DEADLINE, ours).await.unwrap();
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_filtered_and_paged() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let (one, two) = (world.connected(&node).await, world.connected(&node).await);
        for n in 0..3 {
            world.send(one, &n.to_string()).await.unwrap();
        }
        node.will([crate::node::Reply::Outcome(blazz_domain::SendOutcome::Refused { code: 406 })]);
        world.send(two, "refused").await.unwrap();
        let list = async |account_id, status, after, limit| {
            let page = PageQuery { after, limit };
            messages::list(&world.services, world.workspace, MessageFilter { account_id, status }, &page)
                .await
                .unwrap()
        };
        let failed = list(None, Some(MessageStatus::Failed), None, None).await.data;
        assert_eq!(failed.iter().map(|message| message.account_id).collect::<Vec<_>>(), [two]);
        let first = list(Some(one), None, None, Some(2)).await;
        let rest = list(Some(one), None, first.next.clone(), Some(2)).await;
        let texts: Vec<_> =
            first.data.iter().chain(&rest.data).map(|message| message.content.preview()).collect();
        assert_eq!(texts, ["2", "1", "0"]);
        assert!(rest.next.is_none());
        assert!(list(Some(two), Some(MessageStatus::Sent), None, None).await.data.is_empty());
        Ok(())
    })
    .await
    .unwrap();
}
