//! Messages and receipts in: each taken in once, in order, and nothing blocks what is behind it.

use blazz_domain::{
    AccountId, AccountState, Address, Direction, Epoch, ErrorCode, EventPayload, Lease, MessageContent,
    MessageStatus, OutboxId, ProviderMessageId, ReceiptKind, SessionEvent, SessionMessage, SessionReceipt,
    Timestamp, WorkspaceId,
};
use blazz_services::{PageQuery, ServiceError, conversations, inbox};
use blazz_test_support::for_each_database;
use blazz_wire::control_api::{EventBatch, EventEntry, EventsAcknowledged};
use serde_json::value::RawValue;

use crate::node::TestNode;
use crate::world::{CONTACT, CONTACT_JID, OWN, World, quick};

fn at(second: u32) -> Timestamp {
    format!("2026-01-02T03:04:{second:02}Z").parse().unwrap()
}

fn contact() -> Address {
    Address { jid: CONTACT_JID.parse().unwrap(), phone: Some(CONTACT.parse().unwrap()), lid: None }
}

fn own() -> Address {
    Address {
        jid: "15550000001@s.whatsapp.net".parse().unwrap(),
        phone: Some(OWN.parse().unwrap()),
        lid: None,
    }
}

fn message(id: &str, text: &str) -> SessionMessage {
    SessionMessage {
        chat: contact(),
        sender: contact(),
        from_me: false,
        id: ProviderMessageId(id.into()),
        push_name: Some("Ann".into()),
        content: MessageContent::Text { text: text.into() },
        sent_at: at(1),
    }
}

fn inbound(id: &str, text: &str) -> SessionEvent {
    SessionEvent::Message(message(id, text))
}

fn from_phone(id: &str, text: &str) -> SessionEvent {
    SessionEvent::Message(SessionMessage {
        sender: own(),
        from_me: true,
        push_name: None,
        ..message(id, text)
    })
}

fn receipt(ids: &[&str], kind: ReceiptKind, second: u32) -> SessionEvent {
    SessionEvent::Receipt(SessionReceipt {
        chat: contact(),
        sender: contact(),
        ids: ids.iter().map(|id| ProviderMessageId((*id).into())).collect(),
        kind,
        at: at(second),
    })
}

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

/// One outbox of one account, and how far it has been handed over.
struct Outbox<'a> {
    world: &'a World,
    node: &'a TestNode,
    lease: Lease,
    id: OutboxId,
    next: u64,
}

impl<'a> Outbox<'a> {
    fn new(world: &'a World, node: &'a TestNode, account: AccountId) -> Self {
        Self { world, node, lease: world.lease(account), id: OutboxId::new(), next: 1 }
    }

    fn batch(&self, first: u64, events: impl IntoIterator<Item = Box<RawValue>>) -> EventBatch {
        let entries = (first..).zip(events).map(|(sequence, event)| EventEntry { sequence, event }).collect();
        EventBatch {
            version: 1,
            incarnation: self.node.incarnation(),
            outbox_id: self.id,
            written_under: Epoch(1),
            entries,
        }
    }

    async fn post(&self, batch: EventBatch) -> Result<EventsAcknowledged, ServiceError> {
        inbox::ingest(&self.world.services, &self.node.id, &self.lease, batch).await
    }

    async fn deliver_raw(&mut self, events: Vec<Box<RawValue>>) {
        let last = self.next + u64::try_from(events.len()).unwrap() - 1;
        let acknowledged = self.post(self.batch(self.next, events)).await.unwrap();
        assert_eq!(acknowledged.sequence, last);
        self.next = last + 1;
    }

    async fn deliver(&mut self, events: &[SessionEvent]) {
        let entries = events.iter().map(|event| raw(&serde_json::to_string(event).unwrap())).collect();
        self.deliver_raw(entries).await;
    }
}

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
