//! Presence: who is online or was, for those who asked to know and may.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use whatsapp_rust::Server as JidServer;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;

use crate::account::Account;
use crate::connection::Link;
use crate::server::Server;
use crate::stanza::{attr, jid_attr};
use crate::{delivery, privacy, profile};

/// Takes a presence from a companion.
pub(crate) fn route(server: &Arc<Server>, link: &Link, node: &Node) -> Result<()> {
    let (account, device) = link.device().context("presence before the login")?;
    if let Some(name) = attr(node, "name").filter(|name| !name.is_empty()) {
        profile::set_name(account, &name);
    }
    // Without a type it says the name only.
    let Some(kind) = attr(node, "type") else { return Ok(()) };
    match kind.as_str() {
        "subscribe" | "unsubscribe" => {
            let to = jid_attr(node, "to").context("a subscription to nobody")?;
            let Some(target) = server.accounts.by_jid(&to) else { return Ok(()) };
            if kind == "subscribe" {
                subscribe(server, account, device, &target, to.server == JidServer::Lid);
            } else {
                target.state().subscribers.remove(&(account.number.clone(), device));
            }
        }
        "available" => set(server, account, device, true),
        "unavailable" => set(server, account, device, false),
        other => server.stats.unanswered(&format!("presence {other}")),
    }
    Ok(())
}

/// A device wants to know when `target` is online; it learns how that is now.
pub(crate) fn subscribe(server: &Server, account: &Account, device: u16, target: &Account, by_lid: bool) {
    target.state().subscribers.insert((account.number.clone(), device), by_lid);
    tell(server, target, account, device, by_lid);
}

/// A device says whether it is available. The account is, while one of its devices is.
pub(crate) fn set(server: &Server, account: &Account, device: u16, is_available: bool) {
    {
        let mut state = account.state();
        if is_available {
            state.available.insert(device);
        } else if state.available.remove(&device) && state.available.is_empty() {
            state.last_seen = Some(server.seconds());
        }
    }
    announce(server, account);
}

/// The last socket of a companion closed.
pub(crate) fn went_offline(server: &Server, account: &Account, device: u16) {
    let was_available = account.state().available.contains(&device);
    if was_available {
        set(server, account, device, false);
    }
}

fn announce(server: &Server, account: &Account) {
    let subscribers = account.state().subscribers.clone();
    for ((number, device), by_lid) in subscribers {
        if let Some(subscriber) = server.accounts.by_number(&number) {
            tell(server, account, &subscriber, device, by_lid);
        }
    }
}

/// One subscriber learns how it is, as far as the account's privacy goes.
fn tell(server: &Server, account: &Account, subscriber: &Account, device: u16, by_lid: bool) {
    if !privacy::shows_online(account, subscriber) {
        return;
    }
    let shows_last = privacy::shows(account, privacy::LAST_SEEN, subscriber);
    let (is_online, last_seen) = {
        let state = account.state();
        (!state.available.is_empty(), state.last_seen)
    };
    let from = if by_lid { account.lid_jid(0) } else { account.number_jid(0) };
    let presence = NodeBuilder::new("presence").attr("from", from);
    let stanza = match (is_online, last_seen) {
        (true, _) => presence.attr("type", "available"),
        (false, _) if !shows_last => presence.attr("type", "unavailable").attr("last", "deny"),
        (false, Some(seconds)) => presence.attr("type", "unavailable").attr("last", seconds),
        (false, None) => presence.attr("type", "unavailable"),
    };
    delivery::deliver_transient(subscriber, device, &stanza.build(), server.seconds());
}
