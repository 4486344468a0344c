//! What waits for a device: the queue of everything it has not acknowledged, redelivered at its next login.

use std::collections::VecDeque;
use std::sync::Arc;

use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;

use crate::account::Account;
use crate::connection::Link;
use crate::server::Server;
use crate::stanza::{attr, attr_or_empty, children};

/// Delivered stanzas remembered for the fault `redeliver`.
const HISTORY: usize = 256;
/// What a device that never comes back may cost; the oldest go first, as on the real server.
const LONGEST_QUEUE: usize = 100_000;

/// A stanza until its acknowledgement, and a short history for the fault `redeliver`.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: VecDeque<Node>,
    history: VecDeque<Node>,
}

impl Queue {
    /// Keeps a stanza until it is acknowledged.
    fn keep(&mut self, node: Node) {
        if self.waiting.len() >= LONGEST_QUEUE {
            self.waiting.pop_front();
        }
        self.waiting.push_back(node);
    }

    fn remember(&mut self, node: &Node) {
        if self.history.len() >= HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(node.clone());
    }

    /// Drops what `class` and `ids` acknowledge; a receipt's acknowledgement names its type too.
    fn acknowledge(&mut self, class: &str, ids: &[String], kind: Option<&str>) {
        self.waiting.retain(|node| {
            let same_class = node.tag == class;
            let same_id = attr(node, "id").is_some_and(|id| ids.contains(&id));
            let same_kind = class != "receipt" || attr(node, "type").as_deref() == kind;
            !(same_class && same_id && same_kind)
        });
    }

    /// How many stanzas wait for an acknowledgement.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The last `count` inbound stanzas, oldest first.
    pub(crate) fn last(&self, count: usize) -> Vec<Node> {
        self.history.iter().skip(self.history.len().saturating_sub(count)).cloned().collect()
    }
}

/// Hands a stanza to a device: to the phone, or to a companion's queue and live sockets.
pub(crate) fn deliver(account: &Arc<Account>, device: u16, node: Node) {
    if device == 0 {
        account.phone.post(node);
        return;
    }
    let mut state = account.state();
    let Some(companion) = state.devices.get_mut(&device).filter(|companion| companion.is_linked()) else {
        return;
    };
    // Sent under the lock, so that the order of the queue is the order on the wire.
    if companion.send_live(&node) {
        companion.queue.remember(&node);
    }
    companion.queue.keep(node);
}

/// Hands a stanza to live sockets only: presence and typing are not worth keeping.
pub(crate) fn deliver_transient(account: &Account, device: u16, node: &Node) {
    if let Some(companion) = account.state().devices.get(&device) {
        companion.send_live(node);
    }
}

/// The device went active: everything it has not acknowledged comes now, in order and marked `offline`.
pub(crate) fn drain(server: &Server, account: &Account, device: u16, link: &Link) {
    let mut state = account.state();
    let Some(companion) = state.devices.get_mut(&device) else { return };
    if !link.activate() {
        return;
    }
    let waiting: Vec<Node> = companion.queue.waiting.iter().cloned().collect();
    if !waiting.is_empty() {
        link.send(preview(&waiting));
    }
    for mut node in waiting.iter().cloned() {
        companion.queue.remember(&node);
        node.attrs.insert("offline", "0");
        link.send(node);
    }
    server.stats.redelivered(waiting.len());
    let end = NodeBuilder::new("offline").attr("count", waiting.len()).build();
    link.send(NodeBuilder::new("ib").children([end]).build());
}

fn preview(waiting: &[Node]) -> Node {
    let count = |tag: &str| waiting.iter().filter(|node| node.tag == tag).count();
    let preview = NodeBuilder::new("offline_preview")
        .attr("count", waiting.len())
        .attr("message", count("message"))
        .attr("receipt", count("receipt"))
        .attr("notification", count("notification"))
        .attr("appdata", 0)
        .build();
    NodeBuilder::new("ib").children([preview]).build()
}

/// A receipt acknowledges the messages that it names, in `id` and in its list.
pub(crate) fn acknowledge_by_receipt(account: &Account, device: u16, receipt: &Node) {
    let mut ids = vec![attr_or_empty(receipt, "id")];
    ids.extend(
        receipt.get_optional_child("list").into_iter().flat_map(children).filter_map(|item| attr(item, "id")),
    );
    if let Some(companion) = account.state().devices.get_mut(&device) {
        companion.queue.acknowledge("message", &ids, None);
    }
}

/// `<ack class="…">` from a device.
pub(crate) fn acknowledge(account: &Account, device: u16, ack: &Node) {
    let ids = [attr_or_empty(ack, "id")];
    if let Some(companion) = account.state().devices.get_mut(&device) {
        companion.queue.acknowledge(&attr_or_empty(ack, "class"), &ids, attr(ack, "type").as_deref());
    }
}
