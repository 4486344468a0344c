//! One outbox of one account, as its node hands it over, and what can stand in it.

use blazz_domain::{
    AccountId, Address, Epoch, Lease, MessageContent, OutboxId, ProviderMessageId, ReceiptKind, SessionEvent,
    SessionMessage, SessionReceipt, Timestamp,
};
use blazz_services::{ServiceError, inbox};
use blazz_wire::control_api::{EventBatch, EventEntry, EventsAcknowledged};
use serde_json::value::RawValue;

use crate::node::TestNode;
use crate::world::{CONTACT, CONTACT_JID, OWN, World};

pub(crate) fn at(second: u32) -> Timestamp {
    format!("2026-01-02T03:04:{second:02}Z").parse().unwrap()
}

pub(crate) fn contact() -> Address {
    Address { jid: CONTACT_JID.parse().unwrap(), phone: Some(CONTACT.parse().unwrap()), lid: None }
}

pub(crate) fn own() -> Address {
    Address {
        jid: "15550000001@s.whatsapp.net".parse().unwrap(),
        phone: Some(OWN.parse().unwrap()),
        lid: None,
    }
}

pub(crate) fn message(id: &str, text: &str) -> SessionMessage {
    SessionMessage {
        chat: contact(),
        sender: contact(),
        from_me: false,
        id: ProviderMessageId(id.into()),
        push_name: Some("Ann".into()),
        content: MessageContent::Text { text: text.into() },
        reply_to: None,
        sent_at: at(1),
    }
}

pub(crate) fn inbound(id: &str, text: &str) -> SessionEvent {
    SessionEvent::Message(message(id, text))
}

pub(crate) fn from_phone(id: &str, text: &str) -> SessionEvent {
    SessionEvent::Message(SessionMessage {
        sender: own(),
        from_me: true,
        push_name: None,
        ..message(id, text)
    })
}

pub(crate) fn receipt(ids: &[&str], kind: ReceiptKind, second: u32) -> SessionEvent {
    SessionEvent::Receipt(SessionReceipt {
        chat: contact(),
        sender: contact(),
        ids: ids.iter().map(|id| ProviderMessageId((*id).into())).collect(),
        kind,
        at: at(second),
    })
}

pub(crate) fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

/// One outbox of one account, and how far it has been handed over.
pub(crate) struct Outbox<'a> {
    world: &'a World,
    node: &'a TestNode,
    pub(crate) lease: Lease,
    id: OutboxId,
    pub(crate) next: u64,
}

impl<'a> Outbox<'a> {
    pub(crate) fn new(world: &'a World, node: &'a TestNode, account: AccountId) -> Self {
        Self { world, node, lease: world.lease(account), id: OutboxId::new(), next: 1 }
    }

    pub(crate) fn batch(&self, first: u64, events: impl IntoIterator<Item = Box<RawValue>>) -> EventBatch {
        let entries = (first..).zip(events).map(|(sequence, event)| EventEntry { sequence, event }).collect();
        EventBatch {
            version: 1,
            incarnation: self.node.incarnation(),
            outbox_id: self.id,
            written_under: Epoch(1),
            entries,
        }
    }

    pub(crate) async fn post(&self, batch: EventBatch) -> Result<EventsAcknowledged, ServiceError> {
        inbox::ingest(&self.world.services, &self.node.id, &self.lease, batch).await
    }

    pub(crate) async fn deliver_raw(&mut self, events: Vec<Box<RawValue>>) {
        let last = self.next + u64::try_from(events.len()).unwrap() - 1;
        let acknowledged = self.post(self.batch(self.next, events)).await.unwrap();
        assert_eq!(acknowledged.sequence, last);
        self.next = last + 1;
    }

    pub(crate) async fn deliver(&mut self, events: &[SessionEvent]) {
        let entries = events.iter().map(|event| raw(&serde_json::to_string(event).unwrap())).collect();
        self.deliver_raw(entries).await;
    }
}
