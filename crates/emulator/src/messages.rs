//! Messages from companions: acknowledged, then handed to every device they were encrypted for.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use whatsapp_rust::wacore::messages::MessageUtils;
use whatsapp_rust::wacore_binary::JidExt as _;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;
use whatsapp_rust::{Jid, Server as JidServer};

use crate::account::{Account, acquaint};
use crate::connection::Link;
use crate::groups::{self, Refusal};
use crate::server::Server;
use crate::stanza::{attr, attr_or_empty, children, jid_attr};
use crate::{blocking, delivery, newsletters, privacy, status};

/// The recipient is not on WhatsApp.
const NO_SUCH_RECIPIENT: u16 = 404;
/// The recipient refuses strangers, and the message shows no token of theirs.
const NO_TRUST: u16 = 463;
/// What this server does not carry.
const UNSUPPORTED: u16 = 405;

/// Takes a message from a companion.
pub(crate) fn route(server: &Arc<Server>, link: &Link, node: &Node) -> Result<()> {
    let (account, device) = link.device().context("a message before the login")?;
    let to = jid_attr(node, "to").context("a message without a recipient")?;
    if to.server == JidServer::Group {
        let outcome = match server.groups.find(&to.user) {
            Some(group) => groups::route(server, &group, account, device, node),
            None => Err(groups::NOT_FOUND),
        };
        if outcome.is_ok() {
            server.stats.message();
        }
        let verdict = outcome.map_or_else(|Refusal(code, _)| Verdict::Refused(code), Verdict::Taken);
        acknowledge(server, link, node, &to, verdict);
        return Ok(());
    }
    if to.server == JidServer::Newsletter {
        let newsletter = server.newsletters.find(&to.user).ok_or(NO_SUCH_RECIPIENT);
        let number =
            newsletter.and_then(|newsletter| newsletters::route(server, &newsletter, account, device, node));
        if number.is_ok() {
            server.stats.message();
        }
        acknowledge(server, link, node, &to, number.map_or_else(Verdict::Refused, Verdict::Numbered));
        return Ok(());
    }
    if to.is_status_broadcast() {
        server.stats.message();
        status::route(server, account, device, node);
        acknowledge(server, link, node, &to, Verdict::Taken(None));
        return Ok(());
    }
    if !matches!(to.server, JidServer::Pn | JidServer::Lid) {
        server.stats.unanswered(&format!("message to {}", to.server.as_str()));
        acknowledge(server, link, node, &to, Verdict::Refused(UNSUPPORTED));
        return Ok(());
    }
    let Some(recipient) = server.accounts.by_jid(&to) else {
        acknowledge(server, link, node, &to, Verdict::Refused(NO_SUCH_RECIPIENT));
        return Ok(());
    };
    if !privacy::trusts(server, &recipient, account, node) {
        acknowledge(server, link, node, &to, Verdict::Refused(NO_TRUST));
        return Ok(());
    }
    server.stats.message();
    acquaint(account, &recipient);
    let is_blocked = blocking::blocks(&recipient, account);
    let copies = copies(node, &to);
    let phash = phash(account, device, &recipient, &copies);
    for (jid, enc) in &copies {
        let Some(target) = server.accounts.by_jid(jid) else { continue };
        // The sender of a blocked message learns nothing: it is taken and goes nowhere.
        if is_blocked && target.number == recipient.number {
            continue;
        }
        let stanza = stanza(server, account, device, &target, &recipient, jid, node, enc);
        delivery::deliver(&target, jid.device, stanza);
    }
    acknowledge(server, link, node, &to, Verdict::Taken(phash));
    Ok(())
}

/// What the server thinks of a message.
enum Verdict {
    /// Taken; with the hash of the devices that it should have been encrypted for, when those differ.
    Taken(Option<String>),
    /// Taken into a channel, with the server's number of it.
    Numbered(u64),
    /// Refused, with the code that the sender sees.
    Refused(u16),
}

fn acknowledge(server: &Server, link: &Link, message: &Node, to: &Jid, verdict: Verdict) {
    if link.device().is_some_and(|(account, _)| server.faults.swallow_ack(&account.number)) {
        return;
    }
    let ack = NodeBuilder::new("ack")
        .attr("class", "message")
        .attr("id", attr_or_empty(message, "id"))
        .attr("from", to)
        .attr("t", server.seconds());
    link.send(match verdict {
        Verdict::Taken(None) => ack.build(),
        Verdict::Taken(Some(phash)) => ack.attr("phash", phash).build(),
        Verdict::Numbered(number) => ack.attr("server_id", number).build(),
        Verdict::Refused(code) => ack.attr("error", code).build(),
    });
}

/// One ciphertext for each device; a peer message carries its only one directly.
fn copies(node: &Node, to: &Jid) -> Vec<(Jid, Node)> {
    match node.get_optional_child("participants") {
        Some(participants) => children(participants)
            .iter()
            .filter_map(|participant| {
                Some((jid_attr(participant, "jid")?, participant.get_optional_child("enc")?.clone()))
            })
            .collect(),
        None => node.get_optional_child("enc").map(|enc| (to.clone(), enc.clone())).into_iter().collect(),
    }
}

/// A sender that left out a device learns it from the hash of the right ones, in its own addressing.
fn phash(
    account: &Arc<Account>,
    device: u16,
    recipient: &Arc<Account>,
    copies: &[(Jid, Node)],
) -> Option<String> {
    let like = copies.first().map(|(jid, _)| jid.clone())?;
    // A peer message goes to one device on purpose.
    if recipient.number == account.number {
        return None;
    }
    let mut right: Vec<Jid> = vec![recipient.jid_like(&like, 0), account.jid_like(&like, 0)];
    right.extend(recipient.state().linked().map(|(number, _)| recipient.jid_like(&like, number)));
    let own = account.state();
    right.extend(
        own.linked()
            .filter(|(number, _)| *number != device)
            .map(|(number, _)| account.jid_like(&like, number)),
    );
    drop(own);
    let complete = right.iter().all(|jid| copies.iter().any(|(other, _)| other.device_eq(jid)));
    if complete && right.len() == copies.len() {
        return None;
    }
    MessageUtils::participant_list_hash(&right).ok()
}

#[expect(clippy::too_many_arguments, reason = "a stanza names its sender, its target and its chat")]
fn stanza(
    server: &Server,
    account: &Arc<Account>,
    device: u16,
    target: &Arc<Account>,
    recipient: &Arc<Account>,
    addressed: &Jid,
    node: &Node,
    enc: &Node,
) -> Node {
    let mut message = NodeBuilder::new("message")
        .attr("from", account.jid_like(addressed, device))
        .attr("id", attr_or_empty(node, "id"))
        .attr("type", attr(node, "type").unwrap_or_else(|| "text".to_owned()))
        .attr("t", server.seconds())
        .attr("notify", account.state().name.clone());
    for key in ["edit", "category", "push_priority"] {
        if let Some(value) = attr(node, key) {
            message = message.attr(key, value);
        }
    }
    let is_lid = addressed.server == JidServer::Lid;
    if is_lid {
        message = message.attr("addressing_mode", "lid");
    }
    message = match (target.number == account.number, is_lid) {
        (true, _) if attr(node, "category").as_deref() == Some("peer") => message,
        (true, true) => {
            message.attr("recipient", recipient.lid_jid(0)).attr("peer_recipient_pn", recipient.number_jid(0))
        }
        (true, false) => message
            .attr("recipient", recipient.number_jid(0))
            .attr("peer_recipient_lid", recipient.lid_jid(0)),
        (false, true) => message.attr("sender_pn", account.number_jid(0)),
        (false, false) => message.attr("sender_lid", account.lid_jid(0)),
    };
    let mut inner = vec![enc.clone()];
    // Only a message that opens a session needs the proof that the device belongs to the account.
    if attr(enc, "type").as_deref() == Some("pkmsg") {
        inner.extend(node.get_optional_child("device-identity").cloned());
    }
    message.children(inner).build()
}
