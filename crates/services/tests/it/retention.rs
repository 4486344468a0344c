//! What is swept away, and what stays.

use std::time::Duration;

use blazz_domain::{Clock as _, ReceiptKind, SystemClock};
use blazz_services::{media, retention};
use blazz_test_support::for_each_database;
use blazz_wire::control_api::OfferMedia;

use crate::outbox::{Outbox, receipt};
use crate::world::{World, quick};

#[tokio::test(flavor = "multi_thread")]
async fn old_keys_and_receipts_go_and_young_ones_stay() {
    for_each_database(async |db| {
        let mut world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let first = world.send_with_key(account, "hello", Some("k")).await.unwrap();
        // Its receipt is of the year 2026's beginning, long before the message itself.
        Outbox::new(&world, &node, account).deliver(&[receipt(&["UNKNOWN"], ReceiptKind::Read, 1)]).await;
        assert_eq!(retention::sweep(&world.services).await.unwrap(), 1, "the receipt");
        assert!(world.send_with_key(account, "hello", Some("k")).await.unwrap().replayed);

        let later = SystemClock.now().plus(retention::IDEMPOTENCY_KEYS + Duration::from_secs(60));
        world.services.clock = std::sync::Arc::new(blazz_test_support::TestClock::at(later));
        assert_eq!(retention::sweep(&world.services).await.unwrap(), 1, "the key");
        let again = world.send_with_key(account, "hello", Some("k")).await.unwrap();
        assert!(!again.replayed && again.message.id != first.message.id);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_announced_and_never_came_is_forgotten() {
    for_each_database(async |db| {
        let mut world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let offer =
            OfferMedia { sha256: "a".repeat(64), size: 3, mime_type: "image/png".into(), filename: None };
        let lease = world.lease(account);
        let slot = media::offer(&world.services, &node.id, &lease, &offer).await.unwrap();
        assert!(slot.is_wanted);
        assert_eq!(retention::sweep(&world.services).await.unwrap(), 0);
        let later = SystemClock.now().plus(Duration::from_secs(8 * 24 * 3600));
        world.services.clock = std::sync::Arc::new(blazz_test_support::TestClock::at(later));
        assert_eq!(retention::sweep(&world.services).await.unwrap(), 1, "the announced file");
        assert_ne!(
            media::offer(&world.services, &node.id, &lease, &offer).await.unwrap().media_id,
            slot.media_id
        );
        Ok(())
    })
    .await
    .unwrap();
}
