//! A `blazz up` of the bench's own, and what is called on it.

mod api;
mod phones;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;

pub(crate) use api::Api;
pub(crate) use phones::Phones;

/// How long anything may take to come about.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// The variable of a node that says where WhatsApp is; `up.json` names only the emulator's admin address.
const ENDPOINT: &str = "BLAZZ_WHATSAPP_ENDPOINT=";

/// Where the data lives when not in a SQLite file.
#[derive(Debug, Clone)]
pub(crate) struct Fleet {
    /// An empty database.
    pub(crate) postgres: String,
    /// A Redis for it alone.
    pub(crate) redis: String,
}

/// A running stack with one node; stopped when dropped.
pub(crate) struct Stack {
    _running: Running,
    up: Up,
    /// The API, with the workspace's key.
    pub(crate) api: Api,
    /// The emulator's phones.
    pub(crate) phones: Phones,
}

/// What the bench needs of `up.json`.
#[derive(Deserialize)]
struct Up {
    api_url: String,
    workspace_key: String,
    emulator_url: String,
    pids: Pids,
}

#[derive(Deserialize)]
struct Pids {
    api: i32,
    emulator: i32,
    #[serde(rename = "node-1")]
    node: i32,
}

impl Stack {
    /// Starts everything in `directory` and waits until it is up.
    pub(crate) async fn start(directory: &Path, fleet: Option<&Fleet>) -> Result<Self> {
        let var = directory.join("var");
        let log = directory.join("up.log");
        let mut running = Running(command(&var, &log, fleet)?.spawn().context("cannot start `blazz up`")?);
        let up = running.until_up(&var.join("up.json")).await.with_context(|| {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            format!("`blazz up` said: {}", said.trim())
        })?;
        let http = blazz_wire::http_client(Duration::from_secs(2), PATIENCE)?;
        let api = Api::new(http.clone(), &up.api_url, &up.workspace_key);
        let phones = Phones::new(http, &up.emulator_url);
        Ok(Self { _running: running, up, api, phones })
    }

    /// The API's process.
    pub(crate) fn api_pid(&self) -> Pid {
        Pid::from_raw(self.up.pids.api)
    }

    /// The node's process.
    pub(crate) fn node_pid(&self) -> Pid {
        Pid::from_raw(self.up.pids.node)
    }

    /// The emulator's process.
    pub(crate) fn emulator_pid(&self) -> Pid {
        Pid::from_raw(self.up.pids.emulator)
    }

    /// Where clients of WhatsApp's protocol connect.
    pub(crate) fn websocket_url(&self) -> Result<String> {
        let environment = std::fs::read(format!("/proc/{}/environ", self.node_pid()))?;
        let environment = String::from_utf8_lossy(&environment);
        let url = environment.split('\0').find_map(|variable| variable.strip_prefix(ENDPOINT));
        Ok(url.context("the node was not told where the emulator is")?.to_owned())
    }
}

fn command(var: &Path, log: &Path, fleet: Option<&Fleet>) -> Result<Command> {
    let mut command = Command::new(program("blazz")?);
    command.args(["up", "--port", "0", "--nodes", "1", "--dir"]).arg(var);
    if let Some(Fleet { postgres, redis }) = fleet {
        command.args(["--database-url", postgres, "--redis-url", redis]);
    }
    // The bench asks for more than a tenant may.
    command.env("BLAZZ_REQUESTS_PER_MINUTE", "1000000");
    let log = File::create(log)?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    Ok(command)
}

/// A program beside this one.
fn program(name: &str) -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    ensure!(path.is_file(), "{} is not there; scripts/bench builds it", path.display());
    Ok(path)
}

/// `blazz up` itself; asked to stop when dropped, and waited for.
struct Running(Child);

impl Running {
    async fn until_up(&mut self, file: &Path) -> Result<Up> {
        let deadline = Instant::now() + PATIENCE;
        while !file.exists() {
            if let Some(status) = self.0.try_wait()? {
                bail!("it ended at once ({status})");
            }
            ensure!(Instant::now() < deadline, "it did not come up in {} s", PATIENCE.as_secs());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        serde_json::from_str(&std::fs::read_to_string(file)?).context("up.json has another shape")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(pid) = i32::try_from(self.0.id()) {
            // It may have ended by itself.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let _ = self.0.wait();
    }
}
