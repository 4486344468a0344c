//! A node that is killed for good: another one takes over its sessions.

use std::time::{Duration, Instant};

use anyhow::Result;
use blazz_chaos::fleet::Roots;

use super::Bench;
use super::stage::Stage;
use crate::report::say;

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// A node says that it is there this often in the time after which it counts as lost.
const HEARTBEATS: u32 = 5;

/// From the expiry of the lease until every session is connected elsewhere.
pub(super) async fn measure(bench: &Bench) -> Result<()> {
    if bench.args.roots != Roots::Shared {
        say("no failover: the nodes share no session root (--roots shared)");
        return Ok(());
    }
    let mut stage = Stage::start(bench, "failover", 1).await?;
    stage.link_to(bench.sizes.failover).await?;
    stage.fleet.add_node().await?;
    tokio::time::sleep(bench.sizes.rest).await;
    say(&format!("a node with {} sessions is killed", stage.linked));
    let ttl = stage.fleet.node_ttl();
    let killed = Instant::now();
    stage.node(0)?.process.kill().await;
    let heir = stage.node(1)?.id.clone();
    let took = stage.until_connected(Some(&heir), killed, PATIENCE).await?;
    // The last heartbeat may be as old as the time between two: from then on the lease runs.
    let expiry = ttl - ttl / HEARTBEATS;
    bench.report.add("failover.time", took.saturating_sub(expiry).as_secs_f64(), None)?;
    bench.report.add("failover.since_kill", took.as_secs_f64(), None)?;
    stage.end().await;
    Ok(())
}
