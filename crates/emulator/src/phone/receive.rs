//! The phone reads its mail: messages are decrypted, counted and confirmed; receipts are kept; retries are answered.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context as _, Result};
use blazz_domain::Timestamp;
use whatsapp_rust::Jid;
use whatsapp_rust::wacore::messages::{decode_plaintext, unwrap_device_sent};
use whatsapp_rust::wacore_binary::node::Node;
use whatsapp_rust::waproto::whatsapp as wa;

use super::cipher::Opened;
use super::inbox::{PhoneMessage, PhoneReceipt, PhoneSignal, Times, raw};
use super::{details, key_share, receipts, retry};
use crate::account::Account;
use crate::server::Server;
use crate::stanza::{attr, attr_or_empty, bytes, children, jid_attr};

pub(super) async fn stanza(server: &Arc<Server>, account: &Arc<Account>, node: &Node) -> Result<()> {
    match &*node.tag {
        "message" => message(server, account, node).await,
        "receipt" => receipt(server, account, node).await,
        "presence" | "chatstate" => {
            signal(server, account, node);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Presence or typing of somebody.
fn signal(server: &Server, account: &Account, node: &Node) {
    let Some(from) = jid_attr(node, "from").and_then(|from| server.accounts.by_jid(&from)) else { return };
    let state = match children(node).first() {
        Some(child) if attr(child, "media").as_deref() == Some("audio") => "recording".to_owned(),
        Some(child) => child.tag.to_string(),
        None => attr_or_empty(node, "type"),
    };
    let last_seen = attr(node, "last").and_then(|seconds| seconds.parse().ok());
    account.phone.inbox().keep_signal(PhoneSignal {
        from: from.number.clone(),
        state,
        last_seen: last_seen.and_then(Timestamp::from_unix_seconds),
        at: server.now(),
    });
}

async fn message(server: &Arc<Server>, account: &Arc<Account>, node: &Node) -> Result<()> {
    let from = jid_attr(node, "from").context("no sender")?;
    let sender = server.accounts.by_jid(&from).context("the sender has no account")?;
    let enc = node.get_optional_child("enc").context("no ciphertext")?;
    let kind = attr_or_empty(enc, "type");
    let opened =
        account.phone.cipher.lock().await.open(&sender.number, from.device, &kind, &bytes(enc)).await;
    let id = attr_or_empty(node, "id");
    match opened {
        Ok(Opened::Plain(padded)) => {
            let message = decode_plaintext(&padded, 2)?;
            take(server, account, node, &sender, &from, message).await
        }
        Ok(Opened::Duplicate) => {
            account.phone.inbox().arrived_again(&sender.number, &id);
            confirm(server, account, &sender, &from, &id);
            Ok(())
        }
        Err(error) => {
            tracing::debug!("a phone asks for a message again: {error:#}");
            server.stats.phone_retry();
            retry::ask(server, account, &sender, &from, node).await;
            Ok(())
        }
    }
}

async fn take(
    server: &Arc<Server>,
    account: &Arc<Account>,
    node: &Node,
    sender: &Arc<Account>,
    from: &Jid,
    message: wa::Message,
) -> Result<()> {
    if attr(node, "category").as_deref() == Some("peer") {
        return key_share::answer_request(server, account, from.device, &message).await;
    }
    let to = match jid_attr(node, "recipient").and_then(|jid| server.accounts.by_jid(&jid)) {
        Some(recipient) if sender.number == account.number => recipient.number.clone(),
        _ => account.number.clone(),
    };
    let message = unwrap_device_sent(message);
    let (kind, body) = details::describe(&message);
    let id = attr_or_empty(node, "id");
    account.phone.inbox().keep(PhoneMessage {
        id: id.clone(),
        from: sender.number.clone(),
        from_device: from.device,
        to,
        kind: kind.to_owned(),
        body,
        reply_to: details::reply_to(&message),
        reaction: details::reaction(&message),
        media: details::media(&message),
        times: Times { sent_at: sent_at(server, node), received_at: server.now() },
        arrivals: 1,
        raw: raw(&message),
    });
    confirm(server, account, sender, from, &id);
    Ok(())
}

fn sent_at(server: &Server, node: &Node) -> Timestamp {
    let seconds = attr(node, "t").and_then(|seconds| seconds.parse().ok());
    seconds.and_then(Timestamp::from_unix_seconds).unwrap_or_else(|| server.now())
}

/// The delivery receipt that a phone sends by itself, unless the script wants silence.
fn confirm(server: &Arc<Server>, account: &Arc<Account>, sender: &Arc<Account>, from: &Jid, id: &str) {
    if sender.number != account.number && account.phone.confirms_delivery.load(Ordering::Relaxed) {
        receipts::send_delivered(server, account, sender, from, id);
    }
}

async fn receipt(server: &Arc<Server>, account: &Arc<Account>, node: &Node) -> Result<()> {
    let from = jid_attr(node, "from").context("no sender")?;
    let peer = server.accounts.by_jid(&from).context("the sender has no account")?;
    let kind = attr(node, "type").unwrap_or_else(|| "delivered".to_owned());
    if kind == "retry" {
        return retry::answer(server, account, &peer, from.device, node).await;
    }
    let mut ids = vec![attr_or_empty(node, "id")];
    ids.extend(
        node.get_optional_child("list").into_iter().flat_map(children).filter_map(|item| attr(item, "id")),
    );
    let at = server.now();
    let mut inbox = account.phone.inbox();
    for id in ids {
        let (from, kind) = (peer.number.clone(), kind.clone());
        inbox.keep_receipt(PhoneReceipt { id, from, from_device: from_device(node), kind, at });
    }
    Ok(())
}

fn from_device(node: &Node) -> u16 {
    jid_attr(node, "from").map_or(0, |from| from.device)
}
