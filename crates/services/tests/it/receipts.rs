//! Receipts: a message's status only climbs, whenever and under whatever address they come.

use blazz_domain::{
    Address, Direction, EventPayload, MessageStatus, ProviderMessageId, ReceiptKind, SessionEvent,
    SessionReceipt,
};
use blazz_services::{PageQuery, conversations};
use blazz_test_support::for_each_database;

use crate::outbox::{Outbox, at, from_phone, receipt};
use crate::world::{World, quick};

#[tokio::test(flavor = "multi_thread")]
async fn statuses_only_climb_whatever_the_order_of_receipts() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let sent = world.send(account, "hello").await.unwrap().message;
        let id = sent.provider_message_id.0.as_str();
        let mut outbox = Outbox::new(&world, &node, account);
        outbox.deliver(&[receipt(&[id], ReceiptKind::Read, 9)]).await;
        outbox
            .deliver(&[receipt(&[id], ReceiptKind::Delivered, 8), receipt(&[id], ReceiptKind::Read, 10)])
            .await;
        let message = world.message(sent.id).await;
        assert_eq!(message.status, MessageStatus::Read);
        assert_eq!(message.read_at, Some(at(9)));
        outbox.deliver(&[receipt(&[id], ReceiptKind::Played, 11)]).await;
        assert_eq!(world.message(sent.id).await.status, MessageStatus::Played);
        let climbed: Vec<_> = world
            .events()
            .await
            .into_iter()
            .filter_map(|payload| match payload {
                EventPayload::MessageStatusUpdated(message) => Some(message.status.rank()),
                _ => None,
            })
            .collect();
        assert!(climbed.is_sorted_by(|a, b| a < b), "{climbed:?}");
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_comes_before_its_message_is_kept() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let mut outbox = Outbox::new(&world, &node, account);
        outbox
            .deliver(&[receipt(&["P1"], ReceiptKind::Read, 5), receipt(&["P1"], ReceiptKind::Delivered, 4)])
            .await;
        assert!(world.all_messages().await.is_empty());
        outbox.deliver(&[from_phone("P1", "from my phone")]).await;
        outbox
            .deliver(&[from_phone("P1", "from my phone"), receipt(&["P1"], ReceiptKind::Delivered, 6)])
            .await;
        let messages = world.all_messages().await;
        assert_eq!(messages.len(), 1);
        let message = &messages[0];
        assert_eq!((message.direction, message.status), (Direction::Outbound, MessageStatus::Read));
        assert_eq!(message.read_at, Some(at(5)));
        let created = world.events().await.into_iter().find_map(|payload| match payload {
            EventPayload::MessageCreated(message) => Some(message.status),
            _ => None,
        });
        assert_eq!(created, Some(MessageStatus::Read));
        Ok(())
    })
    .await
    .unwrap();
}

/// WhatsApp may name somebody by a linked id that nobody has joined with the number yet.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_under_an_unknown_address_finds_its_message_and_begins_no_conversation() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let sent = world.send(account, "hello").await.unwrap().message;
        let lid = "9150000000002@lid".parse().unwrap();
        let stranger = Address { jid: lid, phone: None, lid: None };
        let read = |id: &ProviderMessageId| {
            SessionEvent::Receipt(SessionReceipt {
                chat: stranger.clone(),
                sender: stranger.clone(),
                ids: vec![id.clone()],
                kind: ReceiptKind::Read,
                at: at(5),
            })
        };
        let mut outbox = Outbox::new(&world, &node, account);
        outbox.deliver(&[read(&sent.provider_message_id), read(&ProviderMessageId("OLD".into()))]).await;
        assert_eq!(world.message(sent.id).await.status, MessageStatus::Read);
        let page = PageQuery::default();
        let listed = conversations::list(&world.services, world.workspace, &page).await.unwrap().data;
        assert_eq!(listed.len(), 1, "a receipt begins no conversation");
        Ok(())
    })
    .await
    .unwrap();
}
