//! One run: a fleet, linked accounts, load, disturbances, healing, the balance.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use blazz_domain::random;
use clap::Args;
use serde_json::json;
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::actions::{Actions, Done};
use crate::clients::{Phones, Tenant};
use crate::fleet::{Fleet, FleetSpec, Roots};
use crate::link::link;
use crate::overlaps::overlaps;
use crate::schedule::{Disturbance, Shape, schedule};
use crate::traffic::Traffic;
use crate::{report, say};

/// How long, how large, how rough.
#[derive(Args, Debug, Clone)]
pub struct ChaosArgs {
    /// For how many minutes things go wrong.
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// What the schedule is made of; drawn and printed unless given.
    #[arg(long)]
    seed: Option<u64>,
    /// Session nodes.
    #[arg(long, default_value_t = 3)]
    nodes: usize,
    /// API replicas.
    #[arg(long, default_value_t = 2)]
    apis: usize,
    /// Linked accounts.
    #[arg(long, default_value_t = 12)]
    accounts: usize,
    /// Workspaces that they belong to.
    #[arg(long, default_value_t = 6)]
    workspaces: usize,
    /// Whether another node can take over a session.
    #[arg(long, value_enum, default_value = "own")]
    roots: Roots,
    /// After how many seconds without a heartbeat a node counts as lost.
    #[arg(long, default_value_t = 5)]
    node_ttl: u64,
    /// The longest time between two disturbances, in seconds.
    #[arg(long, default_value_t = 6.0)]
    pace: f64,
    /// How long each writer thinks between two messages, in milliseconds.
    #[arg(long, default_value_t = 300)]
    think: u64,
    /// How long everything may take to arrive once all is healed, in seconds.
    #[arg(long, default_value_t = 180)]
    drain: u64,
    /// Print the schedule and do nothing.
    #[arg(long)]
    plan: bool,
    /// Where the programs are; by default beside this one.
    #[arg(long)]
    programs: Option<PathBuf>,
    /// What starts PostgreSQL and Redis.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/test-services"))]
    services: PathBuf,
    /// A directory to make a folder of the run's own in.
    #[arg(long)]
    directory: Option<PathBuf>,
    /// Keep databases, sessions and logs also when all is well.
    #[arg(long)]
    keep: bool,
}

/// Runs until the end, or until it is interrupted; says whether nothing was lost, doubled or owned twice.
///
/// # Errors
/// When the fleet cannot be started, or does not come back.
pub async fn run(args: ChaosArgs) -> Result<bool> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        done = disturb(&args) => done,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        _ = terminate.recv() => bail!("interrupted"),
    }
}

async fn disturb(args: &ChaosArgs) -> Result<bool> {
    let seed = args.seed.unwrap_or_else(|| u64::from_le_bytes(random::bytes()) % 1_000_000_000);
    let planned = schedule(seed, &args.shape());
    if args.plan {
        for one in &planned {
            crate::tell(&format!(
                "{:7.2} s  {} for {:.2} s",
                one.at.as_secs_f64(),
                one.what,
                one.lasts.as_secs_f64()
            ));
        }
        return Ok(true);
    }
    say(&format!("seed {seed}, {} disturbances", planned.len()));
    let parent = args.directory.clone().unwrap_or_else(std::env::temp_dir);
    let mut directory = tempfile::Builder::new()
        .prefix("blazz-chaos-")
        // PostgreSQL, which may be another user's, goes through it.
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o711))
        .tempdir_in(parent)?;
    let done = in_directory(args, seed, planned, &directory).await;
    if args.keep || !matches!(done, Ok(true)) {
        directory.disable_cleanup(true);
        say(&format!("databases, sessions and logs stay in {}", directory.path().display()));
    }
    done
}

async fn in_directory(
    args: &ChaosArgs,
    seed: u64,
    planned: Vec<Disturbance>,
    directory: &TempDir,
) -> Result<bool> {
    say("starting the fleet");
    let fleet = Arc::new(Fleet::start(args.fleet(directory)?).await?);
    let phones = Phones::of(&fleet);
    let mut tenants = Vec::new();
    for place in 0..args.workspaces.max(1) {
        tenants.push(Tenant::create(&fleet, &format!("workspace {place}")).await?);
    }
    say(&format!("linking {} accounts", args.accounts));
    let accounts = link(&tenants, &phones, 0, args.accounts).await?;
    // Whoever is replaced may live: only the fleet itself keeps two owners apart.
    phones.fault(json!({ "kind": "replace", "replace": false })).await?;

    let traffic = Traffic::begin(&tenants, &phones, &accounts, Duration::from_millis(args.think)).await?;
    let actions = Actions {
        fleet: Arc::clone(&fleet),
        tenants: tenants.into(),
        ledger: traffic.ledger(),
        accounts,
        begun: Instant::now(),
        holders: std::sync::Mutex::default(),
    };
    let done = carry_out(actions, planned, args.length()).await?;
    say(&format!("healing; {} messages so far", traffic.begun()));
    traffic.pause();
    fleet.heal().await.context("the fleet does not come back")?;
    let balance = traffic.finish(Duration::from_secs(args.drain)).await?;
    let overlaps = overlaps(&phones).await?;
    for process in fleet.processes() {
        let exits = process.exits();
        if !exits.is_empty() {
            let how: Vec<_> = exits.iter().map(|exit| format!("{:?}", exit.status)).collect();
            say(&format!("{} ended by itself {} times: {}", process.name(), exits.len(), how.join(", ")));
        }
    }
    let is_well = report::report(seed, &done, &balance, &overlaps);
    if let Ok(fleet) = Arc::try_unwrap(fleet) {
        fleet.end().await;
    }
    Ok(is_well)
}

/// Does everything at its time; returns when the last of it is made good.
async fn carry_out(actions: Actions, planned: Vec<Disturbance>, length: Duration) -> Result<Vec<Done>> {
    let actions = Arc::new(actions);
    let mut tasks = JoinSet::new();
    let mut done = Vec::new();
    for disturbance in planned {
        sleep_until(actions.begun + disturbance.at).await;
        tasks.spawn(Arc::clone(&actions).run(disturbance));
    }
    sleep_until(actions.begun + length).await;
    while let Some(one) = tasks.join_next().await {
        done.push(one??);
    }
    Ok(done)
}

impl ChaosArgs {
    fn length(&self) -> Duration {
        Duration::from_secs_f64(self.minutes.clamp(0.0, 10_000.0) * 60.0)
    }

    fn shape(&self) -> Shape {
        Shape {
            length: self.length(),
            nodes: self.nodes,
            apis: self.apis,
            node_ttl: Duration::from_secs(self.node_ttl),
            pace: Duration::from_secs_f64(self.pace.clamp(0.1, 3600.0)),
            twins: self.roots == Roots::Shared,
        }
    }

    fn fleet(&self, directory: &TempDir) -> Result<FleetSpec> {
        let programs = match &self.programs {
            Some(programs) => programs.clone(),
            None => std::env::current_exe()?.parent().context("this program has no folder")?.to_owned(),
        };
        Ok(FleetSpec {
            programs,
            services_script: self.services.clone(),
            directory: directory.path().to_owned(),
            apis: self.apis.max(1),
            nodes: self.nodes.max(1),
            roots: self.roots,
            node_ttl_seconds: self.node_ttl,
            api_variables: Vec::new(),
            node_variables: Vec::new(),
        })
    }
}
