//! A fleet of the bench's own with linked sessions in it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use blazz_chaos::fleet::{Fleet, FleetSpec, Node, Process};
use blazz_chaos::{Phones, Tenant, link};
use nix::unistd::Pid;

use super::Bench;
use crate::report::say;

/// Sessions that are linked before it is said how many there are.
const PORTION: usize = 250;
/// Workspaces that the accounts belong to.
const WORKSPACES: usize = 20;
/// More sessions than any node here is given.
const CAPACITY: &str = "50000";
/// How often it is asked whether something has come about.
const PAUSE: Duration = Duration::from_millis(100);

/// The fleet.
pub(super) struct Stage {
    pub(super) fleet: Fleet,
    tenants: Vec<Tenant>,
    phones: Phones,
    pub(super) linked: usize,
}

impl Stage {
    /// One API replica and so many nodes.
    pub(super) async fn start(bench: &Bench, name: &str, nodes: usize) -> Result<Self> {
        say(&format!("starting a fleet with {nodes} nodes"));
        let directory = bench.directory.path().join(name);
        std::fs::create_dir(&directory)?;
        let spec = FleetSpec {
            programs: std::env::current_exe()?.parent().context("this program has no folder")?.to_owned(),
            services_script: bench.args.services.clone(),
            directory,
            apis: 1,
            nodes,
            roots: bench.args.roots,
            node_ttl_seconds: 10,
            api_variables: Vec::new(),
            node_variables: vec![("BLAZZ_NODE_CAPACITY".to_owned(), CAPACITY.to_owned())],
        };
        let fleet = Fleet::start(spec).await?;
        let mut tenants = Vec::new();
        for place in 0..WORKSPACES {
            tenants.push(Tenant::create(&fleet, &format!("bench {place}")).await?);
        }
        let phones = Phones::of(&fleet);
        Ok(Self { fleet, tenants, phones, linked: 0 })
    }

    /// Links until there are so many sessions.
    pub(super) async fn link_to(&mut self, count: usize) -> Result<()> {
        while self.linked < count {
            let portion = PORTION.min(count - self.linked);
            link(&self.tenants, &self.phones, self.linked, portion).await?;
            self.linked += portion;
            say(&format!("{} sessions are linked", self.linked));
        }
        Ok(())
    }

    /// The node at this place.
    pub(super) fn node(&self, place: usize) -> Result<&Node> {
        self.fleet.nodes.get(place).context("there is no such node")
    }

    /// The API's process.
    pub(super) fn api(&self) -> Result<&Process> {
        self.fleet.apis.first().context("there is no API")
    }

    /// How many accounts the API takes for connected; on one node, or anywhere.
    pub(super) async fn connected(&self, node: Option<&str>) -> Result<usize> {
        let here = node.map(|id| format!(" AND node_id = '{id}'")).unwrap_or_default();
        self.number(&format!("SELECT count(*) FROM accounts WHERE state = 'connected'{here}")).await
    }

    /// How many companions' sockets WhatsApp has.
    pub(super) async fn sockets(&self) -> Result<usize> {
        let stats: serde_json::Value = self.phones.get("/stats").await?;
        let live = stats.get("live_sockets").and_then(serde_json::Value::as_u64);
        Ok(usize::try_from(live.unwrap_or_default())?)
    }

    /// A number that the database answers with.
    pub(super) async fn number(&self, sql: &str) -> Result<usize> {
        let lines = self.fleet.services.ask(sql).await?;
        lines.first().context("the database says nothing")?.parse().context("no number")
    }

    /// Waits until all are connected, on one node or anywhere, to WhatsApp too; gives how long that took since `begun`.
    pub(super) async fn until_connected(
        &self,
        node: Option<&str>,
        begun: Instant,
        patience: Duration,
    ) -> Result<Duration> {
        loop {
            let (sockets, connected) = (self.sockets().await?, self.connected(node).await?);
            if sockets >= self.linked && connected >= self.linked {
                return Ok(begun.elapsed());
            }
            ensure!(
                begun.elapsed() < patience,
                "{connected} of {} sessions are connected, with {sockets} sockets",
                self.linked
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Ends everything.
    pub(super) async fn end(self) {
        self.fleet.end().await;
    }
}

/// The process of something that runs.
pub(super) fn pid(process: &Process) -> Result<Pid> {
    process.pid().with_context(|| format!("{} does not run", process.name()))
}
