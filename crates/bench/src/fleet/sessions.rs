//! What one more linked session costs: slopes between few and many idle ones.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::figures::ENGINE_MEMORY;
use super::stage::{Stage, pid};
use super::{Bench, Part};
use crate::gauges::{CpuClock, Files, Memory, descriptors};
use crate::report::say;
use crate::statistics::{each, millis, number};

/// What the processes and the directory hold just now.
struct Reading {
    sessions: usize,
    node: f64,
    api: f64,
    descriptors: f64,
    files: Files,
    cpu: [Duration; 2],
    at: Instant,
}

/// Links, and prints what that took; the sessions stay for what is measured next.
pub(super) async fn measure(bench: &Bench, stage: &mut Stage) -> Result<()> {
    let sizes = &bench.sizes;
    stage.link_to(sizes.sessions_from).await?;
    let few = read(bench, stage).await?;
    let begun = Instant::now();
    stage.link_to(sizes.sessions_to).await?;
    let wall = begun.elapsed();
    let many = read(bench, stage).await?;
    if bench.wants(Part::Memory) {
        report(bench, &few, &many, wall)?;
    }
    Ok(())
}

async fn read(bench: &Bench, stage: &Stage) -> Result<Reading> {
    say(&format!("{} sessions come to rest", stage.linked));
    tokio::time::sleep(bench.sizes.rest).await;
    let (node, api) = (stage.node(0)?, pid(stage.api()?)?);
    let node_pid = pid(&node.process)?;
    Ok(Reading {
        sessions: stage.linked,
        node: Memory::of(node_pid)?.anonymous.into(),
        api: Memory::of(api)?.anonymous.into(),
        descriptors: number(descriptors(node_pid)?),
        files: Files::below(&node.root)?,
        cpu: [CpuClock::of(node_pid)?.now()?, CpuClock::of(api)?.now()?],
        at: Instant::now(),
    })
}

fn report(bench: &Bench, few: &Reading, many: &Reading, wall: Duration) -> Result<()> {
    let count = many.sessions - few.sessions;
    let slope = |few: f64, many: f64| each(many - few, count);
    let add = |name, value, limit| bench.report.add(name, value, limit);
    add("session.node.memory", slope(few.node, many.node), Some(ENGINE_MEMORY))?;
    add("session.api.memory", slope(few.api, many.api), None)?;
    add("session.descriptors", slope(few.descriptors, many.descriptors), Some(1.0))?;
    add("session.disk", slope(few.files.kib, many.files.kib), None)?;
    add("session.disk.files", slope(number(few.files.count), number(many.files.count)), None)?;
    add("session.link.wall", each(millis(wall), count), None)?;
    let spent = |place: usize| match (few.cpu.get(place), many.cpu.get(place)) {
        (Some(few), Some(many)) => each(millis(many.saturating_sub(*few)), count),
        _ => 0.0,
    };
    say(&format!("both readings are {:.0} s apart", (many.at - few.at).as_secs_f64()));
    add("session.link.node.cpu", spent(0), None)?;
    add("session.link.api.cpu", spent(1), None)
}
