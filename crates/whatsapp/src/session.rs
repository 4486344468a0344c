//! A session as its node holds it.

use std::sync::Arc;

use blazz_domain::{
    AccountState, Clock, Jid, Lease, MessageContent, ProviderMessageId, QrCode, SendOutcome, SessionReport,
};
use blazz_session_store::{Outboxes, SessionDirectory};
use tokio::sync::watch;

use crate::config::EngineConfig;
use crate::error::{EngineError, OpenError};
use crate::numbers::StateNumbers;

/// One live session. Everything it started is gone when [`Session::stop`] returns.
pub struct Session {
    lease: Lease,
    outboxes: Arc<Outboxes>,
    reports: watch::Sender<SessionReport>,
    qr: watch::Sender<Option<QrCode>>,
}

impl Session {
    /// Opens a session over its directory and lets it connect: with the credentials there, or else with QR codes.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(
        config: Arc<EngineConfig>,
        directory: SessionDirectory,
        numbers: StateNumbers,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        config.check()?;
        let outboxes = Arc::new(directory.open_outboxes()?);
        let first = SessionReport {
            state: AccountState::Starting,
            reason: None,
            since: clock.now(),
            number: numbers.next(),
            phone: None,
            lid: None,
        };
        Ok(Self {
            lease: *directory.lease(),
            outboxes,
            reports: watch::Sender::new(first),
            qr: watch::Sender::new(None),
        })
    }

    /// Which session, under which grant.
    #[must_use]
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Where it stands, and every change of that.
    #[must_use]
    pub fn reports(&self) -> watch::Receiver<SessionReport> {
        self.reports.subscribe()
    }

    /// The QR code to show, while there is one.
    #[must_use]
    pub fn qr(&self) -> watch::Receiver<Option<QrCode>> {
        self.qr.subscribe()
    }

    /// What it has received and nobody has fetched.
    #[must_use]
    pub fn outboxes(&self) -> &Arc<Outboxes> {
        &self.outboxes
    }

    /// Sends a message under the caller's id and waits for the server's acknowledgement.
    pub async fn send(&self, _to: &Jid, _id: &ProviderMessageId, _content: &MessageContent) -> SendOutcome {
        SendOutcome::NotConnected
    }

    /// Removes the linked device at WhatsApp and deletes the credentials.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn logout(&self) -> Result<(), EngineError> {
        Err(EngineError::NotConnected)
    }

    /// Ends the session. Doing it again changes nothing.
    pub async fn stop(&self) {}
}
