//! Signal: identities, sessions, prekeys, sender keys.

use std::sync::Arc;

use blazz_session_store::{Changes, Durability};
use whatsapp_rust::async_trait;
use whatsapp_rust::bytes::Bytes;
use whatsapp_rust::wacore::store::error::{Result, StoreError};
use whatsapp_rust::wacore::store::traits::SignalStore;

use super::Backend;
use super::table::{IDENTITIES, PREKEYS, SENDER_KEYS, SESSIONS, SIGNED_PREKEYS};

fn of_all(table: u8, entries: &[(Arc<str>, Bytes)]) -> Changes {
    let mut changes = Changes::new();
    for (address, record) in entries {
        changes.put(table, address.as_bytes(), 0, record.as_ref());
    }
    changes
}

#[async_trait]
impl SignalStore for Backend {
    async fn put_identity(&self, address: &str, key: [u8; 32]) -> Result<()> {
        self.put(IDENTITIES, address, key, Durability::Written).await
    }

    async fn put_identities_batch(&self, identities: &[(Arc<str>, [u8; 32])]) -> Result<()> {
        let mut changes = Changes::new();
        for (address, key) in identities {
            changes.put(IDENTITIES, address.as_bytes(), 0, *key);
        }
        self.apply(changes, Durability::Written).await
    }

    async fn load_identity(&self, address: &str) -> Result<Option<[u8; 32]>> {
        let Some(bytes) = self.get(IDENTITIES, address).await? else { return Ok(None) };
        let key = bytes
            .try_into()
            .map_err(|_| StoreError::Validation("an identity key has 32 bytes".to_owned()))?;
        Ok(Some(key))
    }

    async fn delete_identity(&self, address: &str) -> Result<()> {
        self.delete(IDENTITIES, address, Durability::Written).await
    }

    async fn get_session(&self, address: &str) -> Result<Option<Bytes>> {
        Ok(self.get(SESSIONS, address).await?.map(Bytes::from))
    }

    async fn put_session(&self, address: &str, session: &[u8]) -> Result<()> {
        self.put(SESSIONS, address, session, Durability::Synced).await
    }

    async fn put_sessions_batch(&self, sessions: &[(Arc<str>, Bytes)]) -> Result<()> {
        self.apply(of_all(SESSIONS, sessions), Durability::Synced).await
    }

    async fn delete_session(&self, address: &str) -> Result<()> {
        self.delete(SESSIONS, address, Durability::Synced).await
    }

    async fn has_session(&self, address: &str) -> Result<bool> {
        Ok(self.store.contains(SESSIONS, address.as_bytes()))
    }

    async fn store_prekey(&self, id: u32, record: &[u8], uploaded: bool) -> Result<()> {
        self.store_prekeys_batch(&[(id, Bytes::copy_from_slice(record))], uploaded).await
    }

    async fn store_prekeys_batch(&self, keys: &[(u32, Bytes)], _uploaded: bool) -> Result<()> {
        let mut changes = Changes::new();
        for (id, record) in keys {
            changes.put(PREKEYS, id.to_le_bytes(), *id, record.as_ref());
        }
        self.apply(changes, Durability::Synced).await
    }

    async fn load_prekey(&self, id: u32) -> Result<Option<Bytes>> {
        Ok(self.get(PREKEYS, id.to_le_bytes()).await?.map(Bytes::from))
    }

    async fn load_prekeys_batch(&self, ids: &[u32]) -> Result<Vec<(u32, Bytes)>> {
        let ids = ids.to_vec();
        self.run(move |store| {
            let mut found = Vec::with_capacity(ids.len());
            for id in ids {
                found.extend(store.get(PREKEYS, &id.to_le_bytes())?.map(|record| (id, Bytes::from(record))));
            }
            Ok(found)
        })
        .await
    }

    /// The engine asks for no prekey by whether it was uploaded.
    async fn mark_prekeys_uploaded(&self, _ids: &[u32]) -> Result<()> {
        Ok(())
    }

    async fn remove_prekey(&self, id: u32) -> Result<()> {
        self.delete(PREKEYS, id.to_le_bytes(), Durability::Written).await
    }

    async fn get_max_prekey_id(&self) -> Result<u32> {
        Ok(self.store.highest_stamp(PREKEYS).unwrap_or(0))
    }

    async fn store_signed_prekey(&self, id: u32, record: &[u8]) -> Result<()> {
        let mut changes = Changes::new();
        changes.put(SIGNED_PREKEYS, id.to_le_bytes(), id, record);
        self.apply(changes, Durability::Synced).await
    }

    async fn load_signed_prekey(&self, id: u32) -> Result<Option<Vec<u8>>> {
        self.get(SIGNED_PREKEYS, id.to_le_bytes()).await
    }

    async fn load_all_signed_prekeys(&self) -> Result<Vec<(u32, Vec<u8>)>> {
        let entries = self.run(|store| store.entries(SIGNED_PREKEYS)).await?;
        Ok(entries.into_iter().map(|entry| (entry.stamp, entry.value)).collect())
    }

    async fn remove_signed_prekey(&self, id: u32) -> Result<()> {
        self.delete(SIGNED_PREKEYS, id.to_le_bytes(), Durability::Written).await
    }

    async fn put_sender_key(&self, address: &str, record: &[u8]) -> Result<()> {
        self.put(SENDER_KEYS, address, record, Durability::Synced).await
    }

    async fn put_sender_keys_batch(&self, sender_keys: &[(Arc<str>, Bytes)]) -> Result<()> {
        self.apply(of_all(SENDER_KEYS, sender_keys), Durability::Synced).await
    }

    async fn get_sender_key(&self, address: &str) -> Result<Option<Vec<u8>>> {
        self.get(SENDER_KEYS, address).await
    }

    async fn delete_sender_key(&self, address: &str) -> Result<()> {
        self.delete(SENDER_KEYS, address, Durability::Synced).await
    }
}
