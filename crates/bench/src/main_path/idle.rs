//! Processes that have nothing to do, beside a bare server of the same make.

use anyhow::Result;

use super::Bench;
use crate::gauges::{CpuClock, Memory};
use crate::report::say;
use crate::statistics::millis;

/// Memory and CPU of each process before anybody has linked anything.
pub(super) async fn measure(bench: &Bench) -> Result<()> {
    say("idle processes");
    tokio::time::sleep(bench.sizes.rest).await;
    let (stack, report) = (&bench.stack, &bench.report);
    let bare = Memory::of(bench.hop_server.pid())?;
    report.add("idle.bare.resident", bare.resident.into(), None)?;
    report.add("idle.bare.anonymous", bare.anonymous.into(), None)?;
    for (name, pid) in
        [("api", stack.api_pid()), ("node", stack.node_pid()), ("emulator", stack.emulator_pid())]
    {
        let clock = CpuClock::of(pid)?;
        let begun = clock.now()?;
        tokio::time::sleep(bench.sizes.rest).await;
        let spent = clock.now()?.saturating_sub(begun);
        let memory = Memory::of(pid)?;
        let per_second = millis(spent) / bench.sizes.rest.as_secs_f64();
        report.add(&format!("idle.{name}.cpu"), per_second, None)?;
        report.add(&format!("idle.{name}.resident"), memory.resident.into(), Some(bare.resident.into()))?;
        report.add(
            &format!("idle.{name}.anonymous"),
            memory.anonymous.into(),
            Some(bare.anonymous.into()),
        )?;
    }
    Ok(())
}
