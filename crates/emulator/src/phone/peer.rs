//! What the phone and its companions tell each other out of everybody's sight.

use std::sync::Arc;

use anyhow::Result;
use whatsapp_rust::buffa::{Message as _, MessageField};
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::waproto::whatsapp::message::PeerDataOperationRequestType as Operation;
use whatsapp_rust::waproto::whatsapp::message::peer_data_operation_request_response_message as response;
use whatsapp_rust::waproto::whatsapp::message::protocol_message::Type;

use super::send::{SentMessage, envelope};
use super::{history, key_share};
use crate::account::Account;
use crate::chat::Chat;
use crate::server::Server;
use crate::{delivery, entropy};

/// Messages that one request may ask for.
const MOST_ASKED: usize = 100;

/// Sends a peer message to a companion.
pub(super) async fn send(
    server: &Arc<Server>,
    account: &Arc<Account>,
    device: u16,
    protocol: wa::message::ProtocolMessage,
) -> Result<()> {
    let message = wa::Message { protocol_message: MessageField::some(protocol), ..Default::default() };
    let id = format!("3A{}", entropy::hexadecimal::<9>());
    let at = server.seconds();
    let sent = SentMessage { id, to: account.number.clone(), message, at, is_peer: true };
    account.phone.inbox().keep_sent(sent.clone());
    let mut cipher = account.phone.cipher.lock().await;
    if let Some((peer, device, node)) =
        envelope(server, account, &mut cipher, &sent, account, device, 0).await?
    {
        delivery::deliver(&peer, device, node);
    }
    Ok(())
}

/// A companion's peer message: keys and messages that it asks for are sent, anything else is counted as unanswered.
pub(super) async fn answer(
    server: &Arc<Server>,
    account: &Arc<Account>,
    device: u16,
    id: &str,
    message: &wa::Message,
) -> Result<()> {
    let Some(protocol) = message.protocol_message.as_option() else { return Ok(()) };
    match protocol.r#type {
        Some(Type::APP_STATE_SYNC_KEY_REQUEST) => key_share::share_keys(server, account, device).await,
        Some(Type::PEER_DATA_OPERATION_REQUEST_MESSAGE) => {
            match protocol.peer_data_operation_request_message.as_option() {
                Some(request) => answer_operation(server, account, device, id, request).await,
                None => Ok(()),
            }
        }
        other => {
            let kind = other.map_or_else(|| "unknown".to_owned(), |kind| format!("{kind:?}"));
            server.stats.unanswered(&format!("peer message {kind}"));
            Ok(())
        }
    }
}

async fn answer_operation(
    server: &Arc<Server>,
    account: &Arc<Account>,
    device: u16,
    id: &str,
    request: &wa::message::PeerDataOperationRequestMessage,
) -> Result<()> {
    if request.peer_data_operation_request_type == Some(Operation::HISTORY_SYNC_ON_DEMAND)
        && let Some(asked) = request.history_sync_on_demand_request.as_option()
    {
        return history::answer(server, account, device, id, asked).await;
    }
    if request.peer_data_operation_request_type != Some(Operation::PLACEHOLDER_MESSAGE_RESEND) {
        let kind = request.peer_data_operation_request_type;
        server.stats.unanswered(&format!("peer operation {kind:?}"));
        return Ok(());
    }
    let asked = request.placeholder_message_resend_request.iter().take(MOST_ASKED);
    let found = asked.filter_map(|asked| asked.message_key.as_option()).map(|key| {
        let message = known(server, account, key);
        let resend = response::peer_data_operation_result::PlaceholderMessageResendResponse {
            web_message_info_bytes: message.map(|message| message.encode_to_vec()),
        };
        response::PeerDataOperationResult {
            placeholder_message_resend_response: MessageField::some(resend),
            ..Default::default()
        }
    });
    let answer = wa::message::PeerDataOperationRequestResponseMessage {
        peer_data_operation_request_type: request.peer_data_operation_request_type,
        stanza_id: Some(id.to_owned()),
        peer_data_operation_result: found.collect(),
    };
    let protocol = wa::message::ProtocolMessage {
        r#type: Some(Type::PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE),
        peer_data_operation_request_response_message: MessageField::some(answer),
        ..Default::default()
    };
    send(server, account, device, protocol).await
}

/// What the phone keeps the messages of a chat under, by the address that a companion knows it by.
pub(super) fn chat_of(server: &Server, jid: &str) -> Option<String> {
    match jid.parse().ok().and_then(|jid| server.accounts.by_jid(&jid)) {
        Some(account) => Some(account.number.clone()),
        None => Some(Chat::find(server, jid).ok()?.key()),
    }
}

/// A message of the phone, as a companion that could not read it wants it; `None` when the phone has not read it either.
fn known(server: &Server, account: &Account, key: &wa::MessageKey) -> Option<wa::WebMessageInfo> {
    let chat = chat_of(server, key.remote_jid.as_deref()?)?;
    let known = account.phone.inbox().known(&account.number, &chat, key.id.as_deref()?)?;
    Some(wa::WebMessageInfo {
        key: MessageField::some(key.clone()),
        message: MessageField::some(known.message),
        message_timestamp: u64::try_from(server.seconds()).ok(),
        ..Default::default()
    })
}
