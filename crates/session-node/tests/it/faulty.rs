//! The real engine, with sessions that misbehave on demand.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use blazz_domain::{
    AccountId, PairingCode, PhoneNumber, Profile, ProfileChange, QrCode, SendOutcome, SessionReport,
    SessionSettings,
};
use blazz_session_node::engine::{Engine, LiveSession};
use blazz_session_store::{Outboxes, PendingMedia, SessionDirectory};
use blazz_whatsapp::{
    DownloadError, Downloaded, FileSource, MediaRecord, PairingError, ProfileError, StateNumbers,
};
use blazz_wire::node_api::{ReadMessages, SendMessage};
use tokio::sync::watch;

/// How a session goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vice {
    /// Its opening panics, so often.
    PanicsAtOpen(u32),
    /// Its opening never returns.
    HangsAtOpen,
    /// A send panics.
    PanicsAtSend,
    /// A send never returns.
    HangsAtSend,
    /// Its stop never returns.
    HangsAtStop,
    /// Its stop panics.
    PanicsAtStop,
}

/// Who misbehaves how.
pub(crate) struct Faulty {
    real: Arc<dyn Engine>,
    vices: Mutex<HashMap<AccountId, Vice>>,
}

impl Faulty {
    pub(crate) fn new(real: Arc<dyn Engine>) -> Arc<Self> {
        Arc::new(Self { real, vices: Mutex::default() })
    }

    pub(crate) fn spoil(&self, account: AccountId, vice: Vice) {
        self.vices.lock().unwrap().insert(account, vice);
    }

    pub(crate) fn mend(&self, account: AccountId) {
        self.vices.lock().unwrap().remove(&account);
    }

    fn vice(&self, account: AccountId) -> Option<Vice> {
        self.vices.lock().unwrap().get(&account).copied()
    }
}

/// So that a session can look up its vice each time.
pub(crate) struct Spoiled(pub(crate) Arc<Faulty>);

#[async_trait]
impl Engine for Spoiled {
    async fn open(
        &self,
        settings: SessionSettings,
        directory: SessionDirectory,
        numbers: StateNumbers,
    ) -> anyhow::Result<Arc<dyn LiveSession>> {
        let account = directory.lease().account_id;
        match self.0.vice(account) {
            Some(Vice::PanicsAtOpen(times)) => {
                if times > 1 {
                    self.0.spoil(account, Vice::PanicsAtOpen(times - 1));
                } else {
                    self.0.mend(account);
                }
                panic!("spoiled at its opening");
            }
            Some(Vice::HangsAtOpen) => std::future::pending().await,
            _ => {}
        }
        let real = self.0.real.open(settings, directory, numbers).await?;
        Ok(Arc::new(SpoiledSession { real, account, faulty: Arc::clone(&self.0) }))
    }
}

struct SpoiledSession {
    real: Arc<dyn LiveSession>,
    account: AccountId,
    faulty: Arc<Faulty>,
}

#[async_trait]
impl LiveSession for SpoiledSession {
    fn reports(&self) -> watch::Receiver<SessionReport> {
        self.real.reports()
    }

    fn qr(&self) -> watch::Receiver<Option<QrCode>> {
        self.real.qr()
    }

    fn outboxes(&self) -> Arc<Outboxes> {
        self.real.outboxes()
    }

    fn media(&self) -> Arc<PendingMedia> {
        self.real.media()
    }

    async fn download(
        &self,
        record: &MediaRecord,
        file: std::fs::File,
        limit: u64,
    ) -> Result<Downloaded, DownloadError> {
        self.real.download(record, file, limit).await
    }

    async fn send(&self, message: &SendMessage, file: Option<Arc<dyn FileSource>>) -> SendOutcome {
        match self.faulty.vice(self.account) {
            Some(Vice::PanicsAtSend) => panic!("spoiled at a send"),
            Some(Vice::HangsAtSend) => std::future::pending().await,
            _ => self.real.send(message, file).await,
        }
    }

    async fn read(&self, messages: &ReadMessages) -> bool {
        self.real.read(messages).await
    }

    async fn pairing_code(&self, phone: &PhoneNumber) -> Result<PairingCode, PairingError> {
        self.real.pairing_code(phone).await
    }

    async fn profile(&self) -> Result<Profile, ProfileError> {
        self.real.profile().await
    }

    async fn change_profile(&self, change: ProfileChange) -> Result<(), ProfileError> {
        self.real.change_profile(change).await
    }

    async fn picture(&self) -> Result<Vec<u8>, ProfileError> {
        self.real.picture().await
    }

    async fn set_picture(&self, jpeg: Vec<u8>) -> Result<(), ProfileError> {
        self.real.set_picture(jpeg).await
    }

    async fn logout(&self) -> anyhow::Result<()> {
        self.real.logout().await
    }

    async fn stop(&self) {
        match self.faulty.vice(self.account) {
            Some(Vice::PanicsAtStop) => panic!("spoiled at its stop"),
            Some(Vice::HangsAtStop) => std::future::pending().await,
            _ => self.real.stop().await,
        }
    }
}
