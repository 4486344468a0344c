//! What hears the engine on one connection: its events, and every message before WhatsApp gets its ack.
//!
//! Each connection has its own pair of ears, which are stopped with it: nothing late can reach the session.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use blazz_domain::{Clock, SessionEvent};
use blazz_session_store::{Durability, Outboxes, PendingMedia};
use tokio::sync::{Notify, mpsc};
use whatsapp_rust::prelude::{Event, EventHandler, EventInterest, EventKind, InboundMessage, MessageBatch};
use whatsapp_rust::{Client, InboundDurabilityHook};

use crate::inbound::{self, Arrived};
use crate::media::MediaRecord;
use crate::sends::Sends;
use crate::signal::{Over, Signal};

/// Signals that may wait for the session; a connection that sends more in one go is not worth keeping.
const MAX_SIGNALS: usize = 256;

/// One connection's ears.
pub(crate) struct Ears {
    outboxes: Arc<Outboxes>,
    media: Arc<PendingMedia>,
    sends: Arc<Sends>,
    clock: Arc<dyn Clock>,
    /// Tells that something was written that is not on disk yet.
    written: Arc<Notify>,
    signals: mpsc::Sender<Signal>,
    client: OnceLock<Weak<Client>>,
    deaf: AtomicBool,
}

impl Ears {
    pub(crate) fn new(
        outboxes: Arc<Outboxes>,
        media: Arc<PendingMedia>,
        sends: Arc<Sends>,
        clock: Arc<dyn Clock>,
        written: Arc<Notify>,
    ) -> (Arc<Self>, mpsc::Receiver<Signal>) {
        let (signals, heard) = mpsc::channel(MAX_SIGNALS);
        let (client, deaf) = (OnceLock::new(), AtomicBool::new(false));
        (Arc::new(Self { outboxes, media, sends, clock, written, signals, client, deaf }), heard)
    }

    /// Says whom to ask for what it has learned about addresses.
    pub(crate) fn know(&self, client: &Arc<Client>) {
        // Once per connection.
        let _ = self.client.set(Arc::downgrade(client));
    }

    /// From now on nothing is heard.
    pub(crate) fn stop(&self) {
        self.deaf.store(true, Ordering::SeqCst);
    }

    fn is_deaf(&self) -> bool {
        self.deaf.load(Ordering::SeqCst)
    }

    fn signal(&self, signal: Signal) {
        if let Err(mpsc::error::TrySendError::Full(signal)) = self.signals.try_send(signal) {
            tracing::warn!(?signal, "a connection said more than its session could hear");
        }
    }

    fn client(&self) -> Option<Arc<Client>> {
        self.client.get().and_then(Weak::upgrade)
    }

    /// Runs inside the engine's dispatch, before the receipt's ack: it must not wait.
    fn hear_receipt(&self, receipt: &whatsapp_rust::types::events::Receipt) {
        let Some(client) = self.client() else { return };
        self.write(inbound::receipts(&client, receipt));
    }

    /// Messages that come past the hook: those that a phone sent again on request.
    fn hear_recovered(self: &Arc<Self>, batch: &MessageBatch) {
        let Some(client) = self.client() else { return };
        let recovered =
            batch.iter().filter_map(|message| inbound::message_at_once(&client, message, &*self.clock));
        let (events, files): (Vec<_>, Vec<_>) =
            recovered.map(|arrived| (arrived.event, arrived.file)).unzip();
        self.write(events);
        if let Err(error) = remember(&self.media, files.into_iter().flatten()) {
            tracing::error!("what it takes to fetch a file could not be written: {error:#}");
            self.signal(Signal::Over(Over::StorageFailed));
        }
    }

    fn write(&self, events: Vec<SessionEvent>) {
        if events.is_empty() {
            return;
        }
        let written = events.iter().try_for_each(|event| {
            self.outboxes.append(&serde_json::to_vec(event)?, Durability::Written)?;
            anyhow::Ok(())
        });
        match written {
            Ok(()) => self.written.notify_one(),
            Err(error) => {
                tracing::error!("the outbox could not be written: {error:#}");
                self.signal(Signal::Over(Over::StorageFailed));
            }
        }
    }
}

/// Writes down what it takes to fetch files: after their messages are in the outbox, so that what becomes of a file is told after its message.
fn remember(
    media: &PendingMedia,
    files: impl IntoIterator<Item = (String, MediaRecord)>,
) -> anyhow::Result<()> {
    for (key, record) in files {
        media.add(&key, &serde_json::to_vec(&record)?)?;
    }
    Ok(())
}

/// The ears as the engine's event handler.
pub(crate) struct Listener(pub(crate) Arc<Ears>);

impl EventHandler for Listener {
    fn handle_event(&self, event: Arc<Event>) {
        let ears = &self.0;
        if ears.is_deaf() {
            return;
        }
        match &*event {
            Event::Receipt(receipt) => ears.hear_receipt(receipt),
            Event::ServerAck(ack) => ears.sends.settle(ack, &*ears.clock),
            Event::Messages(batch) if !batch.hook_committed => ears.hear_recovered(batch),
            other => {
                if let Some(signal) = Signal::of(other) {
                    ears.signal(signal);
                }
            }
        }
    }

    fn interest(&self) -> EventInterest {
        EventInterest::of(&[
            EventKind::Connected,
            EventKind::PairSuccess,
            EventKind::PairError,
            EventKind::PairPasskeyRequest,
            EventKind::PairPasskeyError,
            EventKind::LoggedOut,
            EventKind::PairingQrCode,
            EventKind::PairingQrCodesExhausted,
            EventKind::ClientOutdated,
            EventKind::StreamReplaced,
            EventKind::TemporaryBan,
            EventKind::ConnectFailure,
            EventKind::Messages,
            EventKind::Receipt,
            EventKind::ServerAck,
        ])
    }
}

/// The ears as the engine's durability hook.
pub(crate) struct Intake(pub(crate) Arc<Ears>);

#[async_trait::async_trait]
impl InboundDurabilityHook for Intake {
    /// Puts a batch on disk. An error leaves it unacknowledged: WhatsApp delivers it again.
    async fn on_messages(&self, client: Arc<Client>, batch: &[InboundMessage]) -> anyhow::Result<()> {
        let ears = &self.0;
        anyhow::ensure!(!ears.is_deaf(), "the connection is over");
        let (mut entries, mut files) = (Vec::new(), Vec::new());
        for message in batch {
            if let Some(Arrived { event, file }) = inbound::message(&client, message, &*ears.clock).await {
                entries.push(serde_json::to_vec(&event)?);
                files.extend(file);
            }
        }
        if entries.is_empty() {
            return Ok(());
        }
        let (outboxes, media) = (Arc::clone(&ears.outboxes), Arc::clone(&ears.media));
        let stored = tokio::task::spawn_blocking(move || {
            entries.iter().try_for_each(|entry| outboxes.append(entry, Durability::Written).map(drop))?;
            outboxes.sync()?;
            remember(&media, files)
        });
        let stored = stored.await?;
        if let Err(error) = &stored {
            tracing::error!(%error, "arrived messages could not be stored");
            // WhatsApp delivers again only on the next connection.
            ears.signal(Signal::Over(Over::StorageFailed));
        }
        stored
    }
}
