//! What WhatsApp Web keeps of groups, devices, contacts and messages under way.

use std::collections::BTreeMap;

use blazz_session_store::{Changes, Durability, Store, StoreError as SessionStoreError};
use whatsapp_rust::async_trait;
use whatsapp_rust::wacore::store::error::Result;
use whatsapp_rust::wacore::store::traits::{
    DeviceListRecord, LidPnMappingEntry, PendingInboundKey, PendingInboundRow, ProtocolStore, TcTokenEntry,
};

use super::table::{
    BASE_KEYS, DEVICE_LISTS, GROUPS, LIDS, PENDING_INBOUND, PHONES, SENDER_KEY_DEVICES, SENT_MESSAGES,
    TC_TOKENS,
};
use super::{Backend, decode, encode, joined, now};

/// Which devices of a group have our sender key.
type Devices = BTreeMap<String, bool>;

/// What is stored, read for a change: what this version cannot read counts as absent.
fn readable<T: serde::de::DeserializeOwned>(old: Option<Vec<u8>>) -> Option<T> {
    old.and_then(|bytes| decode(&bytes).ok())
}

fn pending_key(chat: &str, sender: &str, id: &str) -> Vec<u8> {
    joined(&[chat.as_bytes(), sender.as_bytes(), id.as_bytes()])
}

/// Notes a mapping; a phone number that had this LID before has it no longer.
fn map(
    store: &Store,
    changes: &mut Changes,
    entry: &LidPnMappingEntry,
) -> std::result::Result<(), SessionStoreError> {
    let before: Option<LidPnMappingEntry> = readable(store.get(LIDS, entry.lid.as_bytes())?);
    if let Some(before) = before.filter(|before| before.phone_number != entry.phone_number)
        && store.get(PHONES, before.phone_number.as_bytes())?.as_deref() == Some(entry.lid.as_bytes())
    {
        changes.delete(PHONES, before.phone_number);
    }
    let encoded = encode(entry).map_err(|_| SessionStoreError::Unsealable)?;
    changes.put(LIDS, entry.lid.as_bytes(), 0, encoded);
    changes.put(PHONES, entry.phone_number.as_bytes(), 0, entry.lid.as_bytes());
    Ok(())
}

#[async_trait]
impl ProtocolStore for Backend {
    async fn get_sender_key_devices(&self, group_jid: &str) -> Result<Vec<(String, bool)>> {
        let devices: Option<Devices> = self.get_object(SENDER_KEY_DEVICES, group_jid).await?;
        Ok(devices.unwrap_or_default().into_iter().collect())
    }

    async fn set_sender_key_status(&self, group_jid: &str, entries: &[(&str, bool)]) -> Result<()> {
        let group = group_jid.to_owned();
        let entries: Vec<_> = entries.iter().map(|(device, has)| ((*device).to_owned(), *has)).collect();
        self.run(move |store| {
            store.update(SENDER_KEY_DEVICES, group.as_bytes(), Durability::Written, |old| {
                let mut devices: Devices = readable(old).unwrap_or_default();
                devices.extend(entries);
                Some((0, encode(&devices).ok()?))
            })
        })
        .await
    }

    async fn clear_sender_key_devices(&self, group_jid: &str) -> Result<()> {
        self.delete(SENDER_KEY_DEVICES, group_jid, Durability::Written).await
    }

    async fn delete_sender_key_device_rows(&self, device_jids: &[&str]) -> Result<()> {
        let gone: Vec<String> = device_jids.iter().map(|jid| (*jid).to_owned()).collect();
        self.run(move |store| {
            for entry in store.entries(SENDER_KEY_DEVICES)? {
                store.update(SENDER_KEY_DEVICES, &entry.key, Durability::Written, |old| {
                    let mut devices: Devices = readable(old)?;
                    let before = devices.len();
                    devices.retain(|device, _| !gone.contains(device));
                    if devices.len() == before { None } else { Some((0, encode(&devices).ok()?)) }
                })?;
            }
            Ok(())
        })
        .await
    }

    async fn clear_all_sender_key_devices(&self) -> Result<()> {
        let mut changes = Changes::new();
        changes.clear(SENDER_KEY_DEVICES);
        self.apply(changes, Durability::Written).await
    }

    async fn get_lid_mapping(&self, lid: &str) -> Result<Option<LidPnMappingEntry>> {
        self.get_object(LIDS, lid).await
    }

    async fn get_pn_mapping(&self, phone: &str) -> Result<Option<LidPnMappingEntry>> {
        let phone = phone.to_owned();
        let entry = self.run(move |store| match store.get(PHONES, phone.as_bytes())? {
            Some(lid) => store.get(LIDS, &lid),
            None => Ok(None),
        });
        entry.await?.map(|bytes| decode(&bytes)).transpose()
    }

    async fn put_lid_mapping(&self, entry: &LidPnMappingEntry) -> Result<()> {
        self.put_lid_mappings(std::slice::from_ref(entry)).await
    }

    async fn put_lid_mappings(&self, entries: &[LidPnMappingEntry]) -> Result<()> {
        let entries = entries.to_vec();
        self.run(move |store| {
            let mut changes = Changes::new();
            for entry in &entries {
                map(store, &mut changes, entry)?;
            }
            store.apply(changes, Durability::Written)
        })
        .await
    }

    async fn get_all_lid_mappings(&self) -> Result<Vec<LidPnMappingEntry>> {
        self.objects(LIDS).await
    }

    async fn save_base_key(&self, address: &str, message_id: &str, base_key: &[u8]) -> Result<()> {
        let key = joined(&[address.as_bytes(), message_id.as_bytes()]);
        self.put(BASE_KEYS, key, base_key, Durability::Written).await
    }

    async fn has_same_base_key(
        &self,
        address: &str,
        message_id: &str,
        current_base_key: &[u8],
    ) -> Result<bool> {
        let key = joined(&[address.as_bytes(), message_id.as_bytes()]);
        Ok(self.get(BASE_KEYS, key).await?.as_deref() == Some(current_base_key))
    }

    async fn delete_base_key(&self, address: &str, message_id: &str) -> Result<()> {
        let key = joined(&[address.as_bytes(), message_id.as_bytes()]);
        self.delete(BASE_KEYS, key, Durability::Written).await
    }

    async fn update_device_list(&self, record: DeviceListRecord) -> Result<()> {
        self.update_device_lists(vec![record]).await
    }

    async fn update_device_lists(&self, records: Vec<DeviceListRecord>) -> Result<()> {
        let mut changes = Changes::new();
        for record in &records {
            changes.put(DEVICE_LISTS, record.user.as_bytes(), 0, encode(record)?);
        }
        self.apply(changes, Durability::Written).await
    }

    async fn get_devices(&self, user: &str) -> Result<Option<DeviceListRecord>> {
        self.get_object(DEVICE_LISTS, user).await
    }

    async fn delete_devices(&self, user: &str) -> Result<()> {
        self.delete(DEVICE_LISTS, user, Durability::Written).await
    }

    async fn get_group_metadata(&self, group_jid: &str) -> Result<Option<Vec<u8>>> {
        self.get(GROUPS, group_jid).await
    }

    async fn put_group_metadata(&self, group_jid: &str, blob: &[u8]) -> Result<()> {
        self.put(GROUPS, group_jid, blob, Durability::Written).await
    }

    async fn delete_group_metadata(&self, group_jid: &str) -> Result<()> {
        self.delete(GROUPS, group_jid, Durability::Written).await
    }

    async fn get_tc_token(&self, jid: &str) -> Result<Option<TcTokenEntry>> {
        self.get_object(TC_TOKENS, jid).await
    }

    async fn put_tc_token(&self, jid: &str, entry: &TcTokenEntry) -> Result<()> {
        self.put(TC_TOKENS, jid, encode(entry)?, Durability::Written).await
    }

    async fn delete_tc_token(&self, jid: &str) -> Result<()> {
        self.delete(TC_TOKENS, jid, Durability::Written).await
    }

    async fn get_all_tc_token_jids(&self) -> Result<Vec<String>> {
        let entries = self.run(|store| store.entries(TC_TOKENS)).await?;
        Ok(entries.into_iter().filter_map(|entry| String::from_utf8(entry.key).ok()).collect())
    }

    async fn delete_expired_tc_tokens(&self, token_cutoff: i64, sender_cutoff: i64) -> Result<u32> {
        self.run(move |store| {
            let (mut changes, mut count) = (Changes::new(), 0);
            for entry in store.entries(TC_TOKENS)? {
                let Ok(token) = decode::<TcTokenEntry>(&entry.value) else { continue };
                let is_live = !token.token.is_empty() && token.token_timestamp >= token_cutoff;
                if !is_live && token.sender_timestamp.is_none_or(|at| at < sender_cutoff) {
                    changes.delete(TC_TOKENS, entry.key);
                    count += 1;
                }
            }
            store.apply(changes, Durability::Written)?;
            Ok(count)
        })
        .await
    }

    async fn touch_tc_token_sender_timestamp(&self, jid: &str, sender_timestamp: i64) -> Result<()> {
        let jid = jid.to_owned();
        self.run(move |store| {
            store.update(TC_TOKENS, jid.as_bytes(), Durability::Written, |old| {
                let old: Option<TcTokenEntry> = readable(old);
                let mut entry = old.unwrap_or(TcTokenEntry {
                    token: Vec::new(),
                    token_timestamp: sender_timestamp,
                    sender_timestamp: None,
                });
                entry.sender_timestamp = entry.sender_timestamp.max(Some(sender_timestamp));
                Some((0, encode(&entry).ok()?))
            })
        })
        .await
    }

    async fn store_received_tc_token(&self, jid: &str, token: &[u8], token_timestamp: i64) -> Result<()> {
        let (jid, token) = (jid.to_owned(), token.to_vec());
        self.run(move |store| {
            store.update(TC_TOKENS, jid.as_bytes(), Durability::Written, |old| {
                let old: Option<TcTokenEntry> = readable(old);
                if old
                    .as_ref()
                    .is_some_and(|old| !old.token.is_empty() && token_timestamp < old.token_timestamp)
                {
                    return None;
                }
                let sender_timestamp = old.and_then(|old| old.sender_timestamp);
                Some((0, encode(&TcTokenEntry { token, token_timestamp, sender_timestamp }).ok()?))
            })
        })
        .await
    }

    async fn store_sent_message(&self, chat_jid: &str, message_id: &str, payload: &[u8]) -> Result<()> {
        let mut changes = Changes::new();
        let key = joined(&[chat_jid.as_bytes(), message_id.as_bytes()]);
        changes.put(SENT_MESSAGES, key, now(), payload);
        self.apply(changes, Durability::Written).await
    }

    async fn take_sent_message(&self, chat_jid: &str, message_id: &str) -> Result<Option<Vec<u8>>> {
        let key = joined(&[chat_jid.as_bytes(), message_id.as_bytes()]);
        self.run(move |store| store.take(SENT_MESSAGES, &key, Durability::Written)).await
    }

    async fn delete_expired_sent_messages(&self, cutoff_timestamp: i64) -> Result<u32> {
        self.delete_older(SENT_MESSAGES, cutoff_timestamp).await
    }

    async fn store_pending_inbound(&self, chat: &str, sender: &str, id: &str, message: &[u8]) -> Result<()> {
        self.store_pending_inbound_batch(&[PendingInboundRow { chat, sender, id, message }]).await
    }

    async fn get_pending_inbound(&self, chat: &str, sender: &str, id: &str) -> Result<Option<Vec<u8>>> {
        self.get(PENDING_INBOUND, pending_key(chat, sender, id)).await
    }

    async fn delete_pending_inbound(&self, chat: &str, sender: &str, id: &str) -> Result<()> {
        self.delete_pending_inbound_batch(&[PendingInboundKey { chat, sender, id }]).await
    }

    async fn delete_expired_pending_inbound(&self, cutoff_timestamp: i64) -> Result<u32> {
        self.delete_older(PENDING_INBOUND, cutoff_timestamp).await
    }

    /// Before the session's ratchet in the log, and so on disk before it.
    async fn store_pending_inbound_batch(&self, rows: &[PendingInboundRow<'_>]) -> Result<()> {
        let mut changes = Changes::new();
        for row in rows {
            changes.put(PENDING_INBOUND, pending_key(row.chat, row.sender, row.id), now(), row.message);
        }
        self.apply(changes, Durability::Written).await
    }

    async fn delete_pending_inbound_batch(&self, keys: &[PendingInboundKey<'_>]) -> Result<()> {
        let mut changes = Changes::new();
        for key in keys {
            changes.delete(PENDING_INBOUND, pending_key(key.chat, key.sender, key.id));
        }
        self.apply(changes, Durability::Written).await
    }
}
