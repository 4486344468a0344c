//! One stanza from a client, to the module that answers it.

use std::sync::Arc;

use anyhow::Result;
use whatsapp_rust::wacore_binary::node::Node;

use crate::connection::Link;
use crate::server::Server;
use crate::stanza::{attr_or_empty, children};
use crate::{chatstate, delivery, iq, messages, presence, receipts};

pub(crate) async fn stanza(server: &Arc<Server>, link: &Arc<Link>, node: &Node) -> Result<()> {
    match &*node.tag {
        "iq" => iq::answer(server, link, node).await,
        "message" => messages::route(server, link, node),
        "receipt" => receipts::route(server, link, node),
        "presence" => presence::route(server, link, node),
        "chatstate" => chatstate::route(server, link, node),
        "ack" => {
            if let Some((account, device)) = link.device() {
                delivery::acknowledge(account, device, node);
            }
            Ok(())
        }
        "ib" => information(server, link, node),
        other => {
            server.stats.unanswered(format!("{other} {}", attr_or_empty(node, "type")).trim_end());
            Ok(())
        }
    }
}

/// `<ib>`: what a client lets the server know.
fn information(server: &Server, link: &Link, node: &Node) -> Result<()> {
    for child in children(node) {
        match (&*child.tag, link.device()) {
            ("offline_batch", Some((account, device))) => {
                let count = attr_or_empty(child, "count").parse().unwrap_or(1);
                delivery::next_batch(server, account, device, link, count);
            }
            // Telemetry that the real server takes in silence too.
            ("unified_session", _) => {}
            (other, _) => server.stats.unanswered(&format!("ib <{other}>")),
        }
    }
    Ok(())
}
