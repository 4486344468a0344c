//! History: what a phone tells a new companion of its chats, and what one asks for later.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::sync::Arc;

use anyhow::Result;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use whatsapp_rust::Jid;
use whatsapp_rust::buffa::{Message as _, MessageField};
use whatsapp_rust::wacore::download::MediaType;
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::waproto::whatsapp::history_sync::HistorySyncType as Chunk;
use whatsapp_rust::waproto::whatsapp::message::HistorySyncType;
use whatsapp_rust::waproto::whatsapp::message::peer_data_operation_request_message::HistorySyncOnDemandRequest;
use whatsapp_rust::waproto::whatsapp::message::protocol_message::Type;

use super::{attachment, peer};
use crate::account::Account;
use crate::chat::Chat;
use crate::server::Server;

/// Messages of one chunk.
const CHUNK: usize = 500;
/// Messages that one request gets at most.
const MOST_ON_DEMAND: usize = 500;
/// The longest chunk that goes with its notification; longer ones are files on the media host. Compressed, in bytes.
const LONGEST_INLINE: usize = 16 * 1024;

/// A message of the phone's past.
#[derive(Clone)]
pub(crate) struct Past {
    /// The other's number, or the address of a group.
    pub(crate) chat: String,
    /// Who wrote it, by number.
    pub(crate) author: String,
    pub(crate) id: String,
    /// In seconds since 1970.
    pub(crate) at: i64,
    pub(crate) message: wa::Message,
}

/// Hands the history over to a new companion: each chat with its newest message, the names, then everything.
pub(crate) async fn hand_over(server: &Arc<Server>, account: &Arc<Account>, device: u16) -> Result<()> {
    let Some(past) = account.phone.inbox().history(&account.number) else { return Ok(()) };
    let newest: BTreeMap<&str, &Past> = past.iter().map(|message| (message.chat.as_str(), message)).collect();
    let newest: Vec<Past> = newest.into_values().cloned().collect();
    let bootstrap = wa::HistorySync {
        sync_type: Chunk::INITIAL_BOOTSTRAP,
        conversations: conversations(server, account, &newest),
        phone_number_to_lid_mappings: mappings(server, &past),
        progress: Some(0),
        ..Default::default()
    };
    send(server, account, device, HistorySyncType::INITIAL_BOOTSTRAP, 1, None, &bootstrap).await?;
    let names = wa::HistorySync {
        sync_type: Chunk::PUSH_NAME,
        pushnames: names(server, account, &past),
        progress: Some(100),
        ..Default::default()
    };
    send(server, account, device, HistorySyncType::PUSH_NAME, 1, None, &names).await?;
    let chunks: Vec<&[Past]> = if past.is_empty() { vec![&[]] } else { past.chunks(CHUNK).collect() };
    let count = u32::try_from(chunks.len()).unwrap_or(u32::MAX);
    for (order, chunk) in (1..=count).zip(chunks) {
        let recent = wa::HistorySync {
            sync_type: Chunk::RECENT,
            conversations: conversations(server, account, chunk),
            chunk_order: Some(order),
            progress: Some(order.saturating_mul(100) / count),
            ..Default::default()
        };
        send(server, account, device, HistorySyncType::RECENT, order, None, &recent).await?;
    }
    Ok(())
}

/// A companion wants what is older than a message of a chat.
pub(super) async fn answer(
    server: &Arc<Server>,
    account: &Arc<Account>,
    device: u16,
    request: &str,
    asked: &HistorySyncOnDemandRequest,
) -> Result<()> {
    let chat = asked.chat_jid.as_deref().and_then(|jid| peer::chat_of(server, jid)).unwrap_or_default();
    let past = account.phone.inbox().history(&account.number).unwrap_or_default();
    let of_chat = past.into_iter().filter(|message| message.chat == chat);
    let older = of_chat.take_while(|message| Some(&message.id) != asked.oldest_msg_id.as_ref());
    let mut older: Vec<Past> = older.collect();
    let count = asked.on_demand_msg_count.and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
    let from = older.len().saturating_sub(count.min(MOST_ON_DEMAND));
    let older = older.split_off(from);
    let history = wa::HistorySync {
        sync_type: Chunk::ON_DEMAND,
        conversations: conversations(server, account, &older),
        chunk_order: Some(1),
        progress: Some(100),
        ..Default::default()
    };
    send(server, account, device, HistorySyncType::ON_DEMAND, 1, Some(request), &history).await
}

/// Sends one chunk: small ones within the notification, others as a file.
async fn send(
    server: &Arc<Server>,
    account: &Arc<Account>,
    device: u16,
    kind: HistorySyncType,
    order: u32,
    request: Option<&str>,
    history: &wa::HistorySync,
) -> Result<()> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&history.encode_to_vec())?;
    let packed = encoder.finish()?;
    let mut notification = wa::message::HistorySyncNotification {
        sync_type: Some(kind),
        chunk_order: Some(order),
        progress: history.progress,
        peer_data_request_session_id: request.map(str::to_owned),
        ..Default::default()
    };
    if kind == HistorySyncType::INITIAL_BOOTSTRAP && packed.len() <= LONGEST_INLINE {
        notification.initial_hist_bootstrap_inline_payload = Some(packed);
    } else {
        let uploaded = attachment::seal(&server.media, &packed, MediaType::History)?;
        notification.file_length = u64::try_from(packed.len()).ok();
        notification.direct_path = Some(uploaded.direct_path);
        notification.media_key = Some(uploaded.media_key);
        notification.file_sha256 = Some(uploaded.file_sha256);
        notification.file_enc_sha256 = Some(uploaded.file_enc_sha256);
    }
    let protocol = wa::message::ProtocolMessage {
        r#type: Some(Type::HISTORY_SYNC_NOTIFICATION),
        history_sync_notification: MessageField::some(notification),
        ..Default::default()
    };
    peer::send(server, account, device, protocol).await
}

/// The address of a chat of the phone.
fn address(server: &Server, chat: &str) -> Option<Jid> {
    Chat::find(server, chat).ok().map(|chat| chat.jid())
}

/// Messages by chat, newest first in each, as companions get them.
fn conversations(server: &Server, account: &Account, past: &[Past]) -> Vec<wa::Conversation> {
    let mut chats: BTreeMap<&str, Vec<&Past>> = BTreeMap::new();
    for message in past {
        chats.entry(&message.chat).or_default().push(message);
    }
    let conversations = chats.into_iter().filter_map(|(chat, messages)| {
        let jid = address(server, chat)?;
        let other = server.accounts.by_jid(&jid);
        let newest = messages.last().and_then(|message| u64::try_from(message.at).ok());
        let name = match (&other, server.groups.find(&jid.user)) {
            (Some(other), _) => other.state().name.clone(),
            (None, Some(group)) => group.state().subject.text.clone(),
            (None, None) => String::new(),
        };
        let messages = messages.iter().rev().zip((1..=u64::MAX).rev());
        let messages = messages.map(|(message, order)| wa::HistorySyncMsg {
            message: MessageField::some(web_message(server, account, &jid, message)),
            msg_order_id: Some(order),
        });
        Some(wa::Conversation {
            id: jid.to_string(),
            messages: messages.collect(),
            conversation_timestamp: newest,
            last_msg_timestamp: newest,
            name: Some(name).filter(|name| !name.is_empty()),
            pn_jid: other.as_ref().map(|other| other.number_jid(0).to_string()),
            ..Default::default()
        })
    });
    conversations.collect()
}

fn web_message(server: &Server, account: &Account, chat: &Jid, past: &Past) -> wa::WebMessageInfo {
    let is_own = past.author == account.number;
    let author = server.accounts.by_number(&past.author);
    let in_group = server.accounts.by_jid(chat).is_none();
    let participant = author.as_ref().filter(|_| in_group).map(|author| author.lid_jid(0).to_string());
    let key = wa::MessageKey {
        remote_jid: Some(chat.to_string()),
        from_me: Some(is_own),
        id: Some(past.id.clone()),
        participant: participant.clone(),
    };
    wa::WebMessageInfo {
        key: MessageField::some(key),
        message: MessageField::some(past.message.clone()),
        message_timestamp: u64::try_from(past.at).ok(),
        participant,
        push_name: author.filter(|_| !is_own).map(|author| author.state().name.clone()),
        ..Default::default()
    }
}

/// Everybody that the phone wrote with.
fn others(server: &Server, past: &[Past]) -> Vec<Arc<Account>> {
    let numbers: BTreeSet<&str> =
        past.iter().flat_map(|message| [message.chat.as_str(), message.author.as_str()]).collect();
    numbers.into_iter().filter_map(|number| server.accounts.by_number(number)).collect()
}

fn names(server: &Server, account: &Account, past: &[Past]) -> Vec<wa::Pushname> {
    let others = others(server, past).into_iter().filter(|other| other.number != account.number);
    let names = others.map(|other| wa::Pushname {
        id: Some(other.lid_jid(0).to_string()),
        pushname: Some(other.state().name.clone()),
    });
    names.collect()
}

fn mappings(server: &Server, past: &[Past]) -> Vec<wa::PhoneNumberToLIDMapping> {
    let mappings = others(server, past).into_iter().map(|other| wa::PhoneNumberToLIDMapping {
        pn_jid: Some(other.number_jid(0).to_string()),
        lid_jid: Some(other.lid_jid(0).to_string()),
    });
    mappings.collect()
}
