//! As many sessions as one node holds, up to a number.

use anyhow::Result;

use super::Bench;
use super::stage::{Stage, pid};
use crate::gauges::{CpuClock, Memory, descriptors};
use crate::report::say;
use crate::statistics::{millis, number};

/// Sessions that are linked before it is looked whether all the others are still there.
const STEP: usize = 500;

/// Links until there are enough, or until something gives way; what that was is said.
pub(super) async fn measure(bench: &Bench) -> Result<()> {
    let mut stage = Stage::start(bench, "most", 1).await?;
    while stage.linked < bench.sizes.most {
        let next = (stage.linked + STEP).min(bench.sizes.most);
        if let Err(error) = stage.link_to(next).await {
            say(&format!("no more than {} could be linked: {error:#}", stage.linked));
            break;
        }
    }
    tokio::time::sleep(bench.sizes.rest).await;
    let (connected, sockets) = (stage.connected(None).await?, stage.sockets().await?);
    let node = pid(&stage.node(0)?.process)?;
    let clock = CpuClock::of(node)?;
    let before = clock.now()?;
    tokio::time::sleep(bench.sizes.watch).await;
    let spent = clock.now()?.saturating_sub(before);
    bench.report.add("most.connected", number(connected.min(sockets)), None)?;
    bench.report.add("most.node.memory", f64::from(Memory::of(node)?.resident) / 1024.0, None)?;
    bench.report.add("most.node.descriptors", number(descriptors(node)?), None)?;
    bench.report.add("most.node.cpu", millis(spent) / bench.sizes.watch.as_secs_f64(), None)?;
    stage.end().await;
    Ok(())
}
