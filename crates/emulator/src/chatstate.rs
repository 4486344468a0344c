//! Typing and recording, passed on to the peer's live companions.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;

use crate::connection::Link;
use crate::delivery;
use crate::server::Server;
use crate::stanza::jid_attr;

/// Takes a chat state from a companion.
pub(crate) fn route(server: &Arc<Server>, link: &Link, node: &Node) -> Result<()> {
    let (account, _) = link.device().context("a chat state before the login")?;
    let to = jid_attr(node, "to").context("a chat state for nobody")?;
    let Some(target) = server.accounts.by_jid(&to) else { return Ok(()) };
    let stanza = NodeBuilder::new("chatstate")
        .attr("from", account.jid_like(&to, 0))
        .apply_content(node.content.clone())
        .build();
    let companions: Vec<u16> = target.state().linked().map(|(number, _)| number).collect();
    for device in companions {
        delivery::deliver_transient(&target, device, &stanza);
    }
    Ok(())
}
