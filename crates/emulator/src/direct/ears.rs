//! What a client of the engine reported, as far as a bench waits for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use tokio::sync::{oneshot, watch};
use whatsapp_rust::prelude::{Event, EventHandler, EventInterest, EventKind};
use whatsapp_rust::types::events::ServerAck;
use whatsapp_rust::types::presence::ReceiptType;

/// The server's word on one message: the code of a refusal, or nothing.
type Verdict = Option<String>;

#[derive(Default)]
pub(super) struct Ears {
    qr: watch::Sender<Option<String>>,
    connected: watch::Sender<bool>,
    delivered: watch::Sender<usize>,
    awaiting: Mutex<HashMap<String, oneshot::Sender<Verdict>>>,
}

impl Ears {
    pub(super) async fn qr(&self) -> Result<String> {
        let mut heard = self.qr.subscribe();
        let code = heard.wait_for(Option::is_some).await?;
        Ok(code.clone().unwrap_or_default())
    }

    pub(super) async fn connected(&self) -> Result<()> {
        self.connected.subscribe().wait_for(|connected| *connected).await?;
        Ok(())
    }

    pub(super) fn delivered(&self) -> usize {
        *self.delivered.borrow()
    }

    pub(super) async fn until_delivered(&self, count: usize) -> Result<()> {
        self.delivered.subscribe().wait_for(|delivered| *delivered >= count).await?;
        Ok(())
    }

    /// To be asked before the message is sent: its acknowledgement may come first.
    pub(super) fn await_ack(&self, id: &str) -> oneshot::Receiver<Verdict> {
        let (tell, told) = oneshot::channel();
        self.awaiting().insert(id.to_owned(), tell);
        told
    }

    fn hear_ack(&self, ack: &ServerAck) {
        if let Some(waiting) = self.awaiting().remove(&ack.id) {
            // Whoever has stopped waiting needs no answer.
            let _ = waiting.send(ack.error.clone());
        }
    }

    fn awaiting(&self) -> MutexGuard<'_, HashMap<String, oneshot::Sender<Verdict>>> {
        self.awaiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The ears as the engine's event handler.
pub(super) struct Listener(pub(super) Arc<Ears>);

impl EventHandler for Listener {
    fn handle_event(&self, event: Arc<Event>) {
        let ears = &self.0;
        match &*event {
            Event::PairingQrCode(qr) => {
                ears.qr.send_replace(Some(qr.code.clone()));
            }
            Event::Connected(_) => {
                ears.connected.send_replace(true);
            }
            Event::ServerAck(ack) => ears.hear_ack(ack),
            Event::Receipt(receipt) if receipt.r#type == ReceiptType::Delivered => {
                ears.delivered.send_modify(|count| *count += receipt.message_ids.len());
            }
            _ => {}
        }
    }

    fn interest(&self) -> EventInterest {
        EventInterest::of(&[
            EventKind::Connected,
            EventKind::PairingQrCode,
            EventKind::Receipt,
            EventKind::ServerAck,
        ])
    }
}
