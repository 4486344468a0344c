//! The engine's storage traits over a session's store.
//!
//! A store's file is a log: what is on disk is always everything up to some moment. So only what the outside world relies on is flushed (`Synced`):
//! Signal sessions and sender keys, whose raised counters must be on disk before a ciphertext leaves; prekeys, before they are
//! uploaded; the device with its keys. Whatever else was written before is on disk with them, in order; what is written after them and lost with the
//! power can be asked for again.

mod app_sync;
mod device;
mod protocol;
mod secrets;
mod signal;
mod table;

use std::sync::Arc;

use blazz_domain::{Clock as _, SystemClock};
use blazz_session_store::{Changes, Durability, SessionDirectory, Store, StoreError as SessionStoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::task::TaskTracker;
use whatsapp_rust::store::DeviceStore as _;
use whatsapp_rust::wacore::store::error::{Result, StoreError};

use crate::error::OpenError;

/// What the engine keeps of one session. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Backend {
    store: Arc<Store>,
    /// What runs on threads that no task can cut.
    running: TaskTracker,
}

/// Opens the store of a directory; `None` when its link is known to be gone.
pub(crate) async fn of_directory(
    directory: &Arc<SessionDirectory>,
) -> std::result::Result<Option<Backend>, OpenError> {
    if directory.is_logged_out() {
        return Ok(None);
    }
    let opened = Arc::clone(directory);
    let opening = tokio::task::spawn_blocking(move || opened.open_store());
    let store = opening.await.map_err(|error| OpenError::Engine(error.to_string()))??;
    let backend = Backend { store: Arc::new(store), running: TaskTracker::new() };
    if directory.is_linked() {
        let device = backend.load().await.map_err(|error| OpenError::Engine(error.to_string()))?;
        if device.is_none_or(|device| device.pn.is_none()) {
            return Err(SessionStoreError::Missing.into());
        }
    }
    Ok(Some(backend))
}

impl Backend {
    /// Waits until everything that the engine has begun is done, and puts it on disk.
    pub(crate) async fn settle(&self) -> Result<()> {
        self.running.close();
        self.running.wait().await;
        self.running.reopen();
        self.run(Store::sync).await
    }

    /// Runs `work` on a thread that may wait for the disk. It runs to its end even when nobody waits for it any more.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> std::result::Result<T, SessionStoreError> + Send + 'static,
    ) -> Result<T> {
        let store = Arc::clone(&self.store);
        match self.running.spawn_blocking(move || work(&store)).await {
            Ok(done) => done.map_err(refused),
            Err(error) => Err(StoreError::Database(Box::new(error))),
        }
    }

    async fn get(&self, table: u8, key: impl Into<Vec<u8>>) -> Result<Option<Vec<u8>>> {
        let key = key.into();
        self.run(move |store| store.get(table, &key)).await
    }

    async fn get_object<T: DeserializeOwned>(&self, table: u8, key: impl Into<Vec<u8>>) -> Result<Option<T>> {
        self.get(table, key).await?.map(|bytes| decode(&bytes)).transpose()
    }

    async fn objects<T: DeserializeOwned>(&self, table: u8) -> Result<Vec<T>> {
        let entries = self.run(move |store| store.entries(table)).await?;
        entries.iter().map(|entry| decode(&entry.value)).collect()
    }

    async fn apply(&self, changes: Changes, durability: Durability) -> Result<()> {
        self.run(move |store| store.apply(changes, durability)).await
    }

    async fn put(
        &self,
        table: u8,
        key: impl Into<Vec<u8>>,
        value: impl Into<Vec<u8>>,
        durability: Durability,
    ) -> Result<()> {
        let mut changes = Changes::new();
        changes.put(table, key, 0, value);
        self.apply(changes, durability).await
    }

    async fn delete(&self, table: u8, key: impl Into<Vec<u8>>, durability: Durability) -> Result<()> {
        let mut changes = Changes::new();
        changes.delete(table, key);
        self.apply(changes, durability).await
    }

    /// Takes away what is older than `cutoff` (Unix seconds); says how many entries.
    async fn delete_older(&self, table: u8, cutoff: i64) -> Result<u32> {
        let before = stamp(cutoff);
        let count = self.run(move |store| store.delete_older(table, before)).await?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }
}

fn refused(error: SessionStoreError) -> StoreError {
    match error {
        SessionStoreError::Io { source, .. } => StoreError::Io(source),
        other => StoreError::Database(Box::new(other)),
    }
}

/// By name, so that a field which a later engine adds finds its default.
fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    rmp_serde::to_vec_named(value).map_err(|error| StoreError::Serialization(Box::new(error)))
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    rmp_serde::from_slice(bytes).map_err(|error| StoreError::Serialization(Box::new(error)))
}

/// A key of several parts, none of which can run into the next.
fn joined(parts: &[&[u8]]) -> Vec<u8> {
    let mut key = Vec::new();
    for part in parts {
        key.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
        key.extend_from_slice(part);
    }
    key
}

/// Unix seconds as a stamp; never 0, which stands for no time.
fn stamp(seconds: i64) -> u32 {
    u32::try_from(seconds.max(1)).unwrap_or(u32::MAX)
}

fn now() -> u32 {
    stamp(SystemClock.now().unix_seconds())
}

#[cfg(test)]
mod tests;
