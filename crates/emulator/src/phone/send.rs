//! The phone sends: encrypted for every device of the recipient and for the account's own companions.

use std::sync::Arc;

use anyhow::Result;
use whatsapp_rust::wacore::messages::{MessageUtils, wrap_device_sent};
use whatsapp_rust::wacore::send::{media_type_from_message, stanza_type_from_message};
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;
use whatsapp_rust::waproto::whatsapp as wa;

use super::cipher::{Cipher, Sealed};
use crate::account::Account;
use crate::server::Server;
use crate::{blocking, delivery, prekeys};

/// What the phone is about to send.
pub(crate) struct Outgoing {
    pub(crate) id: String,
    pub(crate) to: Arc<Account>,
    pub(crate) message: wa::Message,
}

/// A sent message, kept so that a device can ask for it again.
#[derive(Clone)]
pub(crate) struct SentMessage {
    pub(crate) id: String,
    /// The recipient's number; the account's own for a peer message.
    pub(crate) to: String,
    pub(crate) message: wa::Message,
    /// When, in seconds since 1970.
    pub(crate) at: i64,
    /// A message between devices of one account, such as a key share.
    pub(crate) is_peer: bool,
}

/// Sends a message to every device that should have it.
pub(crate) async fn send(server: &Arc<Server>, account: &Arc<Account>, outgoing: Outgoing) -> Result<()> {
    let Outgoing { id, to, message } = outgoing;
    let sent = SentMessage { id, to: to.number.clone(), message, at: server.seconds(), is_peer: false };
    account.phone.inbox().keep_sent(sent.clone());
    // The lock is held from the first encryption to the last hand-over: two sends never overtake each other.
    let mut cipher = account.phone.cipher.lock().await;
    let mut sealed = Vec::new();
    for (peer, device) in recipients(account, &to) {
        sealed.push(envelope(server, account, &mut cipher, &sent, &peer, device, 0).await?);
    }
    for (peer, device, node) in sealed.into_iter().flatten() {
        delivery::deliver(&peer, device, node);
    }
    server.stats.message();
    Ok(())
}

fn recipients(account: &Arc<Account>, to: &Arc<Account>) -> Vec<(Arc<Account>, u16)> {
    let mut devices = Vec::new();
    if to.number != account.number && !blocking::blocks(to, account) {
        devices.push((Arc::clone(to), 0));
        devices.extend(to.state().linked().map(|(device, _)| (Arc::clone(to), device)));
    }
    devices.extend(account.state().linked().map(|(device, _)| (Arc::clone(account), device)));
    devices
}

type Envelope = (Arc<Account>, u16, Node);

/// One device's stanza; `None` when the device went away meanwhile.
pub(super) async fn envelope(
    server: &Arc<Server>,
    account: &Arc<Account>,
    cipher: &mut Cipher,
    sent: &SentMessage,
    peer: &Arc<Account>,
    device: u16,
    attempt: u32,
) -> Result<Option<Envelope>> {
    let is_own = peer.number == account.number;
    let fresh = attempt > 0;
    if fresh || !cipher.has_session(&peer.number, device).await? {
        let Some(bundle) = prekeys::take_bundle(peer, device)? else { return Ok(None) };
        cipher.open_session(&peer.number, device, &bundle).await?;
    }
    let to = server.accounts.by_number(&sent.to);
    let message = match (&to, is_own && !sent.is_peer) {
        (Some(to), true) => wrap_device_sent(sent.message.clone(), to.lid_jid(0).to_string()),
        _ => sent.message.clone(),
    };
    let sealed = cipher.seal(&peer.number, device, &MessageUtils::encode_and_pad(&message)).await?;
    let stanza = stanza(server, account, sent, to.filter(|_| is_own).as_deref(), sealed, attempt);
    Ok(Some((Arc::clone(peer), device, stanza)))
}

fn stanza(
    server: &Server,
    account: &Account,
    sent: &SentMessage,
    own_copy_to: Option<&Account>,
    sealed: Sealed,
    attempt: u32,
) -> Node {
    let mut enc = NodeBuilder::new("enc").attr("v", "2").attr("type", sealed.kind);
    if attempt > 0 {
        enc = enc.attr("count", attempt);
    }
    if let Some(kind) = media_type_from_message(&sent.message) {
        enc = enc.attr("mediatype", kind);
    }
    let message = NodeBuilder::new("message")
        .attr("id", &sent.id)
        .attr("t", server.seconds())
        .attr("type", stanza_type_from_message(&sent.message))
        .attr("notify", account.state().name.clone())
        .children([enc.bytes(sealed.bytes).build()]);
    if sent.is_peer {
        return message.attr("from", account.number_jid(0)).attr("category", "peer").build();
    }
    let message = message.attr("from", account.lid_jid(0)).attr("addressing_mode", "lid");
    match own_copy_to {
        Some(to) => {
            message.attr("recipient", to.lid_jid(0)).attr("peer_recipient_pn", to.number_jid(0)).build()
        }
        None => message.attr("sender_pn", account.number_jid(0)).build(),
    }
}
