//! Who is told of a change: every device of every member, those of the one who made it too.

use std::sync::Arc;

use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;

use super::{Group, node};
use crate::account::Account;
use crate::delivery;
use crate::notifications::notification;
use crate::server::Server;

/// The companions of accounts.
pub(crate) fn companions(accounts: &[Arc<Account>]) -> Vec<(Arc<Account>, u16)> {
    let mut devices = Vec::new();
    for account in accounts {
        devices.extend(account.state().linked().map(|(number, _)| (Arc::clone(account), number)));
    }
    devices
}

/// Every device of the accounts, phones first.
pub(crate) fn audience(accounts: &[Arc<Account>]) -> Vec<(Arc<Account>, u16)> {
    let mut devices: Vec<_> = accounts.iter().map(|account| (Arc::clone(account), 0)).collect();
    devices.extend(companions(accounts));
    devices
}

/// Tells the members of a change that `by` made.
pub(super) fn changed(server: &Server, group: &Group, by: &Account, change: Node) {
    tell(server, group, by, &group.accounts(server), change);
}

/// Tells accounts of a change that `by` made.
pub(super) fn tell(server: &Server, group: &Group, by: &Account, whom: &[Arc<Account>], change: Node) {
    let stanza = notification(server, "w:gp2")
        .attr("from", group.jid())
        .attr("participant", by.lid_jid(0))
        .attr("participant_pn", by.number_jid(0))
        .attr("addressing_mode", "lid")
        .attr("notify", by.state().name.clone())
        .children([change])
        .build();
    for (account, device) in companions(whom) {
        delivery::deliver(&account, device, stanza.clone());
    }
}

/// The group was created: the members get it as a whole.
pub(super) fn created(server: &Server, group: &Group, by: &Account) {
    let create = NodeBuilder::new("create").attr("type", "new").children([node::describe(server, group)]);
    changed(server, group, by, create.build());
}

/// Accounts joined: they get the group as a whole, the others who came.
pub(super) fn joined(
    server: &Server,
    group: &Group,
    by: &Account,
    newcomers: &[Arc<Account>],
    reason: Option<&'static str>,
) {
    if newcomers.is_empty() {
        return;
    }
    let with_reason = |node: NodeBuilder| match reason {
        Some(reason) => node.attr("reason", reason),
        None => node,
    };
    let is_new = |account: &Arc<Account>| newcomers.iter().any(|new| new.number == account.number);
    let others: Vec<Arc<Account>> =
        group.accounts(server).into_iter().filter(|account| !is_new(account)).collect();
    let participants = newcomers.iter().map(|account| node::participant(account, None));
    let add = with_reason(NodeBuilder::new("add")).children(participants.collect::<Vec<_>>());
    tell(server, group, by, &others, add.build());
    let create = with_reason(NodeBuilder::new("create")).children([node::describe(server, group)]);
    tell(server, group, by, newcomers, create.build());
}

/// The picture of a group changed.
pub(super) fn picture_changed(server: &Server, group: &Group, by: &Account, id: Option<&str>) {
    let change = match id {
        Some(id) => NodeBuilder::new("set").attr("id", id),
        None => NodeBuilder::new("delete"),
    };
    let change = change.attr("jid", group.jid()).attr("author", by.lid_jid(0)).build();
    let stanza = notification(server, "picture").attr("from", group.jid()).children([change]).build();
    for (account, device) in companions(&group.accounts(server)) {
        delivery::deliver(&account, device, stanza.clone());
    }
}
