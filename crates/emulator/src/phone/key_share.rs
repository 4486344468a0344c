//! The app-state keys that a phone shares with its companions: after pairing, and when one asks.

use std::sync::Arc;

use anyhow::Result;
use whatsapp_rust::buffa::MessageField;
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::waproto::whatsapp::message::protocol_message::Type;

use super::peer;
use crate::account::Account;
use crate::app_state;
use crate::server::Server;

/// Sends the account's app-state key to a companion.
pub(crate) async fn share_keys(server: &Arc<Server>, account: &Arc<Account>, device: u16) -> Result<()> {
    peer::send(server, account, device, share(account, server.seconds())).await
}

fn share(account: &Account, now: i64) -> wa::message::ProtocolMessage {
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
    wa::message::ProtocolMessage {
        r#type: Some(Type::APP_STATE_SYNC_KEY_SHARE),
        app_state_sync_key_share: MessageField::some(wa::message::AppStateSyncKeyShare { keys: vec![key] }),
        ..Default::default()
    }
}
