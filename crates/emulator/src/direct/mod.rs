//! The engine by itself, as a companion of the emulator's phones: what the benches hold the whole of Blazz against.
//!
//! Only in builds with the `bench` feature. The engine pairs with the emulator only when something in the same build lifts its
//! certificate check (`blazz-session-node/sandbox`).

mod ears;
mod store;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use blazz_domain::ProviderMessageId;
use tokio::time::timeout;
use whatsapp_rust::Client;
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};
use whatsapp_rust::prelude::{Bot, BotHandle, Jid, MessageBuilderExt as _, SendOptions, wa};
use whatsapp_rust::transport::TokioWebSocketTransportFactory;

use ears::Ears;
pub use store::{DirectStore, StoreKind};

/// How long the emulator may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// One client of the engine, with nothing of Blazz around it.
pub struct DirectClient {
    client: Arc<Client>,
    ears: Arc<Ears>,
    running: BotHandle,
}

impl DirectClient {
    /// Constructs a client over a store and lets it connect to the emulator at `url`.
    ///
    /// # Errors
    /// When the engine cannot be built.
    pub async fn start(url: &str, store: &DirectStore) -> Result<Self> {
        let ears = Arc::new(Ears::default());
        let bot = Bot::builder()
            .with_backend_arc(Arc::clone(&store.0))
            .with_transport_factory(TokioWebSocketTransportFactory::new().with_url(url))
            .with_http_client(NoHttp)
            .with_version((2, 3000, 1))
            .with_event_handler(ears::Listener(Arc::clone(&ears)))
            .skip_history_sync()
            .build()
            .await
            .context("the engine cannot be built")?;
        Ok(Self { client: bot.client(), ears, running: bot.spawn() })
    }

    /// The first QR code.
    ///
    /// # Errors
    /// When none comes: nobody listens at the URL, or the build still checks WhatsApp's certificate.
    pub async fn first_qr(&self) -> Result<String> {
        let code = timeout(PATIENCE, self.ears.qr()).await;
        code.context("the engine shows no QR code; was it built to trust the emulator (scripts/bench does)?")?
    }

    /// Waits until it is linked and logged in.
    ///
    /// # Errors
    /// When that does not come about.
    pub async fn connected(&self) -> Result<()> {
        timeout(PATIENCE, self.ears.connected()).await.context("the engine does not connect")?
    }

    /// Sends a text to a phone and waits for the server's acknowledgement.
    ///
    /// # Errors
    /// When the engine or the server refuses, or no answer comes.
    pub async fn send(&self, phone: &str, text: &str) -> Result<()> {
        let id = ProviderMessageId::generate();
        let acknowledged = self.ears.await_ack(&id.0);
        let options = SendOptions::default().with_message_id(id.0.as_str());
        self.client.send_message_with_options(Jid::pn(phone), wa::Message::text(text), options).await?;
        match timeout(PATIENCE, acknowledged).await.context("no acknowledgement came")?? {
            None => Ok(()),
            Some(code) => bail!("the server refused a message with {code}"),
        }
    }

    /// How many of its messages were delivered so far.
    #[must_use]
    pub fn delivered(&self) -> usize {
        self.ears.delivered()
    }

    /// Waits until this many of its messages were delivered.
    ///
    /// # Errors
    /// When they are not.
    pub async fn until_delivered(&self, count: usize) -> Result<()> {
        timeout(PATIENCE, self.ears.until_delivered(count)).await.context("receipts are missing")?
    }

    /// Closes the connection in order.
    pub async fn stop(self) {
        self.running.shutdown().await;
    }
}

/// Nothing here leaves the machine.
struct NoHttp;

#[async_trait::async_trait]
impl HttpClient for NoHttp {
    async fn execute(&self, _: HttpRequest) -> Result<HttpResponse> {
        bail!("the bench makes no HTTP requests")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Emulator, EmulatorConfig};

    #[cfg(feature = "sandbox")]
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn it_links_sends_and_hears_of_the_delivery_over_both_stores() {
        let emulator = Emulator::start(EmulatorConfig::default()).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        emulator.add_phone("15550000009", "Peer").await.unwrap();
        for (number, kind) in [("15550000001", StoreKind::Memory), ("15550000002", StoreKind::Sqlite)] {
            emulator.add_phone(number, "Own").await.unwrap();
            let store = DirectStore::create(kind, directory.path(), number).await.unwrap();
            let client = DirectClient::start(emulator.ws_url(), &store).await.unwrap();
            emulator.scan(number, &client.first_qr().await.unwrap()).await.unwrap();
            client.connected().await.unwrap();
            client.send("15550000009", "hello").await.unwrap();
            client.until_delivered(1).await.unwrap();
            client.stop().await;
        }
        assert_eq!(emulator.messages("15550000009").await.unwrap().len(), 2);
        emulator.stop().await;
    }
}
