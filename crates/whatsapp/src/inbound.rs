//! What arrived, as outbox entries.

use blazz_domain::jid::JidKind;
use blazz_domain::{ProviderMessageId, ReceiptKind, SessionEvent, SessionMessage, SessionReceipt, Timestamp};
use whatsapp_rust::Client;
use whatsapp_rust::Jid as EngineJid;
use whatsapp_rust::prelude::InboundMessage;
use whatsapp_rust::types::events::Receipt;
use whatsapp_rust::types::presence::ReceiptType;

use crate::address::{address, address_at_once, jid};
use crate::content::content;

/// The longest message id that is taken; WhatsApp's own have at most 32 characters.
const MAX_ID_BYTES: usize = 128;
/// The most characters that are kept of the name somebody shows.
const MAX_PUSH_NAME_CHARS: usize = 100;
/// The most message ids in one receipt entry.
const MAX_RECEIPT_IDS: usize = 1000;

/// A message as an outbox entry; `None` for what is not a chat message, or not of a chat that we keep.
pub(crate) async fn message(client: &Client, inbound: &InboundMessage) -> Option<SessionEvent> {
    let info = &inbound.info;
    let source = &info.source;
    let content = content(&inbound.message)?;
    if !is_kept(&source.chat) || !is_good_id(&info.id) {
        return None;
    }
    // What came through a broadcast list is a message from its sender.
    let is_broadcast = jid(&source.chat)?.kind() == JidKind::Broadcast;
    let (chat, chat_alt) = match source.is_from_me {
        true => (&source.chat, [source.recipient_alt.as_ref(), info.peer_recipient_pn.as_ref()]),
        false if is_broadcast => (&source.sender, [source.sender_alt.as_ref(), None]),
        false if source.is_group => (&source.chat, [None, None]),
        false => (&source.chat, [source.sender_alt.as_ref(), None]),
    };
    Some(SessionEvent::Message(SessionMessage {
        chat: address(client, chat, &chat_alt).await?,
        sender: address(client, &source.sender, &[source.sender_alt.as_ref()]).await?,
        from_me: source.is_from_me,
        id: ProviderMessageId(info.id.clone()),
        push_name: push_name(&info.push_name),
        content,
        sent_at: Timestamp::from_unix_seconds(info.timestamp.timestamp())?,
    }))
}

/// A receipt for messages that the account sent, as outbox entries; empty for every other kind.
pub(crate) fn receipts(client: &Client, receipt: &Receipt) -> Vec<SessionEvent> {
    let Some(kind) = receipt_kind(&receipt.r#type) else { return Vec::new() };
    let source = &receipt.source;
    if source.is_from_me || !is_kept(&source.chat) {
        return Vec::new();
    }
    let chat_alt = if source.is_group { None } else { source.sender_alt.as_ref() };
    let (Some(chat), Some(sender), Some(at)) = (
        address_at_once(client, &source.chat, &[chat_alt]),
        address_at_once(client, &source.sender, &[source.sender_alt.as_ref()]),
        Timestamp::from_unix_seconds(receipt.timestamp.timestamp()),
    ) else {
        return Vec::new();
    };
    let ids: Vec<_> =
        receipt.message_ids.iter().filter(|id| is_good_id(id)).cloned().map(ProviderMessageId).collect();
    let entries = ids.chunks(MAX_RECEIPT_IDS).map(|ids| {
        SessionEvent::Receipt(SessionReceipt {
            chat: chat.clone(),
            sender: sender.clone(),
            ids: ids.to_vec(),
            kind,
            at,
        })
    });
    entries.collect()
}

/// Status updates and channels are not conversations.
fn is_kept(chat: &EngineJid) -> bool {
    let Some(chat) = jid(chat) else { return false };
    match chat.kind() {
        JidKind::Phone | JidKind::Lid | JidKind::Group => true,
        JidKind::Broadcast => chat.user() != "status",
        JidKind::Newsletter | JidKind::Other => false,
    }
}

fn is_good_id(id: &str) -> bool {
    let is_good = (1..=MAX_ID_BYTES).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_good {
        tracing::warn!(message.id_bytes = id.len(), "a message id that WhatsApp never gives is ignored");
    }
    is_good
}

fn push_name(name: &str) -> Option<String> {
    (!name.is_empty()).then(|| name.chars().take(MAX_PUSH_NAME_CHARS).collect())
}

fn receipt_kind(kind: &ReceiptType) -> Option<ReceiptKind> {
    match kind {
        ReceiptType::Delivered => Some(ReceiptKind::Delivered),
        ReceiptType::Read => Some(ReceiptKind::Read),
        ReceiptType::Played => Some(ReceiptKind::Played),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_updates_and_channels_are_dropped_at_the_edge() {
        let kept = |text: &str| is_kept(&text.parse().unwrap());
        assert!(kept("15550000001@s.whatsapp.net") && kept("911@lid") && kept("120363@g.us"));
        assert!(kept("12345@broadcast"));
        assert!(!kept("status@broadcast") && !kept("120363@newsletter"));
    }

    #[test]
    fn ids_and_names_have_limits() {
        assert!(is_good_id("3EB0AA") && !is_good_id("") && !is_good_id("a b"));
        assert!(!is_good_id(&"A".repeat(MAX_ID_BYTES + 1)));
        assert_eq!(push_name(""), None);
        assert_eq!(push_name(&"ä".repeat(200)).unwrap().chars().count(), MAX_PUSH_NAME_CHARS);
    }
}
