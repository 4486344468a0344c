//! The receipts that a phone sends.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use whatsapp_rust::Jid;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;

use super::receive::Envelope;
use crate::account::Account;
use crate::delivery;
use crate::server::Server;

/// Which receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptKind {
    /// The message reached the phone.
    Delivered,
    /// The person opened the chat.
    Read,
    /// The person played the voice message.
    Played,
}

impl ReceiptKind {
    /// The `type` on the wire; a delivery receipt has none.
    fn wire(self) -> Option<&'static str> {
        match self {
            Self::Delivered => None,
            Self::Read => Some("read"),
            Self::Played => Some("played"),
        }
    }

    fn name(self) -> &'static str {
        self.wire().unwrap_or("delivered")
    }
}

/// The delivery receipt of one message, to every device of its sender.
pub(super) fn send_delivered(server: &Server, account: &Arc<Account>, envelope: &Envelope, id: &str) {
    let Envelope { sender, from, chat } = envelope;
    account.phone.inbox().confirm(&sender.number, id, ReceiptKind::Delivered.name());
    let heading = heading(account, from, chat.as_ref());
    fan_out(server, sender, heading, ReceiptKind::Delivered, &[id.to_owned()]);
}

/// Receipts on request, for messages of `sender` in the chat with it or in a chat of many. Without ids: for everything
/// there that has none of that kind yet. Returns the ids.
pub(crate) fn send_receipts(
    server: &Server,
    account: &Arc<Account>,
    sender: &Arc<Account>,
    chat: Option<&Jid>,
    ids: Option<Vec<String>>,
    kind: ReceiptKind,
) -> Vec<String> {
    let group = chat.map(Jid::to_string);
    let ids = {
        let mut inbox = account.phone.inbox();
        match ids {
            Some(ids) => {
                for id in &ids {
                    inbox.confirm(&sender.number, id, kind.name());
                }
                ids
            }
            None => {
                let received = inbox.messages_from(&sender.number, group.as_deref());
                let received = received.into_iter().map(|message| message.id);
                received.filter(|id| inbox.confirm(&sender.number, id, kind.name())).collect()
            }
        }
    };
    if !ids.is_empty() {
        fan_out(server, sender, heading(account, &account.lid_jid(0), chat), kind, &ids);
    }
    ids
}

/// Who confirms, as the sender sees it: in the chat with it, or as a participant of a chat of many.
fn heading(account: &Account, like: &Jid, chat: Option<&Jid>) -> NodeBuilder {
    let own = account.jid_like(like, 0);
    let receipt = NodeBuilder::new("receipt");
    match chat {
        Some(chat) => receipt.attr("from", chat).attr("participant", own),
        None => receipt.attr("from", own),
    }
}

fn fan_out(server: &Server, sender: &Arc<Account>, heading: NodeBuilder, kind: ReceiptKind, ids: &[String]) {
    let Some(stanza) = stanza(server, heading, kind, ids) else { return };
    let companions: Vec<u16> = sender.state().linked().map(|(device, _)| device).collect();
    for device in std::iter::once(0).chain(companions) {
        delivery::deliver(sender, device, stanza.clone());
    }
    server.stats.receipt();
}

fn stanza(server: &Server, heading: NodeBuilder, kind: ReceiptKind, ids: &[String]) -> Option<Node> {
    let (first, rest) = ids.split_first()?;
    let mut receipt = heading.attr("id", first).attr("t", server.seconds());
    if let Some(kind) = kind.wire() {
        receipt = receipt.attr("type", kind);
    }
    if !rest.is_empty() {
        let items = rest.iter().map(|id| NodeBuilder::new("item").attr("id", id).build());
        receipt = receipt.children([NodeBuilder::new("list").children(items).build()]);
    }
    Some(receipt.build())
}
