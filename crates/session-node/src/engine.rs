//! What the supervisor needs of a session, so that it can also be given one that misbehaves.

use std::sync::Arc;

use async_trait::async_trait;
use blazz_domain::{
    Clock, PairingCode, PhoneNumber, Profile, ProfileChange, QrCode, SendOutcome, SessionReport,
    SessionSettings,
};
use blazz_session_store::{Outboxes, PendingMedia, SessionDirectory};
use blazz_whatsapp::{
    DownloadError, Downloaded, EngineConfig, FileSource, MediaRecord, PairingError, ProfileError, Session,
    StateNumbers,
};
use blazz_wire::node_api::{ReadMessages, SendMessage};
use tokio::sync::watch;

/// Opens sessions.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Opens the session of a directory, as its tenant has chosen. It works towards a connection by itself from then on.
    ///
    /// # Errors
    /// When the session's storage cannot be used.
    async fn open(
        &self,
        settings: SessionSettings,
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
    /// Tells the writer of messages that they were read; `false` when the session is not connected.
    async fn read(&self, messages: &ReadMessages) -> bool;
    /// Asks WhatsApp for a code that links `phone`.
    ///
    /// # Errors
    /// When the session does not wait to be linked, or WhatsApp gives none.
    async fn pairing_code(&self, phone: &PhoneNumber) -> Result<PairingCode, PairingError>;
    /// What others see of the account.
    ///
    /// # Errors
    /// When the session is not connected, or WhatsApp does not answer.
    async fn profile(&self) -> Result<Profile, ProfileError>;
    /// Changes what others see of the account.
    ///
    /// # Errors
    /// As [`LiveSession::profile`], or when WhatsApp refuses.
    async fn change_profile(&self, change: ProfileChange) -> Result<(), ProfileError>;
    /// The account's picture, a JPEG.
    ///
    /// # Errors
    /// As [`LiveSession::profile`], or when there is none.
    async fn picture(&self) -> Result<Vec<u8>, ProfileError>;
    /// Sets the account's picture; without bytes it is taken away.
    ///
    /// # Errors
    /// As [`LiveSession::change_profile`].
    async fn set_picture(&self, jpeg: Vec<u8>) -> Result<(), ProfileError>;
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
        settings: SessionSettings,
        directory: SessionDirectory,
        numbers: StateNumbers,
    ) -> anyhow::Result<Arc<dyn LiveSession>> {
        let (config, clock) = (Arc::clone(&self.config), Arc::clone(&self.clock));
        let session = Session::open(config, settings, directory, numbers, clock).await?;
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

    async fn read(&self, ReadMessages { chat, sender, ids }: &ReadMessages) -> bool {
        Self::read(self, chat, sender.as_ref(), ids).await
    }

    async fn pairing_code(&self, phone: &PhoneNumber) -> Result<PairingCode, PairingError> {
        Session::pairing_code(self, phone).await
    }

    async fn profile(&self) -> Result<Profile, ProfileError> {
        Session::profile(self).await
    }

    async fn change_profile(&self, change: ProfileChange) -> Result<(), ProfileError> {
        Session::change_profile(self, change).await
    }

    async fn picture(&self) -> Result<Vec<u8>, ProfileError> {
        Session::picture(self).await
    }

    async fn set_picture(&self, jpeg: Vec<u8>) -> Result<(), ProfileError> {
        Session::set_picture(self, jpeg).await
    }

    async fn logout(&self) -> anyhow::Result<()> {
        Ok(Self::logout(self).await?)
    }

    async fn stop(&self) {
        Self::stop(self).await;
    }
}
