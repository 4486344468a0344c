//! The scripted primary phone, device 0 of an account: its keys, its Signal sessions, what it received and sent.
//!
//! It reads its mail one stanza after another in a task of its own, so that no client's socket waits for its cryptography.

pub(crate) mod adv;
pub(crate) mod attachment;
mod cipher;
mod details;
mod group;
mod history;
mod inbox;
mod key_share;
mod past;
mod peer;
mod receipts;
mod receive;
mod retry;
mod send;
mod store;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use tokio::sync::mpsc;
use whatsapp_rust::wacore_binary::node::Node;

use crate::account::Account;
use crate::server::Server;

pub(crate) use adv::PhoneKeys;
pub(crate) use cipher::Cipher;
pub use details::{Attachment, Reaction};
pub(crate) use group::send_to_many;
pub(crate) use history::hand_over;
pub(crate) use inbox::{Inbox, Known};
pub use inbox::{PhoneMessage, PhoneReceipt, PhoneSignal, Times};
pub(crate) use key_share::share_keys;
pub use past::PastMessage;
pub(crate) use past::put_history;
pub use receipts::ReceiptKind;
pub(crate) use receipts::send_receipts;
pub(crate) use send::{Outgoing, send};

/// The phone of an account.
pub(crate) struct Phone {
    pub(crate) keys: PhoneKeys,
    /// Held while a message is encrypted for every device and handed over, so that sends keep their order.
    pub(crate) cipher: tokio::sync::Mutex<Cipher>,
    /// Does the phone confirm by itself that it received a message?
    pub(crate) confirms_delivery: AtomicBool,
    inbox: Mutex<Inbox>,
    mail: mpsc::UnboundedSender<Node>,
}

/// What arrives at a phone, for the task that reads it.
pub(crate) type Mail = mpsc::UnboundedReceiver<Node>;

impl Phone {
    pub(crate) fn new(now: i64) -> Result<(Self, Mail)> {
        let keys = PhoneKeys::generate()?;
        let (mail, receiver) = mpsc::unbounded_channel();
        let cipher = Cipher::new(&keys, now)?;
        let phone = Self {
            cipher: tokio::sync::Mutex::new(cipher),
            keys,
            confirms_delivery: AtomicBool::new(true),
            inbox: Mutex::default(),
            mail,
        };
        Ok((phone, receiver))
    }

    /// A stanza arrives.
    pub(crate) fn post(&self, node: Node) {
        let _stopped = self.mail.send(node);
    }

    pub(crate) fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the phone's mail until the emulator stops.
pub(crate) async fn run(server: Arc<Server>, account: Arc<Account>, mut mail: Mail) {
    loop {
        let node = tokio::select! {
            () = server.stop.cancelled() => return,
            node = mail.recv() => node,
        };
        let Some(node) = node else { return };
        if let Err(error) = receive::stanza(&server, &account, &node).await {
            tracing::warn!(stanza = %crate::stanza::brief(&node), "a phone could not read its mail: {error:#}");
        }
    }
}
