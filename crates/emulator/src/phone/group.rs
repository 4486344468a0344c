//! The phone writes to many: encrypted once under its key of the chat, which every device is given that lacks it.

use std::sync::Arc;

use anyhow::Result;
use whatsapp_rust::Jid;
use whatsapp_rust::buffa::MessageField;
use whatsapp_rust::wacore::messages::{MessageUtils, wrap_device_sent};
use whatsapp_rust::wacore::send::{media_type_from_message, stanza_type_from_message};
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;
use whatsapp_rust::waproto::whatsapp as wa;

use super::cipher::{Cipher, Sealed};
use super::send::SentMessage;
use crate::account::Account;
use crate::server::Server;
use crate::{delivery, fanout, prekeys};

/// Sends a message to every device of a chat of many.
pub(crate) async fn send_to_many(
    server: &Arc<Server>,
    account: &Arc<Account>,
    chat: &Jid,
    id: String,
    message: wa::Message,
    audience: &[(Arc<Account>, u16)],
) -> Result<()> {
    let sent = SentMessage { id, to: chat.to_string(), message, at: server.seconds(), is_peer: false };
    account.phone.inbox().keep_sent(sent.clone());
    let devices: Vec<&(Arc<Account>, u16)> =
        audience.iter().filter(|(peer, device)| peer.number != account.number || *device != 0).collect();
    // Held from the first encryption to the last hand-over: two sends never overtake each other.
    let mut cipher = account.phone.cipher.lock().await;
    let all: Vec<(String, u16)> =
        devices.iter().map(|(peer, device)| (peer.number.clone(), *device)).collect();
    cipher.begin_group_send(&sent.to, &all);
    let key = key_message(&mut cipher, account, &sent.to).await?;
    let mut own = Vec::new();
    for (peer, device) in devices.iter().copied() {
        let lacks_key = cipher.lacks_group_key(&sent.to, &peer.number, *device);
        own.push(if lacks_key { seal(&mut cipher, peer, *device, &key, 0).await? } else { None });
    }
    let padded = MessageUtils::encode_and_pad(&sent.message);
    let for_all = cipher.seal_for_group(&sent.to, &account.number, &padded).await?;
    for ((peer, device), own) in devices.into_iter().zip(own) {
        let ciphertexts = own.into_iter().chain([for_all.clone()]).map(|sealed| enc(&sent, sealed, 0));
        delivery::deliver(peer, *device, stanza(server, account, chat, &sent, ciphertexts.collect()));
    }
    drop(cipher);
    server.stats.message();
    Ok(())
}

/// The message again for one device that asked for it, with the key of the chat; `None` when that device went away.
pub(super) async fn again(
    server: &Arc<Server>,
    account: &Arc<Account>,
    chat: &Jid,
    sent: &SentMessage,
    peer: &Arc<Account>,
    device: u16,
    attempt: u32,
) -> Result<Option<Node>> {
    let mut cipher = account.phone.cipher.lock().await;
    let mut message = key_message(&mut cipher, account, &sent.to).await?;
    let key = std::mem::take(&mut message.sender_key_distribution_message);
    let mut message = sent.message.clone();
    message.sender_key_distribution_message = key;
    if peer.number == account.number {
        message = wrap_device_sent(message, sent.to.clone());
    }
    let sealed = seal(&mut cipher, peer, device, &message, attempt).await?;
    Ok(sealed.map(|sealed| stanza(server, account, chat, sent, vec![enc(sent, sealed, attempt)])))
}

/// The message that gives somebody the phone's key of a chat.
async fn key_message(cipher: &mut Cipher, account: &Account, chat: &str) -> Result<wa::Message> {
    let key = wa::message::SenderKeyDistributionMessage {
        group_id: Some(chat.to_owned()),
        axolotl_sender_key_distribution_message: Some(cipher.group_key(chat, &account.number).await?),
    };
    Ok(wa::Message { sender_key_distribution_message: MessageField::some(key), ..Default::default() })
}

async fn seal(
    cipher: &mut Cipher,
    peer: &Arc<Account>,
    device: u16,
    message: &wa::Message,
    attempt: u32,
) -> Result<Option<Sealed>> {
    if attempt > 0 || !cipher.has_session(&peer.number, device).await? {
        let Some(bundle) = prekeys::take_bundle(peer, device)? else { return Ok(None) };
        cipher.open_session(&peer.number, device, &bundle).await?;
    }
    cipher.seal(&peer.number, device, &MessageUtils::encode_and_pad(message)).await.map(Some)
}

fn enc(sent: &SentMessage, sealed: Sealed, attempt: u32) -> Node {
    let mut enc = NodeBuilder::new("enc").attr("v", "2").attr("type", sealed.kind);
    if attempt > 0 {
        enc = enc.attr("count", attempt);
    }
    if let Some(kind) = media_type_from_message(&sent.message) {
        enc = enc.attr("mediatype", kind);
    }
    enc.bytes(sealed.bytes).build()
}

fn stanza(
    server: &Server,
    account: &Account,
    chat: &Jid,
    sent: &SentMessage,
    ciphertexts: Vec<Node>,
) -> Node {
    fanout::heading(server, chat, account, 0)
        .attr("id", &sent.id)
        .attr("type", stanza_type_from_message(&sent.message))
        .children(ciphertexts)
        .build()
}
