//! What the supervisor needs of a session, so that it can also be given one that misbehaves.

use std::sync::Arc;

use async_trait::async_trait;
use blazz_domain::{Clock, PairingCode, PhoneNumber, QrCode, SendOutcome, SessionReport};
use blazz_session_store::{Outboxes, PendingMedia, SessionDirectory};
use blazz_whatsapp::{
    DownloadError, Downloaded, EngineConfig, FileSource, MediaRecord, PairingError, Session, StateNumbers,
};
use blazz_wire::node_api::SendMessage;
use tokio::sync::watch;

/// Opens sessions.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Opens the session of a directory. It works towards a connection by itself from then on.
    ///
    /// # Errors
    /// When the session's storage cannot be used.
    async fn open(
        &self,
        directory: SessionDirectory,
        numbers: StateNumbers,
    ) -> anyhow::Result<Arc<dyn LiveSession>>;
}

/// One session that is open.
#[async_trait]
pub trait LiveSession: Send + Sync {
    /// Where it stands. The sender lives as long as the session works.
    fn reports(&self) -> watch::Receiver<SessionReport>;
    /// The code to scan, while there is one.
    fn qr(&self) -> watch::Receiver<Option<QrCode>>;
    /// What must reach the API.
    fn outboxes(&self) -> Arc<Outboxes>;
    /// What it takes to fetch the files of messages that it has received.
    fn media(&self) -> Arc<PendingMedia>;
    /// Fetches such a file, of at most `limit` bytes, into `file`, which is empty.
    ///
    /// # Errors
    /// When it cannot be had, or not just now.
    async fn download(
        &self,
        record: &MediaRecord,
        file: std::fs::File,
        limit: u64,
    ) -> Result<Downloaded, DownloadError>;
    /// Sends one message, whose file's bytes come from `file`, and waits for WhatsApp's acknowledgement.
    async fn send(&self, message: &SendMessage, file: Option<Arc<dyn FileSource>>) -> SendOutcome;
    /// Asks WhatsApp for a code that links `phone`.
    ///
    /// # Errors
    /// When the session does not wait to be linked, or WhatsApp gives none.
    async fn pairing_code(&self, phone: &PhoneNumber) -> Result<PairingCode, PairingError>;
    /// Removes the linked device at WhatsApp and deletes the credentials.
    ///
    /// # Errors
    /// When WhatsApp could not be told.
    async fn logout(&self) -> anyhow::Result<()>;
    /// Ends it and everything it started.
    async fn stop(&self);
}

/// The engine that speaks to WhatsApp.
pub struct WhatsApp {
    config: Arc<EngineConfig>,
    clock: Arc<dyn Clock>,
}

impl WhatsApp {
    /// All sessions share `config`.
    #[must_use]
    pub fn new(config: EngineConfig, clock: Arc<dyn Clock>) -> Self {
        Self { config: Arc::new(config), clock }
    }
}

#[async_trait]
impl Engine for WhatsApp {
    async fn open(
        &self,
        directory: SessionDirectory,
        numbers: StateNumbers,
    ) -> anyhow::Result<Arc<dyn LiveSession>> {
        let session =
            Session::open(Arc::clone(&self.config), directory, numbers, Arc::clone(&self.clock)).await?;
        Ok(Arc::new(session))
    }
}

#[async_trait]
impl LiveSession for Session {
    fn reports(&self) -> watch::Receiver<SessionReport> {
        Self::reports(self)
    }

    fn qr(&self) -> watch::Receiver<Option<QrCode>> {
        Self::qr(self)
    }

    fn outboxes(&self) -> Arc<Outboxes> {
        Arc::clone(Self::outboxes(self))
    }

    fn media(&self) -> Arc<PendingMedia> {
        Arc::clone(Self::media(self))
    }

    async fn download(
        &self,
        record: &MediaRecord,
        file: std::fs::File,
        limit: u64,
    ) -> Result<Downloaded, DownloadError> {
        Self::download(self, record, file, limit).await
    }

    async fn send(&self, message: &SendMessage, file: Option<Arc<dyn FileSource>>) -> SendOutcome {
        Self::send(self, &message.to, &message.id, &message.content, message.about.as_ref(), file).await
    }

    async fn pairing_code(&self, phone: &PhoneNumber) -> Result<PairingCode, PairingError> {
        Session::pairing_code(self, phone).await
    }

    async fn logout(&self) -> anyhow::Result<()> {
        Ok(Self::logout(self).await?)
    }

    async fn stop(&self) {
        Self::stop(self).await;
    }
}
