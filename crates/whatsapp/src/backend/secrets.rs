//! The secrets of messages, by which what comes after them is opened: votes, edits.

use blazz_session_store::Durability;
use whatsapp_rust::async_trait;
use whatsapp_rust::wacore::store::error::{Result, StoreError};
use whatsapp_rust::wacore::store::traits::{
    MsgSecretEntry, MsgSecretStore, merge_msg_secret_expiry, merge_msg_secret_message_ts,
};

use super::table::MESSAGE_SECRETS;
use super::{Backend, joined, stamp};

/// The secret, when it runs out (0: never) and when its message was sent, both in Unix seconds.
struct Row {
    secret: [u8; 32],
    expires_at: i64,
    message_ts: i64,
}

impl Row {
    fn encode(&self) -> Vec<u8> {
        [self.secret.as_slice(), &self.expires_at.to_le_bytes(), &self.message_ts.to_le_bytes()].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (secret, rest) = bytes.split_first_chunk::<32>()?;
        let (expires_at, rest) = rest.split_first_chunk::<8>()?;
        let (message_ts, _) = rest.split_first_chunk::<8>()?;
        Some(Self {
            secret: *secret,
            expires_at: i64::from_le_bytes(*expires_at),
            message_ts: i64::from_le_bytes(*message_ts),
        })
    }
}

fn key(chat: &str, sender: &str, id: &str) -> Vec<u8> {
    joined(&[chat.as_bytes(), sender.as_bytes(), id.as_bytes()])
}

#[async_trait]
impl MsgSecretStore for Backend {
    async fn put_msg_secrets(&self, entries: Vec<MsgSecretEntry>) -> Result<usize> {
        let count = entries.len();
        self.run(move |store| {
            for entry in entries {
                let key = key(&entry.chat, &entry.sender, &entry.msg_id);
                store.update(MESSAGE_SECRETS, &key, Durability::Written, |old| {
                    let old = old.and_then(|bytes| Row::decode(&bytes));
                    let merged = |merge: fn(i64, i64) -> i64, old: Option<i64>, new: i64| {
                        old.map_or(new, |old| merge(old, new))
                    };
                    let expires_at = merged(
                        merge_msg_secret_expiry,
                        old.as_ref().map(|row| row.expires_at),
                        entry.expires_at,
                    );
                    let message_ts = merged(
                        merge_msg_secret_message_ts,
                        old.as_ref().map(|row| row.message_ts),
                        entry.message_ts,
                    );
                    let stamp = if expires_at == 0 { 0 } else { stamp(expires_at) };
                    Some((stamp, Row { secret: entry.secret, expires_at, message_ts }.encode()))
                })?;
            }
            Ok(count)
        })
        .await
    }

    async fn get_msg_secret(&self, chat: &str, sender: &str, msg_id: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.get_msg_secret_with_ts(chat, sender, msg_id).await?.map(|(secret, _)| secret))
    }

    async fn get_msg_secret_with_ts(
        &self,
        chat: &str,
        sender: &str,
        msg_id: &str,
    ) -> Result<Option<(Vec<u8>, i64)>> {
        let Some(bytes) = self.get(MESSAGE_SECRETS, key(chat, sender, msg_id)).await? else {
            return Ok(None);
        };
        let row = Row::decode(&bytes);
        let row =
            row.ok_or_else(|| StoreError::Validation("a message's secret cannot be read".to_owned()))?;
        Ok(Some((row.secret.to_vec(), row.message_ts)))
    }

    async fn delete_expired_msg_secrets(&self, cutoff_timestamp: i64) -> Result<u32> {
        // What runs out at the cutoff goes as well.
        self.delete_older(MESSAGE_SECRETS, cutoff_timestamp.saturating_add(1)).await
    }
}
