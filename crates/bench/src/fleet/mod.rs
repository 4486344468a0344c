//! `blazz-bench fleet`: what sessions cost a node, and how fast they are back.

mod failover;
mod figures;
mod heartbeats;
mod most;
mod restart;
mod sessions;
mod stage;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use blazz_chaos::fleet::Roots;
use clap::{Args, ValueEnum};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

use crate::report::{Form, Report, say};
use stage::Stage;

/// What to measure, how much of it, and where.
#[derive(Args, Debug)]
pub(crate) struct FleetArgs {
    #[command(flatten)]
    form: Form,
    /// Everything small: shows that the bench works, the figures say little.
    #[arg(long)]
    quick: bool,
    /// Only these parts; without it, all.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// Linked sessions when memory is read first.
    #[arg(long)]
    sessions_from: Option<usize>,
    /// Linked sessions when it is read again, when heartbeats are watched and when the node is killed.
    #[arg(long)]
    sessions_to: Option<usize>,
    /// How many sessions one node is given at most.
    #[arg(long)]
    most: Option<usize>,
    /// How many sessions the node has that is killed for the failover.
    #[arg(long)]
    failover: Option<usize>,
    /// Whether another node can take over a session; the failover needs `shared`.
    #[arg(long, value_enum, default_value = "own")]
    roots: Roots,
    /// What starts PostgreSQL and Redis.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/test-services"))]
    services: PathBuf,
    /// A directory on the disk to measure; a folder of its own is made in it. By default the one of this program.
    #[arg(long)]
    directory: Option<PathBuf>,
}

/// A part of the bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Memory, descriptors, disk and time per linked session.
    Memory,
    /// What heartbeats cost.
    Heartbeats,
    /// A node that is killed and started again.
    Restart,
    /// As many sessions as one node holds.
    Most,
    /// A node that is killed while another one takes over.
    Failover,
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    sessions_from: usize,
    sessions_to: usize,
    most: usize,
    failover: usize,
    /// How long processes may come to rest before they are looked at.
    rest: Duration,
    /// How long they are then watched.
    watch: Duration,
}

/// Everything that the parts measure with.
struct Bench {
    sizes: Sizes,
    report: Report,
    args: FleetArgs,
    directory: TempDir,
}

/// Starts everything, measures, prints; an interrupt ends it in order.
pub(crate) async fn run(args: FleetArgs) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        done = measure(args) => done,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        _ = terminate.recv() => bail!("interrupted"),
    }
}

async fn measure(args: FleetArgs) -> Result<()> {
    let parent = match &args.directory {
        Some(directory) => directory.clone(),
        // Not the system's temporary directory: that may be memory, where nothing takes as long as on a disk.
        None => std::env::current_exe()?.parent().context("this program has no folder")?.to_owned(),
    };
    let directory = tempfile::Builder::new()
        .prefix("bench-fleet-")
        // PostgreSQL, which may be another user's, goes through it.
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o711))
        .tempdir_in(&parent)
        .with_context(|| format!("cannot create a folder in {}", parent.display()))?;
    let report = Report::begin(figures::FIGURES, args.form)?;
    let mut bench = Bench { sizes: args.sizes(), report, args, directory };
    let measured = bench.measure().await;
    if measured.is_err() {
        bench.directory.disable_cleanup(true);
        say(&format!("databases and logs stay in {}", bench.directory.path().display()));
    }
    measured
}

impl Bench {
    async fn measure(&self) -> Result<()> {
        if [Part::Memory, Part::Heartbeats, Part::Restart].into_iter().any(|part| self.wants(part)) {
            self.one_node().await?;
        }
        if self.wants(Part::Most) {
            most::measure(self).await?;
        }
        if self.wants(Part::Failover) {
            failover::measure(self).await?;
        }
        Ok(())
    }

    /// The parts that share the sessions of one node, which take long to link.
    async fn one_node(&self) -> Result<()> {
        let mut stage = Stage::start(self, "one", 1).await?;
        let bare =
            if self.wants(Part::Heartbeats) { Some(heartbeats::watch(self, &stage).await?) } else { None };
        sessions::measure(self, &mut stage).await?;
        if let Some(bare) = bare {
            heartbeats::measure(self, &stage, bare).await?;
        }
        if self.wants(Part::Restart) {
            restart::measure(self, &stage).await?;
        }
        stage.end().await;
        Ok(())
    }

    fn wants(&self, part: Part) -> bool {
        self.args.only.is_empty() || self.args.only.contains(&part)
    }
}

impl FleetArgs {
    fn sizes(&self) -> Sizes {
        let standard = if self.quick { QUICK } else { FULL };
        let sessions_from = self.sessions_from.unwrap_or(standard.sessions_from);
        Sizes {
            sessions_from,
            sessions_to: self.sessions_to.unwrap_or(standard.sessions_to).max(sessions_from + 1),
            most: self.most.unwrap_or(standard.most).max(1),
            failover: self.failover.unwrap_or(standard.failover).max(1),
            ..standard
        }
    }
}

const FULL: Sizes = Sizes {
    sessions_from: 100,
    sessions_to: 1100,
    most: 5000,
    failover: 500,
    rest: Duration::from_secs(15),
    watch: Duration::from_secs(30),
};

const QUICK: Sizes = Sizes {
    sessions_from: 5,
    sessions_to: 25,
    most: 40,
    failover: 10,
    rest: Duration::from_secs(3),
    watch: Duration::from_secs(5),
};
