//! Messages in: each taken in once, in order, and nothing blocks what is behind it.

use blazz_domain::{
    AccountId, AccountState, Address, Direction, Epoch, ErrorCode, Jid, Lease, MessageStatus, ReceiptKind,
    SessionEvent, SessionMessage, WorkspaceId,
};
use std::time::Duration;

use blazz_services::{PageQuery, Settings, conversations, inbox};
use blazz_test_support::for_each_database;
use blazz_wire::control_api::{EventBatch, EventEntry};

use crate::outbox::{Outbox, from_phone, inbound, message, raw, receipt};
use crate::world::{CONTACT, World, quick};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_shows_in_its_conversation() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let mut outbox = Outbox::new(&world, &node, account);
        outbox.deliver(&[inbound("A1", "hi"), inbound("A2", "there")]).await;

        let listed =
            conversations::list(&world.services, world.workspace, &PageQuery::default()).await.unwrap().data;
        assert_eq!(listed.len(), 1);
        let thread = &listed[0];
        assert_eq!((thread.unread, thread.last_message_preview.as_deref()), (2, Some("there")));
        assert_eq!(thread.contact.name.as_deref(), Some("Ann"));
        assert_eq!(thread.contact.phone, Some(CONTACT.parse().unwrap()));
        let page = PageQuery::default();
        let said =
            conversations::messages(&world.services, world.workspace, thread.id, &page).await.unwrap().data;
        let texts: Vec<_> = said.iter().map(|message| message.content.preview()).collect();
        assert_eq!(texts, ["there", "hi"], "newest first");
        assert!(
            said.iter().all(|m| m.direction == Direction::Inbound && m.status == MessageStatus::Received)
        );
        assert!(said.iter().all(|m| m.contact_phone == Some(CONTACT.parse().unwrap())));
        let kinds = world.event_kinds().await;
        assert!(
            kinds.ends_with(&["conversation.created", "message.received", "message.received"]),
            "{kinds:?}"
        );

        // An answer resets what is unread.
        world.send(account, "welcome").await.unwrap();
        let listed =
            conversations::list(&world.services, world.workspace, &PageQuery::default()).await.unwrap().data;
        assert_eq!((listed[0].unread, listed[0].id), (0, thread.id));
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_three_times_is_one_row() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let mut outbox = Outbox::new(&world, &node, account);
        let entry = || raw(&serde_json::to_string(&inbound("A1", "hi")).unwrap());
        // The same batch again, whose answer was lost.
        for _ in 0..2 {
            assert_eq!(outbox.post(outbox.batch(1, [entry()])).await.unwrap().sequence, 1);
        }
        // An entry is known by its number: whatever comes again under it is not looked at.
        let other = raw(&serde_json::to_string(&inbound("A9", "other")).unwrap());
        assert_eq!(outbox.post(outbox.batch(1, [other])).await.unwrap().sequence, 1);
        // The same message again, redelivered by WhatsApp into the same outbox.
        outbox.next = 2;
        outbox.deliver(&[inbound("A1", "hi")]).await;
        // And into another outbox of the session.
        Outbox::new(&world, &node, account).deliver(&[inbound("A1", "hi")]).await;
        assert_eq!(world.all_messages().await.len(), 1);
        let received =
            world.event_kinds().await.into_iter().filter(|kind| *kind == "message.received").count();
        assert_eq!(received, 1);
        let listed =
            conversations::list(&world.services, world.workspace, &PageQuery::default()).await.unwrap().data;
        assert_eq!(listed[0].unread, 1);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_unique_only_per_sender() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let sent = world.send(account, "ours").await.unwrap().message;
        // A peer can see our ids and reuse one.
        let mut outbox = Outbox::new(&world, &node, account);
        outbox.deliver(&[inbound(&sent.provider_message_id.0, "theirs")]).await;
        assert_eq!(world.all_messages().await.len(), 2);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn seeing_our_own_message_come_back_proves_that_it_was_sent() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        node.will([crate::node::Reply::Outcome(blazz_domain::SendOutcome::Refused { code: 479 })]);
        let failed = world.send(account, "hello").await.unwrap().message;
        assert_eq!(failed.status, MessageStatus::Failed);
        let mut outbox = Outbox::new(&world, &node, account);
        outbox.deliver(&[from_phone(&failed.provider_message_id.0, "hello")]).await;
        let message = world.message(failed.id).await;
        assert_eq!(message.status, MessageStatus::Sent);
        assert_eq!(world.all_messages().await.len(), 1);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_entry_is_put_aside_and_blocks_nothing() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let mut outbox = Outbox::new(&world, &node, account);
        let before = inbox::rejected_entries();
        let good = |id: &str| raw(&serde_json::to_string(&inbound(id, "hi")).unwrap());
        let poison = [
            raw("42"),
            raw(r#"{"type":"from the future","secret":"+15551234567"}"#),
            raw(&serde_json::to_string(&inbound("", "no id")).unwrap()),
            raw(&serde_json::to_string(&receipt(&["nul\0nul"], ReceiptKind::Read, 1)).unwrap()),
        ];
        let mut entries = vec![good("A1")];
        entries.extend(poison);
        entries.push(good("A2"));
        entries.push(raw(&serde_json::to_string(&inbound("A3", "with\0nul")).unwrap()));
        outbox.deliver_raw(entries).await;
        let texts: Vec<_> = world.all_messages().await.iter().map(|m| m.content.preview()).collect();
        assert_eq!(texts, ["with\u{fffd}nul", "hi", "hi"]);
        assert!(inbox::rejected_entries() - before >= 3);

        let mut conn = world.services.pool.get().await.unwrap();
        let kept = blazz_database::rejected_events::list(&mut conn, world.workspace, 100).await.unwrap();
        assert!(kept.len() >= 3);
        assert!(kept.iter().any(|row| row.entry == "42"));
        assert!(kept.iter().all(|row| !row.error.contains("1555")), "no content in the error");
        drop(conn);
        outbox.deliver(&[inbound("A4", "goes on")]).await;
        assert_eq!(world.all_messages().await.len(), 4);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_holder_of_the_session_is_heard() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let other = world.node("node-2").await;
        let entry = || raw(&serde_json::to_string(&inbound("A1", "hi")).unwrap());

        let stranger = Outbox::new(&world, &other, account);
        assert_eq!(
            stranger.post(stranger.batch(1, [entry()])).await.unwrap_err().code(),
            ErrorCode::StaleLease
        );
        let mut outbox = Outbox::new(&world, &node, account);
        outbox.lease = Lease { epoch: Epoch(2), ..outbox.lease };
        assert_eq!(outbox.post(outbox.batch(1, [entry()])).await.unwrap_err().code(), ErrorCode::StaleLease);
        outbox.lease = Lease { workspace_id: WorkspaceId::new(), epoch: Epoch(1), ..outbox.lease };
        assert_eq!(outbox.post(outbox.batch(1, [entry()])).await.unwrap_err().code(), ErrorCode::StaleLease);

        let outbox = Outbox::new(&world, &node, account);
        let old = outbox.batch(1, [entry()]);
        node.register(&world.services, 100).await.unwrap();
        assert_eq!(outbox.post(old).await.unwrap_err().code(), ErrorCode::Superseded);
        let newer = EventBatch { version: 2, ..outbox.batch(1, [entry()]) };
        assert_eq!(outbox.post(newer).await.unwrap_err().code(), ErrorCode::InvalidRequest);
        let gap = EventBatch {
            entries: vec![
                EventEntry { sequence: 1, event: entry() },
                EventEntry { sequence: 3, event: entry() },
            ],
            ..outbox.batch(1, [])
        };
        assert_eq!(outbox.post(gap).await.unwrap_err().code(), ErrorCode::InvalidRequest);
        assert!(world.all_messages().await.is_empty());
        assert_eq!(world.state(account).await, AccountState::Starting);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_and_a_linked_id_of_one_person_are_one_conversation() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let mut outbox = Outbox::new(&world, &node, account);
        let lid: blazz_domain::Jid = "9150000000002@lid".parse().unwrap();
        let by_lid =
            Address { jid: lid.clone(), phone: Some(CONTACT.parse().unwrap()), lid: Some(lid.clone()) };
        let only_lid = Address { jid: lid, phone: None, lid: None };
        let from = |address: &Address, id: &str| {
            SessionEvent::Message(SessionMessage {
                chat: address.clone(),
                sender: address.clone(),
                ..message(id, id)
            })
        };
        outbox.deliver(&[inbound("A1", "A1"), from(&by_lid, "A2"), from(&only_lid, "A3")]).await;
        let listed =
            conversations::list(&world.services, world.workspace, &PageQuery::default()).await.unwrap().data;
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].unread, 3);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_that_hear_from_the_same_contacts_at_once_do_not_block_each_other() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let accounts =
            [world.connected(&node).await, world.connected(&node).await, world.connected(&node).await];
        let person = |n: usize| {
            let phone = format!("+1555000{n:04}");
            let jid = format!("1555000{n:04}@s.whatsapp.net");
            Address { jid: jid.parse().unwrap(), phone: Some(phone.parse().unwrap()), lid: None }
        };
        let events = |turn: usize| -> Vec<SessionEvent> {
            let order: Vec<usize> =
                if turn.is_multiple_of(2) { (100..120).collect() } else { (100..120).rev().collect() };
            let event = |n: usize| {
                let said = message(&format!("M{n}"), "hi");
                SessionEvent::Message(SessionMessage { chat: person(n), sender: person(n), ..said })
            };
            order.into_iter().map(event).collect()
        };
        let deliver = async |turn: usize, account: AccountId| {
            Outbox::new(&world, &node, account).deliver(&events(turn)).await;
        };
        futures_util::future::join_all(accounts.iter().enumerate().map(|(turn, id)| deliver(turn, *id)))
            .await;
        assert_eq!(world.all_messages().await.len(), 60);
        let all = PageQuery { after: None, limit: Some(200) };
        let listed = conversations::list(&world.services, world.workspace, &all).await.unwrap().data;
        let people: std::collections::HashSet<_> = listed.iter().map(|thread| thread.contact.id).collect();
        assert_eq!((listed.len(), people.len()), (60, 20));
        world.events().await;
        Ok(())
    })
    .await
    .unwrap();
}

/// First met by a linked id alone, then again with the number of somebody who is known already: the message came before.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_again_under_another_address_is_the_same() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let lid: Jid = "9150000000002@lid".parse().unwrap();
        let only_lid = Address { jid: lid.clone(), phone: None, lid: None };
        let joined = Address { jid: lid.clone(), phone: Some(CONTACT.parse().unwrap()), lid: Some(lid) };
        let from = |address: &Address, id: &str| {
            SessionEvent::Message(SessionMessage {
                chat: address.clone(),
                sender: address.clone(),
                ..message(id, id)
            })
        };
        let mut outbox = Outbox::new(&world, &node, account);
        outbox.deliver(&[inbound("A1", "A1"), from(&only_lid, "A2")]).await;
        outbox.deliver(&[from(&joined, "A2")]).await;
        let texts: Vec<_> = world.all_messages().await.iter().map(|m| m.content.preview()).collect();
        assert_eq!(texts, ["A2", "A1"]);
        Ok(())
    })
    .await
    .unwrap();
}

/// Whoever posts a batch waits only so long: what takes longer goes in pieces.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_takes_long_is_taken_in_piece_by_piece() {
    for_each_database(async |db| {
        let settings = Settings { ingest_budget: Duration::ZERO, ..quick() };
        let world = World::new(db, settings).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let outbox = Outbox::new(&world, &node, account);
        let entries = |ids: &[&str]| -> Vec<_> {
            ids.iter().map(|id| raw(&serde_json::to_string(&inbound(id, id)).unwrap())).collect()
        };
        let all = ["A1", "A2", "A3"];
        for (n, upto) in (1..=3).zip([1, 2, 3]) {
            let rest = entries(all.get(n - 1..).unwrap());
            let acknowledged = outbox.post(outbox.batch(upto, rest)).await.unwrap();
            assert_eq!(acknowledged.sequence, upto);
        }
        let again = outbox.post(outbox.batch(1, entries(&all))).await.unwrap();
        assert_eq!(again.sequence, 3, "all of it is known");
        assert_eq!(world.all_messages().await.len(), 3);
        Ok(())
    })
    .await
    .unwrap();
}
