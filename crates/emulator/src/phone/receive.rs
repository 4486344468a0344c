//! The phone reads its mail: messages are decrypted, counted and confirmed; receipts are kept; retries are answered.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context as _, Result};
use blazz_domain::Timestamp;
use whatsapp_rust::Jid;
use whatsapp_rust::buffa::Message as _;
use whatsapp_rust::wacore::messages::{decode_plaintext, unwrap_device_sent};
use whatsapp_rust::wacore_binary::node::Node;
use whatsapp_rust::waproto::whatsapp as wa;

use super::cipher::Opened;
use super::inbox::{PhoneMessage, PhoneReceipt, PhoneSignal, Times, raw};
use super::{details, peer, receipts, retry};
use crate::account::Account;
use crate::fanout;
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
    let Ok(Envelope { sender: from, chat, .. }) = Envelope::read(server, node) else { return };
    let state = match children(node).first() {
        Some(child) if attr(child, "media").as_deref() == Some("audio") => "recording".to_owned(),
        Some(child) => child.tag.to_string(),
        None => attr_or_empty(node, "type"),
    };
    let last_seen = attr(node, "last").and_then(|seconds| seconds.parse().ok());
    account.phone.inbox().keep_signal(PhoneSignal {
        from: from.number.clone(),
        group: chat.map(|chat| chat.to_string()),
        state,
        last_seen: last_seen.and_then(Timestamp::from_unix_seconds),
        at: server.now(),
    });
}

async fn message(server: &Arc<Server>, account: &Arc<Account>, node: &Node) -> Result<()> {
    let envelope = Envelope::read(server, node)?;
    let opened = open_all(account, &envelope, node).await?;
    if let Some(message) = opened.message {
        return take(server, account, node, &envelope, message).await;
    }
    if let Some(error) = opened.failure {
        tracing::debug!("a phone asks for a message again: {error:#}");
        server.stats.phone_retry();
        retry::ask(server, account, &envelope, node).await;
    } else if opened.is_duplicate {
        let id = attr_or_empty(node, "id");
        account.phone.inbox().arrived_again(&envelope.sender.number, &id);
        confirm(server, account, &envelope, &id);
    }
    Ok(())
}

/// Who sent a message, and into which chat of many, if into one.
pub(super) struct Envelope {
    pub(super) sender: Arc<Account>,
    /// The sending device, in the addressing of the stanza.
    pub(super) from: Jid,
    pub(super) chat: Option<Jid>,
}

impl Envelope {
    fn read(server: &Server, node: &Node) -> Result<Self> {
        let from = jid_attr(node, "from").context("no sender")?;
        let (chat, from) = match fanout::is_shared(&from) {
            true => (Some(from), jid_attr(node, "participant").context("no participant")?),
            false => (None, from),
        };
        let sender = server.accounts.by_jid(&from).context("the sender has no account")?;
        Ok(Self { sender, from, chat })
    }
}

/// What came of the ciphertexts of one message.
#[derive(Default)]
struct OpenedAll {
    /// What it says, beside a key for the chat.
    message: Option<wa::Message>,
    is_duplicate: bool,
    failure: Option<anyhow::Error>,
}

async fn open_all(account: &Account, envelope: &Envelope, node: &Node) -> Result<OpenedAll> {
    let Envelope { sender, from, chat } = envelope;
    let chat = chat.as_ref().map(Jid::to_string);
    let mut cipher = account.phone.cipher.lock().await;
    let mut all = OpenedAll::default();
    for enc in children(node).iter().filter(|child| child.tag == "enc") {
        let kind = attr_or_empty(enc, "type");
        let opened = match (&chat, kind.as_str()) {
            (Some(chat), "skmsg") => {
                cipher.open_from_group(chat, &sender.number, from.device, &bytes(enc)).await
            }
            _ => cipher.open(&sender.number, from.device, &kind, &bytes(enc)).await,
        };
        let padded = match opened {
            Ok(Opened::Plain(padded)) => padded,
            Ok(Opened::Duplicate) => {
                all.is_duplicate = true;
                continue;
            }
            Err(error) => {
                all.failure = Some(error);
                continue;
            }
        };
        let mut message = unwrap_device_sent(decode_plaintext(&padded, 2)?);
        let key = std::mem::take(&mut message.sender_key_distribution_message);
        if let (Some(chat), Some(key)) = (&chat, key.into_option()) {
            let key = key.axolotl_sender_key_distribution_message.unwrap_or_default();
            cipher.take_group_key(chat, &sender.number, from.device, &key).await?;
        }
        if says_something(&message) {
            all.message = Some(message);
        }
    }
    Ok(all)
}

/// Is there more in a message than keys and their context?
fn says_something(message: &wa::Message) -> bool {
    let without_context = wa::Message { message_context_info: Default::default(), ..message.clone() };
    !without_context.encode_to_vec().is_empty()
}

async fn take(
    server: &Arc<Server>,
    account: &Arc<Account>,
    node: &Node,
    envelope: &Envelope,
    message: wa::Message,
) -> Result<()> {
    let Envelope { sender, from, chat } = envelope;
    if attr(node, "category").as_deref() == Some("peer") {
        return peer::answer(server, account, from.device, &attr_or_empty(node, "id"), &message).await;
    }
    let group = chat.as_ref().map(Jid::to_string);
    let to = match jid_attr(node, "recipient").and_then(|jid| server.accounts.by_jid(&jid)) {
        _ if group.is_some() => group.clone().unwrap_or_default(),
        Some(recipient) if sender.number == account.number => recipient.number.clone(),
        _ => account.number.clone(),
    };
    let (kind, body) = details::describe(&message);
    let id = attr_or_empty(node, "id");
    account.phone.inbox().keep(PhoneMessage {
        id: id.clone(),
        from: sender.number.clone(),
        from_device: from.device,
        to,
        group,
        kind: kind.to_owned(),
        body,
        reply_to: details::reply_to(&message),
        reaction: details::reaction(&message),
        media: details::media(&message),
        times: Times { sent_at: sent_at(server, node), received_at: server.now() },
        arrivals: 1,
        raw: raw(&message),
    });
    confirm(server, account, envelope, &id);
    Ok(())
}

fn sent_at(server: &Server, node: &Node) -> Timestamp {
    let seconds = attr(node, "t").and_then(|seconds| seconds.parse().ok());
    seconds.and_then(Timestamp::from_unix_seconds).unwrap_or_else(|| server.now())
}

/// The delivery receipt that a phone sends by itself, unless the script wants silence.
fn confirm(server: &Arc<Server>, account: &Arc<Account>, envelope: &Envelope, id: &str) {
    let is_own = envelope.sender.number == account.number;
    if !is_own && account.phone.confirms_delivery.load(Ordering::Relaxed) {
        receipts::send_delivered(server, account, envelope, id);
    }
}

async fn receipt(server: &Arc<Server>, account: &Arc<Account>, node: &Node) -> Result<()> {
    let Envelope { sender: peer, from, chat } = Envelope::read(server, node)?;
    let kind = attr(node, "type").unwrap_or_else(|| "delivered".to_owned());
    if kind == "retry" {
        return retry::answer(server, account, &peer, from.device, node).await;
    }
    let mut ids = vec![attr_or_empty(node, "id")];
    ids.extend(
        node.get_optional_child("list").into_iter().flat_map(children).filter_map(|item| attr(item, "id")),
    );
    let at = server.now();
    let group = chat.map(|chat| chat.to_string());
    let mut inbox = account.phone.inbox();
    for id in ids {
        inbox.keep_receipt(PhoneReceipt {
            id,
            from: peer.number.clone(),
            from_device: from.device,
            group: group.clone(),
            kind: kind.clone(),
            at,
        });
    }
    Ok(())
}
