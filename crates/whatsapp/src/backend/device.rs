//! The device: who we are and the keys we are it by.

use blazz_session_store::Durability;
use whatsapp_rust::async_trait;
use whatsapp_rust::wacore::stats::StorageResourceReport;
use whatsapp_rust::wacore::store::Device;
use whatsapp_rust::wacore::store::error::Result;
use whatsapp_rust::wacore::store::traits::DeviceStore;

use super::table::{DEVICE, SINGLES};
use super::{Backend, encode};

/// The number that the engine gives the only device of a store.
const ONLY: i32 = 1;

#[async_trait]
impl DeviceStore for Backend {
    async fn save(&self, device: &Device) -> Result<()> {
        self.put(SINGLES, DEVICE, encode(device)?, Durability::Synced).await
    }

    async fn load(&self) -> Result<Option<Device>> {
        self.get_object(SINGLES, DEVICE).await
    }

    async fn exists(&self) -> Result<bool> {
        Ok(self.store.contains(SINGLES, DEVICE))
    }

    async fn create(&self) -> Result<i32> {
        if !self.exists().await? {
            self.save(&Device::new()).await?;
        }
        Ok(ONLY)
    }

    async fn resource_report(&self) -> StorageResourceReport {
        let memory = u64::try_from(self.store.size().memory_bytes).ok();
        StorageResourceReport { memory_bytes: memory, ..StorageResourceReport::default() }
    }
}
