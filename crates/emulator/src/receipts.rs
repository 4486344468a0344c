//! Receipts from companions: they acknowledge what was delivered, and tell the other side.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use whatsapp_rust::Jid;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;

use crate::account::Account;
use crate::connection::Link;
use crate::server::Server;
use crate::stanza::{attr, attr_or_empty, jid_attr};
use crate::{delivery, fanout};

/// Takes a receipt from a companion.
pub(crate) fn route(server: &Arc<Server>, link: &Link, node: &Node) -> Result<()> {
    let (account, device) = link.device().context("a receipt before the login")?;
    let to = jid_attr(node, "to").context("a receipt without a recipient")?;
    delivery::acknowledge_by_receipt(account, device, node);
    acknowledge(link, node, &to);
    server.stats.receipt();
    // In a chat of many the participant is whoever wrote the message.
    let author =
        jid_attr(node, "participant").filter(|_| fanout::is_shared(&to)).unwrap_or_else(|| to.clone());
    let Some(target) = server.accounts.by_jid(&author) else { return Ok(()) };
    for (audience, number) in audience(account, device, &target, &author, node) {
        delivery::deliver(&audience, number, stanza(server, account, device, &to, &author, node));
    }
    Ok(())
}

fn acknowledge(link: &Link, receipt: &Node, to: &Jid) {
    let mut ack = NodeBuilder::new("ack")
        .attr("class", "receipt")
        .attr("id", attr_or_empty(receipt, "id"))
        .attr("from", to);
    if let Some(kind) = attr(receipt, "type") {
        ack = ack.attr("type", kind);
    }
    if let Some(participant) = attr(receipt, "participant") {
        ack = ack.attr("participant", participant);
    }
    link.send(ack.build());
}

/// Who gets a receipt.
fn audience(
    account: &Arc<Account>,
    device: u16,
    target: &Arc<Account>,
    to: &Jid,
    receipt: &Node,
) -> Vec<(Arc<Account>, u16)> {
    let companions = |of: &Arc<Account>, except: Option<u16>| {
        let state = of.state();
        let numbers = state.linked().map(|(number, _)| number).filter(|number| Some(*number) != except);
        numbers.map(|number| (Arc::clone(of), number)).collect::<Vec<_>>()
    };
    match attr(receipt, "type").as_deref() {
        // Only the device that encrypted the message can encrypt it again.
        Some("retry") => vec![(Arc::clone(target), to.device)],
        // Between the server and the device that had a copy from its own account.
        Some("sender" | "peer_msg" | "hist_sync") => Vec::new(),
        // The account reads in secret: its own other devices learn of it, the sender does not.
        Some("read-self" | "played-self") => companions(account, Some(device)),
        _ if target.number == account.number => Vec::new(),
        _ => {
            let mut everybody = companions(target, None);
            everybody.push((Arc::clone(target), 0));
            everybody
        }
    }
}

fn stanza(server: &Server, account: &Account, device: u16, to: &Jid, author: &Jid, receipt: &Node) -> Node {
    let own = account.jid_like(author, device);
    let stanza = match fanout::is_shared(to) {
        true => NodeBuilder::new("receipt").attr("from", to).attr("participant", own),
        false => NodeBuilder::new("receipt").attr("from", own),
    };
    let mut stanza = stanza.attr("id", attr_or_empty(receipt, "id")).attr("t", server.seconds());
    for key in ["type", "recipient", "category"] {
        if let Some(value) = attr(receipt, key) {
            stanza = stanza.attr(key, value);
        }
    }
    stanza.apply_content(receipt.content.clone()).build()
}
