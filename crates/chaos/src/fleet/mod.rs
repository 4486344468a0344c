//! A running fleet: PostgreSQL and Redis, the emulator, API replicas, session nodes, and the roads between them.

mod ports;
mod process;
mod road;
mod secrets;
mod services;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use blazz_domain::NodeId;
use futures_util::future::try_join_all;

pub use process::{Exit, Process};
pub use road::{Cut, Road};
pub use services::Services;

use process::Program;
use secrets::Secrets;

/// How long anything may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the nodes keep their sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Roots {
    /// Each in a directory of its own: its sessions wait until it is back.
    Own,
    /// All in one: another node takes over what one has lost.
    Shared,
}

/// What a fleet is made of.
#[derive(Debug, Clone)]
pub struct FleetSpec {
    /// Where the programs are.
    pub programs: PathBuf,
    /// `scripts/test-services`.
    pub services_script: PathBuf,
    /// An empty directory for everything that it writes.
    pub directory: PathBuf,
    /// How many API replicas.
    pub apis: usize,
    /// How many session nodes.
    pub nodes: usize,
    /// Where these keep their sessions.
    pub roots: Roots,
    /// After how many seconds without a heartbeat a node counts as lost.
    pub node_ttl_seconds: u64,
    /// Further variables of every API replica.
    pub api_variables: Vec<(String, String)>,
    /// Further variables of every node.
    pub node_variables: Vec<(String, String)>,
}

/// A session node and its two roads.
pub struct Node {
    /// Its id.
    pub id: String,
    /// Its process.
    pub process: Process,
    /// The road from it to the API replicas.
    pub to_api: Road,
    /// The road from the API replicas to it.
    pub from_api: Road,
    /// Where it keeps its sessions.
    pub root: PathBuf,
}

/// A running fleet. Everything ends when it is dropped.
pub struct Fleet {
    /// The emulator.
    pub emulator: Process,
    /// The API replicas.
    pub apis: Vec<Process>,
    /// Where these serve.
    pub api_urls: Vec<String>,
    /// The session nodes.
    pub nodes: Vec<Node>,
    /// The emulator's admin API.
    pub emulator_url: String,
    /// PostgreSQL and Redis: dropped last, when nobody uses them any more.
    pub services: Services,
    /// For everybody who calls something.
    pub http: reqwest::Client,
    spec: FleetSpec,
    secrets: Secrets,
    websocket_url: String,
    api_addresses: Vec<SocketAddr>,
}

impl Fleet {
    /// Starts everything in order and waits until it is ready.
    ///
    /// # Errors
    /// When something cannot be started.
    pub async fn start(spec: FleetSpec) -> Result<Self> {
        for program in ["blazz", "blazz-api", "blazz-emulator", "blazz-session-node-sandbox"] {
            let path = spec.programs.join(program);
            ensure!(
                path.is_file(),
                "{} is not there; scripts/chaos and scripts/bench build it",
                path.display()
            );
        }
        std::fs::create_dir_all(spec.directory.join("logs"))?;
        let services = Services::start(&spec.services_script, &spec.directory.join("services")).await?;
        services.migrate(&spec.programs.join("blazz")).await?;
        let ports = ports::free(2 + spec.apis + spec.nodes)?;
        let (listen, admin, rest) = match ports.as_slice() {
            [listen, admin, rest @ ..] => (*listen, *admin, rest),
            _ => anyhow::bail!("too few ports"),
        };
        let (api_addresses, node_addresses) = rest.split_at(spec.apis);
        let secrets = Secrets::make();
        let emulator = Process::start(emulator(&spec, listen, admin));
        let http = blazz_wire::http_client(Duration::from_secs(2), PATIENCE)?;
        let emulator_url = format!("http://{admin}");
        let mut fleet = Self {
            emulator,
            apis: Vec::new(),
            api_urls: api_addresses.iter().map(|address| format!("http://{address}")).collect(),
            nodes: Vec::new(),
            emulator_url,
            services,
            http,
            secrets,
            websocket_url: format!("ws://{listen}/ws/chat"),
            api_addresses: api_addresses.to_vec(),
            spec,
        };
        fleet.until_ready(&format!("{}/healthz", fleet.emulator_url)).await?;
        for index in 0..fleet.spec.apis {
            fleet.apis.push(Process::start(fleet.api(index)?));
        }
        fleet.until_apis_are_ready().await?;
        for address in node_addresses {
            fleet.add_node_at(*address).await?;
        }
        let urls = node_addresses.iter().map(|address| format!("http://{address}/readyz"));
        try_join_all(urls.map(async |url| fleet.until_ready(&url).await)).await?;
        Ok(fleet)
    }

    /// One more node; ready when this returns.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn add_node(&mut self) -> Result<()> {
        let address = *ports::free(1)?.first().context("no port is free")?;
        self.add_node_at(address).await?;
        self.until_ready(&format!("http://{address}/readyz")).await
    }

    async fn add_node_at(&mut self, listen: SocketAddr) -> Result<()> {
        let id = format!("node-{}", self.nodes.len() + 1);
        let root = match self.spec.roots {
            Roots::Own => self.spec.directory.join("sessions").join(&id),
            Roots::Shared => self.spec.directory.join("sessions"),
        };
        std::fs::create_dir_all(&root)?;
        let to_api = Road::to(&self.api_addresses).await?;
        let from_api = Road::to(&[listen]).await?;
        let program = self.node(&id, listen, &root, &to_api, &from_api)?;
        let process = Process::start(program);
        self.nodes.push(Node { id, process, to_api, from_api, root });
        Ok(())
    }

    /// A second process with the id of a node, on roads of its own, as when its operator believes that the first one is dead.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn twin(&self, node: &Node) -> Result<Node> {
        let listen = *ports::free(1)?.first().context("no port is free")?;
        let (to_api, from_api) = (Road::to(&self.api_addresses).await?, Road::to(&[listen]).await?);
        let mut program = self.node(&node.id, listen, &node.root, &to_api, &from_api)?;
        program.name = format!("{}-twin", node.id);
        let process = Process::start(program);
        Ok(Node { id: node.id.clone(), process, to_api, from_api, root: node.root.clone() })
    }

    /// The key of the operator's routes.
    #[must_use]
    pub fn operator_key(&self) -> &str {
        &self.secrets.operator_key
    }

    /// The directory that everything is written to.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.spec.directory
    }

    /// After how long without a heartbeat a node counts as lost.
    #[must_use]
    pub fn node_ttl(&self) -> Duration {
        Duration::from_secs(self.spec.node_ttl_seconds)
    }

    /// Waits until a URL answers with success.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn until_ready(&self, url: &str) -> Result<()> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            if self.http.get(url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            ensure!(
                tokio::time::Instant::now() < deadline,
                "{url} is not ready; logs are in {}",
                self.spec.directory.join("logs").display()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Every process that it keeps running.
    pub fn processes(&self) -> impl Iterator<Item = &Process> {
        self.apis.iter().chain(self.nodes.iter().map(|node| &node.process)).chain([&self.emulator])
    }

    /// Opens every road and lets everything run again that was stopped.
    ///
    /// # Errors
    /// When something does not come back.
    pub async fn heal(&self) -> Result<()> {
        for node in &self.nodes {
            node.to_api.open();
            node.from_api.open();
        }
        for process in self.processes() {
            process.resume();
            process.up();
        }
        self.services.heal().await?;
        self.until_apis_are_ready().await
    }

    async fn until_apis_are_ready(&self) -> Result<()> {
        let urls = self.api_urls.iter().map(|url| format!("{url}/readyz"));
        try_join_all(urls.map(async |url| self.until_ready(&url).await)).await.map(drop)
    }

    /// Ends everything at once.
    pub async fn end(self) {
        for process in self.processes() {
            process.kill().await;
        }
        self.services.stop().await;
    }

    fn api(&self, index: usize) -> Result<Program> {
        let address = self.api_addresses.get(index).context("no such API replica")?;
        let name = format!("api-{}", index + 1);
        let media = self.spec.directory.join("media");
        std::fs::create_dir_all(&media)?;
        let mut variables = vec![
            ("BLAZZ_API_LISTEN", address.to_string()),
            ("BLAZZ_DATABASE_URL", self.services.database_url().to_owned()),
            ("BLAZZ_REDIS_URL", self.services.redis_url().to_owned()),
            ("BLAZZ_OPERATOR_KEY", self.secrets.operator_key.clone()),
            ("BLAZZ_FLEET_SECRET", self.secrets.fleet.to_hex()),
            ("BLAZZ_MEDIA_DIR", media.display().to_string()),
            ("BLAZZ_NODE_TTL_SECONDS", self.spec.node_ttl_seconds.to_string()),
            ("BLAZZ_REQUESTS_PER_MINUTE", "0".to_owned()),
            ("BLAZZ_REFUSED_KEYS_PER_MINUTE", "0".to_owned()),
            ("BLAZZ_WHATSAPP_VERSION_URL", format!("{}/sw.js", self.emulator_url)),
        ];
        variables.extend(self.spec.api_variables.iter().map(|(name, value)| (name.as_str(), value.clone())));
        Ok(self.program(&name, "blazz-api", variables))
    }

    fn node(
        &self,
        id: &str,
        listen: SocketAddr,
        root: &Path,
        to_api: &Road,
        from_api: &Road,
    ) -> Result<Program> {
        let node_id: NodeId = id.parse()?;
        let mut variables = vec![
            ("BLAZZ_NODE_ID", id.to_owned()),
            ("BLAZZ_NODE_LISTEN", listen.to_string()),
            ("BLAZZ_NODE_URL", format!("http://{}", from_api.address())),
            ("BLAZZ_NODE_SECRET", self.secrets.fleet.node_secret(&node_id).to_hex()),
            ("BLAZZ_STORAGE_KEY", self.secrets.storage_key.clone()),
            ("BLAZZ_API_URL", format!("http://{}", to_api.address())),
            ("BLAZZ_SESSION_ROOT", root.display().to_string()),
            ("BLAZZ_WHATSAPP_ENDPOINT", self.websocket_url.clone()),
            ("BLAZZ_PROXY_ALLOW_PRIVATE", "true".to_owned()),
        ];
        variables.extend(self.spec.node_variables.iter().map(|(name, value)| (name.as_str(), value.clone())));
        Ok(self.program(id, "blazz-session-node-sandbox", variables))
    }

    fn program(&self, name: &str, program: &str, variables: Vec<(&str, String)>) -> Program {
        Program::new(&self.spec, name, program, variables)
    }
}

fn emulator(spec: &FleetSpec, listen: SocketAddr, admin: SocketAddr) -> Program {
    let variables =
        vec![("BLAZZ_EMULATOR_LISTEN", listen.to_string()), ("BLAZZ_EMULATOR_ADMIN", admin.to_string())];
    Program::new(spec, "emulator", "blazz-emulator", variables)
}
