//! The entries of one batch: read, taken in one by one, and put aside where that is impossible.

use std::collections::BTreeMap;

use blazz_database::rejected_events::{self, RejectedEventRow};
use blazz_database::{Conn, DatabaseError};
use blazz_domain::{Address, EventPayload, Jid, Lease, OutboxId, RejectedEventId, SessionEvent};
use blazz_wire::control_api::EventEntry;

use super::{media, message, receipt, thread};
use crate::{ServiceError, Services};

/// What one batch does, until it commits.
pub(super) struct Intake<'a> {
    pub(super) services: &'a Services,
    pub(super) lease: Lease,
    outbox_id: OutboxId,
    payloads: Vec<EventPayload>,
    rejected: u64,
}

/// An entry and what it says, if it says anything that can be understood.
pub(super) struct ReadEntry<'a> {
    raw: &'a EventEntry,
    event: Result<SessionEvent, String>,
}

impl ReadEntry<'_> {
    pub(super) fn sequence(&self) -> u64 {
        self.raw.sequence
    }
}

impl<'a> Intake<'a> {
    pub(super) fn new(services: &'a Services, lease: Lease, outbox_id: OutboxId) -> Self {
        Self { services, lease, outbox_id, payloads: Vec::new(), rejected: 0 }
    }

    /// Reads the entries, and takes the locks of everybody they are about in one order: two accounts of a workspace that hear from the same
    /// contacts cannot wait for each other.
    pub(super) async fn read<'e>(
        &self,
        conn: &mut Conn,
        entries: &[&'e EventEntry],
    ) -> Result<Vec<ReadEntry<'e>>, ServiceError> {
        let read: Vec<_> = entries.iter().map(|raw| ReadEntry { raw, event: parse(raw) }).collect();
        let events = read.iter().filter_map(|entry| entry.event.as_ref().ok());
        for (address, name) in everybody(events).values() {
            let met = conn
                .transaction(async |conn| {
                    thread::meet(self.services, conn, self.lease.workspace_id, address, *name).await
                })
                .await;
            // What is wrong with it will show, and be put aside, when its entry's turn comes.
            if let Err(error @ ServiceError::Unavailable(_)) = met {
                return Err(error);
            }
        }
        Ok(read)
    }

    /// Takes one entry in, inside a savepoint of its own.
    pub(super) async fn take(&mut self, conn: &mut Conn, entry: ReadEntry<'_>) -> Result<(), ServiceError> {
        let event = match entry.event {
            Ok(event) => event,
            Err(error) => return self.reject(conn, entry.raw, &error).await,
        };
        let result = conn.transaction(async |conn| self.apply(conn, &event).await).await;
        match result {
            Ok(payloads) => {
                self.payloads.extend(payloads);
                Ok(())
            }
            Err(error @ ServiceError::Unavailable(_)) => Err(error),
            Err(error) => self.reject(conn, entry.raw, &describe(&error)).await,
        }
    }

    /// The events to append and how many entries were put aside.
    pub(super) fn finish(self) -> (Vec<EventPayload>, u64) {
        (self.payloads, self.rejected)
    }

    async fn apply(&self, conn: &mut Conn, event: &SessionEvent) -> Result<Vec<EventPayload>, ServiceError> {
        match event {
            SessionEvent::Message(message) => message::take(self, conn, message).await,
            SessionEvent::Receipt(receipt) => receipt::take(self, conn, receipt).await,
            SessionEvent::Media(media) => media::take(self, conn, media).await,
        }
    }

    async fn reject(&mut self, conn: &mut Conn, raw: &EventEntry, error: &str) -> Result<(), ServiceError> {
        tracing::error!(
            account.id = %self.lease.account_id,
            outbox.id = %self.outbox_id,
            entry.sequence = raw.sequence,
            error,
            "an outbox entry cannot be taken in; it is kept in rejected_events"
        );
        let row = RejectedEventRow {
            id: RejectedEventId::new(),
            workspace_id: self.lease.workspace_id,
            account_id: self.lease.account_id,
            outbox_id: self.outbox_id,
            sequence: raw.sequence,
            entry: raw.event.get().to_owned(),
            error: error.to_owned(),
            created_at: self.services.clock.now(),
        };
        rejected_events::insert(conn, &row).await?;
        self.rejected += 1;
        Ok(())
    }
}

/// The error says where and why, never what: serde quotes the offending value in some of its messages.
fn parse(raw: &EventEntry) -> Result<SessionEvent, String> {
    serde_json::from_str(raw.event.get()).map_err(|error| {
        format!("not a session event: {:?} error at column {}", error.classify(), error.column())
    })
}

fn describe(error: &ServiceError) -> String {
    match error {
        ServiceError::Internal(source) => match source.downcast_ref::<DatabaseError>() {
            Some(DatabaseError::UniqueViolation { .. }) => {
                "the database refuses it: unique violation".to_owned()
            }
            Some(DatabaseError::ForeignKey) => "the database refuses it: foreign key".to_owned(),
            _ => "the database refuses it".to_owned(),
        },
        other => other.code().as_str().to_owned(),
    }
}

/// Everybody that the events are about, by address, with all that the events say of each.
fn everybody<'e>(
    events: impl Iterator<Item = &'e SessionEvent>,
) -> BTreeMap<&'e Jid, (Address, Option<&'e str>)> {
    let mut known: BTreeMap<&Jid, (Address, Option<&str>)> = BTreeMap::new();
    for (address, name) in events.flat_map(named_addresses) {
        let (merged, last_name) = known.entry(&address.jid).or_insert_with(|| (address.clone(), None));
        merged.phone = address.phone.clone().or(merged.phone.take());
        merged.lid = address.lid.clone().or(merged.lid.take());
        *last_name = name.or(*last_name);
    }
    known
}

/// Everybody that the event is about, with the name they show.
fn named_addresses(event: &SessionEvent) -> Vec<(&Address, Option<&str>)> {
    match event {
        SessionEvent::Message(message) if !message::is_ours(message) => vec![],
        SessionEvent::Message(message) => {
            let name = message::contact_name(message);
            let mut addresses =
                vec![(&message.chat, name.filter(|_| message.sender.jid == message.chat.jid))];
            if !message.from_me && message.sender.jid != message.chat.jid {
                addresses.push((&message.sender, name));
            }
            addresses
        }
        SessionEvent::Receipt(_) | SessionEvent::Media(_) => vec![],
    }
}
