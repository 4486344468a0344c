//! The receipts that a phone sends.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use whatsapp_rust::Jid;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;

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
pub(super) fn send_delivered(
    server: &Server,
    account: &Arc<Account>,
    sender: &Arc<Account>,
    like: &Jid,
    id: &str,
) {
    account.phone.inbox().confirm(&sender.number, id, ReceiptKind::Delivered.name());
    fan_out(server, sender, &account.jid_like(like, 0), ReceiptKind::Delivered, &[id.to_owned()]);
}

/// Receipts on request. Without ids: for everything from `sender` that has none of that kind yet. Returns the ids.
pub(crate) fn send_receipts(
    server: &Server,
    account: &Arc<Account>,
    sender: &Arc<Account>,
    ids: Option<Vec<String>>,
    kind: ReceiptKind,
) -> Vec<String> {
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
                let received = inbox.messages_from(&sender.number).into_iter().map(|message| message.id);
                received.filter(|id| inbox.confirm(&sender.number, id, kind.name())).collect()
            }
        }
    };
    if !ids.is_empty() {
        fan_out(server, sender, &account.lid_jid(0), kind, &ids);
    }
    ids
}

fn fan_out(server: &Server, sender: &Arc<Account>, from: &Jid, kind: ReceiptKind, ids: &[String]) {
    let Some(stanza) = stanza(server, from, kind, ids) else { return };
    let companions: Vec<u16> = sender.state().linked().map(|(device, _)| device).collect();
    for device in std::iter::once(0).chain(companions) {
        delivery::deliver(sender, device, stanza.clone());
    }
    server.stats.receipt();
}

fn stanza(server: &Server, from: &Jid, kind: ReceiptKind, ids: &[String]) -> Option<Node> {
    let (first, rest) = ids.split_first()?;
    let mut receipt =
        NodeBuilder::new("receipt").attr("from", from).attr("id", first).attr("t", server.seconds());
    if let Some(kind) = kind.wire() {
        receipt = receipt.attr("type", kind);
    }
    if !rest.is_empty() {
        let items = rest.iter().map(|id| NodeBuilder::new("item").attr("id", id).build());
        receipt = receipt.children([NodeBuilder::new("list").children(items).build()]);
    }
    Some(receipt.build())
}
