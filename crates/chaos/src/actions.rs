//! Does what the schedule says, and makes it good again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::clients::Tenant;
use crate::fleet::{Cut, Fleet, Node, Process};
use crate::ledger::{Ledger, Open};
use crate::link::Linked;
use crate::say;
use crate::schedule::{Disturbance, Way, What};

/// How long a kill waits for something to be under way.
const WAIT_FOR_TRAFFIC: Duration = Duration::from_secs(1);
/// How long a twin and the process that it replaces are both awake.
const BOTH_AWAKE: Duration = Duration::from_secs(2);

/// Everything that a disturbance needs to know.
pub(crate) struct Actions {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) tenants: Arc<[Tenant]>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) accounts: Vec<Linked>,
    pub(crate) begun: Instant,
    /// Which node held an account when one was last told.
    pub(crate) holders: Mutex<HashMap<String, String>>,
}

/// What was done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    pub(crate) what: What,
    /// What was under way with the victim at that moment.
    pub(crate) open: Open,
}

impl Done {
    /// Whether it counts: a kill while nothing was under way proves nothing.
    pub(crate) const fn counts(&self) -> bool {
        self.what.is_kill() && self.open.out + self.open.into > 0
    }
}

impl Actions {
    /// Disturbs, waits, makes it good.
    pub(crate) async fn run(self: Arc<Self>, disturbance: Disturbance) -> Result<Done> {
        let Disturbance { what, lasts, .. } = disturbance;
        let open = self.until_something_is_under_way(what).await;
        let at = self.begun.elapsed().as_secs_f64();
        say(&format!(
            "{at:7.2} s  {what} for {:.2} s, with {} out and {} in under way",
            lasts.as_secs_f64(),
            open.out,
            open.into
        ));
        self.disturb(what, lasts).await.with_context(|| format!("{what} at {at:.2} s"))?;
        Ok(Done { what, open })
    }

    async fn disturb(&self, what: What, lasts: Duration) -> Result<()> {
        let (fleet, services) = (&self.fleet, &self.fleet.services);
        match what {
            What::KillNode(node) => kill(&self.node(node)?.process, lasts).await,
            What::PauseNode(node) => pause(&self.node(node)?.process, lasts).await,
            What::CutNode(node, way, how) => cut(self.node(node)?, way, how, lasts).await,
            What::TwinNode(node) => self.twin(self.node(node)?, lasts).await?,
            What::KillApi(api) => kill(fleet.apis.get(api).context("no such API replica")?, lasts).await,
            What::PauseApi(api) => pause(fleet.apis.get(api).context("no such API replica")?, lasts).await,
            What::KillPostgres => {
                services.kill_postgres()?;
                sleep(lasts).await;
                services.start_postgres().await?;
            }
            What::KillRedis => {
                services.signal_redis(Signal::SIGKILL)?;
                sleep(lasts).await;
                services.start_redis().await?;
            }
            What::PauseRedis => {
                services.signal_redis(Signal::SIGSTOP)?;
                sleep(lasts).await;
                services.signal_redis(Signal::SIGCONT)?;
            }
        }
        Ok(())
    }

    fn node(&self, place: usize) -> Result<&Node> {
        self.fleet.nodes.get(place).context("no such node")
    }

    /// A node stands still; its operator believes that it is dead and starts another process with its id; the first one wakes.
    async fn twin(&self, node: &Node, lasts: Duration) -> Result<()> {
        node.process.pause();
        let twin = self.fleet.twin(node).await?;
        sleep(lasts).await;
        node.process.resume();
        sleep(BOTH_AWAKE).await;
        twin.process.kill().await;
        Ok(())
    }

    /// Waits a moment for a message that the victim has to do with; gives what is under way then.
    async fn until_something_is_under_way(&self, what: What) -> Open {
        let concerned = match what.node().and_then(|place| self.fleet.nodes.get(place)) {
            Some(node) => self.accounts_of(&node.id).await,
            None => vec![true; self.accounts.len()],
        };
        let deadline = Instant::now() + WAIT_FOR_TRAFFIC;
        loop {
            let open = self.ledger.open(|account| concerned.get(account).copied().unwrap_or_default());
            let nothing_to_wait_for = !what.is_kill() || !concerned.contains(&true);
            if open != Open::default() || nothing_to_wait_for || Instant::now() > deadline {
                return open;
            }
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// For each account whether a node holds it, as far as the API can tell just now.
    async fn accounts_of(&self, node: &str) -> Vec<bool> {
        for tenant in self.tenants.iter() {
            let Ok(answer) = tenant.call(Method::GET, "/v1/accounts?limit=200", None, None).await else {
                continue;
            };
            let list =
                answer.body.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let mut holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
            for account in list {
                let text = |field| account.get(field).and_then(Value::as_str).map(str::to_owned);
                if let (Some(id), Some(node)) = (text("id"), text("node_id")) {
                    holders.insert(id, node);
                }
            }
        }
        let holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        let is_here =
            |account: &Linked| holders.get(&account.id.to_string()).is_some_and(|holder| holder == node);
        self.accounts.iter().map(is_here).collect()
    }
}

async fn kill(process: &Process, lasts: Duration) {
    process.kill().await;
    sleep(lasts).await;
    process.up();
}

async fn pause(process: &Process, lasts: Duration) {
    process.pause();
    sleep(lasts).await;
    process.resume();
}

async fn cut(node: &Node, way: Way, how: Cut, lasts: Duration) {
    if way != Way::FromApi {
        node.to_api.cut(how);
    }
    if way != Way::ToApi {
        node.from_api.cut(how);
    }
    sleep(lasts).await;
    node.to_api.open();
    node.from_api.open();
}
