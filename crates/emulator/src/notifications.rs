//! What the server tells a device unasked: companions that came or went, keys that run out, app state that grew.

use std::collections::BTreeSet;
use std::sync::Arc;

use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;
use whatsapp_rust::{Jid, Server as JidServer};

use crate::account::Account;
use crate::server::Server;
use crate::{delivery, entropy, groups};

pub(crate) fn notification(server: &Server, kind: &'static str) -> NodeBuilder {
    NodeBuilder::new("notification")
        .attr("id", entropy::hexadecimal::<6>())
        .attr("type", kind)
        .attr("t", server.seconds())
}

/// A companion was linked: the account's other companions and everybody else with devices learn of it.
pub(crate) fn device_added(server: &Arc<Server>, account: &Arc<Account>, device: u16) {
    let valid: Vec<u32> = account.state().linked().map(|(_, companion)| companion.key_index).collect();
    let now = server.seconds();
    let signed = match account.phone.keys.key_index_list(&valid, now) {
        Ok(signed) => signed,
        Err(error) => return tracing::warn!("could not sign the key index list: {error:#}"),
    };
    let list = NodeBuilder::new("key-index-list").attr("ts", now).bytes(signed).build();
    announce(server, account, "add", device, list, Some(u32::from(device)));
}

/// A companion was removed.
pub(crate) fn device_removed(server: &Arc<Server>, account: &Arc<Account>, device: u16) {
    let list = NodeBuilder::new("key-index-list").attr("ts", server.seconds()).build();
    announce(server, account, "remove", device, list, None);
}

fn announce(
    server: &Arc<Server>,
    account: &Arc<Account>,
    change: &'static str,
    device: u16,
    list: Node,
    key_index: Option<u32>,
) {
    let mut added = NodeBuilder::new("device")
        .attr("jid", account.number_jid(device))
        .attr("lid", account.lid_jid(device));
    if let Some(key_index) = key_index {
        added = added.attr("key-index", key_index);
    }
    let change = NodeBuilder::new(change).children([added.build(), list]).build();
    let stanza = notification(server, "devices")
        .attr("from", account.number_jid(0))
        .attr("lid", account.lid_jid(0))
        .children([change])
        .build();
    let mut told = BTreeSet::new();
    let in_groups = server.groups.of(account).into_iter().flat_map(|group| group.accounts(server));
    let in_groups = groups::companions(&in_groups.collect::<Vec<_>>());
    for (peer, number) in audience(account, device).into_iter().chain(in_groups) {
        let is_itself = peer.number == account.number && number == device;
        if !is_itself && told.insert((peer.number.clone(), number)) {
            delivery::deliver(&peer, number, stanza.clone());
        }
    }
}

/// Who must know an account's devices and profile: its own other companions, and those that exchanged messages with it.
pub(crate) fn audience(account: &Arc<Account>, except: u16) -> Vec<(Arc<Account>, u16)> {
    let state = account.state();
    let own = state.linked().filter(|(number, _)| *number != except);
    let mut audience: Vec<_> = own.map(|(number, _)| (Arc::clone(account), number)).collect();
    let peers: Vec<Arc<Account>> = state.peers.values().filter_map(std::sync::Weak::upgrade).collect();
    drop(state);
    for peer in peers {
        let companions: Vec<u16> = peer.state().linked().map(|(number, _)| number).collect();
        audience.extend(companions.into_iter().map(|number| (Arc::clone(&peer), number)));
    }
    audience
}

/// The device has few one-time keys left. The server's address is written as one without a user: not every client
/// takes its bare name for it.
pub(crate) fn prekeys_low(left: usize) -> Node {
    NodeBuilder::new("notification")
        .attr("from", Jid::new("", JidServer::Pn))
        .attr("id", entropy::hexadecimal::<6>())
        .attr("type", "encrypt")
        .children([NodeBuilder::new("count").attr("value", left).build()])
        .build()
}

/// App-state collections grew by a companion's upload: the others fetch them.
pub(crate) fn app_state_grew(server: &Arc<Server>, account: &Arc<Account>, by: u16, grown: &[(String, u64)]) {
    if grown.is_empty() {
        return;
    }
    let collections = grown.iter().map(|(name, version)| {
        NodeBuilder::new("collection").attr("name", name).attr("version", *version).build()
    });
    let stanza = notification(server, "server_sync")
        .attr("from", account.number_jid(0))
        .children(collections.collect::<Vec<_>>())
        .build();
    let others: Vec<u16> =
        account.state().linked().map(|(number, _)| number).filter(|number| *number != by).collect();
    for device in others {
        delivery::deliver(account, device, stanza.clone());
    }
}
