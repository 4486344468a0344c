//! What arrived, as outbox entries.

use blazz_domain::jid::JidKind;
use blazz_domain::{
    Address, Clock, MessageContent, ProviderMessageId, Quote, ReceiptKind, SessionEvent, SessionMessage,
    SessionReceipt, Timestamp,
};
use whatsapp_rust::Client;
use whatsapp_rust::Jid as EngineJid;
use whatsapp_rust::prelude::{InboundMessage, MessageExt as _};
use whatsapp_rust::types::events::Receipt;
use whatsapp_rust::types::presence::ReceiptType;

use crate::address::{address, address_at_once, jid};
use crate::content::{self, content, quote};
use crate::media::{MediaRecord, found_file};

/// The most characters that are kept of the name somebody shows.
const MAX_PUSH_NAME_CHARS: usize = 100;
/// The most message ids in one receipt entry.
const MAX_RECEIPT_IDS: usize = 1000;

/// A message as an outbox entry, and what it takes to fetch its file, with the name of that.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) event: SessionEvent,
    pub(crate) file: Option<(String, MediaRecord)>,
}

/// A message as it arrived; `None` for what is not a chat message, or not of a chat that we keep.
pub(crate) async fn message(client: &Client, inbound: &InboundMessage, clock: &dyn Clock) -> Option<Arrived> {
    let draft = draft(inbound)?;
    let (chat, sender) = (draft.chat, draft.sender);
    let chat = address(client, chat.0, &chat.1).await;
    let sender = address(client, sender.0, &sender.1).await;
    entry(inbound, draft.said, chat, sender, clock)
}

/// The same without waiting, from what is known of the addresses by now.
pub(crate) fn message_at_once(
    client: &Client,
    inbound: &InboundMessage,
    clock: &dyn Clock,
) -> Option<Arrived> {
    let draft = draft(inbound)?;
    let (chat, sender) = (draft.chat, draft.sender);
    let chat = address_at_once(client, chat.0, &chat.1);
    let sender = address_at_once(client, sender.0, &sender.1);
    entry(inbound, draft.said, chat, sender, clock)
}

/// An address in a stanza, and what stands beside it.
type Named<'a> = (&'a EngineJid, [Option<&'a EngineJid>; 2]);

/// What a message says, and what it answers.
type Said = (MessageContent, Option<Quote>);

/// A chat message that we keep, before its addresses are completed.
struct Draft<'a> {
    said: Said,
    chat: Named<'a>,
    sender: Named<'a>,
}

fn draft(inbound: &InboundMessage) -> Option<Draft<'_>> {
    let info = &inbound.info;
    let source = &info.source;
    let said = (content(&inbound.message)?, quote(&inbound.message));
    if !is_kept(&source.chat) || !is_good_id(&info.id) {
        return None;
    }
    // What came through a broadcast list is a message from its sender.
    let is_broadcast = jid(&source.chat)?.kind() == JidKind::Broadcast;
    let sender = (&source.sender, [source.sender_alt.as_ref(), None]);
    let chat = match source.is_from_me {
        true => (&source.chat, [source.recipient_alt.as_ref(), info.peer_recipient_pn.as_ref()]),
        false if is_broadcast => sender,
        false if source.is_group => (&source.chat, [None, None]),
        false => (&source.chat, [source.sender_alt.as_ref(), None]),
    };
    Some(Draft { said, chat, sender })
}

fn entry(
    inbound: &InboundMessage,
    (content, reply_to): Said,
    chat: Option<Address>,
    sender: Option<Address>,
    clock: &dyn Clock,
) -> Option<Arrived> {
    let info = &inbound.info;
    let sent_at = Timestamp::from_unix_seconds(info.timestamp.timestamp());
    let (Some(chat), Some(sender), Some(sent_at)) = (chat, sender, sent_at) else {
        tracing::warn!(message.id = %info.id, "a message with an address or a time that WhatsApp never gives is ignored");
        return None;
    };
    let file = record(inbound, &chat, &sender, clock);
    let event = SessionEvent::Message(SessionMessage {
        chat,
        sender,
        from_me: info.source.is_from_me,
        id: ProviderMessageId(info.id.clone()),
        push_name: push_name(&info.push_name),
        content,
        reply_to,
        sent_at,
    });
    Some(Arrived { event, file })
}

/// What it takes to fetch the file of a message, where it has one that can be fetched.
fn record(
    inbound: &InboundMessage,
    chat: &Address,
    sender: &Address,
    clock: &dyn Clock,
) -> Option<(String, MediaRecord)> {
    let found = found_file(inbound.message.get_base_message())?;
    let reference = found.reference?;
    let id = ProviderMessageId(inbound.info.id.clone());
    let key = MediaRecord::key(chat.jid.as_str(), sender.jid.as_str(), &id);
    let record = MediaRecord {
        id,
        from_me: inbound.info.source.is_from_me,
        kind: found.kind,
        mime_type: found.mime_type,
        filename: found.filename,
        sha256: found.sha256,
        size: found.size,
        received_at: clock.now(),
        direct_path: reference.direct_path.to_owned(),
        media_key: hex::encode(reference.media_key),
        file_enc_sha256: hex::encode(reference.file_enc_sha256),
    };
    Some((key, record))
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
    let is_good = content::is_good_id(id);
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
    use std::sync::Arc;

    use blazz_domain::SystemClock;
    use whatsapp_rust::prelude::{Bot, SqliteStore};
    use whatsapp_rust::transport::TokioWebSocketTransportFactory;
    use whatsapp_rust::types::message::{MessageInfo, MessageSource};
    use whatsapp_rust::waproto::whatsapp as wa;

    use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};

    struct NoHttp;

    #[async_trait::async_trait]
    impl HttpClient for NoHttp {
        async fn execute(&self, _: HttpRequest) -> anyhow::Result<HttpResponse> {
            anyhow::bail!("nothing is fetched here")
        }
    }
    use crate::tasks::Tasks;

    use super::*;

    /// A client over an empty store that never connects: whatever it is asked for lies on disk or nowhere.
    async fn offline_client(directory: &tempfile::TempDir) -> Arc<Client> {
        let path = directory.path().join("engine.db");
        let store = SqliteStore::new(path.to_str().unwrap()).await.unwrap();
        let bot = Bot::builder()
            .with_backend_arc(Arc::new(store))
            .with_transport_factory(TokioWebSocketTransportFactory::new().with_url("ws://127.0.0.1:9/"))
            .with_http_client(NoHttp)
            .with_runtime(Tasks::new())
            .with_version((2, 3000, 1))
            .build()
            .await
            .unwrap();
        bot.client()
    }

    fn text_from(sender: &str) -> InboundMessage {
        let sender: EngineJid = sender.parse().unwrap();
        let source = MessageSource { chat: sender.clone(), sender, ..MessageSource::default() };
        let info = MessageInfo { source, id: "3EB0AA".to_owned(), ..MessageInfo::default() };
        let message = wa::Message { conversation: Some("again".to_owned()), ..wa::Message::default() };
        InboundMessage::builder().message(Arc::new(message)).info(Arc::new(info)).build()
    }

    #[tokio::test]
    async fn a_message_is_kept_at_once_though_its_sender_has_to_be_looked_up() {
        let directory = tempfile::tempdir().unwrap();
        let client = offline_client(&directory).await;
        let arrived = message_at_once(&client, &text_from("911@lid"), &SystemClock).unwrap();
        let (SessionEvent::Message(message), None) = (arrived.event, arrived.file) else {
            panic!("no entry");
        };
        assert_eq!((message.id.0.as_str(), message.sender.jid.as_str()), ("3EB0AA", "911@lid"));
        assert_eq!(message.sender.phone, None);
    }

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
        assert!(!is_good_id(&"A".repeat(content::MAX_ID_BYTES + 1)));
        assert_eq!(push_name(""), None);
        assert_eq!(push_name(&"ä".repeat(200)).unwrap().chars().count(), MAX_PUSH_NAME_CHARS);
    }
}
