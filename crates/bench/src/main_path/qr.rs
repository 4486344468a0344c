//! Request → first QR code.

use std::time::{Duration, Instant};

use anyhow::Result;
use blazz_emulator::direct::StoreKind;

use super::Bench;
use crate::engine::Engine;
use crate::gauges::{Gauges, Spent};
use crate::report::say;
use crate::statistics::{each, millis, percentile};

/// The engine alone with one store.
struct Contender {
    engine: Engine,
    gauges: Gauges,
    times: Times,
}

/// What was measured of one contender.
#[derive(Default)]
struct Times {
    spent: Spent,
    codes: Vec<Duration>,
}

/// Fresh accounts ask for their first code, in turns with fresh clients of the engine alone.
pub(super) async fn measure(bench: &Bench) -> Result<()> {
    say(&format!("request → first QR code, {} times", bench.sizes.qr));
    let stack = &bench.stack;
    let gauges = Gauges::of(&[("api", stack.api_pid()), ("node", stack.node_pid())], &bench.disk)?;
    let mut sqlite = Contender::start(bench, StoreKind::Sqlite)?;
    let mut memory = Contender::start(bench, StoreKind::Memory)?;
    let (mut whole, mut started) = (Times::default(), Vec::new());
    // The first of each is made only to warm up.
    for turn in 0..=bench.sizes.qr {
        if turn == 1 {
            (whole, started) = (Times::default(), Vec::new());
            (sqlite.times, memory.times) = Default::default();
        }
        request(bench, &gauges, &mut whole, &mut started).await?;
        sqlite.show().await?;
        memory.show().await?;
    }
    report(bench, &whole, &started, &sqlite.times, &memory.times)
}

async fn request(
    bench: &Bench,
    gauges: &Gauges,
    times: &mut Times,
    started: &mut Vec<Duration>,
) -> Result<()> {
    let api = &bench.stack.api;
    let account = api.create_account().await?;
    let (start, code) = gauges
        .over(&mut times.spent, async {
            let begun = Instant::now();
            api.start(account).await?;
            let start = begun.elapsed();
            api.qr(account).await?;
            Ok((start, begun.elapsed()))
        })
        .await?;
    started.push(start);
    times.codes.push(code);
    api.delete(account).await
}

impl Contender {
    fn start(bench: &Bench, kind: StoreKind) -> Result<Self> {
        let folder = bench.folder(&format!("qr-{}", kind.as_str()))?;
        let engine = Engine::start(kind, &bench.stack.websocket_url()?, &folder)?;
        let gauges = Gauges::of(&[("engine", engine.pid())], &bench.disk)?;
        Ok(Self { engine, gauges, times: Times::default() })
    }

    async fn show(&mut self) -> Result<()> {
        let shown = self.gauges.over(&mut self.times.spent, self.engine.show()).await?;
        self.times.codes.push(shown.time);
        self.engine.stop(shown.client).await
    }
}

impl Times {
    /// Milliseconds of these processes for one code.
    fn cpu(&self, names: &[&str]) -> f64 {
        each(millis(self.spent.cpu(names)), self.codes.len())
    }

    fn percentile(&self, percent: usize) -> f64 {
        millis(percentile(&self.codes, percent))
    }
}

fn report(bench: &Bench, whole: &Times, started: &[Duration], sqlite: &Times, memory: &Times) -> Result<()> {
    let report = &bench.report;
    let engine = |times: &Times| times.cpu(&["engine"]);
    report.add("qr.engine_memory.cpu", engine(memory), None)?;
    report.add("qr.engine_sqlite.cpu", engine(sqlite), Some(engine(memory)))?;
    report.add("qr.cpu", whole.cpu(&["api", "node"]), Some(engine(sqlite)))?;
    report.add("qr.api.cpu", whole.cpu(&["api"]), None)?;
    report.add("qr.node.cpu", whole.cpu(&["node"]), Some(engine(sqlite)))?;
    report.add("qr.start.p50", millis(percentile(started, 50)), None)?;
    for percent in [50, 99] {
        let (sqlite, memory) = (sqlite.percentile(percent), memory.percentile(percent));
        report.add(&format!("qr.engine_memory.p{percent}"), memory, None)?;
        report.add(&format!("qr.engine_sqlite.p{percent}"), sqlite, Some(memory))?;
        report.add(&format!("qr.p{percent}"), whole.percentile(percent), Some(sqlite))?;
    }
    Ok(())
}
