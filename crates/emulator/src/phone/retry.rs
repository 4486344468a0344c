//! When a message cannot be decrypted: the phone asks for it again, and sends again what a device asks for.

use std::sync::Arc;

use anyhow::Result;
use whatsapp_rust::Jid;
use whatsapp_rust::wacore::iq::prekeys::{OneTimePreKeyNode, SignedPreKeyNode};
use whatsapp_rust::wacore::libsignal::protocol::KeyPair;
use whatsapp_rust::wacore::protocol::ProtocolNode as _;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;

use super::adv::PhoneKeys;
use super::group;
use super::receive::Envelope;
use super::send::envelope;
use crate::account::Account;
use crate::server::Server;
use crate::stanza::{attr, attr_or_empty, children};
use crate::{delivery, fanout};

/// How often one message is sent again to one device, as on a real phone.
const MOST_ATTEMPTS: u32 = 5;

/// Asks the sending device for a message that did not decrypt, with keys for a fresh session: the old one is of no use.
pub(super) async fn ask(server: &Server, account: &Arc<Account>, envelope: &Envelope, message: &Node) {
    let Envelope { sender, from, chat } = envelope;
    let id = attr_or_empty(message, "id");
    let before = children(message).iter().find_map(|enc| attr(enc, "count"));
    let attempt = before.and_then(|count| count.parse::<u32>().ok()).unwrap_or(0).saturating_add(1);
    if attempt > MOST_ATTEMPTS {
        return;
    }
    let retry = NodeBuilder::new("retry")
        .attr("v", "1")
        .attr("id", &id)
        .attr("t", server.seconds())
        .attr("count", attempt)
        .build();
    let registration = NodeBuilder::new("registration")
        .bytes(account.phone.keys.registration_id.to_be_bytes().to_vec())
        .build();
    let (key_id, key) = account.phone.cipher.lock().await.one_time_key();
    let keys = fresh_keys(&account.phone.keys, key_id, &key);
    let own = account.jid_like(from, 0);
    let receipt = match chat {
        Some(chat) => NodeBuilder::new("receipt").attr("from", chat).attr("participant", own),
        None => NodeBuilder::new("receipt").attr("from", own),
    };
    let mut receipt = receipt.attr("id", &id).attr("type", "retry").attr("t", server.seconds());
    if let Some(recipient) = attr(message, "recipient") {
        receipt = receipt.attr("recipient", recipient);
    }
    delivery::deliver(sender, from.device, receipt.children([retry, registration, keys]).build());
}

/// A primary phone proves itself by its identity key alone: unlike a companion it sends no device identity.
fn fresh_keys(keys: &PhoneKeys, id: u32, one_time: &KeyPair) -> Node {
    let one_time = OneTimePreKeyNode::new(id, one_time.public_key.public_key_bytes().to_vec());
    let published = keys.published();
    let signed = SignedPreKeyNode::new(
        published.signed_prekey_id,
        published.signed_prekey,
        published.signed_prekey_signature,
    );
    NodeBuilder::new("keys")
        .children([
            NodeBuilder::new("type").bytes(vec![5]).build(),
            NodeBuilder::new("identity").bytes(published.identity).build(),
            one_time.into_node(),
            signed.into_node(),
        ])
        .build()
}

/// A device could not decrypt what the phone sent: encrypt it again in a fresh session and send it to that device alone.
pub(super) async fn answer(
    server: &Arc<Server>,
    account: &Arc<Account>,
    peer: &Arc<Account>,
    device: u16,
    receipt: &Node,
) -> Result<()> {
    let Some(sent) = account.phone.inbox().sent(&attr_or_empty(receipt, "id")) else { return Ok(()) };
    let count = receipt.get_optional_child("retry").and_then(|retry| attr(retry, "count"));
    let attempt = count.and_then(|count| count.parse::<u32>().ok()).unwrap_or(1);
    if !(1..=MOST_ATTEMPTS).contains(&attempt) {
        return Ok(());
    }
    if let Ok(chat) = sent.to.parse::<Jid>()
        && fanout::is_shared(&chat)
    {
        if let Some(node) = group::again(server, account, &chat, &sent, peer, device, attempt).await? {
            server.stats.retried();
            delivery::deliver(peer, device, node);
        }
        return Ok(());
    }
    let mut cipher = account.phone.cipher.lock().await;
    if let Some((peer, device, node)) =
        envelope(server, account, &mut cipher, &sent, peer, device, attempt).await?
    {
        server.stats.retried();
        delivery::deliver(&peer, device, node);
    }
    Ok(())
}
