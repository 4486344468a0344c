//! Presence: who is online, for those who asked to know.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;

use crate::account::Account;
use crate::connection::Link;
use crate::server::Server;
use crate::stanza::{attr, jid_attr};
use crate::{delivery, profile};

/// Takes a presence from a companion.
pub(crate) fn route(server: &Arc<Server>, link: &Link, node: &Node) -> Result<()> {
    let (account, device) = link.device().context("presence before the login")?;
    if let Some(name) = attr(node, "name").filter(|name| !name.is_empty()) {
        profile::set_name(account, &name);
    }
    // Without a type it says the name only.
    let Some(kind) = attr(node, "type") else { return Ok(()) };
    match kind.as_str() {
        "subscribe" => subscribe(server, link, account, device, node),
        "unsubscribe" => {
            let target = jid_attr(node, "to").and_then(|to| server.accounts.by_jid(&to));
            if let Some(target) = target {
                target.state().subscribers.remove(&(account.number.clone(), device));
            }
            Ok(())
        }
        "available" | "unavailable" => {
            announce(server, account, kind);
            Ok(())
        }
        other => {
            server.stats.unanswered(&format!("presence {other}"));
            Ok(())
        }
    }
}

fn subscribe(server: &Server, link: &Link, account: &Account, device: u16, node: &Node) -> Result<()> {
    let to = jid_attr(node, "to").context("a subscription to nobody")?;
    let Some(target) = server.accounts.by_jid(&to) else { return Ok(()) };
    let is_online = {
        let mut state = target.state();
        state.subscribers.insert((account.number.clone(), device));
        state.linked().any(|(_, companion)| companion.links.iter().any(|link| link.is_active()))
    };
    let kind = if is_online { "available" } else { "unavailable" };
    link.send(NodeBuilder::new("presence").attr("from", to.to_non_ad()).attr("type", kind).build());
    Ok(())
}

/// The last socket of a companion closed.
pub(crate) fn went_offline(server: &Server, account: &Arc<Account>) {
    let is_online = account.state().linked().any(|(_, companion)| !companion.links.is_empty());
    if !is_online {
        announce(server, account, "unavailable".to_owned());
    }
}

fn announce(server: &Server, account: &Account, kind: String) {
    let subscribers: Vec<(String, u16)> = account.state().subscribers.iter().cloned().collect();
    if subscribers.is_empty() {
        return;
    }
    let stanza = NodeBuilder::new("presence").attr("from", account.number_jid(0)).attr("type", kind).build();
    for (number, device) in subscribers {
        if let Some(subscriber) = server.accounts.by_number(&number) {
            delivery::deliver_transient(&subscriber, device, &stanza);
        }
    }
}
