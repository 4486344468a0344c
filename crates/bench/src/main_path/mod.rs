//! `blazz-bench main-path`: link a number, send a message.

mod contender;
mod figures;
mod hop;
mod idle;
mod link;
mod qr;
mod sending;
mod sessions;
mod sizes;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

use crate::gauges::Disk;
use crate::hop::HopServer;
use crate::report::{Form, Report, say};
use crate::stack::{Fleet, Stack};
use sizes::Sizes;

/// What every message says.
pub(crate) const TEXT: &str = "Your order is ready at the shop";

/// What to measure, how long, and on what.
#[derive(Args, Debug)]
pub(crate) struct MainPathArgs {
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    sizes: sizes::SizeArgs,
    /// Only these parts; without it, all.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// An empty PostgreSQL database instead of a SQLite file.
    #[arg(long, requires = "redis")]
    postgres: Option<String>,
    /// The Redis that goes with it.
    #[arg(long, requires = "postgres")]
    redis: Option<String>,
    /// A directory on the disk to measure; a folder of its own is made in it. By default the one of this program.
    #[arg(long)]
    directory: Option<PathBuf>,
}

/// A part of the bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Processes that have nothing to do.
    Idle,
    /// Memory per linked session.
    Sessions,
    /// Request → first QR code.
    Qr,
    /// Messages, one by one and many at once.
    Send,
    /// The signed call.
    Hop,
}

/// Everything that the parts measure with. Processes end before the directory that they write to is deleted.
struct Bench {
    sizes: Sizes,
    report: Report,
    disk: Disk,
    stack: Stack,
    hop_server: HopServer,
    directory: TempDir,
}

/// Starts everything, measures, prints; an interrupt ends it in order.
pub(crate) async fn run(args: MainPathArgs) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        done = measure(&args) => done,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        _ = terminate.recv() => bail!("interrupted"),
    }
}

async fn measure(args: &MainPathArgs) -> Result<()> {
    let mut bench = Bench::start(args).await?;
    let measured = bench.measure(args).await;
    if measured.is_err() {
        bench.directory.disable_cleanup(true);
        say(&format!("databases and logs stay in {}", bench.directory.path().display()));
    }
    say("stopping the stack");
    measured
}

impl Bench {
    async fn start(args: &MainPathArgs) -> Result<Self> {
        let parent = match &args.directory {
            Some(directory) => directory.clone(),
            // Not the system's temporary directory: that may be memory, where nothing takes as long as on a disk.
            None => std::env::current_exe()?.parent().context("this program has no folder")?.to_owned(),
        };
        let directory = TempDir::with_prefix_in("bench-", &parent)
            .with_context(|| format!("cannot create a folder in {}", parent.display()))?;
        let fleet = args.postgres.clone().zip(args.redis.clone());
        let fleet = fleet.map(|(postgres, redis)| Fleet { postgres, redis });
        say("starting a stack");
        let stack = Stack::start(directory.path(), fleet.as_ref()).await?;
        Ok(Self {
            sizes: args.sizes.sizes(),
            report: Report::begin(figures::FIGURES, args.form)?,
            disk: Disk::below(directory.path())?,
            hop_server: HopServer::start().await?,
            stack,
            directory,
        })
    }

    async fn measure(&self, args: &MainPathArgs) -> Result<()> {
        let wanted = |part| args.only.is_empty() || args.only.contains(&part);
        if wanted(Part::Idle) {
            idle::measure(self).await?;
        }
        if wanted(Part::Sessions) {
            sessions::measure(self).await?;
        }
        if wanted(Part::Qr) {
            qr::measure(self).await?;
        }
        if wanted(Part::Send) {
            sending::measure(self).await?;
        }
        if wanted(Part::Hop) {
            hop::measure(self).await?;
        }
        Ok(())
    }

    /// A folder of one contender's own.
    fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.directory.path().join(name);
        std::fs::create_dir_all(&path)?;
        Ok(path)
    }
}
