//! A node that is killed with all its sessions connected, and started again.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::Bench;
use super::figures::ENGINE_START;
use super::stage::{Stage, pid};
use crate::gauges::CpuClock;
use crate::report::say;
use crate::statistics::{each, millis, number};

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// Cores that the limit is counted on.
const CORES: f64 = 2.0;

/// From the start of the new process until every session is connected.
pub(super) async fn measure(bench: &Bench, stage: &Stage) -> Result<()> {
    say(&format!("a node with {} sessions is killed and started again", stage.linked));
    let node = stage.node(0)?;
    let api = CpuClock::of(pid(stage.api()?)?)?;
    node.process.kill().await;
    // The sockets end with it; only then can new ones be counted.
    let killed = Instant::now();
    while stage.sockets().await? > 0 && killed.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let before = api.now()?;
    let begun = Instant::now();
    node.process.up();
    let took = stage.until_connected(None, begun, PATIENCE).await?;
    let (count, spent) = (stage.linked, api.now()?.saturating_sub(before));
    let own = CpuClock::of(pid(&node.process)?)?.now()?;
    bench.report.add(
        "restart.time",
        took.as_secs_f64(),
        Some(number(count) * ENGINE_START / 1000.0 / CORES),
    )?;
    bench.report.add("restart.node.cpu", each(millis(own), count), Some(ENGINE_START))?;
    bench.report.add("restart.api.cpu", each(millis(spent), count), None)
}
