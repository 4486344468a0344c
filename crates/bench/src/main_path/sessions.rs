//! What one more linked session costs: the slope of a process's own memory between few and many idle ones.

use anyhow::Result;
use blazz_domain::AccountId;
use blazz_emulator::direct::StoreKind;
use nix::unistd::Pid;

use super::{Bench, link};
use crate::engine::Engine;
use crate::gauges::Memory;
use crate::report::say;
use crate::statistics::each;

/// What a session was measured to take with the engine alone, in KiB.
const RECORDED: [(StoreKind, f64); 2] = [(StoreKind::Memory, 274.0), (StoreKind::Sqlite, 476.0)];

/// Links sessions through the API and through the engine alone, and compares.
pub(super) async fn measure(bench: &Bench) -> Result<()> {
    let mut least = 0.0;
    for (kind, recorded) in RECORDED {
        let slope = of_engine(bench, kind).await?;
        let name = format!("sessions.engine_{}.anonymous", kind.as_str());
        bench.report.add(&name, slope, Some(recorded))?;
        least = slope;
    }
    let (api, node) = of_blazz(bench).await?;
    bench.report.add("sessions.node.anonymous", node, Some(least))?;
    bench.report.add("sessions.api.anonymous", api, None)
}

/// KiB per session of the engine alone.
async fn of_engine(bench: &Bench, kind: StoreKind) -> Result<f64> {
    let (from, to) = (bench.sizes.sessions_from, bench.sizes.sessions_to);
    say(&format!("memory of {from} → {to} sessions of the engine alone ({} store)", kind.as_str()));
    let folder = bench.folder(&format!("sessions-{}", kind.as_str()))?;
    let mut engine = Engine::start(kind, &bench.stack.websocket_url()?, &folder)?;
    let mut readings = [0.0; 2];
    for (reading, count) in readings.iter_mut().zip([from, to - from]) {
        for _ in 0..count {
            link::engine(bench, &mut engine).await?;
        }
        *reading = at_rest(bench, engine.pid()).await?;
    }
    Ok(slope(readings, to - from))
}

/// KiB per session of API and node.
async fn of_blazz(bench: &Bench) -> Result<(f64, f64)> {
    let (from, to) = (bench.sizes.sessions_from, bench.sizes.sessions_to);
    say(&format!("memory of {from} → {to} sessions of Blazz"));
    let mut accounts: Vec<AccountId> = Vec::new();
    let (mut api, mut node) = ([0.0; 2], [0.0; 2]);
    for ((api, node), count) in api.iter_mut().zip(node.iter_mut()).zip([from, to - from]) {
        for _ in 0..count {
            accounts.push(link::account(bench).await?);
        }
        *node = at_rest(bench, bench.stack.node_pid()).await?;
        *api = Memory::of(bench.stack.api_pid())?.anonymous.into();
    }
    for account in accounts {
        bench.stack.api.delete(account).await?;
    }
    Ok((slope(api, to - from), slope(node, to - from)))
}

async fn at_rest(bench: &Bench, pid: Pid) -> Result<f64> {
    tokio::time::sleep(bench.sizes.rest).await;
    Ok(Memory::of(pid)?.anonymous.into())
}

fn slope([few, many]: [f64; 2], sessions: usize) -> f64 {
    each(many - few, sessions)
}
