//! Messages to many: one ciphertext for everybody under the sender's key of the chat, and one of its own for each device
//! that lacks this key and is given it.

use std::collections::HashMap;
use std::sync::Arc;

use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;
use whatsapp_rust::{Jid, Server as JidServer};

use crate::account::Account;
use crate::delivery;
use crate::server::Server;
use crate::stanza::{attr, attr_or_empty, children, jid_attr};

/// A message of a device to a chat of many.
pub(crate) struct Shared<'a> {
    pub(crate) chat: &'a Jid,
    pub(crate) sender: &'a Arc<Account>,
    pub(crate) device: u16,
    pub(crate) node: &'a Node,
}

/// Is it the address of a chat of many: a group, or the status?
pub(crate) fn is_shared(jid: &Jid) -> bool {
    matches!(jid.server, JidServer::Group | JidServer::Broadcast)
}

impl Shared<'_> {
    /// Hands the message to devices; one that is sent again to a single device goes to that one alone.
    pub(crate) fn hand_out(&self, server: &Server, audience: &[(Arc<Account>, u16)]) {
        let single = jid_attr(self.node, "participant");
        let single = single.and_then(|jid| Some((server.accounts.by_jid(&jid)?, jid.device)));
        let for_all = self.node.get_optional_child("enc");
        let own = self.own_ciphertexts(server);
        for (account, device) in audience {
            if account.number == self.sender.number && *device == self.device {
                continue;
            }
            let is_left_out = single
                .as_ref()
                .is_some_and(|(asked, number)| asked.number != account.number || number != device);
            if is_left_out {
                continue;
            }
            let ciphertexts: Vec<Node> =
                own.get(&(account.number.clone(), *device)).into_iter().chain(for_all).cloned().collect();
            if !ciphertexts.is_empty() {
                delivery::deliver(account, *device, self.stanza(server, ciphertexts));
            }
        }
    }

    /// The ciphertexts that are meant for one device each.
    fn own_ciphertexts(&self, server: &Server) -> HashMap<(String, u16), Node> {
        let participants = self.node.get_optional_child("participants").into_iter().flat_map(children);
        let found = participants.filter_map(|participant| {
            let jid = jid_attr(participant, "jid")?;
            let enc = participant.get_optional_child("enc")?.clone();
            Some(((server.accounts.by_jid(&jid)?.number.clone(), jid.device), enc))
        });
        found.collect()
    }

    fn stanza(&self, server: &Server, mut inside: Vec<Node>) -> Node {
        let mut message = heading(server, self.chat, self.sender, self.device)
            .attr("id", attr_or_empty(self.node, "id"))
            .attr("type", attr(self.node, "type").unwrap_or_else(|| "text".to_owned()));
        if let Some(edit) = attr(self.node, "edit") {
            message = message.attr("edit", edit);
        }
        // Only a message that opens a session needs the proof that the device belongs to the account.
        if inside.iter().any(|enc| attr(enc, "type").as_deref() == Some("pkmsg")) {
            inside.extend(self.node.get_optional_child("device-identity").cloned());
        }
        message.children(inside).build()
    }
}

/// What every message to a chat of many says of its sender.
pub(crate) fn heading(server: &Server, chat: &Jid, sender: &Account, device: u16) -> NodeBuilder {
    NodeBuilder::new("message")
        .attr("from", chat)
        .attr("participant", sender.lid_jid(device))
        .attr("participant_pn", sender.number_jid(0))
        .attr("addressing_mode", "lid")
        .attr("t", server.seconds())
        .attr("notify", sender.state().name.clone())
}
