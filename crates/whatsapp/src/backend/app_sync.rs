//! The app state: its keys, where each collection stands, and what is in it.

use std::collections::HashMap;

use blazz_session_store::{Changes, Durability};
use whatsapp_rust::async_trait;
use whatsapp_rust::wacore::appstate::hash::HashState;
use whatsapp_rust::wacore::appstate::processor::AppStateMutationMAC;
use whatsapp_rust::wacore::store::error::Result;
use whatsapp_rust::wacore::store::traits::{AppStateSyncKey, AppSyncStore};

use super::table::{LATEST_SYNC_KEY, MUTATION_MACS, SINGLES, SYNC_KEYS, VERSIONS};
use super::{Backend, encode, joined};

fn mac_key(name: &str, index_mac: &[u8]) -> Vec<u8> {
    joined(&[name.as_bytes(), index_mac])
}

#[async_trait]
impl AppSyncStore for Backend {
    async fn get_sync_key(&self, key_id: &[u8]) -> Result<Option<AppStateSyncKey>> {
        self.get_object(SYNC_KEYS, key_id).await
    }

    async fn set_sync_key(&self, key_id: &[u8], key: AppStateSyncKey) -> Result<()> {
        let mut changes = Changes::new();
        changes.put(SYNC_KEYS, key_id, 0, encode(&key)?);
        changes.put(SINGLES, LATEST_SYNC_KEY, 0, key_id);
        // The phone gives them out once.
        self.apply(changes, Durability::Synced).await
    }

    async fn get_version(&self, name: &str) -> Result<HashState> {
        Ok(self.get_object(VERSIONS, name).await?.unwrap_or_default())
    }

    async fn set_version(&self, name: &str, state: HashState) -> Result<()> {
        self.put(VERSIONS, name, encode(&state)?, Durability::Written).await
    }

    async fn put_mutation_macs(
        &self,
        name: &str,
        _version: u64,
        mutations: &[AppStateMutationMAC],
    ) -> Result<()> {
        let mut changes = Changes::new();
        for mutation in mutations {
            changes.put(MUTATION_MACS, mac_key(name, &mutation.index_mac), 0, mutation.value_mac.as_slice());
        }
        self.apply(changes, Durability::Written).await
    }

    async fn get_mutation_mac(&self, name: &str, index_mac: &[u8]) -> Result<Option<Vec<u8>>> {
        self.get(MUTATION_MACS, mac_key(name, index_mac)).await
    }

    async fn get_mutation_macs(
        &self,
        name: &str,
        index_macs: &[[u8; 32]],
    ) -> Result<HashMap<[u8; 32], Vec<u8>>> {
        let wanted: Vec<_> = index_macs.iter().map(|mac| (*mac, mac_key(name, mac))).collect();
        self.run(move |store| {
            let mut found = HashMap::with_capacity(wanted.len());
            for (mac, key) in wanted {
                if let Some(value) = store.get(MUTATION_MACS, &key)? {
                    found.insert(mac, value);
                }
            }
            Ok(found)
        })
        .await
    }

    async fn delete_mutation_macs(&self, name: &str, index_macs: &[Vec<u8>]) -> Result<()> {
        let mut changes = Changes::new();
        for index_mac in index_macs {
            changes.delete(MUTATION_MACS, mac_key(name, index_mac));
        }
        self.apply(changes, Durability::Written).await
    }

    async fn clear_mutation_macs(&self, name: &str) -> Result<()> {
        let of_collection = joined(&[name.as_bytes()]);
        self.run(move |store| {
            let mut changes = Changes::new();
            for entry in store.entries(MUTATION_MACS)? {
                if entry.key.starts_with(&of_collection) {
                    changes.delete(MUTATION_MACS, entry.key);
                }
            }
            store.apply(changes, Durability::Written)
        })
        .await
    }

    async fn get_latest_sync_key_id(&self) -> Result<Option<Vec<u8>>> {
        self.get(SINGLES, LATEST_SYNC_KEY).await
    }
}
