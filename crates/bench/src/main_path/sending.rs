//! Messages: one by one, many conversations at once, and up to the delivery receipt.

use std::time::Duration;

use anyhow::Result;
use blazz_emulator::direct::StoreKind;

use super::Bench;
use super::contender::{Contender, Series};
use crate::gauges::fsync;
use crate::report::say;
use crate::statistics::{micros, percentile};

/// How often a page is put on disk in each turn, to know the disk.
const FSYNCS: usize = 20;

/// Blazz and the engine alone with both stores.
struct Contenders {
    blazz: Contender,
    sqlite: Contender,
    memory: Contender,
}

/// What each of them took.
#[derive(Default)]
struct Results {
    blazz: Series,
    sqlite: Series,
    memory: Series,
}

/// All of them write to the same phones, in turns.
pub(super) async fn measure(bench: &Bench) -> Result<()> {
    let mut contenders = Contenders::link(bench).await?;
    let (mut silent, mut confirming) = (Vec::new(), Vec::new());
    for _ in 0..bench.sizes.conversations {
        silent.push(bench.stack.phones.add_silent().await?);
        confirming.push(bench.stack.phones.add().await?);
    }
    say("opening the conversations");
    contenders.send(&silent, 2, false, &mut Results::default()).await?;
    contenders.send(&confirming, 2, true, &mut Results::default()).await?;

    one_by_one(bench, &mut contenders, silent.get(..1).unwrap_or_default()).await?;
    at_once(bench, &mut contenders, &silent).await?;
    until_delivered(bench, &mut contenders, &confirming).await
}

async fn one_by_one(bench: &Bench, contenders: &mut Contenders, phone: &[String]) -> Result<()> {
    let (rounds, each) = (bench.sizes.rounds, bench.sizes.messages);
    say(&format!("send → server ack, {rounds} × {each} messages one by one"));
    let (mut results, mut disk) = (Results::default(), Vec::new());
    for _ in 0..rounds {
        contenders.send(phone, each, false, &mut results).await?;
        disk.extend(fsync(bench.directory.path(), FSYNCS)?);
    }
    let report = &bench.report;
    results.report_cpu(bench, "send")?;
    report.add("send.emulator.cpu", results.blazz.cpu_of(&["emulator"]), None)?;
    results.report(bench, "send.{}flushes", Series::flushes)?;
    report_fsync(bench, &disk)?;
    results.report(bench, "send.{}p50", |series| series.percentile(50))?;
    results.report(bench, "send.{}p99", |series| series.percentile(99))
}

async fn at_once(bench: &Bench, contenders: &mut Contenders, phones: &[String]) -> Result<()> {
    let (rounds, each, count) = (bench.sizes.rounds, bench.sizes.messages, phones.len());
    say(&format!("{rounds} × {each} messages in each of {count} conversations at once"));
    let mut results = Results::default();
    for _ in 0..rounds {
        contenders.send(phones, each, false, &mut results).await?;
    }
    results.report(bench, "concurrent.{}per_core", Series::per_core)?;
    results.report(bench, "concurrent.{}per_second", Series::per_second)?;
    results.report(bench, "concurrent.{}flushes", Series::flushes)?;
    results.report(bench, "concurrent.{}p50", |series| series.percentile(50))?;
    results.report(bench, "concurrent.{}p99", |series| series.percentile(99))
}

async fn until_delivered(bench: &Bench, contenders: &mut Contenders, phones: &[String]) -> Result<()> {
    let rounds = bench.sizes.rounds.div_ceil(2);
    say("messages and their delivery receipts");
    let mut results = Results::default();
    for _ in 0..rounds {
        contenders.send(phones, bench.sizes.messages, true, &mut results).await?;
    }
    results.report_cpu(bench, "delivered")
}

fn report_fsync(bench: &Bench, times: &[Duration]) -> Result<()> {
    bench.report.add("disk.fsync.p50", micros(percentile(times, 50)), None)?;
    bench.report.add("disk.fsync.p99", micros(percentile(times, 99)), None)
}

impl Contenders {
    async fn link(bench: &Bench) -> Result<Self> {
        say("linking the numbers that send");
        Ok(Self {
            blazz: Contender::blazz(bench).await?,
            sqlite: Contender::engine(bench, StoreKind::Sqlite).await?,
            memory: Contender::engine(bench, StoreKind::Memory).await?,
        })
    }

    /// One turn of each.
    async fn send(
        &mut self,
        phones: &[String],
        each: usize,
        until_delivered: bool,
        results: &mut Results,
    ) -> Result<()> {
        self.blazz.send(phones, each, until_delivered, &mut results.blazz).await?;
        self.sqlite.send(phones, each, until_delivered, &mut results.sqlite).await?;
        self.memory.send(phones, each, until_delivered, &mut results.memory).await
    }
}

impl Results {
    /// The same value of each, with the next simpler one as its limit. `{}` in the name stands for who it is.
    fn report(&self, bench: &Bench, name: &str, value: impl Fn(&Series) -> f64) -> Result<()> {
        let (blazz, sqlite, memory) = (value(&self.blazz), value(&self.sqlite), value(&self.memory));
        let add = |who: &str, value, limit| bench.report.add(&name.replace("{}", who), value, limit);
        add("engine_memory.", memory, None)?;
        add("engine_sqlite.", sqlite, Some(memory))?;
        add("", blazz, Some(sqlite))
    }

    /// The CPU time of each, and of both processes of Blazz.
    fn report_cpu(&self, bench: &Bench, part: &str) -> Result<()> {
        self.report(bench, &format!("{part}.{{}}cpu"), Series::cpu)?;
        let (api, node) = (self.blazz.cpu_of(&["api"]), self.blazz.cpu_of(&["node"]));
        bench.report.add(&format!("{part}.api.cpu"), api, None)?;
        bench.report.add(&format!("{part}.node.cpu"), node, Some(self.sqlite.cpu()))
    }
}
