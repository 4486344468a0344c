//! What the signature adds to a call.

use std::time::Duration;

use anyhow::Result;
use nix::unistd::Pid;

use super::Bench;
use crate::gauges::{Gauges, Spent};
use crate::hop::{Caller, Signed, Unsigned, hashes};
use crate::report::say;
use crate::statistics::{each, micros, percentile};

/// What calls of one kind took.
#[derive(Default)]
struct Times {
    spent: Spent,
    calls: Vec<Duration>,
}

/// Signed and unsigned calls of the same route, in turns.
pub(super) async fn measure(bench: &Bench) -> Result<()> {
    let (rounds, calls) = (bench.sizes.rounds, bench.sizes.calls);
    say(&format!("{rounds} × {calls} signed and unsigned calls"));
    let server = &bench.hop_server;
    let (caller, plain) = (Signed::of(server)?, Unsigned::of(server)?);
    let gauges = Gauges::of(&[("server", server.pid()), ("client", Pid::this())], &bench.disk)?;
    let (mut signed, mut unsigned, mut least) = (Times::default(), Times::default(), Duration::ZERO);
    // The first round only warms up.
    for round in 0..=rounds {
        if round == 1 {
            (signed, unsigned, least) = Default::default();
        }
        signed.calls.extend(gauges.over(&mut signed.spent, caller.calls(calls)).await?);
        unsigned.calls.extend(gauges.over(&mut unsigned.spent, plain.calls(calls)).await?);
        least += hashes(calls)?;
    }
    report(bench, &signed, &unsigned, each(micros(least), rounds * calls))
}

impl Times {
    /// Microseconds of CPU for one call.
    fn cpu(&self, processes: &[&str]) -> f64 {
        each(micros(self.spent.cpu(processes)), self.calls.len())
    }

    fn percentile(&self, percent: usize) -> f64 {
        micros(percentile(&self.calls, percent))
    }
}

fn report(bench: &Bench, signed: &Times, unsigned: &Times, hashes: f64) -> Result<()> {
    let report = &bench.report;
    let both = &["server", "client"][..];
    report.add("hop.hashes.cpu", hashes, None)?;
    report.add("hop.signature.cpu", signed.cpu(both) - unsigned.cpu(both), Some(hashes))?;
    for (who, processes) in [("", both), ("server.", &["server"]), ("client.", &["client"])] {
        let least = unsigned.cpu(processes);
        report.add(&format!("hop.unsigned.{who}cpu"), least, None)?;
        report.add(&format!("hop.signed.{who}cpu"), signed.cpu(processes), Some(least))?;
    }
    for percent in [50, 99] {
        let least = unsigned.percentile(percent);
        report.add(&format!("hop.unsigned.p{percent}"), least, None)?;
        report.add(&format!("hop.signed.p{percent}"), signed.percentile(percent), Some(least))?;
    }
    Ok(())
}
