//! A companion: the real engine over a store in memory, and everything it reported.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};
use whatsapp_rust::prelude::*;
use whatsapp_rust::transport::TokioWebSocketTransportFactory;
use whatsapp_rust::wacore::stanza::groups::GroupNotificationAction;
use whatsapp_rust::wacore::store::InMemoryBackend;

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What the engine reported, in order.
#[derive(Default)]
struct Log {
    events: Mutex<Vec<Arc<Event>>>,
    grew: Notify,
}

impl EventHandler for Log {
    fn handle_event(&self, event: Arc<Event>) {
        self.events.lock().unwrap().push(event);
        self.grew.notify_waiters();
    }
}

/// Reaches the emulator's media host, which speaks plain HTTP, and nothing else: these tests do not leave the machine.
struct MediaHost;

#[async_trait::async_trait]
impl HttpClient for MediaHost {
    async fn execute(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        let path = request.url.strip_prefix("https://127.0.0.1:");
        let path = path.ok_or_else(|| anyhow::anyhow!("not the media host: {}", request.url))?;
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        let answer = reqwest::Client::builder()
            .timeout(PATIENCE)
            .build()?
            .request(request.method.parse()?, format!("http://127.0.0.1:{path}"))
            .body(request.body.map(|body| body.to_vec()).unwrap_or_default())
            .send()
            .await?;
        Ok(HttpResponse { status_code: answer.status().as_u16(), body: answer.bytes().await?.to_vec() })
    }
}

/// Refuses messages while it is told to, as a consumer does that cannot store them.
#[derive(Default)]
pub(crate) struct Gate {
    closed: std::sync::atomic::AtomicBool,
}

impl Gate {
    pub(crate) fn close(&self, closed: bool) {
        self.closed.store(closed, std::sync::atomic::Ordering::SeqCst);
    }
}

struct Hook(Arc<Gate>);

#[async_trait::async_trait]
impl whatsapp_rust::InboundDurabilityHook for Hook {
    async fn on_messages(&self, _: Arc<Client>, _: &[InboundMessage]) -> anyhow::Result<()> {
        anyhow::ensure!(!self.0.closed.load(std::sync::atomic::Ordering::SeqCst), "the gate is closed");
        Ok(())
    }
}

pub(crate) struct Companion {
    pub(crate) client: Arc<Client>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) backend: Arc<InMemoryBackend>,
    log: Arc<Log>,
    handle: Option<BotHandle>,
    url: String,
}

/// A message as the engine reported it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Received {
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) is_from_me: bool,
    pub(crate) chat: String,
    pub(crate) is_offline: bool,
}

impl Companion {
    /// A companion that nobody has scanned yet.
    pub(crate) async fn start(url: &str) -> Self {
        Self::with_backend(url, Arc::new(InMemoryBackend::new())).await
    }

    async fn with_backend(url: &str, backend: Arc<InMemoryBackend>) -> Self {
        let gate = Arc::new(Gate::default());
        let log = Arc::new(Log::default());
        let bot = Bot::builder()
            .with_backend_arc(backend.clone())
            .with_transport_factory(TokioWebSocketTransportFactory::new().with_url(url))
            .with_http_client(MediaHost)
            .with_version((2, 3000, 1))
            .with_wanted_pre_key_count(30)
            .with_inbound_durability_hook(Hook(gate.clone()))
            .build()
            .await
            .unwrap();
        let client = bot.client();
        client.subscribe_handler(log.clone()).detach();
        Self { client, gate, backend, log, handle: Some(bot.spawn()), url: url.to_owned() }
    }

    /// The same session on a second socket, as a second process would open it.
    pub(crate) async fn twin(&self) -> Self {
        Self::with_backend(&self.url, self.backend.clone()).await
    }

    /// Ends the client; the session stays in its store.
    pub(crate) async fn stop(&mut self) {
        if let Some(handle) = self.handle.take() {
            handle.shutdown().await;
        }
    }

    /// The session started again from its store.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        *self = Self::with_backend(&self.url, self.backend.clone()).await;
    }

    pub(crate) async fn wait<T>(&self, what: &str, found: impl Fn(&Event) -> Option<T>) -> T {
        self.wait_all(what, |events| events.iter().find_map(|event| found(event))).await
    }

    pub(crate) async fn wait_all<T>(&self, what: &str, found: impl Fn(&[Arc<Event>]) -> Option<T>) -> T {
        let waiting = async {
            loop {
                let grew = self.log.grew.notified();
                tokio::pin!(grew);
                grew.as_mut().enable();
                if let Some(value) = found(&self.log.events.lock().unwrap()) {
                    return value;
                }
                grew.await;
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(value) => value,
            Err(_) => panic!("waited too long for {what}; saw {:?}{}", self.kinds(), self.failed_syncs()),
        }
    }

    pub(crate) fn kinds(&self) -> Vec<EventKind> {
        self.log.events.lock().unwrap().iter().map(|event| event.kind()).collect()
    }

    /// What the client says of app state that it could not bring up to date.
    fn failed_syncs(&self) -> String {
        let events = self.log.events.lock().unwrap();
        let failed = events.iter().filter(|event| matches!(&***event, Event::AppStateSyncFailed(_)));
        failed.map(|event| format!("; {event:?}")).collect()
    }

    pub(crate) fn count(&self, kind: EventKind) -> usize {
        self.kinds().into_iter().filter(|other| *other == kind).count()
    }

    pub(crate) fn forget(&self) {
        self.log.events.lock().unwrap().clear();
    }

    pub(crate) async fn qr(&self) -> String {
        self.wait("a QR code", |event| match event {
            Event::PairingQrCode(qr) => Some(qr.code.clone()),
            _ => None,
        })
        .await
    }

    pub(crate) async fn connected(&self) {
        self.wait("connected", |event| matches!(event, Event::Connected(_)).then_some(())).await;
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        received(&self.log.events.lock().unwrap())
    }

    pub(crate) async fn message(&self, text: &str) -> Received {
        self.wait_all(&format!("the message {text:?}"), |events| {
            received(events).into_iter().find(|message| message.text == text)
        })
        .await
    }

    /// Waits for the server's ack of a message; returns its error.
    pub(crate) async fn server_ack(&self, id: &str) -> Option<String> {
        self.wait_all("a server ack", |events| server_ack(events, id)).await
    }

    pub(crate) async fn has_server_ack(&self, id: &str) -> bool {
        self.wait_all("any answer", |events| Some(server_ack(events, id).is_some())).await
    }

    pub(crate) async fn receipt(&self, id: &str, kind: &str) {
        self.wait(&format!("a {kind} receipt"), |event| match event {
            Event::Receipt(receipt)
                if receipt.message_ids.iter().any(|other| other == id)
                    && format!("{:?}", receipt.r#type) == kind =>
            {
                Some(())
            }
            _ => None,
        })
        .await;
    }

    pub(crate) async fn send(&self, to: &str, text: &str) -> String {
        self.send_to(&Jid::pn(to), text).await
    }

    pub(crate) async fn send_to(&self, chat: &Jid, text: &str) -> String {
        self.client.send_text(chat.clone(), text).await.unwrap().message_id
    }

    /// Waits for a change of a group.
    pub(crate) async fn group_update(&self, what: &str, is_it: impl Fn(&GroupNotificationAction) -> bool) {
        self.wait(what, |event| match event {
            Event::GroupUpdate(update) if is_it(&update.action) => Some(()),
            _ => None,
        })
        .await;
    }
}

fn server_ack(events: &[Arc<Event>], id: &str) -> Option<Option<String>> {
    events.iter().find_map(|event| match &**event {
        Event::ServerAck(ack) if ack.id == id && ack.class.as_deref() == Some("message") => {
            Some(ack.error.clone())
        }
        _ => None,
    })
}

fn received(events: &[Arc<Event>]) -> Vec<Received> {
    let messages = events.iter().flat_map(|event| event.messages());
    let texts = messages.filter_map(|message| {
        Some(Received {
            id: message.info.id.clone(),
            text: message.message.text_content()?.to_owned(),
            is_from_me: message.info.source.is_from_me,
            chat: message.info.source.chat.to_string(),
            is_offline: message.info.is_offline,
        })
    });
    texts.collect()
}
