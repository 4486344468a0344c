//! Typing and recording, passed on to the peer's devices.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use whatsapp_rust::Jid;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::{Node, NodeContent};

use crate::account::Account;
use crate::connection::Link;
use crate::server::Server;
use crate::stanza::jid_attr;
use crate::{blocking, delivery};

/// Takes a chat state from a companion.
pub(crate) fn route(server: &Arc<Server>, link: &Link, node: &Node) -> Result<()> {
    let (account, _) = link.device().context("a chat state before the login")?;
    let to = jid_attr(node, "to").context("a chat state for nobody")?;
    let Some(target) = server.accounts.by_jid(&to) else { return Ok(()) };
    pass_on(server, &account.jid_like(&to, 0), account, &target, node.content.clone());
    Ok(())
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
