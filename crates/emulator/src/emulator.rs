//! A running emulator: two listeners, the tasks behind them, and methods that mirror the admin API.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;

use crate::admin;
use crate::compose::{self, Content, ContentKind};
use crate::config::EmulatorConfig;
use crate::error::EmulatorError;
use crate::faults::FaultRequest;
use crate::phone::{PhoneMessage, PhoneReceipt, ReceiptKind};
use crate::profile::PhoneChange;
use crate::script::{self, DeviceInfo, PhoneInfo};
use crate::server::{self, Server};
use crate::sockets::SocketLog;
use crate::stats::StatsSnapshot;

/// How long a stop waits for tasks.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// A running emulator. Dropping it ends its tasks; [`Emulator::stop`] also waits for them.
pub struct Emulator {
    pub(crate) server: Arc<Server>,
    ws_url: String,
    admin_address: SocketAddr,
    admin: actix_web::dev::ServerHandle,
}

impl Emulator {
    /// Binds both listeners and serves.
    ///
    /// # Errors
    /// When an address is not loopback or cannot be bound.
    pub async fn start(config: EmulatorConfig) -> Result<Self> {
        config.check()?;
        let listener =
            TcpListener::bind(config.listen).await.with_context(|| format!("listen on {}", config.listen))?;
        let admin_listener = std::net::TcpListener::bind(config.admin)
            .with_context(|| format!("listen on {}", config.admin))?;
        let admin_address = admin_listener.local_addr()?;
        let ws_url = match config.public_url {
            Some(url) => url,
            None => format!("ws://{}/ws/chat", listener.local_addr()?),
        };
        let server = Arc::new(Server::new(config.clock, admin_address.to_string(), config.unanswered_log)?);
        let api = admin::serve(Arc::clone(&server), admin_listener)?;
        let admin = api.handle();
        server.tracker.spawn(async move {
            if let Err(error) = api.await {
                tracing::error!("the admin API ended: {error}");
            }
        });
        server.tracker.spawn(server::accept(Arc::clone(&server), listener));
        tracing::info!(ws_url, admin = %admin_address, "the emulator listens");
        Ok(Self { server, ws_url, admin_address, admin })
    }

    /// Where clients connect to.
    #[must_use]
    pub fn ws_url(&self) -> &str {
        &self.ws_url
    }

    /// The base of the admin API.
    #[must_use]
    pub fn admin_url(&self) -> String {
        format!("http://{}", self.admin_address)
    }

    /// The public key that vouches for the server's certificates (32 bytes, lower-case hexadecimal).
    #[must_use]
    pub fn root_key(&self) -> String {
        script::root_key(&self.server)
    }

    /// Closes every socket and waits until all tasks ended.
    pub async fn stop(self) {
        self.server.stop.cancel();
        self.admin.stop(false).await;
        self.server.tracker.close();
        if tokio::time::timeout(STOP_TIMEOUT, self.server.tracker.wait()).await.is_err() {
            tracing::warn!(
                tasks = self.server.tracker.len(),
                "some tasks of the emulator did not end in time"
            );
        }
    }

    /// Adds a phone; one with that number keeps what it is.
    ///
    /// # Errors
    /// [`EmulatorError::BadPhone`] and [`EmulatorError::BadRequest`].
    pub async fn add_phone(&self, phone: &str, name: &str) -> Result<PhoneInfo, EmulatorError> {
        script::add_phone(&self.server, phone, name).map(|(_, info)| info)
    }

    /// Every phone.
    pub async fn phones(&self) -> Vec<PhoneInfo> {
        script::phones(&self.server)
    }

    /// Turns the phone's own delivery receipts on or off.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownPhone`].
    pub async fn set_confirms_delivery(&self, phone: &str, on: bool) -> Result<PhoneInfo, EmulatorError> {
        let change = PhoneChange { confirms_delivery: Some(on), ..PhoneChange::default() };
        self.change_phone(phone, change).await
    }

    /// The phone scans a QR; returns the number of the new companion.
    ///
    /// # Errors
    /// [`EmulatorError::BadQr`] and [`EmulatorError::ExpiredQr`].
    pub async fn scan(&self, phone: &str, qr: &str) -> Result<u16, EmulatorError> {
        script::scan(&self.server, phone, qr)
    }

    /// The phone types the pairing code that a companion shows; returns the number of the new companion.
    ///
    /// # Errors
    /// [`EmulatorError::BadCode`], [`EmulatorError::WrongCode`] and [`EmulatorError::ExpiredCode`].
    pub async fn enter_code(&self, phone: &str, code: &str) -> Result<u16, EmulatorError> {
        script::enter_code(&self.server, phone, code).await
    }

    /// The phone sends a text, with an id of its own or the one given; returns the id.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownRecipient`] and [`EmulatorError::BadRequest`].
    pub async fn send_text(
        &self,
        phone: &str,
        to: &str,
        text: &str,
        id: Option<&str>,
    ) -> Result<String, EmulatorError> {
        self.send(phone, to, ContentKind::Text(text.to_owned()).into(), id).await
    }

    /// The phone sends a text, a reaction or a file, with an id of its own or the one given; returns the id.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownRecipient`], [`EmulatorError::BadRequest`] and, when the message that it answers or reacts
    /// to is not in the chat, [`EmulatorError::UnknownMessage`].
    pub async fn send(
        &self,
        phone: &str,
        to: &str,
        content: Content,
        id: Option<&str>,
    ) -> Result<String, EmulatorError> {
        compose::send(&self.server, phone, to, content, id.map(str::to_owned)).await
    }

    /// The MIME type and the decrypted bytes of a message's file, checked against what the message says of it.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownMessage`], [`EmulatorError::NoMedia`] and [`EmulatorError::BadMedia`].
    pub async fn media(&self, phone: &str, id: &str) -> Result<(String, Vec<u8>), EmulatorError> {
        compose::media(&self.server, phone, id)
    }

    /// What the phone decrypted, oldest first.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownPhone`].
    pub async fn messages(&self, phone: &str) -> Result<Vec<PhoneMessage>, EmulatorError> {
        script::messages(&self.server, phone)
    }

    /// The receipts that the phone got, oldest first.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownPhone`].
    pub async fn received_receipts(&self, phone: &str) -> Result<Vec<PhoneReceipt>, EmulatorError> {
        script::received_receipts(&self.server, phone)
    }

    /// The phone confirms messages of `from`: these ids, or all that have no such receipt yet. Returns the ids.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownPhone`] and [`EmulatorError::UnknownRecipient`].
    pub async fn receipts(
        &self,
        phone: &str,
        from: &str,
        ids: Option<Vec<String>>,
        kind: ReceiptKind,
    ) -> Result<Vec<String>, EmulatorError> {
        script::send_receipts(&self.server, phone, from, None, ids, kind)
    }

    /// The phone confirms messages of `from` in a group, or of its status.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownPhone`], [`EmulatorError::UnknownRecipient`] and [`EmulatorError::UnknownGroup`].
    pub async fn receipts_in(
        &self,
        phone: &str,
        group: &str,
        from: &str,
        ids: Option<Vec<String>>,
        kind: ReceiptKind,
    ) -> Result<Vec<String>, EmulatorError> {
        script::send_receipts(&self.server, phone, from, Some(group), ids, kind)
    }

    /// The phone's companions.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownPhone`].
    pub async fn devices(&self, phone: &str) -> Result<Vec<DeviceInfo>, EmulatorError> {
        script::devices(&self.server, phone)
    }

    /// Removes a companion on the phone.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownDevice`].
    pub async fn remove_device(&self, phone: &str, device: u16) -> Result<(), EmulatorError> {
        script::remove_device(&self.server, phone, device)
    }

    /// Removes every companion on the phone; returns how many there were.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownPhone`].
    pub async fn remove_devices(&self, phone: &str) -> Result<usize, EmulatorError> {
        script::remove_devices(&self.server, phone)
    }

    /// Turns a fault on; returns how many sockets or stanzas it met at once.
    ///
    /// # Errors
    /// [`EmulatorError::BadFault`] and [`EmulatorError::UnknownPhone`].
    pub async fn fault(&self, request: FaultRequest) -> Result<usize, EmulatorError> {
        script::fault(&self.server, request).await
    }

    /// The faults that are on.
    pub async fn faults(&self) -> Vec<FaultRequest> {
        self.server.faults.list()
    }

    /// Turns every fault off.
    pub async fn clear_faults(&self) {
        self.server.faults.clear();
    }

    /// Every socket of a companion, and what came on one after a newer one had logged in.
    pub async fn sockets(&self) -> SocketLog {
        self.server.sockets.snapshot()
    }

    /// What happened so far.
    pub async fn stats(&self) -> StatsSnapshot {
        self.server.stats.snapshot()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.server.stop.cancel();
        self.server.tracker.close();
        // Its workers are threads of their own: told to stop, not waited for.
        drop(self.admin.stop(false));
    }
}
