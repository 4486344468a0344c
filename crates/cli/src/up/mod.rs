//! `blazz up`: the whole of Blazz on one machine, kept running.

mod bootstrap;
mod child;
mod layout;
mod ready;
mod secrets;
mod stack;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::output;
use crate::up::layout::Layout;
use crate::up::stack::Stack;

/// Start everything on this machine: emulator, API and session nodes; keep it running until interrupted.
///
/// The sandbox is complete: the nodes talk to an emulator with scriptable phones and never to WhatsApp.
#[derive(Args, Debug, Clone)]
pub(crate) struct UpArgs {
    /// Where secrets, the database, session directories, logs and `up.json` live.
    #[arg(long, default_value = "var")]
    dir: PathBuf,
    /// How many session nodes to run.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=16))]
    nodes: u16,
    /// The API's port; the emulator takes the next two, the nodes those after. 0 picks free ports.
    #[arg(long, default_value_t = 7000)]
    port: u16,
    /// Where the programs are; by default beside this one.
    #[arg(long)]
    bin_dir: Option<PathBuf>,
    /// PostgreSQL instead of the SQLite file: `postgres://user@host/name`.
    #[arg(long, hide_env_values = true)]
    database_url: Option<String>,
    /// Redis instead of the in-process bus: `redis://host:port`.
    #[arg(long, hide_env_values = true)]
    redis_url: Option<String>,
}

/// Starts, supervises until asked to stop, stops.
pub(crate) async fn run(args: UpArgs) -> anyhow::Result<()> {
    let layout = Layout::prepare(&args)?;
    let _lock = layout.lock()?;
    let mut term = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut int = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut stack = Stack::new(layout, &args)?;
    let started = tokio::select! {
        started = start(&mut stack) => started,
        _ = term.recv() => Ok(false),
        _ = int.recv() => Ok(false),
    };
    let ended = match started {
        Ok(true) => tokio::select! {
            ended = stack.supervise() => ended,
            _ = term.recv() => Ok(()),
            _ = int.recv() => Ok(()),
        },
        Ok(false) => Ok(()),
        Err(error) => Err(error),
    };
    output::line("stopping …")?;
    stack.stop(Duration::from_secs(15)).await;
    ended
}

async fn start(stack: &mut Stack) -> anyhow::Result<bool> {
    let up = stack.start().await?;
    output::line("Blazz is up. Everything here is a sandbox: the phones are simulated.\n")?;
    output::line(&format!("  API            {}", up.api_url))?;
    output::line(&format!("  operator key   {}", up.operator_key))?;
    output::line(&format!("  workspace      {}", up.workspace_id))?;
    output::line(&format!("  workspace key  {}", up.workspace_key))?;
    output::line(&format!("  emulator       {}", up.emulator_url))?;
    for node in &up.nodes {
        output::line(&format!("  {:<14} {}", node.id, node.url))?;
    }
    output::line(&format!(
        "\n  written to {}; logs in {}",
        stack.layout().up_file().display(),
        stack.layout().logs().display()
    ))?;
    output::line("  Ctrl-C stops everything; sessions come back at the next start, phones do not.")?;
    Ok(true)
}
