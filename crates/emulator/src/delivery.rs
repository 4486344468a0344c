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
/// How long presence and typing are worth something, in seconds.
const FLEETING_SECONDS: i64 = 20;
/// Presence and typing kept for a device that is just offline; the oldest go first.
const MOST_FLEETING: usize = 32;
/// What a device that never comes back may cost; the oldest go first, as on the real server.
const LONGEST_QUEUE: usize = 100_000;

/// How much of a backlog comes unasked; the rest comes in batches that the client asks for.
const PRIMER: usize = 5;
/// The largest batch a client may ask for.
const LARGEST_BATCH: usize = 1000;

/// A stanza until its acknowledgement, and a short history for the fault `redeliver`.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: VecDeque<Waiting>,
    history: VecDeque<Node>,
    /// Presence and typing for a device that is just offline, with the second when each came.
    fleeting: VecDeque<(i64, Node)>,
    next_number: u64,
}

struct Waiting {
    number: u64,
    node: Node,
}

/// How far a login's backlog has been handed out: the numbers from `next` to before `end` are still to come.
#[derive(Clone, Copy)]
pub(crate) struct Backlog {
    next: u64,
    end: u64,
    total: usize,
}

impl Queue {
    /// Keeps a stanza until it is acknowledged.
    fn keep(&mut self, node: Node) {
        if self.waiting.len() >= LONGEST_QUEUE {
            self.waiting.pop_front();
        }
        self.waiting.push_back(Waiting { number: self.next_number, node });
        self.next_number += 1;
    }

    fn remember(&mut self, node: &Node) {
        if self.history.len() >= HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(node.clone());
    }

    fn keep_fleeting(&mut self, node: &Node, now: i64) {
        if self.fleeting.len() >= MOST_FLEETING {
            self.fleeting.pop_front();
        }
        self.fleeting.push_back((now, node.clone()));
    }

    /// Takes what is still worth sending.
    fn take_fleeting(&mut self, now: i64) -> Vec<Node> {
        let kept = self.fleeting.drain(..).filter(|(since, _)| now - since <= FLEETING_SECONDS);
        kept.map(|(_, node)| node).collect()
    }

    /// Drops the oldest stanza that each of `ids` acknowledges; a receipt's acknowledgement names its type too.
    fn acknowledge(&mut self, class: &str, ids: &[String], kind: Option<&str>) {
        for id in ids {
            // Acknowledgements come in order: the place is nearly always the first.
            let place = self.waiting.iter().position(|Waiting { node, .. }| {
                let has =
                    |key: &str, value: &str| node.attrs.get(key).is_some_and(|found| found.as_str() == value);
                let same_kind = || match kind {
                    _ if class != "receipt" => true,
                    Some(kind) => has("type", kind),
                    None => !node.attrs.contains_key("type"),
                };
                node.tag == class && has("id", id) && same_kind()
            });
            if let Some(place) = place {
                self.waiting.remove(place);
            }
        }
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

/// Hands a stanza to the account's own companions, all but `except`.
pub(crate) fn deliver_to_own(account: &Arc<Account>, except: u16, node: &Node) {
    let others: Vec<u16> =
        account.state().linked().map(|(number, _)| number).filter(|number| *number != except).collect();
    for device in others {
        deliver(account, device, node.clone());
    }
}

/// Hands presence or typing to a device; one that is just offline still gets it when it comes back within seconds.
pub(crate) fn deliver_transient(account: &Account, device: u16, node: &Node, now: i64) {
    if device == 0 {
        account.phone.post(node.clone());
        return;
    }
    if let Some(companion) = account.state().devices.get_mut(&device)
        && !companion.send_live(node)
    {
        companion.queue.keep_fleeting(node, now);
    }
}

/// The device went active: everything it has not acknowledged comes now, in order and marked `offline`.
///
/// The server announces how much there is and hands out a few; the client asks for the rest with `offline_batch`.
pub(crate) fn drain(server: &Server, account: &Account, device: u16, link: &Link) {
    let mut state = account.state();
    let Some(companion) = state.devices.get_mut(&device) else { return };
    let queue = &companion.queue;
    let backlog = Backlog { next: 0, end: queue.next_number, total: queue.waiting.len() };
    if !link.begin_backlog(backlog) {
        return;
    }
    if !queue.waiting.is_empty() {
        link.send(preview(queue));
    }
    hand_out(server, &mut companion.queue, link, PRIMER);
}

/// `<offline_batch count="…"/>`: the client takes the next part of its backlog.
pub(crate) fn next_batch(server: &Server, account: &Account, device: u16, link: &Link, count: usize) {
    if let Some(companion) = account.state().devices.get_mut(&device) {
        hand_out(server, &mut companion.queue, link, count.clamp(1, LARGEST_BATCH));
    }
}

fn hand_out(server: &Server, queue: &mut Queue, link: &Link, count: usize) {
    let Some(mut backlog) = link.backlog() else { return };
    let to_come =
        |backlog: &Backlog, waiting: &Waiting| (backlog.next..backlog.end).contains(&waiting.number);
    let batch: Vec<(u64, Node)> = queue
        .waiting
        .iter()
        .filter(|waiting| to_come(&backlog, waiting))
        .take(count)
        .map(|waiting| (waiting.number, waiting.node.clone()))
        .collect();
    server.stats.redelivered(batch.len());
    for (number, mut node) in batch {
        backlog.next = number + 1;
        queue.remember(&node);
        node.attrs.insert("offline", "0");
        link.send(node);
    }
    if queue.waiting.iter().any(|waiting| to_come(&backlog, waiting)) {
        return link.keep_backlog(backlog);
    }
    let end = NodeBuilder::new("offline").attr("count", backlog.total).build();
    link.send(NodeBuilder::new("ib").children([end]).build());
    // What came in while the backlog was handed out follows it, no longer marked as old.
    let newer: Vec<Node> = queue
        .waiting
        .iter()
        .filter(|waiting| waiting.number >= backlog.end)
        .map(|w| w.node.clone())
        .collect();
    for node in newer {
        queue.remember(&node);
        link.send(node);
    }
    for node in queue.take_fleeting(server.seconds()) {
        link.send(node);
    }
    link.go_live();
}

fn preview(queue: &Queue) -> Node {
    let count = |tag: &str| queue.waiting.iter().filter(|waiting| waiting.node.tag == tag).count();
    let preview = NodeBuilder::new("offline_preview")
        .attr("count", queue.waiting.len())
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
