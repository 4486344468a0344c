//! What the supervisor needs of a session, so that it can also be given one that misbehaves.

use std::sync::Arc;

use async_trait::async_trait;
use blazz_domain::{Clock, PairingCode, PhoneNumber, QrCode, SendOutcome, SessionReport};
use blazz_session_store::{Outboxes, SessionDirectory};
use blazz_whatsapp::{EngineConfig, PairingError, Session, StateNumbers};
use blazz_wire::node_api::{ReadMessages, SendMessage};
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
    /// Sends one message and waits for WhatsApp's acknowledgement.
    async fn send(&self, message: &SendMessage) -> SendOutcome;
    /// Tells the writer of messages that they were read; `false` when the session is not connected.
    async fn read(&self, messages: &ReadMessages) -> bool;
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

    async fn send(&self, message: &SendMessage) -> SendOutcome {
        Self::send(self, &message.to, &message.id, &message.content, message.about.as_ref()).await
    }

    async fn read(&self, ReadMessages { chat, sender, ids }: &ReadMessages) -> bool {
        Self::read(self, chat, sender.as_ref(), ids).await
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
