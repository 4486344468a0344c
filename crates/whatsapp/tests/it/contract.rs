//! What Blazz relies on of the engine, without Blazz in between: an upgrade that changes it fails here.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use blazz_emulator::{Emulator, EmulatorConfig, Fault, FaultRequest, ReceiptKind};
use tokio::sync::Semaphore;
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};
use whatsapp_rust::prelude::*;
use whatsapp_rust::transport::TokioWebSocketTransportFactory;

use crate::stage::{ANNA, BERT, until};

struct NoHttp;

#[async_trait::async_trait]
impl HttpClient for NoHttp {
    async fn execute(&self, _: HttpRequest) -> anyhow::Result<HttpResponse> {
        anyhow::bail!("the engine asked for HTTP")
    }
}

/// Lets messages pass; closed, one by one; or fails them.
struct Gate {
    closed: AtomicBool,
    pass: Semaphore,
    fail: AtomicBool,
}

struct Hook(Arc<Gate>);

#[async_trait::async_trait]
impl whatsapp_rust::InboundDurabilityHook for Hook {
    async fn on_messages(&self, _: Arc<Client>, batch: &[InboundMessage]) -> anyhow::Result<()> {
        if self.0.closed.load(Ordering::SeqCst) {
            self.0.pass.acquire_many(u32::try_from(batch.len())?).await?.forget();
        }
        anyhow::ensure!(!self.0.fail.load(Ordering::SeqCst), "told to fail");
        Ok(())
    }
}

/// Collects events; a receipt is held until the test lets go.
struct Log {
    events: Mutex<Vec<Arc<Event>>>,
    hold_receipts: Mutex<Option<mpsc::Receiver<()>>>,
}

impl EventHandler for Log {
    fn handle_event(&self, event: Arc<Event>) {
        let is_receipt = matches!(&*event, Event::Receipt(_));
        self.events.lock().unwrap().push(event);
        if is_receipt && let Some(held) = self.hold_receipts.lock().unwrap().take() {
            // What this worker had put aside to run next must not wait with it: the emulator runs here too.
            let _released = tokio::task::block_in_place(|| held.recv_timeout(Duration::from_secs(20)));
        }
    }
}

struct Raw {
    emulator: Emulator,
    backend: Arc<SqliteStore>,
    _directory: tempfile::TempDir,
    gate: Arc<Gate>,
    log: Arc<Log>,
    client: Arc<Client>,
    running: BotHandle,
}

impl Raw {
    async fn linked() -> Self {
        let emulator = Emulator::start(EmulatorConfig::default()).await.unwrap();
        for phone in [ANNA, BERT] {
            emulator.add_phone(phone, "").await.unwrap();
        }
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("engine.db");
        let backend = Arc::new(SqliteStore::new(path.to_str().unwrap()).await.unwrap());
        let gate = Arc::new(Gate {
            closed: AtomicBool::new(false),
            pass: Semaphore::new(0),
            fail: AtomicBool::new(false),
        });
        let log = Arc::new(Log { events: Mutex::default(), hold_receipts: Mutex::default() });
        let (client, running) = start(&emulator, &backend, &gate, &log).await;
        let mut raw = Self { emulator, backend, _directory: directory, gate, log, client, running };
        let code = raw.event(|event| match event {
            Event::PairingQrCode(qr) => Some((qr.code.clone(), qr.timeout)),
            _ => None,
        });
        let (code, valid_for) = code.await;
        // A round is this and 5 × 20 s; the rest of it would take minutes to see.
        assert!(valid_for > Duration::from_secs(59) && valid_for <= Duration::from_secs(60));
        raw.emulator.scan(ANNA, &code).await.unwrap();
        raw.event(|event| matches!(event, Event::PairSuccess(_)).then_some(())).await;
        // 515: without its own reconnect the run ends, and a new client logs in.
        (&mut raw.running).await;
        raw.restart().await;
        raw
    }

    async fn restart(&mut self) {
        self.client.disconnect().await;
        self.log.events.lock().unwrap().clear();
        (self.client, self.running) = start(&self.emulator, &self.backend, &self.gate, &self.log).await;
        self.event(|event| matches!(event, Event::Connected(_)).then_some(())).await;
    }

    async fn event<T>(&self, find: impl Fn(&Event) -> Option<T>) -> T {
        until("an event of the engine", async || self.find(&find)).await
    }

    fn find<T>(&self, find: impl Fn(&Event) -> Option<T>) -> Option<T> {
        self.log.events.lock().unwrap().iter().find_map(|event| find(event))
    }

    fn has_messages(&self) -> bool {
        self.find(|event| matches!(event, Event::Messages(_)).then_some(())).is_some()
    }

    async fn waiting(&self) -> usize {
        self.emulator.devices(ANNA).await.unwrap()[0].waiting
    }
}

async fn start(
    emulator: &Emulator,
    backend: &Arc<SqliteStore>,
    gate: &Arc<Gate>,
    log: &Arc<Log>,
) -> (Arc<Client>, BotHandle) {
    let bot = Bot::builder()
        .with_backend_arc(backend.clone())
        .with_transport_factory(TokioWebSocketTransportFactory::new().with_url(emulator.ws_url()))
        .with_http_client(NoHttp)
        .with_version((2, 3000, 1))
        .with_wanted_pre_key_count(30)
        .with_inbound_durability_hook(Hook(Arc::clone(gate)))
        .build()
        .await
        .unwrap();
    let client = bot.client();
    client.enable_auto_reconnect.store(false, Ordering::SeqCst);
    client.subscribe_handler(log.clone()).detach();
    (client, bot.spawn())
}

#[test]
fn the_engine_is_the_version_that_was_read() {
    let lock = include_str!("../../../../Cargo.lock");
    assert!(lock.contains("name = \"whatsapp-rust\"\nversion = \"0.7.0\"\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_hook_runs_before_the_ack_and_an_error_withholds_it() {
    let mut raw = Raw::linked().await;
    until("an empty queue", async || (raw.waiting().await == 0).then_some(())).await;
    raw.log.events.lock().unwrap().clear();
    raw.gate.closed.store(true, Ordering::SeqCst);
    raw.emulator.send_text(BERT, ANNA, "held", None).await.unwrap();
    until("the message to wait", async || (raw.waiting().await == 1).then_some(())).await;
    assert!(!raw.has_messages());
    raw.gate.fail.store(true, Ordering::SeqCst);
    raw.gate.pass.add_permits(1);
    until("the hook to have failed", async || (raw.gate.pass.available_permits() == 0).then_some(())).await;
    assert_eq!(raw.waiting().await, 1);
    assert!(!raw.has_messages());

    raw.gate.fail.store(false, Ordering::SeqCst);
    raw.gate.closed.store(false, Ordering::SeqCst);
    raw.restart().await;
    let text = raw.event(|event| Some(event.messages().next()?.message.text_content()?.to_owned())).await;
    assert_eq!(text, "held");
    until("the ack", async || (raw.waiting().await == 0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_receipt_is_heard_before_its_ack() {
    let raw = Raw::linked().await;
    until("an empty queue", async || (raw.waiting().await == 0).then_some(())).await;
    raw.emulator.set_confirms_delivery(BERT, false).await.unwrap();
    let sent = raw.client.send_text(Jid::pn(BERT), "hello").await.unwrap().message_id;
    until("the message on the phone", async || {
        raw.emulator.messages(BERT).await.unwrap().into_iter().find(|message| message.id == sent)
    })
    .await;
    let (release, held) = mpsc::channel();
    *raw.log.hold_receipts.lock().unwrap() = Some(held);
    raw.emulator.receipts(BERT, ANNA, Some(vec![sent]), ReceiptKind::Read).await.unwrap();
    raw.event(|event| matches!(event, Event::Receipt(_)).then_some(())).await;
    assert_eq!(raw.waiting().await, 1, "the receipt's ack waits for its handler");
    release.send(()).unwrap();
    until("the ack", async || (raw.waiting().await == 0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_message_goes_out_under_a_given_id_as_often_as_it_is_sent_and_each_is_acked() {
    let raw = Raw::linked().await;
    let id = "3EB0C0FFEE";
    for round in 1..=2 {
        let options = SendOptions::default().with_message_id(id);
        let sent =
            raw.client.send_message_with_options(Jid::pn(BERT), wa::Message::text("hi"), options).await;
        assert_eq!(sent.unwrap().message_id, id);
        until("the acks", async || {
            let events = raw.log.events.lock().unwrap();
            let acks = events.iter().filter(|event| match &***event {
                Event::ServerAck(ack) => {
                    ack.id == id && ack.class.as_deref() == Some("message") && ack.error.is_none()
                }
                _ => false,
            });
            (acks.count() == round).then_some(())
        })
        .await;
    }
    let copies = raw.emulator.messages(BERT).await.unwrap();
    assert_eq!(copies.iter().filter(|message| message.id == id).count(), 1, "the phone shows it once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_its_own_reconnect_the_run_ends_with_the_connection() {
    let mut raw = Raw::linked().await;
    raw.emulator.fault(FaultRequest::new(Fault::DropSockets)).await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), &mut raw.running).await.unwrap();
    assert!(!raw.client.is_connected());
}
