//! Everything around a node: emulator, control server, session root; and the node itself, started and stopped.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use blazz_domain::{
    AccountId, AccountState, Epoch, Lease, NodeId, ProviderMessageId, SendOutcome, SystemClock, WorkspaceId,
};
use blazz_emulator::{Emulator, EmulatorConfig};
use blazz_session_node::engine::{Engine, WhatsApp};
use blazz_session_node::{Config, RunError, run_with};
use blazz_session_store::StorageSecret;
use blazz_telemetry::{LogFormat, Shutdown};
use blazz_whatsapp::{EngineConfig, FleetVersion, ProxyPolicy};
use blazz_wire::NodeClient;
use blazz_wire::keys::{FleetSecret, NodeKeys};
use blazz_wire::node_api::{Assignment, SendMessage, StartSession};
use blazz_wire::request_id::RequestId;
use tokio::task::JoinHandle;

use crate::control::Control;
use crate::until::{PATIENCE, until};

pub(crate) const ANNA: &str = "15550000001";
pub(crate) const BERT: &str = "15550000002";
pub(crate) const CARL: &str = "15550000003";

/// The world around the node.
pub(crate) struct Stage {
    pub(crate) emulator: Emulator,
    pub(crate) control: Control,
    pub(crate) secret: FleetSecret,
    pub(crate) workspace: WorkspaceId,
    pub(crate) version: FleetVersion,
    directory: tempfile::TempDir,
    session_root: PathBuf,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let session_root = directory.path().join("sessions");
        Self::with(directory, session_root).await
    }

    /// One whose sessions lie elsewhere.
    pub(crate) async fn with_sessions_in(session_root: PathBuf) -> Self {
        Self::with(tempfile::tempdir().unwrap(), session_root).await
    }

    async fn with(directory: tempfile::TempDir, session_root: PathBuf) -> Self {
        let _set_up_before = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_test_writer()
            .try_init();
        let emulator = Emulator::start(EmulatorConfig::default()).await.unwrap();
        for (phone, name) in [(ANNA, "Anna"), (BERT, "Bert"), (CARL, "Carl")] {
            emulator.add_phone(phone, name).await.unwrap();
        }
        let secret = FleetSecret::generate();
        let control = Control::start(&secret).await;
        Self {
            emulator,
            control,
            secret,
            workspace: WorkspaceId::new(),
            version: FleetVersion::default(),
            directory,
            session_root,
        }
    }

    pub(crate) fn node_id(&self) -> NodeId {
        "node-1".parse().unwrap()
    }

    pub(crate) fn lease(&self) -> Lease {
        Lease { workspace_id: self.workspace, account_id: AccountId::new(), epoch: Epoch(1) }
    }

    pub(crate) fn ready_file(&self) -> PathBuf {
        self.directory.path().join("node.json")
    }

    pub(crate) fn session_root(&self) -> PathBuf {
        self.session_root.clone()
    }

    /// Counts on these sessions from the next registration on.
    pub(crate) fn assign(&self, leases: &[Lease]) {
        let assignments = leases.iter().map(|lease| Assignment::new(*lease, true)).collect();
        self.control.script(|script| script.assignments = assignments);
    }

    pub(crate) fn engine_config(&self) -> EngineConfig {
        EngineConfig {
            endpoint: Some(self.emulator.ws_url().parse().unwrap()),
            prekeys: Some(20),
            close_timeout: Duration::from_secs(1),
            version: self.version.clone(),
            proxies: ProxyPolicy::AllowPrivate,
            ..EngineConfig::default()
        }
    }

    pub(crate) fn engine(&self) -> Arc<dyn Engine> {
        Arc::new(WhatsApp::new(self.engine_config(), Arc::new(SystemClock)))
    }

    pub(crate) async fn start(&self) -> Node {
        self.start_with(self.engine()).await
    }

    pub(crate) async fn start_with(&self, engine: Arc<dyn Engine>) -> Node {
        self.registered(self.launch(engine).await).await
    }

    /// Starts a node that runs so many sessions at most.
    pub(crate) async fn start_for(&self, capacity: u32) -> Node {
        let config = Config { capacity, ..self.config() };
        self.registered(self.launch_as(config, self.engine()).await).await
    }

    async fn registered(&self, node: Node) -> Node {
        until("the node's registration", async || {
            let ready = get(&format!("{}/readyz", node.url)).await?;
            (ready.0 == 200).then_some(())
        })
        .await;
        node
    }

    /// Starts a node without waiting for its registration.
    pub(crate) async fn launch(&self, engine: Arc<dyn Engine>) -> Node {
        self.launch_as(self.config(), engine).await
    }

    /// The settings of a node of this stage.
    pub(crate) fn config(&self) -> Config {
        Config {
            node_id: self.node_id(),
            listen: "127.0.0.1:0".parse().unwrap(),
            url: None,
            secret: self.secret.node_secret(&self.node_id()),
            secret_previous: None,
            api_url: self.control.url().parse().unwrap(),
            session_root: self.session_root(),
            storage_key: StorageSecret::parse(&"5b".repeat(32)).unwrap(),
            storage_key_previous: None,
            capacity: 50,
            start_concurrency: 4,
            media_concurrency: 2,
            media_limit: 1 << 20,
            engine: self.engine_config(),
            log: "info".to_owned(),
            log_format: LogFormat::Text,
            ready_file: Some(self.ready_file()),
        }
    }

    pub(crate) async fn launch_as(&self, config: Config, engine: Arc<dyn Engine>) -> Node {
        let _from_before = std::fs::remove_file(self.ready_file());
        let shutdown = Shutdown::new();
        let running = tokio::spawn(run_with(config, shutdown.clone(), engine));
        let url = self.url().await;
        let client = self.client(&url);
        Node { url, client, shutdown, running }
    }

    /// Where the node says that it listens, once it does.
    pub(crate) async fn url(&self) -> String {
        until("the ready file", async || {
            let text = std::fs::read_to_string(self.ready_file()).ok()?;
            let json: serde_json::Value = serde_json::from_str(&text).ok()?;
            Some(json["url"].as_str()?.to_owned())
        })
        .await
    }

    /// The API's way to a node at `url`.
    pub(crate) fn client(&self, url: &str) -> NodeClient {
        self.client_with(url, self.secret.node_secret(&self.node_id()).keys(&self.node_id()))
    }

    /// The same with other keys.
    pub(crate) fn client_with(&self, url: &str, keys: NodeKeys) -> NodeClient {
        let http = blazz_wire::http_client(Duration::from_secs(2), Duration::from_secs(30)).unwrap();
        NodeClient::new(http, self.node_id(), url.parse().unwrap(), keys, Arc::new(SystemClock))
    }

    /// Links a new session to a phone and waits until the API has heard that it is connected.
    pub(crate) async fn link(&self, node: &Node, phone: &str) -> Lease {
        let lease = self.lease();
        self.link_as(node, phone, lease).await;
        lease
    }

    pub(crate) async fn link_as(&self, node: &Node, phone: &str, lease: Lease) {
        node.start(&lease).await;
        let qr = node.client.qr(&lease, Duration::from_secs(20), &RequestId::generate()).await.unwrap();
        self.emulator.scan(phone, &qr.text).await.unwrap();
        self.control.reported(lease.account_id, AccountState::Connected).await;
    }

    /// Waits until the phone's sessions have acknowledged everything: WhatsApp forgets it, and only an outbox has it.
    pub(crate) async fn acknowledged_by(&self, phone: &str) {
        until("the session's acks", async || {
            let devices = self.emulator.devices(phone).await.unwrap();
            devices.iter().all(|device| device.waiting == 0).then_some(())
        })
        .await;
    }

    /// The phone writes to another. On return WhatsApp holds it for every device that has not acknowledged it.
    pub(crate) async fn writes(&self, from: &str, to: &str, text: &str) {
        self.emulator.send_text(from, to, text, None).await.unwrap();
    }
}

/// A running node.
pub(crate) struct Node {
    pub(crate) url: String,
    pub(crate) client: NodeClient,
    pub(crate) shutdown: Shutdown,
    running: JoinHandle<Result<(), RunError>>,
}

impl Node {
    pub(crate) async fn start(&self, lease: &Lease) {
        let start = StartSession::new(false);
        self.client.start(lease, &start, &RequestId::generate()).await.unwrap();
    }

    pub(crate) async fn state(&self, lease: &Lease) -> AccountState {
        self.client.state(lease, &RequestId::generate()).await.unwrap().report.state
    }

    pub(crate) async fn send(&self, lease: &Lease, to: &str, id: &str, text: &str) -> SendOutcome {
        self.client.send(lease, &message(to, id, text), &RequestId::generate()).await.unwrap()
    }

    /// What one of its metrics without labels says.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let (_, metrics) = get(&format!("{}/metrics", self.url)).await.unwrap();
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap();
        value.parse().unwrap()
    }

    /// Asks it to end in order, and waits until it has.
    pub(crate) async fn end(self) -> Result<(), RunError> {
        self.shutdown.soft().cancel();
        self.ended().await
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(self) -> Result<(), RunError> {
        tokio::time::timeout(PATIENCE, self.running).await.expect("the node ends in time").unwrap()
    }
}

pub(crate) fn message(to: &str, id: &str, text: &str) -> SendMessage {
    SendMessage {
        to: format!("{to}@s.whatsapp.net").parse().unwrap(),
        id: ProviderMessageId(id.to_owned()),
        content: blazz_domain::MessageContent::Text { text: text.to_owned() },
        about: None,
    }
}

/// Status and body of an unsigned GET.
pub(crate) async fn get(url: &str) -> Option<(u16, String)> {
    let http = blazz_wire::http_client(Duration::from_secs(2), Duration::from_secs(5)).unwrap();
    let answer = http.get(url).send().await.ok()?;
    Some((answer.status().as_u16(), answer.text().await.ok()?))
}
