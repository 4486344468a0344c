//! The processes of one machine: started in order, watched, stopped in reverse.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use blazz_domain::{NodeId, WorkspaceId};
use blazz_wire::keys::FleetSecret;
use futures_util::future::select_all;
use serde::Serialize;
use tokio::time::Instant;

use super::child::{Child, Program};
use super::layout::{Layout, write_private};
use super::ready::until_ready;
use super::secrets::Secrets;
use super::{UpArgs, bootstrap};
use crate::{migrate, output};

/// What `up.json` says.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Up {
    /// Where the API listens.
    pub(crate) api_url: String,
    /// Opens the operator's routes.
    pub(crate) operator_key: String,
    /// The first workspace.
    pub(crate) workspace_id: WorkspaceId,
    /// Opens its routes.
    pub(crate) workspace_key: String,
    /// Where phones are scripted.
    pub(crate) emulator_url: String,
    /// The session nodes.
    pub(crate) nodes: Vec<NodeUp>,
    /// Every process by name.
    pub(crate) pids: BTreeMap<String, u32>,
}

/// One session node of `up.json`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NodeUp {
    /// Its name.
    pub(crate) id: String,
    /// Where it listens.
    pub(crate) url: String,
    /// Its process.
    pub(crate) pid: u32,
}

/// The processes and how they were started.
pub(crate) struct Stack {
    layout: Layout,
    secrets: Secrets,
    http: reqwest::Client,
    database_url: String,
    redis_url: Option<String>,
    children: Vec<Child>,
    up: Option<Up>,
}

impl Stack {
    /// Nothing runs yet.
    pub(crate) fn new(layout: Layout, args: &UpArgs) -> anyhow::Result<Self> {
        let secrets = Secrets::load_or_make(&layout.secrets_file())?;
        let http = blazz_wire::http_client(Duration::from_secs(2), Duration::from_secs(30))?;
        let database_url = args.database_url.clone().unwrap_or_else(|| layout.database_url());
        let redis_url = args.redis_url.clone();
        Ok(Self { layout, secrets, http, database_url, redis_url, children: Vec::new(), up: None })
    }

    /// Where things are.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Starts everything, in order, and writes `up.json`.
    pub(crate) async fn start(&mut self) -> anyhow::Result<Up> {
        migrate::migrate(&self.database_url).await?;
        let emulator = self.emulator()?;
        self.launch(emulator, format!("http://{}/healthz", self.layout.emulator_admin)).await?;
        let (api, api_url) = (self.api()?, format!("http://{}", self.layout.api));
        self.launch(api, format!("{api_url}/readyz")).await?;
        let nodes = self.layout.nodes.clone();
        for (at, address) in nodes.iter().enumerate() {
            let node = self.node(&node_name(at), &address.to_string(), &api_url)?;
            self.launch(node, format!("http://{address}/readyz")).await?;
        }
        let workspace = self.workspace(&api_url).await?;
        self.up = Some(Up {
            api_url,
            operator_key: self.secrets.operator_key.clone(),
            workspace_id: workspace.id,
            workspace_key: workspace.key,
            emulator_url: format!("http://{}", self.layout.emulator_admin),
            nodes: Vec::new(),
            pids: BTreeMap::new(),
        });
        self.write()
    }

    /// Starts again whatever dies, for ever.
    pub(crate) async fn supervise(&mut self) -> anyhow::Result<()> {
        loop {
            let (ended, at) = {
                let lives = self.children.iter_mut().map(|child| Box::pin(child.revive()));
                let (ended, at, _) = select_all(lives).await;
                (ended?, at)
            };
            let name = self.children.get(at).map_or_else(String::new, |child| child.name().to_owned());
            output::line(&format!("{name} ended ({ended}); started again"))?;
            self.write()?;
        }
    }

    /// Stops everything, nodes first, so that they can hand their last events to the API.
    pub(crate) async fn stop(&mut self, patience: Duration) {
        let deadline = Instant::now() + patience;
        while let Some(mut child) = self.children.pop() {
            child.stop(deadline).await;
        }
        // The file names processes that are gone now.
        let _ = std::fs::remove_file(self.layout.up_file());
    }

    async fn launch(&mut self, program: Program, ready_url: String) -> anyhow::Result<()> {
        let mut child = Child::start(program)?;
        let ready = until_ready(&self.http, &ready_url, &mut child).await;
        self.children.push(child);
        ready
    }

    async fn workspace(&mut self, api_url: &str) -> anyhow::Result<super::secrets::WorkspaceSecret> {
        if let Some(known) = &self.secrets.workspace
            && bootstrap::is_valid(&self.http, api_url, known).await?
        {
            return Ok(known.clone());
        }
        let made = bootstrap::make(&self.http, api_url, &self.secrets.operator_key).await?;
        self.secrets.workspace = Some(made.clone());
        self.secrets.save(&self.layout.secrets_file())?;
        Ok(made)
    }

    /// Writes `up.json` as things stand.
    fn write(&mut self) -> anyhow::Result<Up> {
        let up = self.up.as_mut().context("nothing has been started")?;
        up.pids =
            self.children.iter().filter_map(|child| Some((child.name().to_owned(), child.pid()?))).collect();
        up.nodes = (self.layout.nodes.iter().enumerate())
            .filter_map(|(at, address)| {
                let id = node_name(at);
                let pid = *up.pids.get(&id)?;
                Some(NodeUp { id, url: format!("http://{address}"), pid })
            })
            .collect();
        write_private(&self.layout.up_file(), &serde_json::to_string_pretty(up)?)?;
        Ok(up.clone())
    }

    fn emulator(&self) -> anyhow::Result<Program> {
        let listen = ["--listen".into(), self.layout.emulator.to_string().into()];
        let admin = ["--admin".into(), self.layout.emulator_admin.to_string().into()];
        Ok(Program {
            name: "emulator".into(),
            path: self.layout.program("blazz-emulator")?,
            args: [listen, admin].concat(),
            env: vec![],
            log: self.layout.log("emulator")?,
        })
    }

    fn api(&self) -> anyhow::Result<Program> {
        let mut env = vec![
            ("BLAZZ_API_LISTEN", self.layout.api.to_string()),
            ("BLAZZ_DATABASE_URL", self.database_url.clone()),
            ("BLAZZ_OPERATOR_KEY", self.secrets.operator_key.clone()),
            ("BLAZZ_FLEET_SECRET", self.secrets.fleet_secret.clone()),
        ];
        env.extend(self.redis_url.clone().map(|url| ("BLAZZ_REDIS_URL", url)));
        let path = self.layout.program("blazz-api")?;
        Ok(Program { name: "api".into(), path, args: vec![], env, log: self.layout.log("api")? })
    }

    fn node(&self, name: &str, listen: &str, api_url: &str) -> anyhow::Result<Program> {
        let id: NodeId = name.parse()?;
        let fleet =
            FleetSecret::parse(&self.secrets.fleet_secret).context("the kept fleet secret is damaged")?;
        let env = vec![
            ("BLAZZ_NODE_ID", name.to_owned()),
            ("BLAZZ_NODE_LISTEN", listen.to_owned()),
            ("BLAZZ_NODE_SECRET", fleet.node_secret(&id).to_hex()),
            ("BLAZZ_API_URL", api_url.to_owned()),
            ("BLAZZ_SESSION_ROOT", self.layout.session_root(name)?.display().to_string()),
            ("BLAZZ_WHATSAPP_ENDPOINT", format!("ws://{}/ws/chat", self.layout.emulator)),
        ];
        let path = self.layout.program("blazz-session-node-sandbox")?;
        Ok(Program { name: name.into(), path, args: vec![], env, log: self.layout.log(name)? })
    }
}

fn node_name(at: usize) -> String {
    format!("node-{}", at + 1)
}
