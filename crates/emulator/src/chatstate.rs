//! Typing and recording, passed on to the peer's devices.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::{Node, NodeContent};
use whatsapp_rust::{Jid, Server as JidServer};

use crate::account::Account;
use crate::connection::Link;
use crate::groups::{self, Group};
use crate::server::Server;
use crate::stanza::jid_attr;
use crate::{blocking, delivery};

/// Takes a chat state from a companion.
pub(crate) fn route(server: &Arc<Server>, link: &Link, node: &Node) -> Result<()> {
    let (account, device) = link.device().context("a chat state before the login")?;
    let to = jid_attr(node, "to").context("a chat state for nobody")?;
    if let Some(group) = server.groups.find(&to.user).filter(|_| to.server == JidServer::Group) {
        pass_on_to_group(server, account, device, &group, node.content.clone());
        return Ok(());
    }
    let Some(target) = server.accounts.by_jid(&to) else { return Ok(()) };
    pass_on(server, &account.jid_like(&to, 0), account, &target, node.content.clone());
    Ok(())
}

/// Hands a chat state to every device of the other members of a group, when the account is one of them.
pub(crate) fn pass_on_to_group(
    server: &Server,
    account: &Account,
    device: u16,
    group: &Group,
    state: Option<NodeContent>,
) {
    if group.check_member(account).is_err() {
        return;
    }
    let stanza = NodeBuilder::new("chatstate")
        .attr("from", group.jid())
        .attr("participant", account.lid_jid(device))
        .apply_content(state)
        .build();
    for (member, number) in groups::audience(&group.accounts(server)) {
        if member.number != account.number {
            delivery::deliver_transient(&member, number, &stanza, server.seconds());
        }
    }
}

/// Hands a chat state to every device of `target`, unless that blocks the account.
pub(crate) fn pass_on(
    server: &Server,
    from: &Jid,
    account: &Account,
    target: &Account,
    state: Option<NodeContent>,
) {
    if blocking::blocks(target, account) {
        return;
    }
    let stanza = NodeBuilder::new("chatstate").attr("from", from).apply_content(state).build();
    let companions: Vec<u16> = target.state().linked().map(|(number, _)| number).collect();
    for device in std::iter::once(0).chain(companions) {
        delivery::deliver_transient(target, device, &stanza, server.seconds());
    }
}
