//! The app-state keys that a phone shares with its companions: after pairing, and when one asks.

use std::sync::Arc;

use anyhow::Result;
use whatsapp_rust::buffa::MessageField;
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::waproto::whatsapp::message::protocol_message::Type;

use super::send::{SentMessage, envelope};
use crate::account::Account;
use crate::server::Server;
use crate::{app_state, delivery, entropy};

/// Sends the account's app-state key to a companion.
pub(crate) async fn share_keys(server: &Arc<Server>, account: &Arc<Account>, device: u16) -> Result<()> {
    let sent = SentMessage {
        id: format!("3A{}", entropy::hexadecimal::<9>()),
        to: account.number.clone(),
        message: share(account, server.seconds()),
        is_peer: true,
    };
    account.phone.inbox().keep_sent(sent.clone());
    let mut cipher = account.phone.cipher.lock().await;
    if let Some((peer, device, node)) =
        envelope(server, account, &mut cipher, &sent, account, device, 0).await?
    {
        delivery::deliver(&peer, device, node);
    }
    Ok(())
}

/// A companion's peer message: a request for keys is answered, the rest needs no answer from a phone without history.
pub(super) async fn answer_request(
    server: &Arc<Server>,
    account: &Arc<Account>,
    device: u16,
    message: &wa::Message,
) -> Result<()> {
    let Some(protocol) = message.protocol_message.as_option() else { return Ok(()) };
    match protocol.r#type {
        Some(Type::APP_STATE_SYNC_KEY_REQUEST) => share_keys(server, account, device).await,
        other => {
            let kind = other.map_or_else(|| "unknown".to_owned(), |kind| format!("{kind:?}"));
            server.stats.unanswered(&format!("peer message {kind}"));
            Ok(())
        }
    }
}

fn share(account: &Account, now: i64) -> wa::Message {
    let key = app_state::key_of(account);
    let data = wa::message::AppStateSyncKeyData {
        key_data: Some(key.data.to_vec()),
        fingerprint: MessageField::some(wa::message::AppStateSyncKeyFingerprint {
            raw_id: Some(account.phone.keys.raw_id()),
            current_index: Some(0),
            device_indexes: vec![0],
        }),
        timestamp: Some(now),
    };
    let key = wa::message::AppStateSyncKey {
        key_id: MessageField::some(wa::message::AppStateSyncKeyId { key_id: Some(key.id.to_vec()) }),
        key_data: MessageField::some(data),
    };
    let protocol = wa::message::ProtocolMessage {
        r#type: Some(Type::APP_STATE_SYNC_KEY_SHARE),
        app_state_sync_key_share: MessageField::some(wa::message::AppStateSyncKeyShare { keys: vec![key] }),
        ..Default::default()
    };
    wa::Message { protocol_message: MessageField::some(protocol), ..Default::default() }
}
